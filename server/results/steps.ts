import { LATENCY_BINS_US, type LinkHistory } from '../protocol/history.ts';
import { NONE16, pack16, unpack16 } from '../protocol/links.ts';
import { OUTCOMES } from '../protocol/sample.ts';
import type { TimeRange } from '../runtime/time-range.ts';
import { type Chunk, failuresOf } from './buckets.ts';
import type { History } from './history.ts';
import type { LinkMemory } from './range-statistics.ts';
import { CODE_OUTCOME, CODE_SUSPECT, type Ring, type Rings } from './samples.ts';
import { Ranks, Tally } from './statistics.ts';

/** How the links of a report stood, by step: what `ReportHistory` counts. */
interface StepCounts {
  links: number[];
  failed: number[];
  byLatency: number[][];
}

const BINS = LATENCY_BINS_US.length + 1;

/**
 * Counts links by step: those with a sample that can be trusted, those of them with a failure, the others by the median
 * of the step (over several buckets by its mean, weighed by their samples). One link is walked through after another.
 */
export class PodSteps implements StepVisitor {
  readonly #links: Uint32Array;
  readonly #failed: Uint32Array;
  readonly #byLatency: Uint32Array;
  /** Of the link at hand, by step: 0 = nothing, 1 = samples, 2 = failures among them. */
  readonly #state: Uint8Array;
  readonly #sumUs: Float64Array;
  readonly #ok: Float64Array;
  /** The samples of the step at hand. */
  readonly #ranks = new Ranks();
  #step = -1;
  #ranked = 0;

  /** `count`: how many steps. */
  constructor(count: number) {
    this.#links = new Uint32Array(count);
    this.#failed = new Uint32Array(count);
    this.#byLatency = new Uint32Array(count * BINS);
    this.#state = new Uint8Array(count);
    this.#sumUs = new Float64Array(count);
    this.#ok = new Float64Array(count);
  }

  sample(step: number, code: number, _connect16: number, _firstByte16: number, total16: number): void {
    if ((code & CODE_SUSPECT) !== 0) return;
    if (step !== this.#step) this.#endStep();
    this.#step = step;
    if ((code & CODE_OUTCOME) !== 0) this.#state[step] = 2;
    else {
      if (this.#state[step] === 0) this.#state[step] = 1;
      this.#ranks.add(total16, 1);
      this.#ranked += 1;
    }
  }

  bucket(first: number, last: number, chunk: Chunk, i: number): void {
    const trusted = (chunk.samples[i] ?? 0) - (chunk.suspect[i] ?? 0);
    if (trusted === 0) return;
    const failures = failuresOf(chunk, i);
    const medianUs = unpack16(chunk.p50Us[i] ?? NONE16);
    for (let step = first; step <= last; step++) {
      if (failures > 0) this.#state[step] = 2;
      else if (this.#state[step] === 0) this.#state[step] = 1;
      if (medianUs >= 0) this.#take(step, medianUs, trusted - failures);
    }
  }

  /** Ends the link at hand. */
  endLink(): void {
    this.#endStep();
    for (let step = 0; step < this.#state.length; step++) {
      const state = this.#state[step] ?? 0;
      if (state === 0) continue;
      this.#links[step] = (this.#links[step] ?? 0) + 1;
      if (state === 2) this.#failed[step] = (this.#failed[step] ?? 0) + 1;
      else {
        const bin = step * BINS + binOf((this.#sumUs[step] ?? 0) / (this.#ok[step] ?? 1));
        this.#byLatency[bin] = (this.#byLatency[bin] ?? 0) + 1;
      }
    }
    this.#state.fill(0);
    this.#sumUs.fill(0);
    this.#ok.fill(0);
  }

  /** What all links came to. */
  counts(): StepCounts {
    const bins = (step: number) => [...this.#byLatency.subarray(step * BINS, (step + 1) * BINS)];
    return {
      links: [...this.#links],
      failed: [...this.#failed],
      byLatency: Array.from(this.#links, (_, step) => bins(step)),
    };
  }

  #endStep(): void {
    if (this.#ranked > 0) this.#take(this.#step, this.#ranks.at(0.5), this.#ranked);
    this.#ranks.clear();
    this.#ranked = 0;
    this.#step = -1;
  }

  #take(step: number, us: number, weight: number): void {
    this.#sumUs[step] = (this.#sumUs[step] ?? 0) + us * weight;
    this.#ok[step] = (this.#ok[step] ?? 0) + weight;
  }
}

/** The bin of `LATENCY_BINS_US` that a duration belongs to. */
function binOf(us: number): number {
  // As exact as it is kept: 2 ms are not to end up beyond 2 ms by a rounding.
  const exactUs = unpack16(pack16(us));
  const bin = LATENCY_BINS_US.findIndex((mostUs) => exactUs <= mostUs);
  return bin === -1 ? BINS - 1 : bin;
}

/** A time range of monotonic time in steps of one length; the last one may be shorter. */
export interface Steps extends TimeRange {
  stepMs: number;
  count: number;
}

/** What is done with what lies in the steps, newest first. */
interface StepVisitor {
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
  walk(kept: LinkMemory, steps: Steps, nowMs: number, visitor: StepVisitor): number {
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
  #endOfBuckets({ track }: LinkMemory, { fromMs, stepMs }: Steps, first: number): number {
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

/** One step of a link's past; `step` counts from the beginning of the time range. */
export type LinkStep = Omit<LinkHistory['steps'][number], 'atMs' | 'lengthMs'> & { step: number };

/** Sums up the past of one link by steps. Steps come newest first, and one after another. */
export class LinkSteps implements StepVisitor {
  readonly #tally = new Tally();
  readonly #steps: LinkStep[] = [];
  #step = -1;

  sample(step: number, code: number, connect16: number, firstByte16: number, total16: number): void {
    this.#enter(step);
    this.#tally.sample(code, connect16, firstByte16, total16);
  }

  bucket(_first: number, last: number, chunk: Chunk, i: number): void {
    // A bucket is shown once: its counts add up, whatever the steps.
    this.#enter(last);
    this.#tally.bucket(chunk, i);
  }

  /** All steps that have samples, oldest first. */
  steps(): LinkStep[] {
    this.#enter(-1);
    return this.#steps.reverse();
  }

  #enter(step: number): void {
    if (step === this.#step) return;
    if (!this.#tally.isEmpty) this.#steps.push(this.#stepOf(this.#step));
    this.#tally.clear();
    this.#step = step;
  }

  #stepOf(step: number): LinkStep {
    const { count, minUs, p50Us, p95Us, maxUs, connectP50Us, firstByteP50Us } = this.#tally.summary();
    const failures: Record<string, number> = {};
    for (const [i, failed] of this.#tally.byOutcome().entries()) {
      const outcome = OUTCOMES[i];
      if (i > 0 && failed > 0 && outcome !== undefined) failures[outcome] = failed;
    }
    return { step, samples: count, failures, minUs, p50Us, p95Us, maxUs, connectP50Us, firstByteP50Us };
  }
}
