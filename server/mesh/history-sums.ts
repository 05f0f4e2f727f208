import { LATENCY_BINS_US, type RowHistory } from '../contract/history.ts';

/** The steps of a history, by our clock at `askedMs`. */
export interface Grid {
  fromMs: number;
  stepMs: number;
  count: number;
  askedMs: number;
}

/** What stays of a row's history once it is in the sums: since when the pod remembers, ms since the epoch by our clock. */
export interface KnownSince {
  knownMs: number;
}

/**
 * The histories of all rows, added up as each comes in: those of 1000 pods at once, of 360 steps, would be 69 MiB. The
 * largest is 14 000 numbers, which take well under a millisecond.
 */
export class HistorySums {
  readonly links: number[];
  readonly failed: number[];
  /** By step the pods that remember it. */
  readonly rows: number[];
  readonly byLatency: number[][];
  /** The coarsest of all. */
  resolutionMs = 0;
  readonly #grid: Grid;

  constructor(grid: Grid) {
    this.#grid = grid;
    const zeros = () => new Array<number>(grid.count).fill(0);
    [this.links, this.failed, this.rows] = [zeros(), zeros(), zeros()];
    this.byLatency = this.links.map(() => new Array<number>(LATENCY_BINS_US.length + 1).fill(0));
  }

  /** Adds the history of one row; its ages count from `atMs`, which may be seconds after the first was asked. */
  take(history: RowHistory, atMs: number): KnownSince {
    const { links, failed, rows, byLatency } = this;
    const { fromMs, stepMs, count, askedMs } = this.#grid;
    const shift = Math.round((atMs - askedMs) / stepMs);
    const knownMs = atMs - history.knownAgeMs;
    for (let step = 0; step < count; step++) {
      if (knownMs <= fromMs + (step + 0.5) * stepMs) rows[step] = (rows[step] ?? 0) + 1;
      const from = step - shift;
      links[step] = (links[step] ?? 0) + (history.links[from] ?? 0);
      failed[step] = (failed[step] ?? 0) + (history.failed[from] ?? 0);
      addAll(byLatency[step], history.byLatency[from]);
    }
    this.resolutionMs = Math.max(this.resolutionMs, history.resolutionMs);
    return { knownMs };
  }
}

function addAll(sums: number[] | undefined, more: readonly number[] | undefined): void {
  if (sums === undefined || more === undefined) return;
  for (let i = 0; i < sums.length; i++) sums[i] = (sums[i] ?? 0) + (more[i] ?? 0);
}
