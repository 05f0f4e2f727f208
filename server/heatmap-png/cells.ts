import { setImmediate as nextTurn } from 'node:timers/promises';
import { LATENCY_STATES, latencyCode, type Thresholds } from '../protocol/link-state.ts';
import { FLAG_NOT_YET, FLAG_SUSPECT, unpack16 } from '../protocol/links.ts';
import type { MergedReport, Mesh } from '../protocol/mesh.ts';
import { LETTER_PX } from './font.ts';
import type { Raster } from './png.ts';

/** The colours of the heatmap: the light theme of the page. At most 16, because a pixel has four bits. */
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

type Colour = keyof typeof COLOURS;

const NAMES = Object.keys(COLOURS) as Colour[];

/** The number of each colour in the palette. */
export const INK = Object.fromEntries(NAMES.map((name, i) => [name, i])) as Record<Colour, number>;

/** PNG's PLTE chunk: three bytes per colour. */
export const PALETTE: Uint8Array = Uint8Array.from(
  NAMES.flatMap((name) => [COLOURS[name] >> 16, (COLOURS[name] >> 8) & 255, COLOURS[name] & 255]),
);

/** What a cell shows. If several links share a cell, it shows the last of these states. */
export const CELL_STATES = ['not-probed', 'not-yet', 'good', 'fair', 'unknown', 'warning', 'slow', 'failed'] as const;

/** What a cell shows; see `CELL_STATES`. */
export type CellState = (typeof CELL_STATES)[number];

/** The part of a mesh that is drawn. */
export type DrawnMesh = Pick<Mesh, 'pods' | 'reports' | 'atMs' | 'settings'>;

/** The cells of the heatmap. */
export interface Cells {
  /** The pods that are drawn: indexes in `Mesh.pods` of all that are not gone. */
  pods: number[];
  /** Cells per side: one per pod, or fewer if there are more pods than `maxSide`. */
  side: number;
  /** Index in `CELL_STATES`, by `to * side + from`. */
  state: Uint8Array;
  /** 1 if the newest sample of the link is suspect. */
  suspect: Uint8Array;
  /** Totals in us, NaN if there is none; empty if cells have no room for numbers. */
  totalUs: Float32Array;
}

/** The most cells per side; of more pods several share a cell. */
export const MAX_SIDE = 2_000;
/** The most pods whose cells are large enough for a number. */
const MAX_PODS_WITH_NUMBERS = 34;
/** The number of links and cells that are handled before the event loop gets a turn: well below a millisecond of work. */
export const CELLS_PER_SLICE = 5_000;

/** Finds what each cell shows. Gives the event loop a turn every CELLS_PER_SLICE links. */
export async function collectCells(mesh: DrawnMesh, limits: Thresholds, maxSide = MAX_SIDE): Promise<Cells> {
  const pods = [...mesh.pods.keys()].filter((i) => mesh.pods[i]?.lifecycle !== 'gone');
  const side = Math.min(pods.length, maxSide);
  const placeOf = new Int32Array(mesh.pods.length).fill(-1);
  for (const [i, pod] of pods.entries()) placeOf[pod] = Math.floor((i * side) / pods.length);
  const cells: Cells = {
    pods,
    side,
    state: new Uint8Array(side * side).fill(CELL_STATES.indexOf('not-probed')),
    suspect: new Uint8Array(side * side),
    totalUs: new Float32Array(pods.length <= MAX_PODS_WITH_NUMBERS ? side * side : 0).fill(Number.NaN),
  };
  const reports = new Map(mesh.reports.map((report) => [report.pod, report]));
  const reportsPerSlice = Math.max(1, Math.floor(CELLS_PER_SLICE / Math.max(1, mesh.pods.length)));
  for (const [i, pod] of pods.entries()) {
    if (i % reportsPerSlice === reportsPerSlice - 1) await nextTurn();
    const from = placeOf[pod] ?? 0;
    const report = reports.get(pod);
    if (report !== undefined && report.missing === '') addReport(cells, report, from, placeOf, limits);
    else for (let to = 0; to < side; to++) raise(cells, to * side + from, 'unknown');
  }
  return cells;
}

function addReport(cells: Cells, { links }: MergedReport, from: number, placeOf: Int32Array, limits: Thresholds): void {
  for (let i = 0; i < links.length; i++) {
    const to = placeOf[links.to[i] ?? 0] ?? -1;
    if (to === -1) continue;
    const cell = to * cells.side + from;
    const flags = links.flags[i] ?? 0;
    const us = unpack16(links.totalUs[i] ?? 0);
    if ((flags & FLAG_NOT_YET) !== 0) {
      raise(cells, cell, 'not-yet');
      continue;
    }
    raise(cells, cell, links.outcome[i] === 0 ? stateOfLatency(us, limits) : 'failed');
    if ((flags & FLAG_SUSPECT) !== 0) cells.suspect[cell] = 1;
    const other = cells.totalUs[cell];
    if (other !== undefined && us >= 0) cells.totalUs[cell] = Number.isNaN(other) ? us : Math.max(other, us);
  }
}

/** An answer without a total (of a Goldpinger pod, which counts whole milliseconds) took less than a millisecond. */
function stateOfLatency(us: number, limits: Thresholds): CellState {
  return LATENCY_STATES[latencyCode(us, limits)] ?? 'slow';
}

function raise({ state }: Cells, cell: number, name: CellState): void {
  state[cell] = Math.max(state[cell] ?? 0, CELL_STATES.indexOf(name));
}

/** A cell to draw. `number` is '' if there is no room for it or no number. */
interface DrawnCell {
  x: number;
  y: number;
  /** Width and height, without the gap to the next cell. */
  px: number;
  state: CellState;
  suspect: boolean;
  number: string;
}

/** From these sizes on, in px, a cell has room for a mark, and for a pattern. */
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

/** Draws a cell: its colour, and if there is room a mark or pattern that tells its state without colour. */
export function drawCell(raster: Raster, cell: DrawnCell): void {
  const { x, y, px, state, suspect, number } = cell;
  raster.fill(x, y, px, px, FILLS[state]);
  if (px < PATTERN_PX) return;
  if (state === 'unknown') lattice(raster, cell, INK.hatch);
  else if (state === 'not-probed' || state === 'not-yet') drawNotProbed(raster, cell);
  else if (state === 'failed') drawFailed(raster, cell);
  else if (state === 'warning' && px >= MARK_PX) bars(raster, cell, 1, INK.text);
  else if (state === 'slow') bars(raster, cell, px >= MARK_PX ? 2 : 1, INK.surface);
  if (suspect) notch(raster, cell);
  if (number !== '') {
    const ink = state === 'slow' || state === 'failed' ? INK.surface : INK.text;
    const width = number.length * LETTER_PX - 1;
    raster.text(x + Math.floor((px - width) / 2), y + Math.floor(px / 2) - 6, number, ink);
  }
}

/** Draws slanted lines, 4 px apart. */
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

/** Draws a cross; in small cells a thin lattice, so that they stay the darkest ones. */
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

/** Draws bars along the lower edge, or one bar across the middle of a small cell. */
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

/** Draws the upper right corner in the colour for suspect. */
function notch(raster: Raster, { x, y, px }: DrawnCell): void {
  const size = Math.max(2, Math.floor(px / 4));
  for (let i = 0; i < size; i++) raster.fill(x + px - size + i, y + i, size - i, 1, INK.suspect);
}
