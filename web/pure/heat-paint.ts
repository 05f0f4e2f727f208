import type { CellColours } from './heat-colours.ts';
import { codeOf, LINK_STATES } from './link-state.ts';

/** The states to paint. The link (from, to) has index `from * n + to`. */
export interface PaintSource {
  n: number;
  state: Uint8Array;
  base: Uint8Array;
}

/** The area to paint. All lengths are device px. */
export interface PaintArea {
  width: number;
  height: number;
  /** Scroll offset. */
  scrollX: number;
  scrollY: number;
  /** Start of each position relative to the first cell, plus the end of the last one. */
  starts: Float64Array;
  /** Size of a cell without the gap. */
  cell: number;
  /** Pod index by position. */
  pods: Int32Array;
  /** Device px per CSS px, at least 1. */
  unit: number;
}

const [SLOW, FAILED, NOT_PROBED, NOT_YET] = [codeOf('slow'), codeOf('failed'), codeOf('not-probed'), codeOf('not-yet')];
const [UNKNOWN, SUSPECT] = [codeOf('unknown'), codeOf('suspect')];

/** Minimum size of a cell with a pattern, CSS px. */
const PATTERN_FROM = 4;

/** Which states have a pattern, by index in `LINK_STATES`. */
const HAS_PATTERN = Uint8Array.from({ length: LINK_STATES.length }, (_, code) =>
  [SLOW, FAILED, NOT_PROBED, NOT_YET, UNKNOWN, SUSPECT].includes(code) ? 1 : 0,
);

/** Paints cells of whole pixels into `pixels` (`width * height`), with patterns if cells have at least 4 CSS px. */
export function paintCells(pixels: Uint32Array, source: PaintSource, area: PaintArea, colours: CellColours): void {
  pixels.fill(colours.paper);
  const [firstRow, lastRow] = visible(area.starts, area.scrollY, area.height);
  const [firstColumn, lastColumn] = visible(area.starts, area.scrollX, area.width);
  const patterned = area.cell >= PATTERN_FROM * area.unit;
  for (let row = firstRow; row <= lastRow; row++) {
    const top = Math.round(area.starts[row] ?? 0) - area.scrollY;
    const y0 = Math.max(0, top);
    const y1 = Math.min(area.height, top + area.cell);
    if (y1 <= y0) continue;
    paintLine(pixels, source, area, colours, row, firstColumn, lastColumn, y0);
    const line = y0 * area.width;
    for (let y = y0 + 1; y < y1; y++) pixels.copyWithin(y * area.width, line, line + area.width);
    if (patterned) paintPatterns(pixels, source, area, colours, row, firstColumn, lastColumn);
  }
}

/** The first and last position that is visible in `scroll .. scroll + length`. */
function visible(starts: Float64Array, scroll: number, length: number): [first: number, last: number] {
  let first = 0;
  while (first < starts.length - 2 && (starts[first + 1] ?? 0) <= scroll) first++;
  let last = first;
  while (last < starts.length - 2 && (starts[last + 1] ?? 0) < scroll + length) last++;
  return starts.length < 2 ? [0, -1] : [first, last];
}

/** Paints one pixel line of a row of cells, without patterns. */
function paintLine(
  pixels: Uint32Array,
  { n, state, base }: PaintSource,
  { width, scrollX, starts, cell, pods, unit }: PaintArea,
  { fill }: CellColours,
  row: number,
  first: number,
  last: number,
  y: number,
): void {
  const to = pods[row] ?? 0;
  const patterned = cell >= PATTERN_FROM * unit;
  for (let column = first; column <= last; column++) {
    const pair = (pods[column] ?? 0) * n + to;
    const code = state[pair] ?? 0;
    // An unreliable cell shows its base colour only if it has room for stripes; otherwise it would look reliable.
    const colour = fill[code === SUSPECT && patterned ? (base[pair] ?? code) : code] ?? 0;
    const left = Math.round(starts[column] ?? 0) - scrollX;
    const x1 = Math.min(width, left + cell);
    for (let x = Math.max(0, left); x < x1; x++) pixels[y * width + x] = colour;
  }
}

function paintPatterns(
  pixels: Uint32Array,
  { n, state, base }: PaintSource,
  area: PaintArea,
  { ink }: CellColours,
  row: number,
  first: number,
  last: number,
): void {
  const { width, height, scrollX, scrollY, starts, cell, pods, unit } = area;
  const to = pods[row] ?? 0;
  const top = Math.round(starts[row] ?? 0);
  for (let column = first; column <= last; column++) {
    const pair = (pods[column] ?? 0) * n + to;
    const code = state[pair] ?? 0;
    if (HAS_PATTERN[code] !== 1) continue;
    const left = Math.round(starts[column] ?? 0);
    // The stripes of an unreliable cell have the ink of its base state, which is visible on its fill.
    const colour = ink[code === SUSPECT ? (base[pair] ?? code) : code] ?? 0;
    for (let y = Math.max(0, scrollY - top); y < cell && top + y - scrollY < height; y++) {
      const line = (top + y - scrollY) * width - scrollX;
      for (let x = Math.max(0, scrollX - left); x < cell && left + x - scrollX < width; x++) {
        if (isInk(code, x, y, left + x, top + y, cell, unit)) pixels[line + left + x] = colour;
      }
    }
  }
}

/**
 * Whether a pixel belongs to the pattern of a state. `x`, `y` are relative to the cell; `gx`, `gy` to the first cell, so
 * that hatching continues across cells. `unit`: device px per CSS px.
 */
export function isInk(code: number, x: number, y: number, gx: number, gy: number, cell: number, unit: number): boolean {
  if (code === SLOW) {
    const start = (cell - unit) >> 1;
    return y >= start && y < start + unit;
  }
  if (code === FAILED) {
    const period = 4 * unit;
    return (gx + gy) % period < unit || modulo(gx - gy, period) < unit;
  }
  if (code === UNKNOWN) return (gx + gy) % (4 * unit) < 1.5 * unit;
  if (code === SUSPECT) return (gx + gy) % (4 * unit) < unit;
  if (code !== NOT_PROBED && code !== NOT_YET) return false;
  const side = cell >= 8 * unit ? 2 * unit : unit;
  const start = (cell - side) >> 1;
  return x >= start && x < start + side && y >= start && y < start + side;
}

function modulo(value: number, period: number): number {
  return ((value % period) + period) % period;
}
