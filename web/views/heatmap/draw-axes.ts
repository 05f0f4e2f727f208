import { stateAt } from '../../model/links.ts';
import { shownName } from '../../model/names.ts';
import { clipColumns, clipRows } from './axis-clip.ts';
import { drawGroups, drawNumbers } from './draw-groups.ts';
import { drawStrips } from './draw-strips.ts';
import { drawText, FONT, isBold, nameOf, type Scene } from './scene.ts';

/** Draws captions, names or numbers, and the strips with the worst states. */
export function drawAxes(ctx: CanvasRenderingContext2D, scene: Scene): void {
  drawCaptions(ctx, scene);
  if (scene.layout.strip > 0) drawStrips(ctx, scene);
  if (scene.layout.axis === 'groups') drawGroups(ctx, scene);
  else if (scene.layout.axis === 'numbers') drawNumbers(ctx, scene);
  else drawNames(ctx, scene);
}

function drawCaptions(ctx: CanvasRenderingContext2D, { layout, token, group }: Scene): void {
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
  const by = layout.axis === 'groups' ? `, by ${group}` : '';
  const wide = ctx.measureText(`from source pod${by} →`).width;
  const rest = layout.viewWidth < wide || narrow ? ' →' : ` source pod${by} →`;
  const width = rest === ' →' ? ctx.measureText('from →').width : wide;
  write('from', rest, layout.left + Math.max(0, (layout.viewWidth - width) / 2), 15);
  if (narrow) {
    write('to', ' ↓', Math.max(4, layout.left - 34), 15);
    return;
  }
  const tall = ctx.measureText('← to destination pod').width;
  const short = layout.viewHeight < tall;
  ctx.save();
  ctx.translate(13, layout.top + (layout.viewHeight + (short ? 34 : tall)) / 2);
  ctx.rotate(-Math.PI / 2);
  ctx.fillStyle = token('--text-second');
  ctx.font = `400 13px ${FONT}`;
  ctx.fillText('←', 0, 0);
  write('to', short ? '' : ' destination pod', ctx.measureText('← ').width, 0);
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
  const node = shownName(picture.pods[pod]?.pod.node ?? '');
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
