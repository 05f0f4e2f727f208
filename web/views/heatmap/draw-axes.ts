import { cellTokens } from '../../model/heat-colours.ts';
import { FONT } from '../../model/label-layout.ts';
import { noteOf } from '../../model/levels.ts';
import { codeOf, isWorse, LINK_STATES, stateAt } from '../../model/links.ts';
import { shownName } from '../../model/names.ts';
import type { Cell, Scene } from './scene.ts';

type Axis = 'row' | 'column';
const AXES: readonly Axis[] = ['row', 'column'];

/** Neighbouring positions with one name. */
interface Run {
  first: number;
  length: number;
}

/** Draws captions, names or numbers, and the strips with the worst states. */
export function drawAxes(ctx: CanvasRenderingContext2D, scene: Scene): void {
  drawCaptions(ctx, scene);
  if (scene.layout.strip > 0) drawStrips(ctx, scene);
  const runs = runsOf(scene);
  for (const axis of AXES) {
    let free = Number.NEGATIVE_INFINITY;
    inAxis(ctx, scene, axis, () => {
      for (const run of runs) {
        const label = labelOf(ctx, scene, axis, run, false);
        if (scene.layout.axis === 'groups') {
          // Names that would overlap are left out. Their widths are those in bold, because each can become bold.
          ctx.font = `600 12px ${FONT}`;
          const [at, half, space] =
            axis === 'row' ? [label.y, 6.5, 0] : [label.x, ctx.measureText(label.text).width / 2, 6];
          if (half === 0 || at - half < free) continue;
          free = at + half + space;
        }
        write(ctx, scene, label, false);
      }
    });
  }
}

/** Draws the names of the row and the column of a cell in bold over the normal ones. */
export function drawBoldNames(ctx: CanvasRenderingContext2D, scene: Scene, { from, to }: Cell): void {
  const { layout, arrangement } = scene;
  for (const axis of AXES) {
    const first = arrangement.positionOf[axis === 'row' ? to : from] ?? 0;
    const group = arrangement.groups.find(({ start, length }) => first >= start && first < start + length);
    const run = layout.axis === 'groups' && group ? { first: group.start, length: group.length } : { first, length: 1 };
    inAxis(ctx, scene, axis, () => write(ctx, scene, labelOf(ctx, scene, axis, run, true), true));
  }
}

/** What the axes name: each pod, each group, or as many positions as fit (the side panel lists the pods). */
function runsOf({ layout, arrangement }: Scene): Run[] {
  if (layout.axis === 'groups') return arrangement.groups.map(({ start, length }) => ({ first: start, length }));
  const all = [...arrangement.pods.keys()].map((first) => ({ first, length: 1 }));
  if (layout.axis !== 'numbers') return all;
  const step = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000].find((every) => every * layout.pitch >= 34) ?? 2000;
  return all.filter(({ first }) => first === 0 || (first + 1) % step === 0);
}

/** Draws left of the rows or above the columns, `margin` px beyond their ends at most; slanted names lean to the right. */
function inAxis(
  ctx: CanvasRenderingContext2D,
  { layout }: Scene,
  axis: Axis,
  draw: () => void,
  margin = axis === 'row' ? 8 : 14,
): void {
  const { left, top, viewWidth, viewHeight, slant } = layout;
  ctx.save();
  ctx.beginPath();
  if (axis === 'row') ctx.rect(0, top - margin, left, viewHeight + 2 * margin);
  else ctx.rect(left - margin, 0, viewWidth + 2 * margin + (slant > 0 ? 2000 : 0), top);
  ctx.clip();
  draw();
  ctx.restore();
}

/** A name on an axis: how it is written, around which point, turned by which angle (radians), in how much room; CSS px. */
interface Label {
  text: string;
  font: string;
  colour: string;
  x: number;
  y: number;
  angle: number;
  align: 'left' | 'center' | 'right';
  room: number;
  /** Half its height; less if its neighbours are close. */
  half: number;
  /** A second line; '' = none. */
  note: string;
}

/** From this size on cells have large names, with the node below, CSS px. */
const LARGE = 40;

