import type { DiscoverySnapshot, DiscoveryStatus } from '../contract/discovery.ts';

/** What is known of the pods before discovery has begun, at `nowMs` (ms since the epoch). */
export function nothingKnown(
  { namespace, labelSelector }: Pick<DiscoveryStatus, 'namespace' | 'labelSelector'>,
  nowMs: number,
): DiscoverySnapshot {
  return {
    pods: [],
    status: {
      phase: 'waiting',
      sinceMs: nowMs,
      mode: 'watch',
      lastGoodMs: 0,
      attempts: 0,
      nextAttemptMs: 0,
      lastError: null,
      namespace,
      labelSelector,
    },
  };
}
