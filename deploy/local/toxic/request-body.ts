import * as v from 'valibot';

/** A request that fails. Toxiproxy's clients show the message. */
export class ToxiproxyError extends Error {
  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

/**
 * Reads the fields of a JSON object; null counts as an empty object, as in Toxiproxy. Throws ToxiproxyError 400 with the
 * first wrong field.
 */
export function parseFields<T extends v.ObjectEntries>(
  fields: T,
  body: unknown,
): v.InferOutput<v.ObjectSchema<T, undefined>> {
  if (Array.isArray(body)) throw badRequestBody('expected an object, not a list');
  const parsed = v.safeParse(v.object(fields), body ?? {});
  if (parsed.success) return parsed.output;
  const [issue] = parsed.issues;
  throw badRequestBody(`${v.getDotPath(issue) ?? 'body'}: ${issue.message}`);
}

/** 400: the body cannot be read. */
export function badRequestBody(reason: string): ToxiproxyError {
  return new ToxiproxyError(400, `bad request body: ${reason}`);
}
