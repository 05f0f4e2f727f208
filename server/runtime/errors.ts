/**
 * The message of an error, or any other value as text, for logs, answers and the page: control characters become blanks, and it
 * has at most `limit` UTF-16 units, because it may come from a hostile peer.
 */
export function textOf(error: unknown, limit = 300): string {
  const message = error instanceof Error ? error.message || error.name : String(error);
  let clean = '';
  for (const char of message.slice(0, limit * 2)) clean += char < ' ' || char === '\u007f' ? ' ' : char;
  return clean.slice(0, limit);
}

/**
 * Too many requests of one kind are under way. The client gets status 503 and the message. `status` and `expose` are what
 * express' error handlers read.
 */
export class BusyError extends Error {
  override readonly name = 'BusyError';
  readonly status = 503;
  readonly expose = true;
}

/** The request conflicts with what this pod keeps. The client gets status 409 and the message. */
export class ConflictError extends Error {
  override readonly name = 'ConflictError';
  readonly status = 409;
  readonly expose = true;
}

/** A request that cannot be understood. The HTTP error handler answers with status 400, and the client may read the message. */
export class ValidationError extends Error {
  override readonly name = 'ValidationError';
  readonly status = 400;
  readonly expose = true;
}
