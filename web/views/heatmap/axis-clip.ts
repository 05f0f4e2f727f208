import type { Scene } from './scene.ts';

/** Clips drawing to the area left of the visible rows, extended by `margin` px for names at the ends. */
export function clipRows(ctx: CanvasRenderingContext2D, { layout }: Scene, margin = 8): void {
  ctx.beginPath();
  ctx.rect(0, layout.top - margin, layout.left, layout.viewHeight + 2 * margin);
  ctx.clip();
}

/** Clips drawing to the area above the visible columns, extended by `lean` px to the right. */
export function clipColumns(ctx: CanvasRenderingContext2D, { layout }: Scene, lean: number, margin = 14): void {
  ctx.beginPath();
  ctx.rect(layout.left - margin, 0, layout.viewWidth + 2 * margin + lean, layout.top);
  ctx.clip();
}