/** The name of a run. Pods are bold if their row or column is slow or failed; a group if one of its pods is; all if pointed at. */
function labelOf(ctx: CanvasRenderingContext2D, scene: Scene, axis: Axis, run: Run, isPointed: boolean): Label {
  const { layout, arrangement, axisStates, token, picture } = scene;
  const { left, top, strip, pitch, gap, starts } = layout;
  const pods = arrangement.pods.subarray(run.first, run.first + run.length);
  const [pod = -1] = pods;
  const states = axis === 'row' ? axisStates.rows : axisStates.columns;
  const isPod = layout.axis === 'full' || layout.axis === 'short';
  const isNumber = layout.axis === 'numbers';
  const isLarge = isPod && pitch - gap >= LARGE;
  const isBad = (index: number) => states[index] === SLOW || states[index] === FAILED;
  const bold = isPointed || (!isNumber && pods.some(isBad));
  const px = isLarge ? 14 : isNumber || (isPod && pitch - gap < 18) ? 11 : 12;
  const isGone = isPod && stateAt(states[pod]) === 'gone';
  const look = {
    font: `${bold ? 600 : isLarge ? 500 : 400} ${px}px ${FONT}`,
    colour: token(isGone ? '--text-third' : bold || isLarge ? '--text' : '--text-second'),
    half: 8,
    angle: 0,
    note: '',
  };
  const end = (starts[run.first + run.length - 1] ?? 0) + pitch - gap;
  const middle = ((starts[run.first] ?? 0) + end) / 2;
  const space = isPod ? 10 : isNumber ? 12 : 16;
  if (axis === 'row') {
    const x = left - strip - space;
    const y = top - scene.scrollY + middle;
    const note = layout.axis === 'full' && isLarge ? noteOf(picture, pod) : '';
    const group = arrangement.groups.find(({ start }) => start === run.first)?.name ?? '';
    const text = isPod ? nameOf(scene, pod, axis) : isNumber ? String(run.first + 1) : shownName(group) || 'unknown';
    return { ...look, text, note, x, y, align: 'right', room: x - (layout.narrow ? 2 : 20) };
  }
  const x = left - scene.scrollX + middle;
  const text = isPod ? nameOf(scene, pod, axis) : isNumber ? String(run.first + 1) : shortGroup(ctx, scene, run);
  if (layout.slant === 0) {
    return { ...look, text, x, y: top - strip - (isPod ? 17 : 16), align: 'center', room: isPod ? pitch : 1000 };
  }
  const angle = (-layout.slant * Math.PI) / 180;
  const lean = Math.sin(-angle);
  const [room, half] = [(top - 30) / lean, Math.min(8, (pitch * lean) / 2)];
  return { ...look, text, x: x + 3, y: top - 8, angle, align: 'left', room, half };
}

const [GOOD, SLOW, FAILED] = [codeOf('good'), codeOf('slow'), codeOf('failed')];

/** The name of a pod on an axis, full or short as the layout says. */
function nameOf({ picture, layout }: Scene, pod: number, axis: Axis): string {
  const view = picture.pods[pod];
  if (view === undefined) return '';
  const name = (axis === 'row' ? layout.axis : layout.columns) === 'full' ? view.name : view.label;
  return axis === 'column' && view.passive ? `${name} (passive)` : name;
}

/** A group's name above its columns; if it does not fit, only its end ("worker-07" -> "07"). */
function shortGroup(ctx: CanvasRenderingContext2D, { arrangement, layout }: Scene, { first, length }: Run): string {
  const name = shownName(arrangement.groups.find(({ start }) => start === first)?.name ?? '') || '?';
  ctx.font = `600 12px ${FONT}`;
  return ctx.measureText(name).width <= length * layout.pitch - 4 ? name : (name.split('-').at(-1)?.slice(-8) ?? '');
}

/** Writes a name, shortened in its middle where it is too long, because pod names differ at their end. `isOver`: over another one. */
function write(ctx: CanvasRenderingContext2D, { token }: Scene, label: Label, isOver: boolean): void {
  const { align, half, note, room } = label;
  ctx.save();
  ctx.translate(label.x, label.y - (note === '' ? 0 : 9));
  ctx.rotate(label.angle);
  ctx.textAlign = align;
  ctx.textBaseline = 'middle';
  ctx.font = label.font;
  const text = shortened(ctx, label.text, room);
  if (isOver) {
    const width = ctx.measureText(text).width + 6;
    ctx.fillStyle = token('--page');
    ctx.fillRect(align === 'left' ? -3 : align === 'right' ? 3 - width : -width / 2, -half, width, 2 * half);
  }
  ctx.fillStyle = label.colour;
  ctx.fillText(text, 0, 0);
  if (note !== '') {
    ctx.font = `400 12px ${FONT}`;
    ctx.fillStyle = token('--text-third');
    ctx.fillText(shortened(ctx, note, room), 0, 19);
  }
  ctx.restore();
}

