import type { HeatLayout } from './heat-layout.ts';
import { SEVERITY } from './links.ts';
import type { Picture } from './mesh-view.ts';
import type { Arrangement } from './order.ts';

/** A cell by its positions on the axes. */
export interface Place {
  column: number;
  row: number;
}

/** By how many columns and rows a key moves. */
const STEPS = new Map<string, [columns: number, rows: number]>([
  ['ArrowLeft', [-1, 0]],
  ['ArrowRight', [1, 0]],
  ['ArrowUp', [0, -1]],
  ['ArrowDown', [0, 1]],
  ['PageUp', [0, -10]],
  ['PageDown', [0, 10]],
  ['Home', [Number.NEGATIVE_INFINITY, 0]],
  ['End', [Number.POSITIVE_INFINITY, 0]],
]);

/** The cell that a key moves to from `place` among `count` x `count` cells (see Help); null = another key. */
export function moved({ column, row }: Place, key: string, ctrl: boolean, count: number): Place | null {
  const step = STEPS.get(key);
  if (step === undefined) return null;
  const [columns, rows] = step;
  const isEnd = !Number.isFinite(columns);
  const within = (at: number) => Math.max(0, Math.min(count - 1, at));
  return { column: within(column + columns), row: within(row + (ctrl && isEnd ? columns : rows)) };
}

/** The next cell after `place` for which `isWanted` is true, row by row, cyclic, among `count` x `count` cells. */
export function nextWhere(count: number, place: Place, isWanted: (at: Place) => boolean): Place | null {
  const start = place.row * count + place.column;
  for (let step = 1; step <= count * count; step++) {
    const index = (start + step) % (count * count);
    const at = { column: index % count, row: Math.floor(index / count) };
    if (isWanted(at)) return at;
  }
  return null;
}

/** The most severe cell within `reach` px of a point; the nearest one among equals. */
export function worstNear(
  picture: Picture,
  { pods }: Arrangement,
  { starts }: HeatLayout,
  point: { x: number; y: number },
  reach: number,
): Place | null {
  const columns = within(starts, point.x, reach);
  const rows = within(starts, point.y, reach);
  let best: Place | null = null;
  let most = -1;
  for (const row of rows) {
    for (const column of columns) {
      const pair = (pods[column] ?? 0) * picture.n + (pods[row] ?? 0);
      const away = Math.abs((starts[column] ?? 0) - point.x) + Math.abs((starts[row] ?? 0) - point.y);
      const worth = (SEVERITY[picture.state[pair] ?? 0] ?? 0) - away / 1000;
      if (worth <= most) continue;
      most = worth;
      best = { column, row };
    }
  }
  return best;
}

function within(starts: Float64Array, offset: number, reach: number): number[] {
  const found: number[] = [];
  for (let i = 0; i < starts.length - 1; i++) {
    if ((starts[i + 1] ?? 0) > offset - reach && (starts[i] ?? 0) < offset + reach) found.push(i);
  }
  return found;
}
