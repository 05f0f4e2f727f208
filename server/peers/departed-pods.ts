import type { PodLifetimes } from '../events/pod-lifetimes.ts';
import { parseDepartedPodsSliced } from '../protocol/pod.ts';
import type { Skipped } from '../protocol/validators.ts';
import type { Clock } from '../runtime/clock.ts';
import { pause } from '../runtime/deadline.ts';
import type { Broadcast } from './broadcast.ts';
import type { Written } from './peer-client.ts';

interface DepartedPodsDeps {
  clock: Clock;
  broadcast: Broadcast;
  lifetimes: Pick<PodLifetimes, 'adopt'>;
}

/** A new process asks `pods` others, so long after it knows any: several times, because the first it asks may be new too. */
const ASK = { pods: 3, afterMs: [500, 5_000, 10_000, 15_000, 30_000] };
/** 500 pods with the longest labels. */
const LIMITS = { maxBytes: 2 * 1024 * 1024, maxValues: 50_000 };

/** Learns of the pods that left before this process started, so that every pod shows the same departed pods. */
export class DepartedPods {
  readonly #deps: DepartedPodsDeps;
  readonly #stopping = new AbortController();
  #hasStarted = false;

  constructor(deps: DepartedPodsDeps) {
    this.#deps = deps;
  }

  /** Asks others, a little later. To be called once other pods are known; further calls do nothing. Never rejects. */
  async catchUp(): Promise<void> {
    if (this.#hasStarted) return;
    this.#hasStarted = true;
    const { clock, broadcast, lifetimes } = this.#deps;
    for (const afterMs of ASK.afterMs) {
      await pause(clock, afterMs, this.#stopping.signal);
      if (this.#stopping.signal.aborted) return;
      const query = {
        path: '/api/v1/departed-pods',
        most: ASK.pods,
        *parse(wire: unknown, _: Written, skipped: Skipped): Generator<void, undefined> {
          lifetimes.adopt(yield* parseDepartedPodsSliced(wire, skipped));
          return undefined;
        },
        own: () => undefined,
        keepMs: 0,
        ...LIMITS,
      };
      await broadcast.ask(query).catch(() => undefined);
    }
  }

  /** Ends what `catchUp` has begun. */
  stop(): void {
    this.#stopping.abort();
  }
}
