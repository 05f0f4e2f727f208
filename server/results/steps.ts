import type { TimeRange } from '../runtime/time-range.ts';
import type { History, LinkRecord } from './history.ts';
import { Statistics } from './statistics.ts';

/** A time range of monotonic time, divided into `count` steps of `stepMs`; the last step may be shorter. */
export interface Steps extends TimeRange {
  stepMs: number;
  count: number;
}

/** Receives the statistics of one step. They are valid during the call only, because their memory is used again. */
type StepVisitor = (step: number, statistics: Statistics) => void;

/** Sums up what is stored of a link by steps. Uses the same working memory for one link after another. */
export class StepStatistics {
  readonly #history: History;
  readonly #statistics = new Statistics();
  #step = -1;

  constructor(history: History) {
    this.#history = history;
  }

  /**
   * Calls `visitor` once for each step that has samples, newest first: made of samples where all samples of the step are
   * still kept, else of buckets. A bucket that is wider than the steps is part of all steps that it covers if
   * `repeatsBuckets`, else of the last of them only, so that the counts of all steps add up. `nowMs` is taken as the end of
   * a bucket whose period is not over. Returns the largest width of the buckets that were used, 0 if none were.
   */
  visit(record: LinkRecord, steps: Steps, nowMs: number, repeatsBuckets: boolean, visitor: StepVisitor): number {
    const { fromMs, toMs, stepMs, count } = steps;
    const firstOfSamples = firstStepOfSamples(this.#history.samplesSinceMs(record), steps);
    const samplesFromMs = fromMs + firstOfSamples * stepMs;
    let resolutionMs = 0;
    this.#step = count;
    if (firstOfSamples < count) {
      const sinceMs = firstOfSamples === 0 ? fromMs : this.#endOfBuckets(record, samplesFromMs);
      this.#history.visitSamples(record, sinceMs, toMs, (code, atMs, connect16, firstByte16, total16) => {
        this.#enter(Math.min(count - 1, Math.floor((atMs - fromMs) / stepMs)), visitor);
        this.#statistics.addSample(code, connect16, firstByte16, total16);
        return true;
      });
    }
    if (firstOfSamples > 0) {
      this.#history.visitBuckets(record, fromMs, (chunk, i, startMs, endMs) => {
        if (startMs >= samplesFromMs || startMs >= toMs) return true;
        const [first, last] = stepsOfPeriod(steps, startMs, Math.min(endMs, Math.max(nowMs, startMs + 1)));
        const newest = Math.min(last, firstOfSamples - 1, this.#step);
        if (newest < 0) return true;
        resolutionMs = Math.max(resolutionMs, chunk.widthMs);
        const oldest = repeatsBuckets ? Math.min(newest, Math.max(first, 0)) : newest;
        for (let step = newest; step >= oldest; step--) {
          this.#enter(step, visitor);
          this.#statistics.addBucket(chunk, i);
        }
        return true;
      });
    }
    this.#enter(-1, visitor);
    return resolutionMs;
  }

  /** Ends the current step if another one begins. */
  #enter(step: number, visitor: StepVisitor): void {
    if (step === this.#step) return;
    if (!this.#statistics.isEmpty) visitor(this.#step, this.#statistics);
    this.#statistics.clear();
    this.#step = step;
  }

  /** When the last bucket ends that began before `beforeMs`. Samples up to that time are part of the bucket. */
  #endOfBuckets(record: LinkRecord, beforeMs: number): number {
    let lastEndMs = beforeMs;
    this.#history.visitBuckets(record, beforeMs, (_chunk, _i, startMs, endMs) => {
      if (startMs < beforeMs) lastEndMs = endMs;
      return true;
    });
    return lastEndMs;
  }
}

/** The first step of which all samples are kept, if they are kept from `sinceMs` on; `count` if there is none. */
function firstStepOfSamples(sinceMs: number, { fromMs, stepMs, count }: Steps): number {
  if (sinceMs < fromMs) return 0;
  return Math.min(count, Math.floor((sinceMs - fromMs) / stepMs) + 1);
}

/** The steps to which a period belongs: the step of its middle, or all steps whose middle it covers. */
function stepsOfPeriod({ fromMs, stepMs }: Steps, startMs: number, endMs: number): [first: number, last: number] {
  const middle = Math.floor(((startMs + endMs) / 2 - fromMs) / stepMs);
  if (endMs - startMs <= stepMs) return [middle, middle];
  const first = Math.ceil((startMs - fromMs) / stepMs - 0.5);
  const last = Math.ceil((endMs - fromMs) / stepMs - 0.5) - 1;
  return [Math.min(first, middle), Math.max(last, middle)];
}
