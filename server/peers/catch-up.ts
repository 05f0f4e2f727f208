import type { PodLifetimes } from '../events/pod-lifetimes.ts';
import { parseDepartedPodsSliced } from '../protocol/pod.ts';
import type { Skipped } from '../protocol/validators.ts';
import type { Clock } from '../runtime/clock.ts';
import { pause } from '../runtime/deadline.ts';
import type { MeshAnnotations } from './annotations.ts';
import type { Broadcast } from './broadcast.ts';

interface CatchUpDeps {
  clock: Clock;
  broadcast: Broadcast;
  lifetimes: Pick<PodLifetimes, 'adopt'>;
  annotations: Pick<MeshAnnotations, 'catchUp'>;
}

/** A new process asks `pods` others, after each of these times: several times, because the first it asks may be new too. */
const ASK = { pods: 3, afterMs: [500, 5_000, 10_000, 15_000, 30_000] };
/** 500 departed pods with the longest labels. */
const LIMITS = { maxBytes: 2 * 1024 * 1024, maxValues: 50_000 };

/**
 * Learns from other pods what happened before this process started: which pods left, so that every pod shows the same departed
 * pods, and which annotations were written.
 */
export class CatchUp {
  readonly #deps: CatchUpDeps;
  readonly #stopping = new AbortController();
  #hasStarted = false;

  constructor(deps: CatchUpDeps) {
    this.#deps = deps;
  }

  /** Asks others, a little later. To be called once other pods are known; further calls do nothing. Never rejects. */
  async start(): Promise<void> {
    if (this.#hasStarted) return;
    this.#hasStarted = true;
    const { clock, annotations } = this.#deps;
    for (const afterMs of ASK.afterMs) {
      await pause(clock, afterMs, this.#stopping.signal);
      if (this.#stopping.signal.aborted) return;
      await Promise.allSettled([this.#learnDeparted(), annotations.catchUp(ASK.pods)]);
    }
  }

  /** Asks no more. */
  stop(): void {
    this.#stopping.abort();
  }

  #learnDeparted() {
    const { broadcast, lifetimes } = this.#deps;
    const parse = function* (wire: unknown, skipped: Skipped) {
      lifetimes.adopt(yield* parseDepartedPodsSliced(wire, skipped));
      return null;
    };
    return broadcast.ask({ path: '/api/v1/departed-pods', most: ASK.pods, parse, own: () => null, ...LIMITS });
  }
}
