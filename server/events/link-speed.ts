import { isNormalAgain, isSlow, SLOW_RUN } from '../protocol/link-state.ts';
import type { Sample } from '../protocol/sample.ts';

/** A link has become slow or normal. */
interface SpeedChange {
  to: 'slow' | 'normal';
  /** When the first sample of the run arrived, monotonic. */
  sinceMs: number;
  /** The median latency of the run. */
  totalUs: number;
}

/** Samples in a row that contradict the present state of a link. */
interface Run {
  isSlow: boolean;
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
  /** Only links that are slow, or for which a run has begun. */
  readonly #runs = new Map<string, Run>();

  /** `slowMs`: SLOW_LINK. */
  constructor(slowMs: number) {
    this.#slowUs = slowMs * 1000;
  }

  /** Adds a sample of a link, which arrived at `nowMs` (monotonic). Gives the change that it causes, or null. */
  add(targetId: string, { suspect, outcome, totalUs }: Sample, nowMs: number): SpeedChange | null {
    if (suspect) return null;
    const run = this.#runs.get(targetId) ?? { isSlow: false, sinceMs: nowMs, totalsUs: [] };
    const contradicts = run.isSlow ? isNormalAgain(totalUs, this.#slowUs) : isSlow(totalUs, this.#slowUs);
    if (outcome !== 'ok' || !contradicts) {
      if (run.isSlow) run.totalsUs = [];
      else this.#runs.delete(targetId);
      return null;
    }
    if (run.totalsUs.length === 0) run.sinceMs = nowMs;
    run.totalsUs.push(totalUs);
    this.#runs.set(targetId, run);
    if (run.totalsUs.length < SLOW_RUN) return null;
    const { sinceMs } = run;
    const sortedUs = run.totalsUs.sort((a, b) => a - b);
    if (run.isSlow) this.#runs.delete(targetId);
    else this.#runs.set(targetId, { isSlow: true, sinceMs, totalsUs: [] });
    return { to: run.isSlow ? 'normal' : 'slow', sinceMs, totalUs: sortedUs[(SLOW_RUN - 1) >> 1] ?? totalUs };
  }

  /** Forgets all links except these. */
  keepOnly(targetIds: ReadonlySet<string>): void {
    for (const id of this.#runs.keys()) if (!targetIds.has(id)) this.#runs.delete(id);
  }
}
