import { isNormalAgain, isSlow, SLOW_RUN } from '../protocol/link-state.ts';
import type { Sample } from '../protocol/sample.ts';

/** A link has become slow or normal, with the first sample of the run that says so. */
interface SpeedChange {
  to: 'slow' | 'normal';
  /** When the first sample of the run came in, monotonic. */
  sinceMs: number;
  /** The median of the run. */
  totalUs: number;
}

interface Run {
  isSlow: boolean;
  sinceMs: number;
  /** Latencies of the samples in a report that speak against `isSlow`. */
  totalsUs: number[];
}

/**
 * Which links are slow. Slow: three samples in a report at or above the limit; normal again: three in a report below 0.8 of
 * it. A suspect sample says nothing; a failed one ends the run, as a failing link is neither.
 */
export class LinkSpeeds {
  readonly #slowUs: number;
  /** Only of links that are slow or on their way to change. */
  readonly #runs = new Map<string, Run>();

  constructor(slowMs: number) {
    this.#slowUs = slowMs * 1000;
  }

  /** Takes one more sample of a link; gives the change that it brings, else null. */
  take(targetId: string, sample: Sample, nowMs: number): SpeedChange | null {
    if (sample.suspect) return null;
    const run = this.#runs.get(targetId) ?? { isSlow: false, sinceMs: nowMs, totalsUs: [] };
    const { totalUs, outcome } = sample;
    const speaksAgainst = run.isSlow ? isNormalAgain(totalUs, this.#slowUs) : isSlow(totalUs, this.#slowUs);
    if (outcome !== 'ok' || !speaksAgainst) {
      if (run.isSlow) run.totalsUs = [];
      else this.#runs.delete(targetId);
      return null;
    }
    if (run.totalsUs.length === 0) run.sinceMs = nowMs;
    run.totalsUs.push(totalUs);
    this.#runs.set(targetId, run);
    return run.totalsUs.length < SLOW_RUN ? null : this.#turn(targetId, run);
  }

  /** Forgets every link that is no longer probed. */
  keepOnly(targetIds: ReadonlySet<string>): void {
    for (const id of this.#runs.keys()) if (!targetIds.has(id)) this.#runs.delete(id);
  }

  #turn(targetId: string, run: Run): SpeedChange {
    const [, median = 0] = run.totalsUs.sort((a, b) => a - b);
    if (run.isSlow) this.#runs.delete(targetId);
    else this.#runs.set(targetId, { isSlow: true, sinceMs: run.sinceMs, totalsUs: [] });
    return { to: run.isSlow ? 'normal' : 'slow', sinceMs: run.sinceMs, totalUs: median };
  }
}
