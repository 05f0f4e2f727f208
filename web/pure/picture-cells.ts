import { unpack16 } from '../../server/protocol/links.ts';
import type { MergedReport } from '../../server/protocol/mesh.ts';
import type { Lifecycle } from '../../server/protocol/pod.ts';
import { codeOf, LINK_STATES } from './link-state.ts';
import { fillMeasured } from './measured-cells.ts';
import type { PictureOptions } from './picture.ts';

/** How many states there are: the width of a pod's entry in a tally. */
export const STATES = LINK_STATES.length;

/** What is drawn of every pair (from, to), at index `from * n + to`, and what it comes to by pod. */
export interface PictureCells {
  /** Number of pods, gone ones included. */
  n: number;
  /** Index in `LINK_STATES` of every pair. */
  state: Uint8Array;
  /** As `state`, but what lies beneath `suspect`: the state that the figure alone would have. */
  base: Uint8Array;
  /** The chosen figure, us; NaN where there is none. */
  valueUs: Float32Array;
  /** Entry of the pair in the links of its row, -1 without one; the worse where both IP families are probed. */
  link: Int32Array;
  /** Pairs into and out of each pod by state, its link to itself included: `into[pod * STATES + code]`. */
  into: Uint32Array;
  outOf: Uint32Array;
  /** The pair to look at first: failed for the longest time, else the slowest; -1 without any. */
  worst: number;
}

const GOOD = codeOf('good');
const SLOW = codeOf('slow');
const FAILED = codeOf('failed');
const NOT_PROBED = codeOf('not-probed');
const NOT_YET = codeOf('not-yet');
const UNKNOWN = codeOf('unknown');
const GONE = codeOf('gone');

/**
 * Works out the cells of a mesh row by row: each is done when it comes, so that little is left to do when the last one
 * has. Outcome first, latency second.
 */
export class CellsBuilder {
  readonly #options: PictureOptions;
  #lifecycles: readonly Lifecycle[] = [];
  /** Pods that are gone or starting. */
  #special: number[] = [];
  #cells: PictureCells = blankCells(0);
  #areTaken = false;
  /** By pod: its pair that has failed for the longest time and for how long, and its slowest pair and how slow it is. */
  #failedTo = new Int32Array(0);
  #failedMs = new Float64Array(0);
  #slowestTo = new Int32Array(0);
  #slowestUs = new Float32Array(0);
  #before = new Uint8Array(0);

  constructor(options: PictureOptions) {
    this.#options = options;
  }

  /**
   * Begins anew if these are other pods or in other stages of life, or if the cells have been taken; true if so, then
   * every pod has to be put in before they are taken.
   */
  begin(lifecycles: readonly Lifecycle[]): boolean {
    const known = this.#lifecycles;
    const isKnown = known.length === lifecycles.length && known.every((stage, i) => stage === lifecycles[i]);
    if (isKnown && !this.#areTaken) return false;
    const n = lifecycles.length;
    this.#areTaken = false;
    this.#lifecycles = [...lifecycles];
    this.#special = lifecycles.flatMap((stage, i) => (stage === 'gone' || stage === 'starting' ? [i] : []));
    this.#cells = blankCells(n);
    this.#failedTo = new Int32Array(n);
    this.#failedMs = new Float64Array(n);
    this.#slowestTo = new Int32Array(n);
    this.#slowestUs = new Float32Array(n);
    this.#before = new Uint8Array(n);
    return true;
  }

  /** Puts a pod's row in; undefined = it has none. O(n). */
  put(from: number, report: MergedReport | undefined): void {
    const { n, state, link, valueUs } = this.#cells;
    const start = from * n;
    this.#before.set(state.subarray(start, start + n));
    link.fill(-1, start, start + n);
    valueUs.fill(Number.NaN, start, start + n);
    this.#fillUnmeasured(from, report);
    if (report !== undefined) fillMeasured(this.#cells, from, report, this.#options);
    this.#count(from, report);
  }

  /**
   * The cells, which are the caller's from now on: at a thousand pods they are 10 MB, and to copy them would keep the
   * picture waiting. All pods have to be put in again for the next ones, but that is done while its rows come in.
   */
  take(): PictureCells {
    this.#areTaken = true;
    return { ...this.#cells, worst: this.#worst() };
  }

  /** What pairs from one pod are before any of its links is looked at. */
  #fillUnmeasured(from: number, row: MergedReport | undefined): void {
    const { n, state, base } = this.#cells;
    const start = from * n;
    const lifecycle = this.#lifecycles[from];
    const silent = row === undefined || row.missing !== '';
    const blank = lifecycle === 'gone' ? GONE : lifecycle === 'starting' ? NOT_YET : silent ? UNKNOWN : NOT_PROBED;
    state.fill(blank, start, start + n);
    if (blank !== GONE)
      for (const to of this.#special) state[start + to] = this.#lifecycles[to] === 'gone' ? GONE : NOT_YET;
    base.set(state.subarray(start, start + n), start);
  }

  /** Counts the row's pairs by state, takes away what they were before, and finds its worst. */
  #count(from: number, row: MergedReport | undefined): void {
    const { n, state, valueUs, link, into, outOf } = this.#cells;
    const before = this.#before;
    const start = from * n;
    const own = from * STATES;
    outOf.fill(0, own, own + STATES);
    let [failedTo, failedMs, slowestTo, slowestUs] = [-1, -1, -1, -1];
    for (let to = 0; to < n; to++) {
      const code = state[start + to] ?? 0;
      const old = before[to] ?? 0;
      outOf[own + code] = (outOf[own + code] ?? 0) + 1;
      if (code !== old) {
        const at = to * STATES;
        into[at + old] = (into[at + old] ?? 0) - 1;
        into[at + code] = (into[at + code] ?? 0) + 1;
      }
      if (code === FAILED) {
        const forMs = unpack16(row?.links.sinceMs[link[start + to] ?? -1] ?? 0);
        if (forMs > failedMs) [failedTo, failedMs] = [to, forMs];
      } else if (code <= SLOW) {
        const us = valueUs[start + to] ?? 0;
        if (us > slowestUs) [slowestTo, slowestUs] = [to, us];
      }
    }
    this.#failedTo[from] = failedTo;
    this.#failedMs[from] = failedMs;
    this.#slowestTo[from] = slowestTo;
    this.#slowestUs[from] = slowestUs;
  }

  #worst(): number {
    return pairOfMost(this.#failedTo, this.#failedMs) ?? pairOfMost(this.#slowestTo, this.#slowestUs) ?? -1;
  }
}

/** The pair of the highest rank by pod, the first of equals; null where no pod has one. */
function pairOfMost(tos: Int32Array, ranks: Float64Array | Float32Array): number | null {
  let best: number | null = null;
  let most = -1;
  for (let from = 0; from < tos.length; from++) {
    const to = tos[from] ?? -1;
    if (to < 0 || (ranks[from] ?? -1) <= most) continue;
    most = ranks[from] ?? -1;
    best = from * tos.length + to;
  }
  return best;
}

/** All pairs good, as nothing is good that nobody has put in: `put` sets every one. */
function blankCells(n: number): PictureCells {
  const into = new Uint32Array(n * STATES);
  for (let pod = 0; pod < n; pod++) into[pod * STATES + GOOD] = n;
  return {
    n,
    state: new Uint8Array(n * n),
    base: new Uint8Array(n * n),
    valueUs: new Float32Array(n * n),
    link: new Int32Array(n * n),
    into,
    outOf: new Uint32Array(n * STATES),
    worst: -1,
  };
}
