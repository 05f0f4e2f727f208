import { cellTokens } from '../../model/heat-colours.ts';
import { FONT } from '../../model/label-layout.ts';
import { codeOf, isWorse, LINK_STATES, stateAt } from '../../model/links.ts';
import { shownName } from '../../model/names.ts';
import { clipColumns, clipRows, drawText, isBold, nameOf, noteOf, type Scene } from './scene.ts';

/** Draws captions, names or numbers, and the strips with the worst states. */
export function drawAxes(ctx: CanvasRenderingContext2D, scene: Scene): void {
  drawCaptions(ctx, scene);
  if (scene.layout.strip > 0) drawStrips(ctx, scene);
  if (scene.layout.axis === 'groups') drawGroups(ctx, scene);
  else if (scene.layout.axis === 'numbers') drawNumbers(ctx, scene);
  else drawNames(ctx, scene);
}

function drawCaptions(ctx: CanvasRenderingContext2D, { layout, token, group, picture }: Scene): void {
  const narrow = layout.left < 100 && layout.axis === 'short';
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
  const rest = layout.viewWidth < wide || narrow ? ' →' : ` source ${what}${by} →`;
  const width = rest === ' →' ? ctx.measureText('from →').width : wide;
  write('from', rest, layout.left + Math.max(0, (layout.viewWidth - width) / 2), 15);
  if (narrow) {
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

function drawNames(ctx: CanvasRenderingContext2D, scene: Scene): void {
  const { layout, arrangement } = scene;
  ctx.save();
  clipRows(ctx, scene);
  for (const pod of arrangement.pods) drawRowName(ctx, scene, pod, isBold(scene.axisStates.rows, pod));
  ctx.restore();
  ctx.save();
  clipColumns(ctx, scene, layout.slant > 0 ? 2000 : 0);
  for (const pod of arrangement.pods) drawColumnName(ctx, scene, pod, isBold(scene.axisStates.columns, pod));
  ctx.restore();
}

/** Draws the name left of a pod's row, with its node below if there is room. */
export function drawRowName(ctx: CanvasRenderingContext2D, scene: Scene, pod: number, bold: boolean): void {
  const { layout, arrangement, token, picture } = scene;
  const cell = layout.pitch - layout.gap;
  const y = layout.top - scene.scrollY + (layout.starts[arrangement.positionOf[pod] ?? 0] ?? 0) + cell / 2;
  const x = layout.left - 10;
  const gone = stateAt(scene.axisStates.rows[pod]) === 'gone';
  const px = cell >= 40 ? 14 : cell >= 18 ? 12 : 11;
  const node = noteOf(picture, pod);
  const room = layout.axis === 'full' ? x - 22 : x - 2;
  const twoLines = layout.axis === 'full' && cell >= MIDDLE && node !== '';
  ctx.textAlign = 'right';
  ctx.textBaseline = 'middle';
  ctx.font = `${bold ? 600 : cell >= MIDDLE ? 500 : 400} ${px}px ${FONT}`;
  ctx.fillStyle = token(gone ? '--text-third' : cell >= MIDDLE || bold ? '--text' : '--text-second');
  drawText(ctx, nameOf(scene, pod, 'row'), x, twoLines ? y - 9 : y, room);
  if (!twoLines) return;
  ctx.font = `400 12px ${FONT}`;
  ctx.fillStyle = token('--text-third');
  drawText(ctx, node, x, y + 10, room);
}

const MIDDLE = 40;

/** Draws the name above a pod's column, horizontal or slanted. `over`: erases the name that is already there. */
export function drawColumnName(
  ctx: CanvasRenderingContext2D,
  scene: Scene,
  pod: number,
  bold: boolean,
  over = false,
): void {
  const { layout, arrangement, token } = scene;
  const cell = layout.pitch - layout.gap;
  const x = layout.left - scene.scrollX + (layout.starts[arrangement.positionOf[pod] ?? 0] ?? 0) + cell / 2;
  const gone = stateAt(scene.axisStates.columns[pod]) === 'gone';
  const px = cell >= MIDDLE ? 14 : cell >= 18 ? 12 : 11;
  ctx.font = `${bold ? 600 : cell >= MIDDLE ? 500 : 400} ${px}px ${FONT}`;
  ctx.fillStyle = token(gone ? '--text-third' : cell >= MIDDLE || bold ? '--text' : '--text-second');
  if (layout.slant === 0) {
    ctx.textAlign = 'center';
    ctx.textBaseline = 'alphabetic';
    drawText(ctx, nameOf(scene, pod, 'column'), x, layout.top - 12, layout.pitch);
    return;
  }
  ctx.save();
  ctx.translate(x + 3, layout.top - 8);
  ctx.rotate((-layout.slant * Math.PI) / 180);
  ctx.textAlign = 'left';
  ctx.textBaseline = 'middle';
  const lean = Math.sin((layout.slant * Math.PI) / 180);
  const room = (layout.top - 30) / lean;
  if (over) {
    const name = nameOf(scene, pod, 'column');
    const ink = ctx.fillStyle;
    // As wide as the bold name, and not so high that it covers the neighbour.
    const half = Math.min(8, (layout.pitch * lean) / 2);
    ctx.fillStyle = token('--page');
    ctx.fillRect(-2, -half, Math.min(room, ctx.measureText(name).width) + 6, 2 * half);
    ctx.fillStyle = ink;
  }
  drawText(ctx, nameOf(scene, pod, 'column'), 0, 0, room);
  ctx.restore();
}

/** Draws group names on both axes. Names that would overlap are left out. */
function drawGroups(ctx: CanvasRenderingContext2D, scene: Scene): void {
  const { layout, arrangement } = scene;
  let [rowFree, columnFree] = [Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY];
  ctx.save();
  clipRows(ctx, scene);
  for (const group of arrangement.groups) {
    const middle = middleOf(scene, group.start, group.length);
    const y = layout.top - scene.scrollY + middle;
    if (y - rowFree < 13) continue;
    drawGroupRow(ctx, scene, group.name, y, groupIsBold(scene, 'rows', group.start, group.length));
    rowFree = y;
  }
  ctx.restore();
  ctx.save();
  clipColumns(ctx, scene, 0);
  for (const group of arrangement.groups) {
    const x = layout.left - scene.scrollX + middleOf(scene, group.start, group.length);
    const bold = groupIsBold(scene, 'columns', group.start, group.length);
    const half = groupColumnWidth(ctx, scene, group.name, group.length) / 2;
    if (half === 0 || x - half < columnFree) continue;
    drawGroupColumn(ctx, scene, group.name, group.length, x, bold);
    columnFree = x + half + 6;
  }
  ctx.restore();
}

function groupIsBold(
  { axisStates, arrangement }: Scene,
  axis: 'rows' | 'columns',
  start: number,
  length: number,
): boolean {
  for (let i = start; i < start + length; i++) if (isBold(axisStates[axis], arrangement.pods[i] ?? -1)) return true;
  return false;
}

/** The middle of a group relative to the first cell. */
export function middleOf({ layout }: Scene, start: number, length: number): number {
  const end = (layout.starts[start + length - 1] ?? 0) + layout.pitch - layout.gap;
  return ((layout.starts[start] ?? 0) + end) / 2;
}

/** Draws a group's name left of its rows, around `y`. */
export function drawGroupRow(
  ctx: CanvasRenderingContext2D,
  scene: Scene,
  name: string,
  y: number,
  bold: boolean,
): void {
  const { layout, token } = scene;
  const x = layout.left - layout.strip - 16;
  ctx.textAlign = 'right';
  ctx.textBaseline = 'middle';
  ctx.font = `${bold ? 600 : 400} 12px ${FONT}`;
  ctx.fillStyle = token(bold ? '--text' : '--text-second');
  drawText(ctx, shownName(name) || 'unknown', x, y, x - 20);
}

/** Draws a group's name above its columns, around `x`. If it does not fit, only its end is drawn ("worker-07" -> "07"). */
export function drawGroupColumn(
  ctx: CanvasRenderingContext2D,
  scene: Scene,
  name: string,
  length: number,
  x: number,
  bold: boolean,
): void {
  const { layout, token } = scene;
  ctx.textAlign = 'center';
  ctx.textBaseline = 'alphabetic';
  ctx.font = `${bold ? 600 : 400} 12px ${FONT}`;
  ctx.fillStyle = token(bold ? '--text' : '--text-second');
  ctx.fillText(columnNameOf(ctx, scene, name, length), x, layout.top - layout.strip - 12);
}

function groupColumnWidth(ctx: CanvasRenderingContext2D, scene: Scene, name: string, length: number): number {
  ctx.font = `600 12px ${FONT}`;
  return ctx.measureText(columnNameOf(ctx, scene, name, length)).width;
}

function columnNameOf(ctx: CanvasRenderingContext2D, { layout }: Scene, name: string, length: number): string {
  const shown = shownName(name) || '?';
  const room = length * layout.pitch - 4;
  if (ctx.measureText(shown).width <= room) return shown;
  return shown.split('-').at(-1)?.slice(-8) ?? '';
}

/** Draws as many position numbers as fit on both axes. The side panel lists the pods. */
function drawNumbers(ctx: CanvasRenderingContext2D, { layout, arrangement, token, scrollX, scrollY }: Scene): void {
  const count = arrangement.pods.length;
  const step = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000].find((every) => every * layout.pitch >= 34) ?? 2000;
  ctx.font = `400 11px ${FONT}`;
  ctx.fillStyle = token('--text-second');
  for (let position = 0; position < count; position++) {
    if (position !== 0 && (position + 1) % step !== 0) continue;
    const middle = (layout.starts[position] ?? 0) + (layout.pitch - layout.gap) / 2;
    const [x, y] = [layout.left - scrollX + middle, layout.top - scrollY + middle];
    if (y >= layout.top && y <= layout.top + layout.viewHeight) {
      ctx.textAlign = 'right';
      ctx.textBaseline = 'middle';
      ctx.fillText(String(position + 1), layout.left - layout.strip - 12, y);
    }
    if (x < layout.left || x > layout.left + layout.viewWidth) continue;
    ctx.textAlign = 'center';
    ctx.textBaseline = 'alphabetic';
    ctx.fillText(String(position + 1), x, layout.top - layout.strip - 10);
  }
}

/** Minimum length of one pod's piece of a strip, CSS px. With a thousand pods a row is less than a pixel. */
const LEAST_PIECE = 3;
const GOOD = codeOf('good');

/** Draws the worst state of each row and column along the edges. If pieces overlap, the worse one is on top. */
function drawStrips(ctx: CanvasRenderingContext2D, scene: Scene): void {
  const { layout, arrangement, axisStates, token } = scene;
  const at = layout.strip + 4;
  const byRow = [...arrangement.pods].sort((a, b) => worseLast(axisStates.rowWorst, a, b));
  const byColumn = [...arrangement.pods].sort((a, b) => worseLast(axisStates.columnWorst, a, b));
  const size = layout.pitch - layout.gap;
  const piece = Math.max(LEAST_PIECE, size);
  const start = (pod: number) => (layout.starts[arrangement.positionOf[pod] ?? 0] ?? 0) - (piece - size) / 2;
  const colours = LINK_STATES.map((_, code) => token(cellTokens(code).fill));
  const suspect = token('--suspect');
  const colour = (code: number) => colours[code < 0 ? GOOD : code] ?? '';
  ctx.save();
  clipRows(ctx, scene, 0);
  for (const pod of byRow) {
    const y = layout.top - scene.scrollY + start(pod);
    ctx.fillStyle = colour(axisStates.rowWorst[pod] ?? -1);
    if (y + piece >= layout.top && y <= layout.top + layout.viewHeight)
      ctx.fillRect(layout.left - at, y, layout.strip, piece);
  }
  ctx.restore();
  ctx.save();
  clipColumns(ctx, scene, 0, 0);
  for (const pod of byColumn) {
    const x = layout.left - scene.scrollX + start(pod);
    ctx.fillStyle = colour(axisStates.columnWorst[pod] ?? -1);
    if (x + piece >= layout.left && x <= layout.left + layout.viewWidth)
      ctx.fillRect(x, layout.top - at, piece, layout.strip);
    if (scene.picture.pods[pod]?.starved !== true) continue;
    ctx.fillStyle = suspect;
    ctx.fillRect(x, layout.top - at, piece, layout.strip / 2);
  }
  ctx.restore();
}

function worseLast(codes: Int8Array, a: number, b: number): number {
  const [x, y] = [codes[a] ?? -1, codes[b] ?? -1];
  return x === y ? 0 : isWorse(x, y) ? 1 : -1;
}
