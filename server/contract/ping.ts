import * as v from 'valibot';
import { rfc3339Ms } from './moment.ts';

/** The most bytes of a `/ping` answer that are read; Goldpinger's is 40. */
export const MAX_PING_BYTES = 64 * 1024;

/** What a `/ping` answer says: when the answerer started, or what is wrong with the answer (at most 150 characters). */
export type PingAnswer = { ok: true; bootTimeMs: number } | { ok: false; error: string };

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
