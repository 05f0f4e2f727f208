import type { Selection } from '../../model/address.ts';
import type { Rect } from '../../model/heat-layout.ts';
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
  for (const one of placed) {
    const close = placed.some((other) => other !== one && isNeighbour(one, other));
    drawCallout(ctx, scene, one, close ? scene.layout.gap / 2 : 5);
  }
}

function isNeighbour({ callout: a }: PlacedCallout, { callout: b }: PlacedCallout): boolean {
  return a.axis === b.axis && a.runs.some((one) => b.runs.some((two) => areNeighbours(one, two)));
}

function areNeighbours(a: Run, b: Run): boolean {
  return a.last + 1 === b.first || b.last + 1 === a.first;
}

/** Minimum size of cells whose row is framed, CSS px. */
const FRAMED_FROM = 56;

/** Draws the line to a callout from its rows, columns or cells, and frames around them: around whole rows and columns if they are large. */
function drawCallout(ctx: CanvasRenderingContext2D, scene: Scene, placed: PlacedCallout, out: number): void {
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
  drawRings(ctx, scene, callout, out);
  if (!isLarge) return;
  ctx.fillStyle = token('--text');
  ctx.beginPath();
  ctx.arc(x - 6, y, 3, 0, 2 * Math.PI);
  ctx.fill();
}

/** `out`: distance of a ring from its row or column. Rings of cells are within the gaps, or around cells too small for that. */
function drawRings(ctx: CanvasRenderingContext2D, scene: Scene, { axis, runs, cells }: Callout, out: number): void {
  const { layout } = scene;
  const [x0, y0] = [layout.left - scene.scrollX, layout.top - scene.scrollY];
  const spanOf = ({ first, last }: Run) => {
    const from = layout.starts[first] ?? 0;
    return { from, length: (layout.starts[last] ?? 0) + layout.pitch - layout.gap - from };
  };
  ctx.save();
  clipCells(ctx, scene, 7);
  ctx.beginPath();
  for (const { columns, rows } of cells) {
    const [{ from: x, length: width }, { from: y, length: height }] = [spanOf(columns), spanOf(rows)];
    const around = Math.max(layout.gap / 2, 1.5, (9 - Math.min(width, height)) / 2);
    ctx.roundRect(x0 + x - around, y0 + y - around, width + 2 * around, height + 2 * around, layout.gap >= 2 ? 4 : 1);
  }
  for (const run of cells.length === 0 ? runs : []) {
    const { from, length } = spanOf(run);
    if (axis === 'row') ctx.roundRect(x0 - 5, y0 + from - out, layout.extent + 10, length + 2 * out, 6);
    else ctx.roundRect(x0 + from - out, y0 - 5, length + 2 * out, layout.extent + 10, 6);
  }
  ctx.stroke();
  ctx.restore();
}

/** The cell at the pointer or keyboard cursor, and the selection. */
export interface Pointing {
  cell: Cell | null;
  /** The cell was reached by keyboard and gets the focus ring. */
  byKeys: boolean;
  selection: Selection;
}

/** Clears the overlay and draws crosshair, bold names and rings. */
export function drawOverlay(ctx: CanvasRenderingContext2D, scene: Scene, pointing: Pointing): void {
  const { canvas } = ctx;
  ctx.clearRect(0, 0, canvas.width, canvas.height);
  drawSelection(ctx, scene, pointing.selection);
  const rect = pointing.cell === null ? null : cellRect(scene, pointing.cell);
  if (rect === null || pointing.cell === null) return;
  drawCrosshair(ctx, scene, rect);
  drawBoldNames(ctx, scene, pointing.cell);
  drawCellRing(ctx, scene, rect, pointing.byKeys);
}

function clipCells(ctx: CanvasRenderingContext2D, { layout }: Scene, margin: number): void {
  ctx.beginPath();
  const size = 2 * margin;
  ctx.rect(layout.left - margin, layout.top - margin, layout.viewWidth + size, layout.viewHeight + size);
  ctx.clip();
}

function drawSelection(ctx: CanvasRenderingContext2D, scene: Scene, selection: Selection): void {
  if (selection === null) return;
  const { layout, picture, token } = scene;
  const indexOf = (uid: string) => picture.pods.findIndex(({ pod }) => pod.uid === uid);
  ctx.save();
  clipCells(ctx, scene, 6);
  ctx.strokeStyle = token('--accent');
  ctx.lineWidth = 3;
  const ring = ({ x, y, width, height }: Rect) => {
    const out = layout.gap >= 2 ? 3 : 1.5;
    ctx.beginPath();
    ctx.roundRect(x - out, y - out, width + 2 * out, height + 2 * out, 4);
    ctx.stroke();
  };
  if ('pod' in selection) {
    const pod = indexOf(selection.pod);
    const rect = pod < 0 ? null : cellRect(scene, { from: pod, to: pod });
    if (rect !== null) {
      ring({ ...rect, x: layout.left - scene.scrollX, width: layout.extent });
      ring({ ...rect, y: layout.top - scene.scrollY, height: layout.extent });
    }
  } else {
    const [from, to] = [indexOf(selection.from), indexOf(selection.to)];
    for (const cell of [
      { from, to },
      { from: to, to: from },
    ]) {
      const rect = from < 0 || to < 0 ? null : cellRect(scene, cell);
      if (rect !== null) ring(rect);
      // The reverse direction gets a thinner ring.
      ctx.lineWidth = 1.5;
      if (from === to) break;
    }
  }
  ctx.restore();
}

function drawCrosshair(ctx: CanvasRenderingContext2D, scene: Scene, rect: Rect): void {
  const { layout, token } = scene;
  const middleX = Math.round(rect.x + rect.width / 2) + 0.5;
  const middleY = Math.round(rect.y + rect.height / 2) + 0.5;
  ctx.save();
  clipCells(ctx, scene, layout.strip + 6);
  const line = () => {
    ctx.beginPath();
    ctx.moveTo(middleX, layout.top - layout.strip - 6);
    ctx.lineTo(middleX, rect.y - 1);
    ctx.moveTo(layout.left - layout.strip - 6, middleY);
    ctx.lineTo(rect.x - 1, middleY);
    ctx.stroke();
  };
  // A line with a rim, which is visible on every fill.
  ctx.strokeStyle = token('--page');
  ctx.lineWidth = 3;
  ctx.globalAlpha = 0.7;
  line();
  ctx.globalAlpha = 1;
  ctx.strokeStyle = token('--text');
  ctx.lineWidth = 1;
  line();
  ctx.restore();
}

function drawCellRing(ctx: CanvasRenderingContext2D, scene: Scene, rect: Rect, byKeys: boolean): void {
  const { layout, token } = scene;
  ctx.save();
  clipCells(ctx, scene, 8);
  const least = Math.max(0, 9 - rect.width) / 2;
  const ring = (out: number, width: number, colour: string) => {
    ctx.strokeStyle = token(colour);
    ctx.lineWidth = width;
    ctx.beginPath();
    const side = rect.width + 2 * (out + least);
    ctx.roundRect(rect.x - out - least, rect.y - out - least, side, side, layout.gap >= 2 ? 4 : 1);
    ctx.stroke();
  };
  if (byKeys) {
    ring(1, 2, '--page');
    ring(3, 2, '--accent');
  } else {
    ring(2, 3, '--page');
    ring(1, 2, '--text');
  }
  ctx.restore();
}
