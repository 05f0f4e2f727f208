import type { DiscoveryFault, DiscoveryStatus } from '../protocol/pod.ts';
import { textOf } from '../runtime/errors.ts';
import { errorCodeOf, networkFaultOf } from '../runtime/network-errors.ts';

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

/** Why a request to the Kubernetes API came to nothing. `message` is one line, at most 300 characters. */
export class ApiError extends Error {
  readonly fault: DiscoveryFault;
  /** HTTP status of the answer, or of the API's own error event; 0 without one. */
  readonly status: number;
  /** How long the server asked us to stay away (`Retry-After`); 0 if it did not. */
  readonly retryAfterMs: number;

  constructor(fault: DiscoveryFault, message: unknown, status = 0, retryAfterMs = 0) {
    super(textOf(message));
    this.name = 'ApiError';
    this.fault = fault;
    this.status = status;
    this.retryAfterMs = retryAfterMs;
  }
}

/**
 * The class of an HTTP status other than 200. 400 and 422 mean that our namespace or label selector is not acceptable;
 * a redirect comes from a login proxy, never from an API server.
 */
export function faultOfStatus(status: number): DiscoveryFault {
  if (status === 401) return 'unauthorized';
  if (status === 403) return 'forbidden';
  if (status === 404) return 'not-found';
  if (status === 400 || status === 422) return 'config';
  return status < 400 ? 'malformed' : 'server-error';
}

/**
 * Anything thrown on the way to the API and back, as an `ApiError`. An abort stands for the reason it was given; an
 * error without a code, as proxies' are, is of class `unnamed`.
 */
export function asApiError(error: unknown, unnamed: DiscoveryFault = 'malformed'): ApiError {
  if (error instanceof ApiError) return error;
  if (!(error instanceof Error)) return new ApiError(unnamed, error);
  if (error.cause instanceof ApiError) return error.cause;
  const code = errorCodeOf(error);
  if (code === '') return new ApiError(unnamed, error);
  return new ApiError(networkFaultOf(code), error.message === '' ? code : error);
}
