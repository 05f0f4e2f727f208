import { bisectLeft, bisectRight } from 'd3';
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
  const count = starts.length - 1;
  const first = Math.max(0, bisectRight(starts, scroll, 0, count) - 1);
  return [first, bisectLeft(starts, scroll + length, 0, count) - 1];
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
/** By rounding, a start at a whole pixel can be a little before or after it. */
const ROUNDING = 1e-9;

/** Paints a heatmap with more pods than pixels. Each pixel shows the worst of its links; almost all links are good. */
export function paintShared(pixels: Uint32Array, source: PaintSource, area: PaintArea, colours: CellColours): void {
  const { width, height, pods, starts } = area;
  const { n, state } = source;
  const palette = Uint32Array.from(BY_RANK, (code) => colours.fill[code] ?? 0);
  // By pod: its first line of pixels and the one after its last. By line: how many pods share it.
  const [top, bottom, sharing] = [new Int32Array(n), new Int32Array(n), new Int32Array(height)];
  for (const [row, pod] of pods.entries()) {
    const first = Math.floor((starts[row] ?? 0) + ROUNDING);
    const end = Math.min(height, Math.ceil((starts[row + 1] ?? 0) - ROUNDING));
    top[pod] = first;
    bottom[pod] = end;
    for (let y = first; y < end; y++) sharing[y] = (sharing[y] ?? 0) + 1;
  }
  // By pixel of a column: how many of its links are not good, and the worst of these.
  const [others, worst] = [new Int32Array(height), new Uint8Array(height)];
  const pitch = (starts[pods.length] ?? 0) / pods.length;
  // Column by column, because the links of one source are adjacent in memory.
  for (let x = 0; x < width; x++) {
    others.fill(0);
    worst.fill(0);
    const first = Math.floor(x / pitch + ROUNDING);
    const end = Math.min(pods.length, Math.ceil((x + 1) / pitch - ROUNDING));
    for (let column = first; column < end; column++) {
      const start = (pods[column] ?? 0) * n;
      for (let to = 0; to < n; to++) {
        const code = state[start + to] ?? GOOD;
        if (code === GOOD) continue;
        const rank = RANK[code] ?? 0;
        for (let y = top[to] ?? 0; y < (bottom[to] ?? 0); y++) {
          others[y] = (others[y] ?? 0) + 1;
          if (rank > (worst[y] ?? 0)) worst[y] = rank;
        }
      }
    }
    for (let y = 0; y < height; y++) {
      const hasGood = (others[y] ?? 0) < (end - first) * (sharing[y] ?? 0);
      const rank = worst[y] ?? 0;
      pixels[y * width + x] = palette[hasGood ? Math.max(GOOD_RANK, rank) : rank] ?? 0;
    }
  }
}
