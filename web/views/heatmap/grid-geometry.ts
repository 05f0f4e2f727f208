import { type HeatLayout, positionAt } from '../../pure/heat-layout.ts';
import { worstNear } from '../../pure/heat-moves.ts';
import type { Arrangement } from '../../pure/order.ts';
import type { Picture } from '../../pure/picture.ts';
import type { Size } from '../use-size.ts';
import type { Cell } from './scene.ts';

/** How far the mesh is scrolled, CSS px. */
export interface Scroll {
  x: number;
  y: number;
}

/** In a picture in which several pairs share a pixel, what the pointer finds within so many px. */
const REACH = 1.5;

/** Whether the mesh is larger than its view and moves in it. */
export function isScrolled({ scrollable, shared }: HeatLayout): boolean {
  return scrollable && !shared;
}

/** The scrolled area: as large as the picture, plus what of the mesh is out of view. */
export function sizerOf(layout: HeatLayout, size: Size, height: number): { width: number | string; height: number } {
  if (!isScrolled(layout)) return { width: '100%', height };
  return { width: size.width + layout.extent - layout.viewWidth, height: height + layout.extent - layout.viewHeight };
}

/** Where to scroll so that a cell at `start` is in a view of `room` px, with some of its neighbours. */
export function keepInView(scroll: number, start: number, pitch: number, room: number): number {
  const margin = Math.min(40, room / 4);
  if (start < scroll + margin) return Math.max(0, start - margin);
  return start + pitch > scroll + room - margin ? start + pitch - room + margin : scroll;
}

/** The pair at a point of the canvas (CSS px from its corner); where several share a pixel the one most worth seeing. */
export function cellAt(
  picture: Picture,
  arrangement: Arrangement,
  layout: HeatLayout,
  scroll: Scroll,
  point: { x: number; y: number },
): Cell | null {
  const { pods } = arrangement;
  const [x, y] = [point.x - layout.left, point.y - layout.top];
  if (pods.length === 0 || x < 0 || y < 0 || x >= layout.viewWidth || y >= layout.viewHeight) return null;
  const inside = { x: x + scroll.x, y: y + scroll.y };
  const place = layout.shared
    ? worstNear(picture, arrangement, layout, inside, REACH)
    : { column: positionAt(layout, inside.x), row: positionAt(layout, inside.y) };
  return place === null ? null : { from: pods[place.column] ?? 0, to: pods[place.row] ?? 0 };
}

/** Sizes a canvas, clears it and gives its context, which then counts in CSS px. */
export function prepareCanvas(canvas: HTMLCanvasElement, size: Size, height: number): CanvasRenderingContext2D | null {
  const width = Math.max(1, Math.round(size.width * size.dpr));
  const tall = Math.max(1, Math.round(height * size.dpr));
  if (canvas.width !== width || canvas.height !== tall) {
    canvas.width = width;
    canvas.height = tall;
    canvas.style.width = `${size.width}px`;
    canvas.style.height = `${height}px`;
  }
  const ctx = canvas.getContext('2d');
  ctx?.setTransform(1, 0, 0, 1, 0, 0);
  ctx?.clearRect(0, 0, width, tall);
  ctx?.setTransform(size.dpr, 0, 0, size.dpr, 0, 0);
  return ctx;
}
