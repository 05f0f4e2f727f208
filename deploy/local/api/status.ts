import { qualifiedName, type Resource } from './resources.ts';

/** What a Kubernetes API answers instead of an object (meta/v1 Status). */
export interface Status {
  kind: 'Status';
  apiVersion: 'v1';
  metadata: Record<string, never>;
  status: 'Success' | 'Failure';
  message?: string;
  reason?: string;
  details?: Details;
  code: number;
}

interface Details {
  name?: string;
  group?: string;
  kind?: string;
  uid?: string;
  causes?: { reason: string; message: string; field: string }[];
}

/** A request that is answered with a failure Status. */
export class ApiError extends Error {
  constructor(readonly status: Status) {
    super(status.message);
    this.name = 'ApiError';
  }
}

/**
 * Makes an error. `reason` is one of the StatusReason constants of meta/v1. `message` is what clients show: use the text of a real
 * API server where it has one.
 */
export function failure(code: number, reason: string, message: string, details: Details = {}): ApiError {
  const head = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure' } as const;
  return new ApiError({ ...head, message, reason, details, code });
}

/** 404: there is no such object. */
export function notFound(resource: Resource, name: string): ApiError {
  return failure(404, 'NotFound', `${qualifiedName(resource)} "${name}" not found`, detailsOf(resource, name));
}

/** 404: there is no such path. */
export function noSuchPath(): ApiError {
  return failure(404, 'NotFound', 'the server could not find the requested resource');
}

/** 409: the name is taken. */
export function alreadyExists(resource: Resource, name: string): ApiError {
  const message = `${qualifiedName(resource)} "${name}" already exists`;
  return failure(409, 'AlreadyExists', message, detailsOf(resource, name));
}

/** 409: the stored object is not the one that the client has seen. */
export function conflict(resource: Resource, name: string, why: string): ApiError {
  const message = `Operation cannot be fulfilled on ${qualifiedName(resource)} "${name}": ${why}`;
  return failure(409, 'Conflict', message, detailsOf(resource, name));
}

/** 400: the request cannot be understood. */
export function badRequest(message: string): ApiError {
  return failure(400, 'BadRequest', message);
}

/**
 * 422: the request can be read, but it is not a valid object. Only one fault is named; a real server names all. `reason` is one of
 * the CauseType constants of meta/v1, without `FieldValue`.
 */
export function invalid(
  resource: Resource,
  name: string,
  field: string,
  message: string,
  reason: 'Invalid' | 'Required' | 'Forbidden' = 'Invalid',
): ApiError {
  return failure(422, 'Invalid', `${resource.kind} "${name}" is invalid: ${field}: ${message}`, {
    ...detailsOf(resource, name),
    kind: resource.kind,
    causes: [{ field, reason: `FieldValue${reason}`, message }],
  });
}

/** 410: the requested version has been compacted away. The client must list again. */
export function expired(message: string): ApiError {
  return failure(410, 'Expired', message);
}

/** 200: the request is done, and the answer does not repeat the object. */
export function success(resource: Resource, name: string, uid: string): Status {
  const details = { ...detailsOf(resource, name), uid };
  return { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', details, code: 200 };
}

function detailsOf(resource: Resource, name: string): Details {
  return { name, kind: resource.plural, ...(resource.group === '' ? {} : { group: resource.group }) };
}
