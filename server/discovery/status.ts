import type { DiscoverySnapshot, DiscoveryStatus } from '../protocol/pod.ts';
import type { ApiError } from './api-error.ts';

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

/** Keeps the status of discovery. A method that returns a boolean returns whether more than `lastGoodMs` has changed. */
export class StatusTracker {
  #status: DiscoveryStatus;

  constructor(selection: Selection, nowMs: number) {
    this.#status = nothingKnown(selection, nowMs).status;
  }

  /** The present status. The object is never changed afterwards. */
  get now(): DiscoveryStatus {
    return this.#status;
  }

  /** Notes that the pod list is known to be right at `nowMs`. */
  succeeded(nowMs: number): boolean {
    const wasSynced = this.#status.phase === 'synced';
    this.#status = {
      ...this.#status,
      phase: 'synced',
      sinceMs: wasSynced ? this.#status.sinceMs : nowMs,
      lastGoodMs: nowMs,
      attempts: 0,
      nextAttemptMs: 0,
      lastError: null,
    };
    return !wasSynced;
  }

  /** Notes that an attempt failed at `nowMs` and that the next one starts at `nextAttemptMs`. */
  failed(error: ApiError, nowMs: number, nextAttemptMs: number): void {
    const { phase, sinceMs, attempts } = this.#status;
    this.#status = {
      ...this.#status,
      phase: phase === 'waiting' ? 'waiting' : 'stale',
      sinceMs: phase === 'synced' ? nowMs : sinceMs,
      attempts: attempts + 1,
      nextAttemptMs,
      lastError: { fault: error.fault, message: error.message, atMs: nowMs },
    };
  }

  /** Notes that the next attempt has started. */
  attemptStarted(): void {
    this.#status = { ...this.#status, nextAttemptMs: 0 };
  }

  /** Sets how changes reach us. */
  setMode(mode: DiscoveryStatus['mode']): boolean {
    if (this.#status.mode === mode) return false;
    this.#status = { ...this.#status, mode };
    return true;
  }

  /** Sets the namespace that is listed, once it is known; '' = all. */
  setNamespace(namespace: string): boolean {
    if (this.#status.namespace === namespace) return false;
    this.#status = { ...this.#status, namespace };
    return true;
  }
}
