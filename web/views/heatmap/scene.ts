import type { Token } from '../../components/canvas.ts';
import type { GroupBy } from '../../model/address.ts';
import type { AxisStates } from '../../model/axis-states.ts';
import type { CellColours } from '../../model/heat-colours.ts';
import type { HeatLayout, Rect } from '../../model/heat-layout.ts';
import type { Picture } from '../../model/mesh-view.ts';
import type { Arrangement } from '../../model/order.ts';

/** Everything that a frame of the heatmap shows, except pointer and selection. */
export interface Scene {
  /** With the state `HIDDEN` for links that the filter hides. */
  picture: Picture;
  axisStates: AxisStates;
  arrangement: Arrangement;
  layout: HeatLayout;
  /** Grouping of the axes. */
  group: GroupBy;
  colours: CellColours;
  token: Token;
  /** Device px per CSS px. */
  dpr: number;
  /** Scroll offset, CSS px. */
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
