import type { Token } from '../../components/canvas.ts';
import type { Size } from '../../components/use-size.ts';
import type { GroupBy } from '../../model/address.ts';
import type { AxisStates } from '../../model/axis-states.ts';
import { type Place, worstNear } from '../../model/grid-moves.ts';
import type { CellColours } from '../../model/heat-colours.ts';
import { type HeatLayout, positionAt, type Rect } from '../../model/heat-layout.ts';
import type { Picture } from '../../model/mesh-view.ts';
import type { Arrangement } from '../../model/order.ts';

/** Everything that a frame of the heatmap shows, except pointer and selection. */
export interface Scene {
  /** With the state `HIDDEN` for links that the filter hides. */
  picture: Picture;
  axisStates: AxisStates;
  arrangement: Arrangement;
  layout: HeatLayout;
  group: GroupBy;
  colours: CellColours;
  token: Token;
  dpr: number;
  scrollX: number;
  scrollY: number;
}

/** A link by indexes in `Picture.pods`. */
export interface Cell {
  from: number;
  to: number;
}

/** The place of a cell on the canvas, CSS px; null if one of its pods is filtered out. */
export function cellRect(
  { layout, arrangement, scrollX, scrollY }: Pick<Scene, 'layout' | 'arrangement' | 'scrollX' | 'scrollY'>,
  { from, to }: Cell,
): Rect | null {
  const column = arrangement.positionOf[from] ?? -1;
  const row = arrangement.positionOf[to] ?? -1;
  if (column < 0 || row < 0) return null;
  const size = Math.max(layout.shared ? 1 : 0, layout.pitch - layout.gap);
  const x = layout.left - scrollX + (layout.starts[column] ?? 0);
  const y = layout.top - scrollY + (layout.starts[row] ?? 0);
  return { x, y, width: size, height: size };
}

export interface Scroll {
  x: number;
  y: number;
}

/** If several links share a pixel, the pointer finds the worst within this distance, px. */
const REACH = 1.5;

export function isScrolled({ scrollable, shared }: HeatLayout): boolean {
  return scrollable && !shared;
}

/** Size of the content that gives the scroll bars their length: the view plus what of the cells is hidden. */
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
