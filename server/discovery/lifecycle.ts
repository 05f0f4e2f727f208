import type { Lifecycle } from '../contract/pod.ts';
import type { PodFacts } from './pod-facts.ts';

/** A stage of life and since when, ms since the epoch. */
export interface Stage {
  lifecycle: Lifecycle;
  sinceMs: number;
}

/**
 * The stage of a pod that the API server still lists. `before` is the stage we knew it in, null if it is new.
 * Times are the API's own where it has them, else those of `before`, else `nowMs`; never in the future, because the
 * API server's clock may be ahead of ours.
 */
export function stageOf(facts: PodFacts, before: Stage | null, nowMs: number): Stage {
  const { lifecycle, toldMs } = judge(facts, before);
  const sinceMs = toldMs > 0 ? toldMs : before?.lifecycle === lifecycle ? before.sinceMs : nowMs;
  return { lifecycle, sinceMs: Math.min(sinceMs, nowMs) };
}

function judge(facts: PodFacts, before: Stage | null): { lifecycle: Lifecycle; toldMs: number } {
  // A finished pod stays in the API until somebody collects it, with or without a deletion under way.
  if (facts.phase === 'Succeeded' || facts.phase === 'Failed') {
    const firstSeen = before === null ? facts.startedMs || facts.createdMs : 0;
    return { lifecycle: 'gone', toldMs: facts.readySinceMs || firstSeen };
  }
  if (facts.deletedMs > 0) return { lifecycle: 'terminating', toldMs: facts.deletedMs };
  if (facts.podIPs.length === 0 || facts.phase === 'Pending') return { lifecycle: 'starting', toldMs: facts.createdMs };
  if (facts.ready === 'True') return { lifecycle: 'ready', toldMs: facts.readySinceMs };
  if (wasEverReady(facts, before)) return { lifecycle: 'not-ready', toldMs: facts.readySinceMs };
  return { lifecycle: 'starting', toldMs: facts.createdMs };
}

/**
 * Whether a pod that is not ready now has been ready before, or has failed at trying. The API does not say; but the
 * kubelet sets the Ready condition to False when it admits the pod, before any container runs, and touches its
 * transition time again only when the value changes.
 */
function wasEverReady(facts: PodFacts, before: Stage | null): boolean {
  if (before !== null && (before.lifecycle === 'ready' || before.lifecycle === 'not-ready')) return true;
  if (facts.restarts > 0 || facts.phase === 'Unknown') return true;
  return facts.startedMs > 0 && facts.readySinceMs > facts.startedMs;
}
