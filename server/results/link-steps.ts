import type { LinkHistory } from '../contract/history.ts';
import { OUTCOMES } from '../contract/outcome.ts';
import type { Chunk } from './bucket-log.ts';
import type { StepVisitor } from './step-walk.ts';
import { Tally } from './tally.ts';

/** One step of a link's past; `step` counts from the beginning of the stretch. */
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
