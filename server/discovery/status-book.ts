import type { DiscoveryFault, DiscoveryStatus } from '../contract/discovery.ts';
import type { ApiError } from './api-error.ts';

/** Keeps the status of discovery. Every method gives whether its readers see anything new beyond a younger `lastGoodMs`. */
export class StatusBook {
  #status: DiscoveryStatus;

  /** Begins as waiting. `namespace` may still be unknown. */
  constructor(namespace: string, labelSelector: string, nowMs: number) {
    this.#status = {
      phase: 'waiting',
      sinceMs: nowMs,
      mode: 'watch',
      lastGoodMs: 0,
      attempts: 0,
      nextAttemptMs: 0,
      lastError: null,
      namespace: namespace.slice(0, 253),
      labelSelector: labelSelector.slice(0, 2048),
    };
  }

  /** The status as it is; never changed afterwards. */
  get now(): DiscoveryStatus {
    return this.#status;
  }

  /** The list is known to be right at `nowMs`. */
  good(nowMs: number): boolean {
    const { phase, sinceMs } = this.#status;
    const synced = phase === 'synced';
    this.#status = {
      ...this.#status,
      phase: 'synced',
      sinceMs: synced ? sinceMs : nowMs,
      lastGoodMs: nowMs,
      attempts: 0,
      nextAttemptMs: 0,
      lastError: null,
    };
    return !synced;
  }

  /** An attempt failed at `nowMs`; the next one comes at `nextAttemptMs`. */
  failed(error: ApiError, nowMs: number, nextAttemptMs: number): boolean {
    const { phase, sinceMs, attempts } = this.#status;
    this.#status = {
      ...this.#status,
      phase: phase === 'waiting' ? 'waiting' : 'stale',
      sinceMs: phase === 'synced' ? nowMs : sinceMs,
      attempts: attempts + 1,
      nextAttemptMs,
      lastError: { fault: error.fault, message: error.message, atMs: nowMs },
    };
    return true;
  }

  /** The next attempt has begun. */
  trying(): void {
    if (this.#status.nextAttemptMs !== 0) this.#status = { ...this.#status, nextAttemptMs: 0 };
  }

  /** How changes reach us. */
  mode(mode: DiscoveryStatus['mode']): boolean {
    if (this.#status.mode === mode) return false;
    this.#status = { ...this.#status, mode };
    return true;
  }

  /** The namespace that is listed, once it is known; '' = all. */
  namespace(namespace: string): boolean {
    if (this.#status.namespace === namespace) return false;
    this.#status = { ...this.#status, namespace };
    return true;
  }

  /** The class of the last failure; null if all is well. */
  get fault(): DiscoveryFault | null {
    return this.#status.lastError?.fault ?? null;
  }
}
