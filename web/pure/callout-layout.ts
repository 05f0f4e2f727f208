import type { Callout } from './callouts.ts';
import type { HeatLayout } from './heat-layout.ts';
import { spread } from './label-layout.ts';

/** A callout with its place right of the matrix. CSS px from the canvas' corner. */
export interface PlacedCallout {
  callout: Callout;
  /** Where its words begin. */
  x: number;
  /** The middle of its first line. */
  y: number;
  /** The line from the row or column to the words. */
  leader: [x: number, y: number][];
  /** The rows that it embraces; null for one row or a column. */
  bracket: { x: number; from: number; to: number } | null;
}

/** Room that callouts need right of the matrix, CSS px. */
export const CALLOUT_WIDTH = 250;
/** Room that the lines of columns need below it. */
export const CALLOUT_FOOT = 26;
/** The least from one callout to the next. */
const LEAST_GAP = 36;
const LINE = 18;

/** How high a callout's words are. */
function heightOf({ lines }: Callout, action: boolean): number {
  return 20 + lines.length * LINE + (action ? LINE + 4 : 0);
}

/**
 * Places callouts beside their rows, moved apart where they would touch; those of columns come last and lead down and
 * around. `low` and `high` bound the words, `action`: each has a line for its button.
 */
export function placeCallouts(
  callouts: readonly Callout[],
  layout: HeatLayout,
  scroll: { x: number; y: number },
  bounds: { low: number; high: number; action: boolean },
): PlacedCallout[] {
  const right = layout.left + layout.viewWidth;
  const bottom = layout.top + layout.viewHeight;
  const rows = callouts.filter(({ axis }) => axis === 'row');
  const columns = callouts.filter(({ axis }) => axis === 'column').sort((a, b) => b.first - a.first);
  const ordered = [...rows, ...columns];
  const spans = ordered.map((callout) => spanOf(callout, layout, scroll));
  const gap = Math.max(LEAST_GAP, ...ordered.map((callout) => heightOf(callout, bounds.action) + 10));
  const wanted = ordered.map((callout, i) => (callout.axis === 'row' ? (spans[i]?.middle ?? 0) : bottom + 12));
  const last = ordered.at(-1);
  const high = Math.max(bounds.low, bounds.high - (last === undefined ? 0 : heightOf(last, bounds.action) - 10));
  const ys = spread(wanted, gap, bounds.low, high);
  return ordered.map((callout, i) => {
    const y = ys[i] ?? 0;
    const span = spans[i] ?? { from: 0, to: 0, middle: 0 };
    const x = right + 46;
    const end: [number, number][] = [
      [right + 32, y],
      [x - 6, y],
    ];
    if (callout.axis === 'row') {
      const many = callout.last > callout.first;
      const start: [number, number][] = [
        [right + (many ? 14 : 8), span.middle],
        [right + 18, span.middle],
      ];
      const bracket = many ? { x: right + 8, from: span.from, to: span.to } : null;
      return { callout, x, y, leader: [...start, ...end], bracket };
    }
    const level = bottom + 8 + (i - rows.length) * 6;
    const around: [number, number][] = [
      [span.middle, bottom + 3],
      [span.middle, level],
      [right + 20, level],
    ];
    return { callout, x, y, leader: [...around, ...end], bracket: null };
  });
}

/** Where the rows or columns of a callout are on the canvas, kept within what is visible. */
function spanOf({ axis, first, last }: Callout, layout: HeatLayout, scroll: { x: number; y: number }) {
  const offset = axis === 'row' ? layout.top - scroll.y : layout.left - scroll.x;
  const [low, length] = axis === 'row' ? [layout.top, layout.viewHeight] : [layout.left, layout.viewWidth];
  const within = (at: number) => Math.min(Math.max(at, low), low + length);
  const from = within(offset + (layout.starts[first] ?? 0));
  const to = within(offset + (layout.starts[last] ?? 0) + layout.pitch - layout.gap);
  return { from, to, middle: (from + to) / 2 };
}
