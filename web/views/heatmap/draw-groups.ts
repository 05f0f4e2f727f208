import { shownName } from '../../model/names.ts';
import { clipColumns, clipRows } from './axis-clip.ts';
import { drawText, FONT, isBold, type Scene } from './scene.ts';

/** Draws group names on both axes. Names that would overlap are left out. */
export function drawGroups(ctx: CanvasRenderingContext2D, scene: Scene): void {
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
export function drawNumbers(
  ctx: CanvasRenderingContext2D,
  { layout, arrangement, token, scrollX, scrollY }: Scene,
): void {
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
