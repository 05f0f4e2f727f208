import { isNormalAgain, isSlow, SLOW_RUN } from '../protocol/link-state.ts';
import type { Sample } from '../protocol/sample.ts';

/** A link has become slow or normal. */
interface SpeedChange {
  kind: 'link-slow' | 'link-normal';
  /** When the first sample of the run arrived, monotonic. */
  sinceMs: number;
  /** The median latency of the run. */
  totalUs: number;
}

/** The present state of a link, and the samples in a row that contradict it. */
interface Run {
  isSlow: boolean;
  /** When the first of these samples arrived, monotonic. */
  sinceMs: number;
  totalsUs: number[];
}

/**
 * Decides when a link becomes slow and when it is normal again, with the rules of `protocol/link-state.ts`: `SLOW_RUN`
 * samples in a row change its state. A suspect sample is ignored. A failed sample ends the run, because a failing link is
 * neither slow nor normal.
 */
export class LinkSpeeds {
  readonly #slowUs: number;
  readonly #runs = new Map<string, Run>();

  /** `slowMs`: SLOW_LINK. */
  constructor(slowMs: number) {
    this.#slowUs = slowMs * 1000;
  }

  /** Adds a sample of a link, which arrived at `nowMs` (monotonic). Gives the change that it causes, or null. */
  add(targetId: string, { suspect, outcome, totalUs }: Sample, nowMs: number): SpeedChange | null {
    if (suspect) return null;
    const run = this.#runs.get(targetId) ?? { isSlow: false, sinceMs: 0, totalsUs: [] };
    this.#runs.set(targetId, run);
    const contradicts = run.isSlow ? isNormalAgain(totalUs, this.#slowUs) : isSlow(totalUs, this.#slowUs);
    if (outcome !== 'ok' || !contradicts) {
      run.totalsUs = [];
      return null;
    }
    if (run.totalsUs.length === 0) run.sinceMs = nowMs;
    run.totalsUs.push(totalUs);
    if (run.totalsUs.length < SLOW_RUN) return null;
    const sortedUs = run.totalsUs.sort((a, b) => a - b);
    run.isSlow = !run.isSlow;
    run.totalsUs = [];
    const medianUs = sortedUs[(SLOW_RUN - 1) >> 1] ?? totalUs;
    return { kind: run.isSlow ? 'link-slow' : 'link-normal', sinceMs: run.sinceMs, totalUs: medianUs };
  }

  /** Forgets all links except these. */
  keepOnly(targetIds: ReadonlySet<string>): void {
    for (const id of this.#runs.keys()) if (!targetIds.has(id)) this.#runs.delete(id);
  }
}
