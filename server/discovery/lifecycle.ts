import type { Lifecycle } from '../protocol/pod.ts';
import type { PodFacts } from './pod-reader.ts';

/** A stage of a pod's life, and since when the pod is in it (ms since the epoch). */
export interface Stage {
  lifecycle: Lifecycle;
  sinceMs: number;
}

/**
 * The stage of a pod that the API server still lists. `before` is the last stage that we knew, null for a new pod. `sinceMs` is the
 * time that the API names; without one it is `before.sinceMs` if the stage is the same, else `nowMs`. It is at most `nowMs`, because
 * the clock of the API server may be ahead of ours.
 */
export function stageOf(facts: PodFacts, before: Stage | null, nowMs: number): Stage {
  const { lifecycle, apiTimeMs } = lifecycleOf(facts, before);
  const keptMs = before?.lifecycle === lifecycle ? before.sinceMs : 0;
  // While a pod leaves, the API changes the time that it names (see `deletedMs` in pod-reader.ts). The first one counts.
  const isLeaving = lifecycle === 'gone' || lifecycle === 'terminating';
  const sinceMs = isLeaving ? keptMs || apiTimeMs || nowMs : apiTimeMs || keptMs || nowMs;
  return { lifecycle, sinceMs: Math.min(sinceMs, nowMs) };
}

/** `apiTimeMs`: when the stage began according to the API; 0 = it does not say. */
function lifecycleOf(facts: PodFacts, before: Stage | null): { lifecycle: Lifecycle; apiTimeMs: number } {
  // A finished pod stays in the API until it is garbage-collected, whether its deletion has been requested or not. The API
  // does not say when it finished. If we saw it alive, that is now; otherwise not before the newest time that the API names.
  if (facts.phase === 'Succeeded' || facts.phase === 'Failed') {
    return { lifecycle: 'gone', apiTimeMs: before === null ? facts.newestMs : 0 };
  }
  if (facts.isDeleted) return { lifecycle: 'terminating', apiTimeMs: facts.deletedMs };
  if (facts.pod.podIPs.length === 0 || facts.phase === 'Pending') {
    return { lifecycle: 'starting', apiTimeMs: facts.pod.createdMs };
  }
  if (facts.ready === 'True') return { lifecycle: 'ready', apiTimeMs: facts.readySinceMs };
  if (hasLeftStarting(facts, before)) return { lifecycle: 'not-ready', apiTimeMs: facts.readySinceMs };
  return { lifecycle: 'starting', apiTimeMs: facts.pod.createdMs };
}

/**
 * Whether a pod that is not ready is past starting: it was ready before, or its start failed. The kubelet sets the Ready condition
 * to False before any container runs, and changes the transition time only when the value changes. So a transition after the start
 * of the containers means that the pod was ready.
 */
function hasLeftStarting(facts: PodFacts, before: Stage | null): boolean {
  if (before !== null && (before.lifecycle === 'ready' || before.lifecycle === 'not-ready')) return true;
  if (facts.restarts > 0 || facts.phase === 'Unknown') return true;
  return facts.startedMs > 0 && facts.readySinceMs > facts.startedMs;
}
