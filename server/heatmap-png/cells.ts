import { LATENCY_STATES, latencyCode } from '../protocol/link-state.ts';
import { FLAG_NOT_YET, FLAG_SUSPECT, unpack16 } from '../protocol/links.ts';
import type { MergedReport, Mesh } from '../protocol/mesh.ts';
import { LETTER_PX } from './font.ts';
import type { Raster } from './png.ts';

/** The colours of the picture, light theme of the page. A picture has at most 16: four bits a pixel. */
const COLOURS = {
  surface: 0xffffff,
  text: 0x15202b,
  third: 0x5d6975,
  good: 0x84cfaa,
  fair: 0x43a67b,
  warning: 0xf5b82e,
  slow: 0xd5361c,
  failed: 0x5e0b24,
  notProbed: 0xeef1f4,
  edge: 0x7c8894,
  unknown: 0xd9dfe5,
  hatch: 0xaab4be,
  suspect: 0x6b4fc4,
  hairline: 0xd8dee4,
} as const;

/** The name of a colour. */
type Colour = keyof typeof COLOURS;

const NAMES = Object.keys(COLOURS) as Colour[];

/** The number of a colour in the picture. */
export const INK = Object.fromEntries(NAMES.map((name, i) => [name, i])) as Record<Colour, number>;

/** PNG's PLTE chunk: three bytes a colour. */
export const PALETTE: Uint8Array = Uint8Array.from(
  NAMES.flatMap((name) => [COLOURS[name] >> 16, (COLOURS[name] >> 8) & 255, COLOURS[name] & 255]),
);

/** Colour limits, ms: good up to t0, fair up to t1, warning up to t2, slow beyond. Goldpinger's parameters. */
export interface HeatmapLimits {
  t0Ms: number;
  t1Ms: number;
  t2Ms: number;
}

/** What a cell shows, the lesser first: where pairs share a pixel, the last of these is seen. */
export const CELL_STATES = ['not-probed', 'not-yet', 'good', 'fair', 'unknown', 'warning', 'slow', 'failed'] as const;

/** What a cell shows; see `CELL_STATES`. */
export type CellState = (typeof CELL_STATES)[number];

/** The cells of the picture. */
export interface Cells {
  /** The pods drawn: indexes in `Mesh.pods`, all that are not gone. */
  pods: number[];
  /** Cells on a side: as many as pods, or fewer where there are too many. */
  side: number;
  /** Index in `CELL_STATES` by `to * side + from`. */
  state: Uint8Array;
  /** 1 where the newest sample of the pair is suspect. */
  suspect: Uint8Array;
  /** Totals, us, NaN where there is none; only where there is room for figures, else empty. */
  totalUs: Float32Array;
}

const NOT_PROBED = CELL_STATES.indexOf('not-probed');
const UNKNOWN = CELL_STATES.indexOf('unknown');

/**
 * Cells for a matrix, at most `maxSide` a side, with figures up to `figuresUpTo` pods. Yields after each row, so that
 * the caller can give the event loop back; the result is the return value.
 */
export function* cellsOf(
  mesh: Pick<Mesh, 'pods' | 'reports'>,
  limits: HeatmapLimits,
  { maxSide, figuresUpTo }: { maxSide: number; figuresUpTo: number },
): Generator<void, Cells> {
  const pods = [...mesh.pods.keys()].filter((i) => mesh.pods[i]?.lifecycle !== 'gone');
  const side = Math.min(pods.length, maxSide);
  const cellOf = new Int32Array(mesh.pods.length).fill(-1);
  for (const [drawn, pod] of pods.entries()) cellOf[pod] = Math.floor((drawn * side) / pods.length);
  const figures = pods.length <= figuresUpTo;
  const cells: Cells = {
    pods,
    side,
    state: new Uint8Array(side * side).fill(NOT_PROBED),
    suspect: new Uint8Array(side * side),
    totalUs: new Float32Array(figures ? side * side : 0).fill(Number.NaN),
  };
  const rows = new Map(mesh.reports.map((row) => [row.pod, row]));
  for (const pod of pods) {
    const from = cellOf[pod] ?? 0;
    const row = rows.get(pod);
    if (row === undefined || row.missing !== '') {
      for (let to = 0; to < side; to++) raise(cells.state, to * side + from, UNKNOWN);
    } else {
      takeRow(cells, row, from, cellOf, limits);
    }
    yield;
  }
  return cells;
}

function takeRow(cells: Cells, { links }: MergedReport, from: number, cellOf: Int32Array, limits: HeatmapLimits): void {
  for (let i = 0; i < links.length; i++) {
    const to = cellOf[links.to[i] ?? 0] ?? -1;
    if (to === -1) continue;
    const cell = to * cells.side + from;
    const flags = links.flags[i] ?? 0;
    const us = unpack16(links.totalUs[i] ?? 0);
    const state = (flags & FLAG_NOT_YET) !== 0 ? 'not-yet' : stateOf(links.outcome[i] ?? 0, us, limits);
    raise(cells.state, cell, CELL_STATES.indexOf(state));
    if (state === 'not-yet') continue;
    if ((flags & FLAG_SUSPECT) !== 0) cells.suspect[cell] = 1;
    const other = cells.totalUs[cell];
    if (other !== undefined && us >= 0) cells.totalUs[cell] = Number.isNaN(other) ? us : Math.max(other, us);
  }
}

