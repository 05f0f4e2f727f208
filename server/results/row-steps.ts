import { NONE16, pack16, unpack16 } from '../contract/bytes16.ts';
import { LATENCY_BINS_US } from '../contract/history.ts';
import { type Chunk, failuresOf } from './bucket-log.ts';
import { Ranks } from './ranks.ts';
import { CODE_OUTCOME, CODE_SUSPECT } from './rings.ts';
import type { StepVisitor } from './step-walk.ts';

/** How the links of a row stood, by step: what `RowHistory` counts. */
export interface StepCounts {
  links: number[];
  failed: number[];
  byLatency: number[][];
}

const BINS = LATENCY_BINS_US.length + 1;

/**
 * Counts links by step: those with a sample that can be trusted, those of them with a failure, the others by the median
 * of the step (over several buckets by its mean, weighed by their samples). One link is walked through after another.
 */
export class RowSteps implements StepVisitor {
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
