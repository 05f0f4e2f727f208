import { LATENCY_STATES, latencyCode, type Thresholds } from '../protocol/link-state.ts';
import { FLAG_NOT_YET, FLAG_SUSPECT, unpack16 } from '../protocol/links.ts';
import type { MergedReport, Mesh } from '../protocol/mesh.ts';
import { realClock } from '../runtime/clock.ts';
import { TimeSlice } from '../runtime/concurrency.ts';

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
} as const;

type Colour = keyof typeof COLOURS;

const NAMES = Object.keys(COLOURS) as Colour[];

/** The number of each colour in the palette. */
export const INK = Object.fromEntries(NAMES.map((name, i) => [name, i])) as Record<Colour, number>;

/** PNG's PLTE chunk: three bytes per colour. */
export const PALETTE: Uint8Array = Uint8Array.from(
  NAMES.flatMap((name) => [COLOURS[name] >> 16, (COLOURS[name] >> 8) & 255, COLOURS[name] & 255]),
);

/** The states that a cell can show, and their colours. Of two links (IPv4 and IPv6) it shows the state that comes later here. */
const FILLS = {
  'not-probed': INK.notProbed,
  'not-yet': INK.notProbed,
  good: INK.good,
  fair: INK.fair,
  unknown: INK.unknown,
  warning: INK.warning,
  slow: INK.slow,
  failed: INK.failed,
};

export type CellState = keyof typeof FILLS;
export const CELL_STATES = Object.keys(FILLS) as CellState[];

/** The part of a mesh that is drawn. */
export type DrawnMesh = Pick<Mesh, 'pods' | 'reports' | 'atMs' | 'settings'>;

/** The cells of the heatmap. */
export interface Cells {
  /** The pods that are drawn: indexes in `Mesh.pods` of those that are not gone. */
  pods: number[];
  /** How many pods are not drawn, because there are more than MAX_PODS. */
  left: number;
  /** Index in `CELL_STATES`, by `to * pods.length + from`. */
  state: Uint8Array;
  /** 1 if the newest sample of the link is suspect. */
  suspect: Uint8Array;
  /** Totals in us, NaN if there is none; empty if cells have no room for numbers. */
  totalUs: Float32Array;
}

/** The most pods that are drawn, so that the image has a bounded size. */
export const MAX_PODS = 2_000;

/** Width and height of all cells together, px, unless they are too few or too many for it. */
const PLOT_PX = 1200;
/** The largest cell, and the smallest with room for a number of four characters, px. */
const MAX_CELL_PX = 40;
const MIN_NUMBER_PX = 34;

/** The distance from one cell to the next, px, if `pods` pods are drawn. */
export function cellPxOf(pods: number): number {
  return Math.max(1, Math.min(MAX_CELL_PX, Math.floor(PLOT_PX / pods)));
}

/** Finds what each cell shows. Works in slices of 1 ms. */
export async function collectCells(mesh: DrawnMesh, limits: Thresholds): Promise<Cells> {
  const present = [...mesh.pods.keys()].filter((i) => mesh.pods[i]?.lifecycle !== 'gone');
  const pods = present.slice(0, MAX_PODS);
  const side = pods.length;
  const placeOf = new Int32Array(mesh.pods.length).fill(-1);
  for (const [i, pod] of pods.entries()) placeOf[pod] = i;
  const cells: Cells = {
    pods,
    left: present.length - side,
    state: new Uint8Array(side * side).fill(CELL_STATES.indexOf('not-probed')),
    suspect: new Uint8Array(side * side),
    totalUs: new Float32Array(cellPxOf(side) >= MIN_NUMBER_PX ? side * side : 0).fill(Number.NaN),
  };
  const reports = new Map(mesh.reports.map((report) => [report.pod, report]));
  const slice = new TimeSlice(realClock);
  for (const [from, pod] of pods.entries()) {
    if (slice.isOver()) await slice.next();
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
    const cell = to * cells.pods.length + from;
    const flags = links.flags[i] ?? 0;
    const us = unpack16(links.totalUs[i] ?? 0);
    if ((flags & FLAG_NOT_YET) !== 0) {
      raise(cells, cell, 'not-yet');
      continue;
    }
    // An answer without a total (of a Goldpinger pod, which counts whole milliseconds) took less than a millisecond.
    const state = links.outcome[i] === 0 ? (LATENCY_STATES[latencyCode(us, limits)] ?? 'slow') : 'failed';
    raise(cells, cell, state);
    if ((flags & FLAG_SUSPECT) !== 0) cells.suspect[cell] = 1;
    const other = cells.totalUs[cell];
    if (other !== undefined && us >= 0) cells.totalUs[cell] = Number.isNaN(other) ? us : Math.max(other, us);
  }
}

