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

/** The steps of a stretch. */
export function stepsOf({ fromMs, toMs }: Stretch, stepMs: number): Steps {
  return { fromMs, toMs, stepMs, count: Math.max(1, Math.ceil((toMs - fromMs) / stepMs)) };
}

/**
 * Walks through the past of a link by steps, newest first: by samples in the steps of which they are all still here, by
 * buckets in those before. Gives the length of the longest bucket met, 0 without one.
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
    const firstOfSamples = ring === null ? steps.count : this.#samples(ring, steps, visitor);
    if (firstOfSamples === 0) return 0;
    if (ring !== null) this.#history.settle(track, ring);
    let resolutionMs = 0;
    this.#history.visit(track, steps.fromMs, (chunk, i, startMs, endMs) => {
      const [first, last] = placeOf(steps, startMs, Math.min(endMs, Math.max(nowMs, startMs + 1)));
      const lastShown = Math.min(last, firstOfSamples - 1);
      const firstShown = Math.max(first, 0);
      if (firstShown > lastShown) return;
      resolutionMs = Math.max(resolutionMs, chunk.widthMs);
      visitor.bucket(firstShown, lastShown, chunk, i);
    });
    return resolutionMs;
  }

  /** Visits what samples there are in whole steps; gives the first of these. */
  #samples(ring: Ring, { fromMs, toMs, stepMs, count }: Steps, visitor: StepVisitor): number {
    const first = ring.lostAtMs < fromMs ? 0 : Math.floor((ring.lostAtMs - fromMs) / stepMs) + 1;
    if (first >= count) return count;
    this.#rings.visit(ring, fromMs + first * stepMs, toMs, (code, atMs, connect16, firstByte16, total16) => {
      const step = Math.min(count - 1, Math.floor((atMs - fromMs) / stepMs));
      visitor.sample(step, code, connect16, firstByte16, total16);
    });
    return first;
  }
}

/** The steps in which something from `startMs` to `endMs` shows: that of its middle, or all whose middle it covers. */
function placeOf({ fromMs, stepMs }: Steps, startMs: number, endMs: number): [first: number, last: number] {
  const middle = Math.floor(((startMs + endMs) / 2 - fromMs) / stepMs);
  if (endMs - startMs <= stepMs) return [middle, middle];
  const first = Math.ceil((startMs - fromMs) / stepMs - 0.5);
  const last = Math.ceil((endMs - fromMs) / stepMs - 0.5) - 1;
  return [Math.min(first, middle), Math.max(last, middle)];
}
