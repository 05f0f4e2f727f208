import type { Resource } from './resources.ts';

/** What a Kubernetes API answers instead of an object (meta/v1 Status). */
export interface Status {
  kind: 'Status';
  apiVersion: 'v1';
  metadata: Record<string, never>;
  status: 'Success' | 'Failure';
  message?: string;
  reason?: string;
  details?: {
    name?: string;
    group?: string;
    kind?: string;
    uid?: string;
    causes?: { reason?: string; message: string; field?: string }[];
    retryAfterSeconds?: number;
  };
  code: number;
}

/** A request that ends with a failure Status. */
export class ApiError extends Error {
  constructor(readonly status: Status) {
    super(status.message);
    this.name = 'ApiError';
  }
}

type Details = NonNullable<Status['details']>;

/** A failure in the words of a real API server; `reason` is one of the StatusReason constants of meta/v1. */
export function failure(code: number, reason: string, message: string, details: Details = {}): ApiError {
  return new ApiError({
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message,
    reason,
    details,
    code,
  });
}

/** The name of a resource in messages, e.g. `deployments.apps`. */
export function qualifiedName(of: Resource): string {
  return of.group === '' ? of.plural : `${of.plural}.${of.group}`;
}

function about(of: Resource, name: string): Details {
  return { name, kind: of.plural, ...(of.group === '' ? {} : { group: of.group }) };
}

/** 404: there is no such object. */
export function notFound(of: Resource, name: string): ApiError {
  return failure(404, 'NotFound', `${qualifiedName(of)} "${name}" not found`, about(of, name));
}

/** 404: there is no such path. */
export function noSuchPath(): ApiError {
  return failure(404, 'NotFound', 'the server could not find the requested resource');
}

/** 409: the name is taken. */
export function alreadyExists(of: Resource, name: string): ApiError {
  return failure(409, 'AlreadyExists', `${qualifiedName(of)} "${name}" already exists`, about(of, name));
}

/** 409: the object is no longer the one the client has seen. */
export function conflict(of: Resource, name: string, why: string): ApiError {
  const message = `Operation cannot be fulfilled on ${qualifiedName(of)} "${name}": ${why}`;
  return failure(409, 'Conflict', message, about(of, name));
}

/** 409 after a write that was based on an old version. */
export function modifiedMeanwhile(of: Resource, name: string): ApiError {
  const why = 'the object has been modified; please apply your changes to the latest version and try again';
  return conflict(of, name, why);
}

/** 400: the request cannot be understood. */
export function badRequest(message: string): ApiError {
  return failure(400, 'BadRequest', message);
}

/** 401: nobody we know. */
export function unauthorized(): ApiError {
  return failure(401, 'Unauthorized', 'Unauthorized');
}

/** 405: the resource is there, this method is not. */
export function methodNotAllowed(): ApiError {
  return failure(405, 'MethodNotAllowed', 'the server does not allow this method on the requested resource');
}

/** 422: understood, but not a valid object. `causes` say which field and why. */
export function invalid(of: Resource, name: string, causes: { field: string; message: string }[]): ApiError {
  const words = causes.map((cause) => `${cause.field}: ${cause.message}`).join(', ');
  return failure(422, 'Invalid', `${of.kind} "${name}" is invalid: ${words}`, {
    ...about(of, name),
    kind: of.kind,
    causes: causes.map((cause) => ({ reason: 'FieldValueInvalid', ...cause })),
  });
}

/** 410: the version asked for has been compacted away; the client has to list anew. */
export function expired(message: string): ApiError {
  return failure(410, 'Expired', message);
}

/** 504: the version asked for does not exist yet. */
export function tooLargeVersion(asked: number, current: number): ApiError {
  const message = `Too large resource version: ${asked}, current: ${current}`;
  return failure(504, 'Timeout', message, {
    causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }],
    retryAfterSeconds: 1,
  });
}

/** 200: done, and the object is not worth sending back. */
export function success(of: Resource, name: string, uid: string): Status {
  const details = { ...about(of, name), uid };
  return { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', details, code: 200 };
}