function raise({ state }: Cells, cell: number, name: CellState): void {
  state[cell] = Math.max(state[cell] ?? 0, CELL_STATES.indexOf(name));
}

/** From these sizes on, in px, a cell has room for a mark, and for a pattern. */
const MARK_PX = 9;
const PATTERN_PX = 4;

/**
 * The pixels of a cell of `px` by `px`, row by row: its colour, and if there is room a mark or pattern that tells its state
 * without colour, and a corner in the colour for suspect.
 */
export function cellPixels(state: CellState, suspect: boolean, px: number): Uint8Array {
  const pixels = new Uint8Array(px * px).fill(FILLS[state]);
  if (px < PATTERN_PX) return pixels;
  const corner = px - Math.max(2, Math.floor(px / 4));
  for (let y = 0; y < px; y++) {
    for (let x = 0; x < px; x++) {
      const ink = suspect && x - y >= corner ? INK.suspect : markAt(state, x, y, px);
      if (ink !== null) pixels[y * px + x] = ink;
    }
  }
  return pixels;
}

/** The ink of a state's mark at one pixel of a cell; null where the mark leaves the cell's colour. */
function markAt(state: CellState, x: number, y: number, px: number): number | null {
  const hasRoom = px >= MARK_PX;
  if (state === 'unknown') return isLattice(x, y) ? INK.hatch : null;
  if (state === 'not-probed') return isDot(x, y, px) ? INK.edge : null;
  if (state === 'not-yet') {
    const places = hasRoom ? [x - 4, x, x + 4] : [x];
    return places.some((place) => isDot(place, y, px)) ? INK.edge : null;
  }
  // In small cells a thin lattice, so that they stay the darkest ones.
  if (state === 'failed') return (hasRoom ? isCross(x, y, px) : isLattice(x, y)) ? INK.surface : null;
  if (state === 'warning') return hasRoom && isBar(x, y, px, 1) ? INK.text : null;
  if (state === 'slow') return (hasRoom ? isBar(x, y, px, 2) : y === Math.floor(px / 2)) ? INK.surface : null;
  return null;
}

/** Slanted lines, 4 px apart. */
function isLattice(x: number, y: number): boolean {
  return (x + y) % 4 === 0;
}

function isDot(x: number, y: number, px: number): boolean {
  const start = Math.floor(px / 2) - 1;
  const size = px >= MARK_PX ? 2 : 1;
  return x >= start && x < start + size && y >= start && y < start + size;
}

function isCross(x: number, y: number, px: number): boolean {
  const inset = Math.ceil(px / 4);
  const isOn = (distance: number) => distance >= 0 && distance < thicknessOf(px);
  return y >= inset && y < px - inset && (isOn(x - y) || isOn(x + y + 1 - px));
}

/** `count` bars along the lower edge. */
function isBar(x: number, y: number, px: number, count: number): boolean {
  const inset = Math.max(2, Math.floor(px / 8));
  const stripe = Math.floor((px - inset - 1 - y) / thicknessOf(px));
  return x >= inset && x < px - inset && stripe >= 0 && stripe < 2 * count && stripe % 2 === 0;
}

function thicknessOf(px: number): number {
  return px >= 2 * MARK_PX ? 2 : 1;
}
