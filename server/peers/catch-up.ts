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
  lifetimes: Pick<PodLifetimes, 'addLives'>;
  annotations: Pick<MeshAnnotations, 'catchUp'>;
}

/** A new process asks `pods` others, after each of these times: several times, because the first it asks may be new too. */
const ASK = { pods: 3, afterMs: [500, 5_000, 10_000, 15_000, 30_000] };
/** From then on so often, until one has answered: a node may be cut off in its first minute. */
const AGAIN_MS = 30_000;
/** 500 departed pods with the longest labels. */
const LIMITS = { maxBytes: 2 * 1024 * 1024, maxValues: 50_000 };

/**
 * Learns from other pods what happened before this process started: which pods left, so that every pod shows the same departed
 * pods, and which annotations were written. To be called once other pods are known. Resolves when it asks no more, at the latest
 * when `stop` aborts. Never rejects.
 */
export async function catchUp(deps: CatchUpDeps, stop: AbortSignal): Promise<void> {
  const { clock, broadcast, lifetimes, annotations } = deps;
  let hasHeard = false;
  const parse = function* (wire: unknown, skipped: Skipped) {
    lifetimes.addLives(yield* parseDepartedPodsSliced(wire, skipped));
    hasHeard = true;
    return null;
  };
  for (let round = 0; round < ASK.afterMs.length || !hasHeard; round++) {
    await pause(clock, ASK.afterMs[round] ?? AGAIN_MS, stop);
    if (stop.aborted) return;
    const departed = { path: '/api/v1/departed-pods', most: ASK.pods, parse, own: () => null, ...LIMITS };
    await Promise.allSettled([broadcast.ask(departed), annotations.catchUp(ASK.pods)]);
  }
}
