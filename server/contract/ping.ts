import * as v from 'valibot';

/** The most bytes of a `/ping` answer that are read; Goldpinger's is 40. */
export const MAX_PING_BYTES = 64 * 1024;

/** What a `/ping` answer says: when the answerer started, or what is wrong with the answer (at most 150 characters). */
export type PingAnswer = { ok: true; bootTimeMs: number } | { ok: false; error: string };

/** RFC 3339, section 5.6, as Go's strfmt.DateTime writes it; lower case and any number of fraction digits are valid. */
const RFC3339 =
  /^(\d{4})-(\d\d)-(\d\d)[Tt](?:[01]\d|2[0-3]):[0-5]\d:(?:[0-5]\d|60)(?:\.\d{1,9})?(?:[Zz]|[+-]\d\d:\d\d)$/;

const pingSchema = v.object({ boot_time: v.pipe(v.string(), v.maxLength(40)) });

/**
 * Validates the body of a `/ping` answer: `{"boot_time":"2026-11-22T14:39:48.013Z"}`, with whatever other fields.
 * Never throws; anything else than such an object is an `error`.
 */
export function parsePing(body: string): PingAnswer {
  if (body.length > MAX_PING_BYTES) return { ok: false, error: `more than ${MAX_PING_BYTES} bytes` };
  let wire: unknown;
  try {
    wire = JSON.parse(body);
  } catch {
    return { ok: false, error: body.trim() === '' ? 'an empty answer' : 'not JSON' };
  }
  const ping = v.safeParse(pingSchema, wire);
  if (!ping.success) return { ok: false, error: 'JSON without a boot_time text' };
  const bootTimeMs = rfc3339Ms(ping.output.boot_time);
  return bootTimeMs >= 0 ? { ok: true, bootTimeMs } : { ok: false, error: 'boot_time is not an RFC 3339 time' };
}

/** Ms since the epoch of an RFC 3339 time; -1 if it is none, names no real day or lies before 1970. */
function rfc3339Ms(text: string): number {
  const parts = RFC3339.exec(text);
  if (parts === null) return -1;
  const [, year, month, day] = parts.map(Number);
  // Date.parse turns 30 February into 2 March, so the day is checked against the calendar first.
  const calendar = new Date(Date.UTC(year ?? 0, (month ?? 0) - 1, day));
  if (calendar.getUTCMonth() + 1 !== month || calendar.getUTCDate() !== day) return -1;
  // A leap second has no number of its own in Unix time: it is taken as the second before it.
  const time = Date.parse(text.toUpperCase().replace(/:60(?=[.Z+-])/, ':59'));
  return time >= 0 ? time : -1;
}
