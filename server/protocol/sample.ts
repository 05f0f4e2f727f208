import * as v from 'valibot';
import { parseRfc3339 } from '../runtime/time.ts';
import { boundedText, finiteNumber } from './validators.ts';

/** What a probe can come to. Closed: a new kind of end is a change of the contract. The order is the wire's (see links.ts). */
export const OUTCOMES = [
  'ok',
  'refused',
  'reset',
  'timeout',
  'unreachable',
  'dns',
  'http-status',
  'malformed',
  'no-address',
] as const;

/** The end of one probe; see `OUTCOMES`. */
export type Outcome = (typeof OUTCOMES)[number];

/** The parts of an exchange, in order: the TCP handshake, waiting for the answer's first byte, reading the rest. */
export const PHASES = ['connect', 'first-byte', 'body'] as const;

/** A part of an exchange; see `PHASES`. */
export type Phase = (typeof PHASES)[number];

/** One probe of one target, as the pinging domain hands it on. Durations are -1 where the probe did not get that far. */
export interface Sample {
  /** When the probe ended, ms since the epoch, by our own clock. */
  atMs: number;
  outcome: Outcome;
  /** The phase in which a failed probe ended; null after `ok`. */
  phase: Phase | null;
  /** From the connection attempt to the established connection. */
  connectUs: number;
  /** From the established connection to the first byte of the answer. */
  firstByteUs: number;
  /** From the connection attempt to the end of the exchange, however it ended. */
  totalUs: number;
  /** How much of `totalUs` our own busy process may have caused. */
  starvedUs: number;
  /** Whether `starvedUs` is large enough to distrust the sample. */
  suspect: boolean;
  /** The answerer's boot time, ms since the epoch; -1 without a valid answer. */
  bootTimeMs: number;
  /** HTTP status of the answer; 0 without one. */
  statusCode: number;
  /** What happened, in words, at most 200 characters; empty after `ok`. */
  detail: string;
}

/** Kinds of external probe: HOSTS_TO_RESOLVE, TCP_TARGETS, HTTP_TARGETS. */
export type ProbeProtocol = 'dns' | 'tcp' | 'http';

/** The last result of one external probe, as seen by one pod. `error` is '' after success, else at most 300 characters. */
export interface ProbeResult {
  /** As it was configured, e.g. `https://example.org/health`. */
  target: string;
  protocol: ProbeProtocol;
  /** When it ended, ms since the epoch; 0 = not yet probed (then neither good nor bad). */
  atMs: number;
  durationUs: number;
  error: string;
}

/** The most samples that `/api/v1/samples` and `/api/v1/link` answer with. */
export const MAX_SAMPLES = 512;

const sampleSchema = v.object({
  atMs: finiteNumber,
  outcome: v.picklist(OUTCOMES),
  phase: v.nullable(v.picklist(PHASES)),
  connectUs: finiteNumber,
  firstByteUs: finiteNumber,
  totalUs: finiteNumber,
  suspect: v.boolean(),
});

const linkSamplesSchema = v.object({
  from: boundedText(128),
  to: boundedText(128),
  nowMs: finiteNumber,
  error: boundedText(400),
  samples: v.pipe(v.array(sampleSchema), v.maxLength(MAX_SAMPLES)),
});

/**
 * The recent samples of one link, oldest first, as its probing pod kept them (`from`, `to`: pod uids).
 * `nowMs` is that pod's clock when it answered, so ages can be told without trusting clocks to agree.
 * `error`: why there are none, e.g. the probing pod did not answer; '' otherwise.
 */
export type LinkSamples = v.InferOutput<typeof linkSamplesSchema>;

/** One of `LinkSamples`; the same figures as a `Sample` (durations -1 where not reached). */
export type RecentSample = v.InferOutput<typeof sampleSchema>;

/** Validates the samples of a link from another process. Throws an Error that says what is wrong. */
export function parseLinkSamples(wire: unknown): LinkSamples {
  return v.parse(linkSamplesSchema, wire);
}

/** The most bytes of a `/ping` answer that are read; Goldpinger's is 40. */
export const MAX_PING_BYTES = 64 * 1024;

/** What a `/ping` answer says: when the answerer started, or what is wrong with the answer (at most 150 characters). */
type PingAnswer = { ok: true; bootTimeMs: number } | { ok: false; error: string };

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
  const bootTimeMs = parseRfc3339(ping.output.boot_time);
  return bootTimeMs >= 0 ? { ok: true, bootTimeMs } : { ok: false, error: 'boot_time is not an RFC 3339 time' };
}