function shortened(ctx: CanvasRenderingContext2D, text: string, width: number): string {
  let shown = text;
  for (let keep = text.length; keep > 3 && ctx.measureText(shown).width > width; keep -= 1) {
    const tail = Math.floor((keep - 2) / 2);
    shown = `${text.slice(0, keep - 2 - tail)}…${text.slice(text.length - tail)}`;
  }
  return shown;
}

function drawCaptions(ctx: CanvasRenderingContext2D, { layout, token, group, picture }: Scene): void {
  ctx.textBaseline = 'alphabetic';
  ctx.textAlign = 'left';
  const write = (bold: string, rest: string, x: number, y: number) => {
    ctx.font = `600 13px ${FONT}`;
    ctx.fillStyle = token('--text');
    ctx.fillText(bold, x, y);
    const width = ctx.measureText(bold).width;
    ctx.font = `400 13px ${FONT}`;
    ctx.fillStyle = token('--text-second');
    ctx.fillText(rest, x + width, y);
  };
  ctx.font = `400 13px ${FONT}`;
  const { fold } = picture;
  const isMixed = fold?.groups.some(({ kind }) => kind === 'pod') ?? false;
  const what = fold === null ? 'pod' : isMixed ? `pod or ${fold.level}` : fold.level;
  const by = layout.axis === 'groups' ? `, by ${group}` : '';
  const wide = ctx.measureText(`from source ${what}${by} →`).width;
  const rest = layout.viewWidth < wide ? ' →' : ` source ${what}${by} →`;
  const width = rest === ' →' ? ctx.measureText('from →').width : wide;
  write('from', rest, layout.left + Math.max(0, (layout.viewWidth - width) / 2), 15);
  if (layout.narrow) {
    write('to', ' ↓', Math.max(4, layout.left - 34), 15);
    return;
  }
  const tall = ctx.measureText(`← to destination ${what}`).width;
  const short = layout.viewHeight < tall;
  ctx.save();
  ctx.translate(13, layout.top + (layout.viewHeight + (short ? 34 : tall)) / 2);
  ctx.rotate(-Math.PI / 2);
  ctx.fillStyle = token('--text-second');
  ctx.font = `400 13px ${FONT}`;
  ctx.fillText('←', 0, 0);
  write('to', short ? '' : ` destination ${what}`, ctx.measureText('← ').width, 0);
  ctx.restore();
}

/** Minimum length of one pod's piece of a strip, CSS px. With a thousand pods a row is less than a pixel. */
const LEAST_PIECE = 3;

/** Draws the worst state of each row and column along the edges. If pieces overlap, the worse one is on top. */
function drawStrips(ctx: CanvasRenderingContext2D, scene: Scene): void {
  const { layout, arrangement, axisStates, token } = scene;
  const { left, top, strip, starts } = layout;
  const size = layout.pitch - layout.gap;
  const piece = Math.max(LEAST_PIECE, size);
  const colours = LINK_STATES.map((_, code) => token(cellTokens(code).fill));
  for (const axis of AXES) {
    const worst = axis === 'row' ? axisStates.rowWorst : axisStates.columnWorst;
    const paint = (pod: number, thick: number, colour = '') => {
      const start = (starts[arrangement.positionOf[pod] ?? 0] ?? 0) - (piece - size) / 2;
      ctx.fillStyle = colour;
      if (axis === 'row') ctx.fillRect(left - strip - 4, top - scene.scrollY + start, thick, piece);
      else ctx.fillRect(left - scene.scrollX + start, top - strip - 4, piece, thick);
    };
    const draw = () => {
      for (const pod of [...arrangement.pods].sort((a, b) => worseLast(worst, a, b))) {
        const code = worst[pod] ?? -1;
        paint(pod, strip, colours[code < 0 ? GOOD : code]);
        if (axis === 'column' && scene.picture.pods[pod]?.starved) paint(pod, strip / 2, token('--suspect'));
      }
    };
    inAxis(ctx, scene, axis, draw, 0);
  }
}

function worseLast(codes: Int8Array, a: number, b: number): number {
  const [x, y] = [codes[a] ?? -1, codes[b] ?? -1];
  return x === y ? 0 : isWorse(x, y) ? 1 : -1;
}
