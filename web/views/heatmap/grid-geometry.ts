import type { Size } from '../../components/use-size.ts';
import { type Place, worstNear } from '../../model/grid-moves.ts';
import { type HeatLayout, positionAt } from '../../model/heat-layout.ts';
import type { Picture } from '../../model/mesh-view.ts';
import type { Arrangement } from '../../model/order.ts';

/** Scroll offset, CSS px. */
export interface Scroll {
  x: number;
  y: number;
}

/** If several links share a pixel, the pointer finds the worst within this distance, px. */
const REACH = 1.5;

/** Whether the cells scroll. */
export function isScrolled({ scrollable, shared }: HeatLayout): boolean {
  return scrollable && !shared;
}

/**
 * Size of the element that gives the scroll bars their length: the view plus what of the cells is hidden. `height` is the
 * view's.
 */
export function sizerOf(layout: HeatLayout, size: Size, height: number): { width: number | string; height: number } {
  if (!isScrolled(layout)) return { width: '100%', height };
  return { width: size.width + layout.extent - layout.viewWidth, height: height + layout.extent - layout.viewHeight };
}

/** The scroll offset that shows a cell at `start` and some neighbours in a view of `room` px; `scroll` itself if it shows them. */
export function keepInView(scroll: number, start: number, pitch: number, room: number): number {
  const margin = Math.min(40, room / 4);
  if (start < scroll + margin) return Math.max(0, start - margin);
  return start + pitch > scroll + room - margin ? start + pitch - room + margin : scroll;
}

/** The cell at a point of the canvas (CSS px). If several links share a pixel, the worst one. */
export function placeAt(
  picture: Picture,
  arrangement: Arrangement,
  layout: HeatLayout,
  scroll: Scroll,
  point: { x: number; y: number },
): Place | null {
  const [x, y] = [point.x - layout.left, point.y - layout.top];
  if (arrangement.pods.length === 0 || x < 0 || y < 0 || x >= layout.viewWidth || y >= layout.viewHeight) return null;
  const inside = { x: x + scroll.x, y: y + scroll.y };
  if (layout.shared) return worstNear(picture, arrangement, layout, inside, REACH);
  return { column: positionAt(layout, inside.x), row: positionAt(layout, inside.y) };
}

/** The pod (index in `Picture.pods`) whose name is at a point of the canvas; -1 = none. */
export function nameAt(
  { pods }: Arrangement,
  layout: HeatLayout,
  scroll: Scroll,
  point: { x: number; y: number },
): number {
  if (layout.axis === 'groups' || layout.axis === 'numbers') return -1;
  const [x, y] = [point.x - layout.left, point.y - layout.top];
  if (x < 0 && y >= 0 && y < layout.viewHeight) return pods[positionAt(layout, y + scroll.y)] ?? -1;
  // A slanted name leans to the right of its column: follow it down to the cells, from `y` < 0 to 0.
  const lean = layout.slant === 0 ? 0 : -y / Math.tan((layout.slant * Math.PI) / 180);
  const columnX = x - lean;
  if (y >= 0 || columnX < 0 || columnX >= layout.viewWidth) return -1;
  return pods[positionAt(layout, columnX + scroll.x)] ?? -1;
}

/** Resizes and clears a canvas, and returns its context scaled to CSS px. */
export function prepareCanvas(canvas: HTMLCanvasElement, size: Size, height: number): CanvasRenderingContext2D | null {
  const deviceWidth = Math.max(1, Math.round(size.width * size.dpr));
  const deviceHeight = Math.max(1, Math.round(height * size.dpr));
  if (canvas.width !== deviceWidth || canvas.height !== deviceHeight) {
    canvas.width = deviceWidth;
    canvas.height = deviceHeight;
    canvas.style.width = `${size.width}px`;
    canvas.style.height = `${height}px`;
  }
  const ctx = canvas.getContext('2d');
  ctx?.setTransform(1, 0, 0, 1, 0, 0);
  ctx?.clearRect(0, 0, deviceWidth, deviceHeight);
  ctx?.setTransform(size.dpr, 0, 0, size.dpr, 0, 0);
  return ctx;
}
