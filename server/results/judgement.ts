import { isNormalAgain, isSlow, type LinkChange, SUSPECT_RUN } from '../protocol/link-state.ts';
import type { Sample } from '../protocol/sample.ts';

/** What this pod believes about one link: which of its samples stands for it, and since when it has its state. */
export class LinkJudgement {
  /** The sample that stands for the link; null while there is none that can be trusted. */
  judged: Sample | null = null;
  /** The last sample, trustworthy or not; null before the first. */
  newest: Sample | null = null;
  /** When the last sample came in, monotonic; -1 before the first. */
  newestAtMs = -1;
  /** Since when the link has been ok, or has been failing in whatever way, monotonic; -1 before the first judgement. */
  sinceMs = -1;
  /** Since when its answers have been slow, monotonic; -1 while they are not. */
  slowSinceMs = -1;
  /** How many of the last samples in a row are suspect. */
  #suspectRun = 0;

  /**
   * Takes the next sample, at `nowMs` (monotonic). From `slowUs` on an answer is slow (SLOW_LINK). Returns the change of the
   * link's state, or null.
   *
   * A trustworthy sample stands for the link at once. A suspect one stands for it only as the last of SUSPECT_RUN in a row:
   * a shortage of CPU in our own process must turn a link neither failed nor slow, nor back. There is one exception: if
   * nothing is known yet, a suspect answer is believed, because an answer proves that the link works.
   */
  take(sample: Sample, nowMs: number, slowUs: number): Omit<LinkChange, 'target'> | null {
    const before = this.judged;
    this.newest = sample;
    this.newestAtMs = nowMs;
    this.#suspectRun = sample.suspect ? this.#suspectRun + 1 : 0;
    const isFirstAnswer = before === null && sample.outcome === 'ok';
    if (sample.suspect && this.#suspectRun < SUSPECT_RUN && !isFirstAnswer) return null;
    this.judged = sample;
    this.#updateSlow(sample, nowMs, slowUs);
    if (sample.outcome === before?.outcome) return null;
    const previousForMs = before === null ? 0 : nowMs - this.sinceMs;
    if (before === null || (before.outcome === 'ok') !== (sample.outcome === 'ok')) this.sinceMs = nowMs;
    return { from: before?.outcome ?? 'unknown', to: sample.outcome, sample, previousForMs };
  }

  #updateSlow({ outcome, totalUs }: Sample, nowMs: number, slowUs: number): void {
    if (outcome !== 'ok' || isNormalAgain(totalUs, slowUs)) this.slowSinceMs = -1;
    else if (isSlow(totalUs, slowUs) && this.slowSinceMs < 0) this.slowSinceMs = nowMs;
  }
}
