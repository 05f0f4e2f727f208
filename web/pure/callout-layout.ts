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
export const CALLOUT_WIDTH = 290;
/** From the matrix to the words. */
export const CALLOUT_INDENT = 46;
/** The widest that words get. */
export const MOST_CALLOUT = 340;
/** Room that the lines of columns need below it. */
export const CALLOUT_FOOT = 20;
/** The least from one callout to the next. */
const LEAST_GAP = 36;
const LINE = 18;

/** About the width of a letter, on the wide side of system fonts. */
const LETTER = 7.4;

/** How high a callout's words are when they are `width` px wide. */
function heightOf({ title, lines }: Callout, width: number, action: boolean): number {
  const wrapped = (text: string, letter: number) =>
    Math.max(1, Math.ceil((text.length * letter) / Math.max(80, width)));
  const rows = lines.reduce((sum, line) => sum + wrapped(line, LETTER), 0);
  return wrapped(title, LETTER * 1.2) * 20 + rows * LINE + (action ? LINE + 4 : 0);
}

/**
 * Places callouts beside their rows, moved apart where they would touch; those of columns come last and lead down and
 * around. `low` and `high` bound the words, which are `width` px wide; `action`: each has a line for its button.
 */
export function placeCallouts(
  callouts: readonly Callout[],
  layout: HeatLayout,
  scroll: { x: number; y: number },
  bounds: { low: number; high: number; width: number; action: boolean },
): PlacedCallout[] {
  const right = layout.left + layout.viewWidth;
  const bottom = layout.top + layout.viewHeight;
  const rows = callouts.filter(({ axis }) => axis === 'row');
  const columns = callouts.filter(({ axis }) => axis === 'column').sort((a, b) => b.first - a.first);
  const ordered = [...rows, ...columns];
  const spans = ordered.map((callout) => spanOf(callout, layout, scroll));
  const gap = Math.max(LEAST_GAP, ...ordered.map((callout) => heightOf(callout, bounds.width, bounds.action) + 10));
  const wanted = ordered.map((callout, i) => (callout.axis === 'row' ? (spans[i]?.middle ?? 0) : bottom + 12));
  const last = ordered.at(-1);
  const high = Math.max(
    bounds.low,
    bounds.high - (last === undefined ? 0 : heightOf(last, bounds.width, bounds.action) - 10),
  );
  const ys = spread(wanted, gap, bounds.low, high);
  return ordered.map((callout, i) => {
    const y = ys[i] ?? 0;
    const span = spans[i] ?? { from: 0, to: 0, middle: 0, inView: false };
    const x = right + CALLOUT_INDENT;
    if (!span.inView) return { callout, x, y, leader: [], bracket: null };
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
  return { from, to, middle: (from + to) / 2, inView: to > low && from < low + length };
}
