import type { Selection } from '../../model/address.ts';
import type { HeatLayout, Rect } from '../../model/heat-layout.ts';
import { FONT } from '../../model/label-layout.ts';
import type { Callout, PlacedCallout, Run } from './callouts.ts';
import { drawAxes, drawBoldNames } from './draw-axes.ts';
import { drawCells } from './draw-cells.ts';
import { type Cell, cellRect, type Scene } from './scene.ts';

/** The texts of the callouts, which are elements on the page, for an image of it. */
export function drawCalloutTexts(ctx: CanvasRenderingContext2D, { scene, placed }: Drawn): void {
  ctx.textAlign = 'left';
  ctx.textBaseline = 'middle';
  for (const { callout, x, y } of placed) {
    ctx.font = `600 14px ${FONT}`;
    ctx.fillStyle = scene.token('--text');
    ctx.fillText(callout.title, x, y);
    ctx.font = `400 13px ${FONT}`;
    ctx.fillStyle = scene.token('--text-second');
    callout.lines.forEach((line, i) => {
      ctx.fillText(line, x, y + 19 + i * 18);
    });
  }
}

/** The last drawn frame, from which the PNG is made. */
export interface Drawn {
  scene: Scene;
  placed: PlacedCallout[];
}

/** Draws the heatmap without pointer and selection. `ctx` uses CSS px (scaled by the dpr). */
export function drawFrame(ctx: CanvasRenderingContext2D, scene: Scene, placed: readonly PlacedCallout[]): void {
  drawCells(ctx, scene);
  drawAxes(ctx, scene);
  for (const one of placed) drawCallout(ctx, scene, one);
}

/** Minimum size of cells whose row is framed, CSS px. */
const FRAMED_FROM = 56;

/** Draws the line to a callout from its rows, columns or cells, and frames around them: around whole rows and columns if they are large. */
function drawCallout(ctx: CanvasRenderingContext2D, scene: Scene, placed: PlacedCallout): void {
  const { callout, leader, x, y } = placed;
  const { layout, token } = scene;
  if (leader === '') return;
  const isBad = callout.state === 'warning' || callout.state === 'slow' || callout.state === 'failed';
  const isLarge = layout.pitch >= FRAMED_FROM;
  const isFramed = isBad && (isLarge || callout.cells.length > 0);
  const link = isBad ? `--${callout.state}-link` : '--text-third';
  ctx.strokeStyle = token(isBad && isLarge ? '--text' : callout.state === 'suspect' ? '--suspect' : link);
  ctx.lineJoin = 'round';
  ctx.lineWidth = 1.25;
  ctx.stroke(new Path2D(leader));
  if (!isFramed) return;
  ctx.strokeStyle = token('--text');
  ctx.lineWidth = isLarge ? 2 : 1.5;
  drawRings(ctx, scene, callout);
  if (!isLarge) return;
  ctx.fillStyle = token('--text');
  ctx.beginPath();
  ctx.arc(x - 6, y, 3, 0, 2 * Math.PI);
  ctx.fill();
}

/** Rings around whole rows or columns, or around cells: within the gaps, or around cells too small for that. */
function drawRings(ctx: CanvasRenderingContext2D, scene: Scene, { axis, runs, cells }: Callout): void {
  const { layout } = scene;
  const [x0, y0] = [layout.left - scene.scrollX, layout.top - scene.scrollY];
  const spanOf = ({ first, last }: Run) => {
    const from = layout.starts[first] ?? 0;
    return { from, length: (layout.starts[last] ?? 0) + layout.pitch - layout.gap - from };
  };
  inCells(ctx, scene, 7, () => {
    ctx.beginPath();
    for (const { columns, rows } of cells) {
      const [{ from: x, length: width }, { from: y, length: height }] = [spanOf(columns), spanOf(rows)];
      const around = Math.max(layout.gap / 2, 1.5, (9 - Math.min(width, height)) / 2);
      addRing(ctx, layout, { x: x0 + x, y: y0 + y, width, height }, around);
    }
    for (const run of cells.length === 0 ? runs : []) {
      const { from, length } = spanOf(run);
      const out = layout.gap / 2 + 1;
      if (axis === 'row') ctx.roundRect(x0 - 5, y0 + from - out, layout.extent + 10, length + 2 * out, 6);
      else ctx.roundRect(x0 + from - out, y0 - 5, length + 2 * out, layout.extent + 10, 6);
    }
    ctx.stroke();
  });
}

