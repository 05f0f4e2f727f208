import { unpack16 } from '../../contract/bytes16.ts';
import { FLAG_NOT_YET, FLAG_SUSPECT } from '../../contract/links.ts';
import type { Mesh, MeshRow } from '../../contract/mesh.ts';

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
  mesh: Pick<Mesh, 'pods' | 'rows'>,
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
  const rows = new Map(mesh.rows.map((row) => [row.pod, row]));
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

function takeRow(cells: Cells, { links }: MeshRow, from: number, cellOf: Int32Array, limits: HeatmapLimits): void {
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
  const ms = us / 1000;
  if (ms > t2Ms) return 'slow';
  if (ms > t1Ms) return 'warning';
  return ms > t0Ms ? 'fair' : 'good';
}

function raise(states: Uint8Array, cell: number, state: number): void {
  if (state > (states[cell] ?? 0)) states[cell] = state;
}
