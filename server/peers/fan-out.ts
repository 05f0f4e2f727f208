import type { Pod } from '../protocol/pod.ts';
import type { Clock } from '../runtime/clock.ts';
import { forEachConcurrent } from '../runtime/concurrency.ts';

/** How many pods one fan-out calls at once. 4 is the measured best: more only makes our own pings late. */
const CALLS_AT_ONCE = 4;
/** A call that takes longer than this no longer counts among `CALLS_AT_ONCE`, so that a pod that hangs holds up nobody. */
const SLOW_CALL_MS = 50;
/** The most calls of one fan-out that are in progress, slow ones included. */
const MAX_IN_FLIGHT = 64;
/** The time of a call to a silent pod (one that did not answer its last call). A healthy pod answers in a few ms. */
const SILENT_CALL_MS = 200;
/** A silent pod gets the full time again this long after its last full call, because it may only have become slow. */
const FULL_CALL_EVERY_MS = 30_000;
/** The most silent pods that are remembered. */
const MAX_SILENT = 5_000;

/**
 * Calls many pods with one question. One instance serves all questions: a pod that did not answer one of them is silent. The next
 * questions call it last and for `SILENT_CALL_MS` only, until it answers a question or one of our pings (`noteAnswer`).
 */
export class FanOut {
  readonly #checkAllTimeoutMs: number;
  readonly #clock: Clock;
  /** By uid of the silent pods: when the last call that got the full time began, monotonic ms. Those that failed last are last. */
  readonly #silent = new Map<string, number>();

  /** `checkAllTimeoutMs`: time limit of one fan-out, ms (CHECK_ALL_TIMEOUT). */
  constructor({ checkAllTimeoutMs }: { checkAllTimeoutMs: number }, clock: Clock) {
    this.#checkAllTimeoutMs = checkAllTimeoutMs;
    this.#clock = clock;
  }

  /**
   * Runs `call` for every pod; settles when all have ended, and rejects if one of them has. `call` gets the end of its time
   * (monotonic ms). It resolves to whether the pod answered, or to null if that is not known: then a silent pod stays silent, any
   * other does not become silent.
   */
  run(pods: readonly Pod[], call: (pod: Pod, deadlineMs: number) => Promise<boolean | null>): Promise<void> {
    const deadlineMs = this.endMs();
    const isSilent = ({ uid }: Pod) => this.isSilent(uid);
    const order = [...pods.filter((pod) => !isSilent(pod)), ...pods.filter(isSilent)];
    const limits = { concurrency: CALLS_AT_ONCE, slowAfterMs: SLOW_CALL_MS, maxInFlight: MAX_IN_FLIGHT };
    return forEachConcurrent(order, limits, this.#clock, async (pod) => {
      const nowMs = this.#clock.monotonicMs();
      const fullCallMs = this.#silent.get(pod.uid) ?? Number.NEGATIVE_INFINITY;
      // Never for a pod that is not silent.
      const isShort = nowMs - fullCallMs < FULL_CALL_EVERY_MS;
      const hasAnswered = await call(pod, isShort ? Math.min(deadlineMs, nowMs + SILENT_CALL_MS) : deadlineMs);
      if (hasAnswered === null) return;
      this.#silent.delete(pod.uid);
      if (hasAnswered) return;
      const [oldest] = this.#silent.keys();
      if (this.#silent.size >= MAX_SILENT && oldest !== undefined) this.#silent.delete(oldest);
      this.#silent.set(pod.uid, isShort ? fullCallMs : nowMs);
    });
  }

  /** When a fan-out that begins now must have ended, monotonic ms. */
  endMs(): number {
    return this.#clock.monotonicMs() + this.#checkAllTimeoutMs;
  }

  /** Whether a pod did not answer its last call, nor a ping since. */
  isSilent(uid: string): boolean {
    return this.#silent.has(uid);
  }

  /** Notes that a pod has answered one of our pings: it is silent no more. */
  noteAnswer(uid: string): void {
    this.#silent.delete(uid);
  }
}
