import type { DiscoveryFault } from '../protocol/pod.ts';
import * as v from '../protocol/validators.ts';
import { TimeoutError } from '../runtime/deadline.ts';
import { textOf } from '../runtime/errors.ts';
import { errorCodeOf, networkFaultOf, networkMessageOf } from '../runtime/network-errors.ts';

/** A request to the Kubernetes API that failed. `message` is one line of at most 300 characters. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly fault: DiscoveryFault;
  /** HTTP status of the answer, or `code` of the API's own ERROR event; 0 without one. */
  readonly status: number;
  /** How long the server asked us to wait (`Retry-After`); 0 if it did not ask. */
  readonly retryAfterMs: number;

  constructor(fault: DiscoveryFault, message: unknown, status = 0, retryAfterMs = 0) {
    super(textOf(message));
    this.fault = fault;
    this.status = status;
    this.retryAfterMs = retryAfterMs;
  }
}

/**
 * Turns anything that was thrown during a request to the API into an `ApiError`. If the request was aborted, this is
 * the reason of the abort. `withoutCode` is the fault of an error without a code: what the server sent is `malformed`, and a
 * request that got no answer, as when a proxy refuses it, is `unreachable`.
 */
export function asApiError(error: unknown, withoutCode: DiscoveryFault = 'malformed'): ApiError {
  if (error instanceof ApiError) return error;
  if (error instanceof Error && (error.cause instanceof ApiError || error.cause instanceof TimeoutError)) {
    return asApiError(error.cause);
  }
  const code = error instanceof Error ? errorCodeOf(error) : '';
  if (code === '') return new ApiError(withoutCode, error);
  return new ApiError(networkFaultOf(code), networkMessageOf(error));
}

/** Validates what the API has sent. Throws an `ApiError` of fault `malformed` that begins with `complaint`. */
export function validOrMalformed<T extends v.GenericSchema>(schema: T, wire: unknown, complaint: string) {
  try {
    return v.validate(schema, wire);
  } catch (error) {
    throw new ApiError('malformed', `${complaint}: ${textOf(error)}`);
  }
}

/**
 * The fault of an HTTP status other than 200. 400 and 422 mean that the API rejects our namespace or label selector; 401, 403
 * and 404 have faults of their own; all others from 400 on are `server-error`. A status below 400 is `malformed`: a redirect,
 * for example, comes from a login proxy, never from an API server.
 */
export function faultOfStatus(status: number): DiscoveryFault {
  if (status === 401) return 'unauthorized';
  if (status === 403) return 'forbidden';
  if (status === 404) return 'not-found';
  if (status === 400 || status === 422) return 'config';
  return status < 400 ? 'malformed' : 'server-error';
}
