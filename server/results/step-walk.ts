import type { Chunk } from './bucket-log.ts';
import type { History } from './history.ts';
import type { Ring, Rings } from './rings.ts';
import type { Kept, Stretch } from './stretch.ts';

/** A stretch of monotonic time in steps of one length; the last one may be shorter. */
export interface Steps extends Stretch {
  stepMs: number;
  count: number;
}

/** What is done with what lies in the steps, newest first. */
export interface StepVisitor {
  /** A sample of step `step`; the other arguments as in `SampleVisit` of rings.ts. */
  sample(step: number, code: number, connect16: number, firstByte16: number, total16: number): void;
  /** Bucket `i` of `chunk`, which shows in the steps `first` to `last`: in several if it is longer than they are. */
  bucket(first: number, last: number, chunk: Chunk, i: number): void;
}

/**
 * Walks through the past of a link by steps, newest first: by samples in the steps of which they are all still here, by
 * buckets before; no sample is met twice. Gives the length of the longest bucket met, 0 without one.
 */
export class StepWalk {
  readonly #rings: Rings;
  readonly #history: History;

  constructor(rings: Rings, history: History) {
    this.#rings = rings;
    this.#history = history;
  }

  /** `nowMs` is where a bucket ends that still takes samples. */
  walk(kept: Kept, steps: Steps, nowMs: number, visitor: StepVisitor): number {
    const { ring, track } = kept;
    const first = ring === null ? steps.count : firstOfSamples(ring, steps);
    if (ring !== null && first > 0) this.#history.settle(track, ring);
    if (ring !== null && first < steps.count)
      this.#samples(ring, this.#endOfBuckets(kept, steps, first), steps, visitor);
    if (first === 0) return 0;
    const beforeMs = steps.fromMs + first * steps.stepMs;
    let resolutionMs = 0;
    this.#history.visit(track, steps.fromMs, (chunk, i, startMs, endMs) => {
      if (startMs >= beforeMs) return;
      const [from, to] = placeOf(steps, startMs, Math.min(endMs, Math.max(nowMs, startMs + 1)));
      const last = Math.min(to, first - 1);
      if (last < 0 || startMs >= steps.toMs) return;
      resolutionMs = Math.max(resolutionMs, chunk.widthMs);
      visitor.bucket(Math.min(Math.max(from, 0), last), last, chunk, i);
    });
    return resolutionMs;
  }

  /** When the last bucket ends that is shown: one that reaches into the steps of samples has the samples up to there. */
  #endOfBuckets({ track }: Kept, { fromMs, stepMs }: Steps, first: number): number {
    const beforeMs = fromMs + first * stepMs;
    let lastMs = beforeMs;
    if (first === 0) return lastMs;
    this.#history.visit(track, beforeMs, (_chunk, _i, startMs, endMs) => {
      if (startMs < beforeMs) lastMs = endMs;
    });
    return lastMs;
  }

  #samples(ring: Ring, sinceMs: number, { fromMs, toMs, stepMs, count }: Steps, visitor: StepVisitor): void {
    this.#rings.visit(ring, sinceMs, toMs, (code, atMs, connect16, firstByte16, total16) => {
      const step = Math.min(count - 1, Math.floor((atMs - fromMs) / stepMs));
      visitor.sample(step, code, connect16, firstByte16, total16);
    });
  }
}

/** The first step of which all samples are still here; `count` = none. */
function firstOfSamples(ring: Ring, { fromMs, stepMs, count }: Steps): number {
  if (ring.lostAtMs < fromMs) return 0;
  return Math.min(count, Math.floor((ring.lostAtMs - fromMs) / stepMs) + 1);
}

/** The steps in which something from `startMs` to `endMs` shows: that of its middle, or all whose middle it covers. */
function placeOf({ fromMs, stepMs }: Steps, startMs: number, endMs: number): [first: number, last: number] {
  const middle = Math.floor(((startMs + endMs) / 2 - fromMs) / stepMs);
  if (endMs - startMs <= stepMs) return [middle, middle];
  const first = Math.ceil((startMs - fromMs) / stepMs - 0.5);
  const last = Math.ceil((endMs - fromMs) / stepMs - 0.5) - 1;
  return [Math.min(first, middle), Math.max(last, middle)];
}
