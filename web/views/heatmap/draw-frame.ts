import type { PlacedCallout } from './callouts.ts';
import { drawAxes } from './draw-axes.ts';
import { drawCells } from './draw-cells.ts';
import type { Scene } from './scene.ts';

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
  return a.axis === b.axis && (a.last + 1 === b.first || b.last + 1 === a.first);
}

/** Minimum size of cells whose row is framed, CSS px. */
const FRAMED_FROM = 56;

/** Draws the line from a row or column to its callout, and a frame around large cells. */
function drawCallout(ctx: CanvasRenderingContext2D, scene: Scene, placed: PlacedCallout, out: number): void {
  const { callout, leader, bracket } = placed;
  const { layout, token } = scene;
  if (leader.length === 0) return;
  const framed = layout.pitch >= FRAMED_FROM && (callout.state === 'slow' || callout.state === 'failed');
  const link = callout.state === 'slow' || callout.state === 'failed' ? `--${callout.state}-link` : '--text-third';
  ctx.strokeStyle = token(framed ? '--text' : callout.state === 'suspect' ? '--suspect' : link);
  ctx.lineWidth = framed ? 2 : 1.25;
  ctx.lineJoin = 'round';
  if (framed) drawRing(ctx, scene, callout, out);
  ctx.lineWidth = 1.25;
  ctx.beginPath();
  leader.forEach(([x, y], i) => {
    if (i === 0) ctx.moveTo(x, y);
    else ctx.lineTo(x, y);
  });
  if (bracket !== null) {
    ctx.moveTo(bracket.x, bracket.from + 1);
    ctx.lineTo(bracket.x + 6, bracket.from + 1);
    ctx.lineTo(bracket.x + 6, bracket.to - 1);
    ctx.lineTo(bracket.x, bracket.to - 1);
  }
  ctx.stroke();
  const end = leader.at(-1);
  if (!framed || end === undefined) return;
  ctx.fillStyle = token('--text');
  ctx.beginPath();
  ctx.arc(end[0], end[1], 3, 0, 2 * Math.PI);
  ctx.fill();
}

function drawRing(ctx: CanvasRenderingContext2D, scene: Scene, callout: PlacedCallout['callout'], out: number): void {
  const { layout } = scene;
  const { axis, first, last } = callout;
  const [x0, y0] = [layout.left - scene.scrollX, layout.top - scene.scrollY];
  const from = layout.starts[first] ?? 0;
  const length = (layout.starts[last] ?? 0) + layout.pitch - layout.gap - from;
  ctx.beginPath();
  if (axis === 'row') ctx.roundRect(x0 - 5, y0 + from - out, layout.extent + 10, length + 2 * out, 6);
  else ctx.roundRect(x0 + from - out, y0 - 5, length + 2 * out, layout.extent + 10, 6);
  ctx.stroke();
}