/** Adds a ring `out` px around a rectangle to the path. */
function addRing(ctx: CanvasRenderingContext2D, { gap }: HeatLayout, { x, y, width, height }: Rect, out: number): void {
  ctx.roundRect(x - out, y - out, width + 2 * out, height + 2 * out, gap >= 2 ? 4 : 1);
}

/** Draws over the cells, and at most `margin` px around them. */
function inCells(ctx: CanvasRenderingContext2D, { layout }: Scene, margin: number, draw: () => void): void {
  ctx.save();
  ctx.beginPath();
  const size = 2 * margin;
  ctx.rect(layout.left - margin, layout.top - margin, layout.viewWidth + size, layout.viewHeight + size);
  ctx.clip();
  draw();
  ctx.restore();
}

/** The cell at the pointer or keyboard cursor, and the selection. */
export interface Pointing {
  cell: Cell | null;
  /** The cell was reached by keyboard and gets the focus ring. */
  byKeys: boolean;
  selection: Selection;
}

export function drawOverlay(ctx: CanvasRenderingContext2D, scene: Scene, pointing: Pointing): void {
  drawSelection(ctx, scene, pointing.selection);
  const rect = pointing.cell === null ? null : cellRect(scene, pointing.cell);
  if (rect === null || pointing.cell === null) return;
  drawCrosshair(ctx, scene, rect);
  drawBoldNames(ctx, scene, pointing.cell);
  drawCellRing(ctx, scene, rect, pointing.byKeys);
}

function drawSelection(ctx: CanvasRenderingContext2D, scene: Scene, selection: Selection): void {
  if (selection === null) return;
  const { layout, picture, token } = scene;
  const indexOf = (uid: string) => picture.pods.findIndex(({ pod }) => pod.uid === uid);
  const rectOf = (from: number, to: number) => (from < 0 || to < 0 ? null : cellRect(scene, { from, to }));
  const ring = (rect: Rect | null, width: number) => {
    if (rect === null) return;
    ctx.lineWidth = width;
    ctx.beginPath();
    addRing(ctx, layout, rect, layout.gap >= 2 ? 3 : 1.5);
    ctx.stroke();
  };
  inCells(ctx, scene, 6, () => {
    ctx.strokeStyle = token('--accent');
    if ('pod' in selection) {
      const pod = indexOf(selection.pod);
      const rect = rectOf(pod, pod);
      ring(rect && { ...rect, x: layout.left - scene.scrollX, width: layout.extent }, 3);
      ring(rect && { ...rect, y: layout.top - scene.scrollY, height: layout.extent }, 3);
      return;
    }
    const [from, to] = [indexOf(selection.from), indexOf(selection.to)];
    ring(rectOf(from, to), 3);
    // The reverse direction gets a thinner ring.
    if (from !== to) ring(rectOf(to, from), 1.5);
  });
}

function drawCrosshair(ctx: CanvasRenderingContext2D, scene: Scene, rect: Rect): void {
  const { layout, token } = scene;
  const middleX = Math.round(rect.x + rect.width / 2) + 0.5;
  const middleY = Math.round(rect.y + rect.height / 2) + 0.5;
  const reach = layout.strip + 6;
  const line = (colour: string, width: number, alpha: number) => {
    ctx.strokeStyle = token(colour);
    ctx.lineWidth = width;
    ctx.globalAlpha = alpha;
    ctx.beginPath();
    ctx.moveTo(middleX, layout.top - reach);
    ctx.lineTo(middleX, rect.y - 1);
    ctx.moveTo(layout.left - reach, middleY);
    ctx.lineTo(rect.x - 1, middleY);
    ctx.stroke();
  };
  inCells(ctx, scene, reach, () => {
    // A line with a rim, which is visible on every fill.
    line('--page', 3, 0.7);
    line('--text', 1, 1);
  });
}

function drawCellRing(ctx: CanvasRenderingContext2D, scene: Scene, rect: Rect, byKeys: boolean): void {
  const least = Math.max(0, 9 - rect.width) / 2;
  const ring = (colour: string, width: number, out: number) => {
    ctx.strokeStyle = scene.token(colour);
    ctx.lineWidth = width;
    ctx.beginPath();
    addRing(ctx, scene.layout, rect, out + least);
    ctx.stroke();
  };
  inCells(ctx, scene, 8, () => {
    ring('--page', byKeys ? 2 : 3, byKeys ? 1 : 2);
    ring(byKeys ? '--accent' : '--text', 2, byKeys ? 3 : 1);
  });
}
