import type { DiscoverySnapshot } from '../protocol/pod.ts';

/** Which pods are discovered. */
interface Selection {
  /** null = the namespace is not known yet; it comes from the service account or the kubeconfig. '' = all namespaces. */
  namespace: string | null;
  labelSelector: string;
}

/** What is known before discovery has started: no pods, and the phase `waiting` since `nowMs` (ms since the epoch). */
export function nothingKnown({ namespace, labelSelector }: Selection, nowMs: number): DiscoverySnapshot {
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
      namespace: (namespace ?? '').slice(0, 253),
      labelSelector: labelSelector.slice(0, 2048),
    },
  };
}
