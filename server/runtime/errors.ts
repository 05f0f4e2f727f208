/** The text of anything thrown, on one line and bounded to `limit` characters: it may come from a hostile peer. */
export function textOf(error: unknown, limit = 300): string {
  const words = error instanceof Error ? error.message || error.name : String(error);
  let clean = '';
  for (const char of words.slice(0, limit * 2)) clean += char < ' ' || char === '\u007f' ? ' ' : char;
  return clean.slice(0, limit);
}

/**
 * Too much of one kind is asked for at once: an answer of 503 whose words the client may read. `status` and `expose` are
 * what express' error handlers go by.
 */
export class BusyError extends Error {
  override readonly name = 'BusyError';
  readonly status = 503;
  readonly expose = true;
}

/** What is asked for cannot be done as things are here: an answer of 409 whose words the client may read. */
export class ConflictError extends Error {
  override readonly name = 'ConflictError';
  readonly status = 409;
  readonly expose = true;
}
