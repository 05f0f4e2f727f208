import { isNormalAgain, isSlow, SLOW_RUN, type SpeedChange } from '../protocol/link-state.ts';
import type { Sample } from '../protocol/sample.ts';

/**
 * Decides when one link becomes slow and when it is normal again, with the rules of `protocol/link-state.ts`: `SLOW_RUN`
 * samples in a row change its state. A failed sample that is believed ends the run, because a failing link is neither slow nor
 * normal. Other suspect samples that failed or are slow are skipped: they neither count nor end the run.
 */
export class LinkSpeed {
  /** Since when the link has been slow, monotonic: when the first sample of the run came in; -1 while it is not slow. */
  slowSinceMs = -1;
  /** The latencies of the last samples in a row that contradict the present state, and when the first of them came in. */
  #runUs: number[] = [];
  #runSinceMs = 0;

  /**
   * Adds a sample that is not to be skipped, which came in at `nowMs` (monotonic). Returns the change that it causes, or null.
   */
  add({ outcome, totalUs }: Sample, nowMs: number, slowUs: number): Omit<SpeedChange, 'target'> | null {
    const wasSlow = this.slowSinceMs >= 0;
    const contradicts = wasSlow ? isNormalAgain(totalUs, slowUs) : isSlow(totalUs, slowUs);
    if (outcome !== 'ok' || !contradicts) {
      if (this.#runUs.length > 0) this.#runUs = [];
      return null;
    }
    if (this.#runUs.length === 0) this.#runSinceMs = nowMs;
    this.#runUs.push(totalUs);
    if (this.#runUs.length < SLOW_RUN) return null;
    const medianUs = this.#runUs.sort((a, b) => a - b)[(SLOW_RUN - 1) >> 1] ?? totalUs;
    this.#runUs = [];
    this.slowSinceMs = wasSlow ? -1 : this.#runSinceMs;
    return { isSlow: !wasSlow, sinceMs: this.#runSinceMs, totalUs: medianUs };
  }
}
