import type { Scene } from './scene.ts';

/** Limits drawing to beside the visible rows; names at the ends may stand out by `margin` px. */
export function clipRows(ctx: CanvasRenderingContext2D, { layout }: Scene, margin = 8): void {
  ctx.beginPath();
  ctx.rect(0, layout.top - margin, layout.left, layout.viewHeight + 2 * margin);
  ctx.clip();
}

/** Limits drawing to above the visible columns, and `lean` px right of them. */
export function clipColumns(ctx: CanvasRenderingContext2D, { layout }: Scene, lean: number, margin = 14): void {
  ctx.beginPath();
  ctx.rect(layout.left - margin, 0, layout.viewWidth + 2 * margin + lean, layout.top);
  ctx.clip();
}
