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

/** In each round this many ready pods are asked, and as many terminating ones, which alone know what came before a rollout. */
const ASKED_PODS = 3;
/**
 * The waits before the first rounds. The first round comes after the first pings of a small mesh (2 s), so as not to delay them.
 * There are several rounds, because the pods that are asked first may be new too.
 */
const ROUND_WAITS_MS = [2_500, 3_000, 10_000, 15_000, 30_000];
/** The wait before each further round, if nobody has told the departed pods yet: a node may be cut off in its first minute. */
const RETRY_WAIT_MS = 30_000;
/** 500 departed pods with the longest labels. */
const ANSWER_LIMITS = { maxBytes: 2 * 1024 * 1024, maxValues: 50_000 };

/**
 * Learns from other pods what happened before this process started: which pods left, so that every pod shows the same departed
 * pods, and which annotations were written. To be called once other pods are known. Resolves after the last round, or when `stop`
 * aborts. Never rejects.
 */
export async function catchUp(deps: CatchUpDeps, stop: AbortSignal): Promise<void> {
  const { clock, broadcast, lifetimes, annotations } = deps;
  let hasAnswer = false;
  const parse = function* (wire: unknown, skipped: Skipped) {
    lifetimes.addLives(yield* parseDepartedPodsSliced(wire, skipped));
    hasAnswer = true;
    return null;
  };
  for (let round = 0; round < ROUND_WAITS_MS.length || !hasAnswer; round++) {
    await pause(clock, ROUND_WAITS_MS[round] ?? RETRY_WAIT_MS, stop);
    if (stop.aborted) return;
    const departed = { path: '/api/v1/departed-pods', most: ASKED_PODS, parse, own: () => null, ...ANSWER_LIMITS };
    await Promise.allSettled([broadcast.ask(departed), annotations.catchUp(ASKED_PODS)]);
  }
}