/** Outcome first, latency second. An answer without a time (from a Go pod) took less than a millisecond. */
function stateOf(outcome: number, us: number, { t0Ms, t1Ms, t2Ms }: HeatmapLimits): CellState {
  if (outcome !== 0) return 'failed';
  return LATENCY_STATES[latencyCode(us, { goodMs: t0Ms, warningMs: t1Ms, problemMs: t2Ms })] ?? 'slow';
}

function raise(states: Uint8Array, cell: number, state: number): void {
  if (state > (states[cell] ?? 0)) states[cell] = state;
}

/** One cell to draw. `figure` is '' where there is no room or nothing to say. */
interface DrawnCell {
  x: number;
  y: number;
  /** Width and height without the gap to the next. */
  px: number;
  state: CellState;
  suspect: boolean;
  figure: string;
}

/** From this size on (px) there is room for a mark, and for less than a mark but more than colour. */
const MARK_PX = 9;
const PATTERN_PX = 4;

const FILLS: Record<CellState, number> = {
  'not-probed': INK.notProbed,
  'not-yet': INK.notProbed,
  good: INK.good,
  fair: INK.fair,
  unknown: INK.unknown,
  warning: INK.warning,
  slow: INK.slow,
  failed: INK.failed,
};

/** Draws a cell: its colour, and what tells its state without colour where there is room. */
export function drawCell(raster: Raster, cell: DrawnCell): void {
  const { x, y, px, state, suspect, figure } = cell;
  raster.fill(x, y, px, px, FILLS[state]);
  if (px < PATTERN_PX) return;
  if (state === 'unknown') lattice(raster, cell, INK.hatch);
  else if (state === 'not-probed' || state === 'not-yet') drawNotProbed(raster, cell);
  else if (state === 'failed') drawFailed(raster, cell);
  else if (state === 'warning' && px >= MARK_PX) bars(raster, cell, 1, INK.text);
  else if (state === 'slow') bars(raster, cell, px >= MARK_PX ? 2 : 1, INK.surface);
  if (suspect && px >= PATTERN_PX) notch(raster, cell);
  if (figure !== '') {
    const ink = state === 'slow' || state === 'failed' ? INK.surface : INK.text;
    const width = figure.length * LETTER_PX - 1;
    raster.text(x + Math.floor((px - width) / 2), y + Math.floor(px / 2) - 6, figure, ink);
  }
}

/** Slanted lines, 4 px apart. */
function lattice(raster: Raster, { x, y, px }: DrawnCell, ink: number): void {
  for (let dy = 0; dy < px; dy++) {
    for (let dx = (4 - (dy % 4)) % 4; dx < px; dx += 4) raster.dot(x + dx, y + dy, ink);
  }
}

function drawNotProbed(raster: Raster, { x, y, px, state }: DrawnCell): void {
  const middle = Math.floor(px / 2);
  const size = px >= MARK_PX ? 2 : 1;
  raster.fill(x + middle - 1, y + middle - 1, size, size, INK.edge);
  if (state !== 'not-yet' || px < MARK_PX) return;
  for (const side of [-4, 4]) raster.fill(x + middle - 1 + side, y + middle - 1, size, size, INK.edge);
  for (let i = 0; i < px; i++) {
    if (i % 4 > 1) continue;
    for (const edge of [0, px - 1]) {
      raster.dot(x + i, y + edge, INK.edge);
      raster.dot(x + edge, y + i, INK.edge);
    }
  }
}

/** A cross; in small cells a thin lattice, so that they stay the darkest. */
function drawFailed(raster: Raster, cell: DrawnCell): void {
  const { x, y, px } = cell;
  if (px < MARK_PX) {
    lattice(raster, cell, INK.surface);
    return;
  }
  const inset = Math.ceil(px / 4);
  const thick = px >= 2 * MARK_PX ? 2 : 1;
  for (let i = inset; i < px - inset; i++) {
    raster.fill(x + i, y + i, thick, 1, INK.surface);
    raster.fill(x + px - 1 - i, y + i, thick, 1, INK.surface);
  }
}

/** Bars along the lower edge, or one across the middle of a small cell. */
function bars(raster: Raster, { x, y, px }: DrawnCell, count: number, ink: number): void {
  if (px < MARK_PX) {
    raster.fill(x, y + Math.floor(px / 2), px, 1, ink);
    return;
  }
  const inset = Math.max(2, Math.floor(px / 8));
  const thick = px >= 2 * MARK_PX ? 2 : 1;
  for (let i = 0; i < count; i++) {
    raster.fill(x + inset, y + px - inset - thick - i * 2 * thick, px - 2 * inset, thick, ink);
  }
}

/** The upper right corner cut off in the colour of suspicion. */
function notch(raster: Raster, { x, y, px }: DrawnCell): void {
  const size = Math.max(2, Math.floor(px / 4));
  for (let i = 0; i < size; i++) raster.fill(x + px - size + i, y + i, size - i, 1, INK.suspect);
}
