import { isNormalAgain, isSlow, SLOW_RUN, type SpeedChange } from '../protocol/link-state.ts';
import type { Sample } from '../protocol/sample.ts';

/**
 * Decides when one link becomes slow and when it is normal again, with the rules of `protocol/link-state.ts`: `SLOW_RUN`
 * samples in a row, none of them suspect and slow, change its state. A failed sample ends the run, because a failing link is
 * neither slow nor normal.
 */
export class LinkSpeed {
  /** Since when the link has been slow, monotonic: when the first sample of the run came in; -1 while it is not slow. */
  slowSinceMs = -1;
  /** The latencies of the last samples in a row that contradict the present state, and when the first of them came in. */
  #runUs: number[] = [];
  #runSinceMs = 0;

  /**
   * Adds a sample, which came in at `nowMs` (monotonic) and is not suspect, or is fast all the same. Returns the change that
   * it causes, or null.
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
