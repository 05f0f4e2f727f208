import type { CellColours } from '../../model/heat-colours.ts';
import { HIDDEN } from '../../model/link-filter.ts';
import { BY_SEVERITY, codeOf, LINK_STATES, SEVERITY } from '../../model/links.ts';

/** The states to paint, `HIDDEN` included. The link (from, to) has index `from * n + to`. */
export interface PaintSource {
  n: number;
  state: Uint8Array;
  /** 1 = unreliable. */
  unreliable: Uint8Array;
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
const UNKNOWN = codeOf('unknown');

/** Minimum size of a cell with a pattern, CSS px. */
const PATTERN_FROM = 4;
/** Side of the notch of an unreliable cell, as a share of the cell. */
const NOTCH = 0.4;

/** Which states have a pattern, by index in `LINK_STATES`. */
const HAS_PATTERN = Uint8Array.from({ length: LINK_STATES.length }, (_, code) =>
  [SLOW, FAILED, NOT_PROBED, NOT_YET, UNKNOWN].includes(code) ? 1 : 0,
);

/** Paints cells of whole pixels into `pixels` (`width * height`), with patterns if cells have at least 4 CSS px. */
export function paintCells(pixels: Uint32Array, source: PaintSource, area: PaintArea, colours: CellColours): void {
  const { n, state, unreliable } = source;
  const { width, height, scrollX, scrollY, starts, cell, pods, unit } = area;
  const { fill, ink, notch } = colours;
  pixels.fill(colours.paper);
  const [firstRow, lastRow] = visible(starts, scrollY, height);
  const [firstColumn, lastColumn] = visible(starts, scrollX, width);
  for (let row = firstRow; row <= lastRow; row++) {
    const to = pods[row] ?? 0;
    const top = Math.round(starts[row] ?? 0);
    const y0 = Math.max(0, top - scrollY);
    const y1 = Math.min(height, top - scrollY + cell);
    if (y1 <= y0) continue;
    // One line without patterns, which is copied to the others.
    for (let column = firstColumn; column <= lastColumn; column++) {
      const colour = fill[state[(pods[column] ?? 0) * n + to] ?? 0] ?? 0;
      const left = Math.round(starts[column] ?? 0) - scrollX;
      const x1 = Math.min(width, left + cell);
      for (let x = Math.max(0, left); x < x1; x++) pixels[y0 * width + x] = colour;
    }
    for (let y = y0 + 1; y < y1; y++) pixels.copyWithin(y * width, y0 * width, (y0 + 1) * width);
    if (cell < PATTERN_FROM * unit) continue;
    for (let column = firstColumn; column <= lastColumn; column++) {
      const pair = (pods[column] ?? 0) * n + to;
      const code = state[pair] ?? 0;
      const isUnreliable = unreliable[pair] === 1;
      if (HAS_PATTERN[code] !== 1 && !isUnreliable) continue;
      const left = Math.round(starts[column] ?? 0);
      const colour = ink[code] ?? 0;
      const side = isUnreliable ? Math.max(2 * unit, cell * NOTCH) : 0;
      for (let y = Math.max(0, scrollY - top); y < cell && top + y - scrollY < height; y++) {
        const line = (top + y - scrollY) * width - scrollX;
        for (let x = Math.max(0, scrollX - left); x < cell && left + x - scrollX < width; x++) {
          if (x + y < side) pixels[line + left + x] = notch;
          else if (isInk(code, x, y, left + x, top + y, cell, unit)) pixels[line + left + x] = colour;
        }
      }
    }
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
  if (code !== NOT_PROBED && code !== NOT_YET) return false;
  const side = cell >= 8 * unit ? 2 * unit : unit;
  const start = (cell - side) >> 1;
  return x >= start && x < start + side && y >= start && y < start + side;
}

function modulo(value: number, period: number): number {
  return ((value % period) + period) % period;
}

const GOOD = codeOf('good');
/** `SEVERITY` and its inverse with `HIDDEN` below all states. */
const RANK = Uint8Array.from([...SEVERITY, -1], (severity) => severity + 1);
const BY_RANK = Uint8Array.from([HIDDEN, ...BY_SEVERITY]);
const GOOD_RANK = RANK[GOOD] ?? 0;

/**
 * Paints a heatmap with more pods than pixels. Each pixel shows the worst of its links. Almost all links of a large mesh
 * are good, so everything is first painted as good, and then only the other links are visited.
 */
export function paintShared(pixels: Uint32Array, source: PaintSource, area: PaintArea, colours: CellColours): void {
  const { width, height, pods, starts } = area;
  const { n, state } = source;
  const total = starts[pods.length] ?? 0;
  const columns = ranges(width, pods.length, total);
  const rows = ranges(height, pods.length, total);
  const lines = linesOf(rows, height, pods, n);
  const palette = Uint32Array.from(BY_RANK, (code) => colours.fill[code] ?? 0);
  const pixelColumn = new PixelColumn(height);
  pixels.fill(colours.fill[GOOD] ?? 0);
  // Reads four states at once, to skip good links quickly.
  const words = state.byteOffset % 4 === 0 ? new Uint32Array(state.buffer, state.byteOffset, state.length >> 2) : [];
  // Column by column, because the links of one source are adjacent in memory.
  for (let x = 0; x < width; x++) {
    const [first = 0, end = 0] = [columns[x], columns[width + x]];
    for (let column = first; column < end; column++) {
      const start = (pods[column] ?? 0) * n;
      const stop = start + n;
      for (let pair = start; pair < stop; pair++) {
        if ((pair & 3) === 0 && words[pair >> 2] === 0 && pair + 4 <= stop) {
          pair += 3;
          continue;
        }
        const code = state[pair] ?? GOOD;
        if (code === GOOD) continue;
        const to = pair - start;
        const after = lines[n + to] ?? 0;
        for (let y = lines[to] ?? 0; y < after; y++) pixelColumn.add(y, RANK[code] ?? 0);
      }
    }
    pixelColumn.paint(pixels, x, width, palette, (y) => (end - first) * ((rows[height + y] ?? 0) - (rows[y] ?? 0)));
  }
}

/** The links that are not good in one column of pixels. */
class PixelColumn {
  readonly #ys: Int32Array;
  /** By pixel: whether a link was added; the highest rank; how many links are below good, and their highest rank. */
  readonly #isMet: Uint8Array;
  readonly #worst: Uint8Array;
  readonly #low: Uint32Array;
  readonly #lowMost: Uint8Array;
  #count = 0;

  constructor(height: number) {
    this.#ys = new Int32Array(height);
    this.#isMet = new Uint8Array(height);
    this.#worst = new Uint8Array(height);
    this.#low = new Uint32Array(height);
    this.#lowMost = new Uint8Array(height);
  }

  add(y: number, rank: number): void {
    if (this.#isMet[y] === 0) {
      this.#isMet[y] = 1;
      this.#ys[this.#count++] = y;
      this.#worst[y] = GOOD_RANK;
      this.#low[y] = 0;
      this.#lowMost[y] = 0;
    }
    if (rank > (this.#worst[y] ?? 0)) this.#worst[y] = rank;
    if (rank > GOOD_RANK) return;
    this.#low[y] = (this.#low[y] ?? 0) + 1;
    if (rank > (this.#lowMost[y] ?? 0)) this.#lowMost[y] = rank;
  }

  /** Paints the column at `x` and clears it. `pairsAt`: the number of links that share a pixel. */
  paint(pixels: Uint32Array, x: number, width: number, palette: Uint32Array, pairsAt: (y: number) => number): void {
    for (let i = 0; i < this.#count; i++) {
      const y = this.#ys[i] ?? 0;
      this.#isMet[y] = 0;
      const rank = (this.#low[y] === pairsAt(y) ? this.#lowMost[y] : this.#worst[y]) ?? 0;
      pixels[y * width + x] = palette[rank] ?? 0;
    }
    this.#count = 0;
  }
}

/** For each of `n` pods the first of its pixel lines, and (at `n + pod`) the end of its lines; 0, 0 if it has none. */
function linesOf(rows: Int32Array, height: number, pods: Int32Array, n: number): Int32Array {
  const lines = new Int32Array(2 * n);
  for (let y = 0; y < height; y++) {
    for (let row = rows[y] ?? 0; row < (rows[height + y] ?? 0); row++) {
      const pod = pods[row] ?? 0;
      if (lines[n + pod] === 0) lines[pod] = y;
      lines[n + pod] = y + 1;
    }
  }
  return lines;
}

/** For each of `length` pixels the first of its positions, and (at `length + pixel`) the end of its positions. */
function ranges(length: number, count: number, total: number): Int32Array {
  const result = new Int32Array(2 * length);
  for (let pixel = 0; pixel < length; pixel++) {
    const first = Math.min(count - 1, Math.floor((pixel / total) * count + 1e-9));
    const end = Math.ceil(((pixel + 1) / total) * count - 1e-9);
    result[pixel] = first;
    result[length + pixel] = Math.min(count, Math.max(first + 1, end));
  }
  return result;
}
