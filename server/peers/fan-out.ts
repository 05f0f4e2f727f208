import type { Pod } from '../protocol/pod.ts';
import type { Clock } from '../runtime/clock.ts';
import { forEachConcurrent } from '../runtime/concurrency.ts';

/** Pods that are called at once by one fan-out. 4 is the measured best: more only makes our own pings late. */
const CALLS_AT_ONCE = 4;
/** A call that takes longer than this does not count among `CALLS_AT_ONCE` any more: a pod that hangs holds up nobody. */
const SLOW_CALL_MS = 50;
/** The most calls of one fan-out that are in progress, slow ones included. */
const MAX_IN_FLIGHT = 64;
/** The most silent pods that are remembered. */
const MAX_SILENT = 5_000;

/**
 * Calls many pods with one question. One instance serves all questions, so that a pod that did not answer one of them is
 * called last by the next.
 */
export class FanOut {
  readonly #checkAllTimeoutMs: number;
  readonly #clock: Clock;
  /** uids of pods that did not answer last time. */
  readonly #silent = new Set<string>();

  /** `checkAllTimeoutMs`: time limit of one fan-out, ms (CHECK_ALL_TIMEOUT). */
  constructor({ checkAllTimeoutMs }: { checkAllTimeoutMs: number }, clock: Clock) {
    this.#checkAllTimeoutMs = checkAllTimeoutMs;
    this.#clock = clock;
  }

  /**
   * Runs `call` for every pod, `CALLS_AT_ONCE` at a time, those that did not answer last time at the end; resolves when all
   * have ended. `call` gets the end of the time limit (monotonic ms), resolves to whether the pod answered, and must not
   * reject.
   */
  run(pods: readonly Pod[], call: (pod: Pod, deadlineMs: number) => Promise<boolean>): Promise<void> {
    const deadlineMs = this.#clock.monotonicMs() + this.#checkAllTimeoutMs;
    const isSilent = ({ uid }: Pod) => this.#silent.has(uid);
    const order = [...pods.filter((pod) => !isSilent(pod)), ...pods.filter(isSilent)];
    const limits = { concurrency: CALLS_AT_ONCE, slowAfterMs: SLOW_CALL_MS, maxInFlight: MAX_IN_FLIGHT };
    return forEachConcurrent(order, limits, this.#clock, async (pod) => {
      const hasAnswered = await call(pod, deadlineMs);
      this.#silent.delete(pod.uid);
      if (!hasAnswered) this.#noteSilent(pod);
    });
  }

  #noteSilent({ uid }: Pod): void {
    const [oldest] = this.#silent;
    if (this.#silent.size >= MAX_SILENT && oldest !== undefined) this.#silent.delete(oldest);
    this.#silent.add(uid);
  }
}
