import { parseRfc3339 } from '../runtime/time.ts';
import * as v from './validators.ts';

/** How a probe can end. A new outcome changes the protocol: reports contain the index of an outcome in this list. */
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
export type Outcome = (typeof OUTCOMES)[number];

/** The phases of a ping, in order: the TCP handshake, waiting for the first byte of the answer, reading the rest. */
export const PHASES = ['connect', 'first-byte', 'body'] as const;
export type Phase = (typeof PHASES)[number];

/**
 * Which kind of connection alone fails: new ones (firewall, network policy, a full table or queue), or open ones (forgotten by a
 * firewall or NAT). '' = both, or not known.
 */
export type FailsOnly = '' | 'new' | 'open';

/** The result of one probe of one target. Durations are -1 if it did not get that far; see also `isOverOpenConnection`. */
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
  /** From the connection attempt to the end of the probe, however it ended. */
  totalUs: number;
  /** The part of `totalUs` that our own process, short of CPU, may have caused. */
  starvedUs: number;
  /** Whether `starvedUs` is so large that the sample is not trusted. */
  suspect: boolean;
  /** What our own process lacked, so that the sample says nothing about the link; '' or missing = nothing. */
  ownFault?: string;
  /** After a failure: whether a ping at the same time over the other kind of connection was answered. Missing = ''. */
  failsOnly?: FailsOnly;
  /** When the pinged process started, as it says, ms since the epoch; -1 without a valid answer. */
  bootTimeMs: number;
  /** HTTP status of the answer; 0 without one. */
  statusCode: number;
  /** An error message of at most 200 characters; '' after `ok`. */
  detail: string;
}

/** Whether a probe used a connection that was open before; false also for a probe that never got an address. */
export function isOverOpenConnection({
  connectUs,
  phase,
  totalUs,
}: Pick<Sample, 'connectUs' | 'phase' | 'totalUs'>): boolean {
  return connectUs < 0 && totalUs >= 0 && phase !== 'connect';
}

/** The paths that PATH_CHECKS probes besides the links between pods. They are label values of metrics, too. */
export const PATHS = ['service', 'service-ip', 'ingress', 'dns', 'apiserver'] as const;
export type Path = (typeof PATHS)[number];

export const PATH_NAMES: Record<Path, string> = {
  service: 'Service by name',
  'service-ip': 'Service by IP',
  ingress: 'Ingress',
  dns: 'Cluster DNS',
  apiserver: 'API server',
};

/** What an event calls a probe: `Service by name, http://…` of a path, otherwise protocol and target. */
export function probeDetail({ path, protocol, target }: Pick<ProbeResult, 'path' | 'protocol' | 'target'>): string {
  return path === undefined ? `${protocol} ${target}` : `${PATH_NAMES[path]}, ${target}`;
}

/** Whether a text of `probeDetail` is about a path. */
export function isPathDetail(detail: string): boolean {
  return Object.values(PATH_NAMES).some((name) => detail.startsWith(`${name}, `));
}

/** How the error of a name ends that the DNS answered not to know, in Goldpinger's words. Errors without an answer end otherwise. */
export const NO_SUCH_NAME = 'was resolved to 0 ips';

/** The last result of one external probe of one pod. */
export const probeSchema = v.object({
  /** The target as it was configured, e.g. `https://example.org/health`. */
  target: v.boundedText(2048),
  protocol: v.picklist(['dns', 'tcp', 'http']),
  /** When it ended, ms since the epoch by the clock of the pod that answers; 0 = not probed yet. */
  atMs: v.finiteNumber,
  durationUs: v.finiteNumber,
  /** '' after success. The sender cuts it to 300 characters. */
  error: v.boundedText(400),
  /** The path that it checks; absent for external targets. */
  path: v.exactOptional(v.picklist(PATHS)),
  /** How it ended; absent before the first result. */
  outcome: v.exactOptional(v.picklist(OUTCOMES)),
  /** Since when all probes have succeeded, or all have failed, ms since the epoch; absent as `outcome` is. */
  sinceMs: v.exactOptional(v.finiteNumber),
});
export type ProbeResult = v.InferOutput<typeof probeSchema>;
/** Kinds of external probe: HOSTS_TO_RESOLVE, TCP_TARGETS, HTTP_TARGETS. */
export type ProbeProtocol = ProbeResult['protocol'];

/** The most samples in an answer of `/api/v1/samples` and `/api/v1/link`. */
export const MAX_SAMPLES = 512;

/** One sample of `LinkSamples`: the fields of a `Sample` that are kept. Durations are -1 if the probe did not get that far. */
const sampleSchema = v.object({
  atMs: v.finiteNumber,
  outcome: v.picklist(OUTCOMES),
  phase: v.nullable(v.picklist(PHASES)),
  connectUs: v.finiteNumber,
  firstByteUs: v.finiteNumber,
  totalUs: v.finiteNumber,
  suspect: v.boolean(),
});

const udpCount = v.pipe(v.wholeNumber, v.maxValue(65_535));

/** The result of one cycle of the UDP probe. */
const udpResultSchema = v.object({
  /** When the cycle ended, ms since the epoch. */
  atMs: v.finiteNumber,
  sent: udpCount,
  /** Those that did not come back within UDP_TIMEOUT; never more than `sent`. */
  lost: udpCount,
  /** Mean round trip of those that came back; -1 without any. */
  rttUs: v.finiteNumber,
  /** Datagrams that came back a second time. */
  duplicates: udpCount,
  /** Datagrams that came back after a later one. */
  outOfOrder: udpCount,
  /** Routers on the way to the target; -1 = unknown. */
  hops: v.pipe(v.number(), v.integer(), v.minValue(-1), v.maxValue(254)),
  /** Whether our own process was short of CPU meanwhile. Such a cycle says nothing about the link and is not counted. */
  suspect: v.boolean(),
});
export type UdpResult = v.InferOutput<typeof udpResultSchema>;

/**
 * The recent samples of one link between two pods (uids), oldest first, at `nowMs` of the clock of the pod that probes it.
 * `error`: why there are none, e.g. that the pod did not answer; '' otherwise.
 */
const linkSamplesSchema = v.object({
  from: v.boundedText(128),
  to: v.boundedText(128),
  nowMs: v.finiteNumber,
  error: v.boundedText(400),
  samples: v.eachOf(sampleSchema, MAX_SAMPLES),
  /** The recent cycles of the UDP probe, oldest first. Absent from pods without UDP_ENABLED. */
  udp: v.exactOptional(v.eachOf(udpResultSchema, MAX_SAMPLES)),
  /** The usual latency of the link (see `USUAL`), us. Absent while it is not known. */
  usualUs: v.exactOptional(v.finiteNumber),
});
export type LinkSamples = v.Parsed<typeof linkSamplesSchema>;
export type RecentSample = v.InferOutput<typeof sampleSchema>;
export const parseLinkSamplesSliced = (wire: unknown, skipped: v.Skipped) =>
  v.parseSliced(linkSamplesSchema, wire, skipped);
export const parseLinkSamples = (wire: unknown) => v.parseAtOnce(linkSamplesSchema, wire);

/** The most bytes of a `/ping` answer that are read. Goldpinger answers with 40 bytes. */
export const MAX_PING_BYTES = 64 * 1024;

/** The start time in a `/ping` answer, -1 without one, or what is wrong with the answer (at most 150 characters). */
type PingAnswer = { ok: true; bootTimeMs: number } | { ok: false; error: string };

const pingSchema = v.object({ boot_time: v.nullish(v.boundedText(40), '') });

/**
 * Validates the body of Goldpinger's `/ping` answer: `{"boot_time":"2026-11-22T14:39:48.013Z"}`. As in Goldpinger (`swagger.yml`),
 * `boot_time` may be absent. Never throws: whatever is wrong becomes an `error`.
 */
export function parsePing(body: string): PingAnswer {
  if (body.length > MAX_PING_BYTES) return { ok: false, error: `more than ${MAX_PING_BYTES} bytes` };
  let wire: unknown;
  try {
    wire = JSON.parse(body);
  } catch {
    return { ok: false, error: body.trim() === '' ? 'an empty answer' : 'not JSON' };
  }
  if (Array.isArray(wire) || !v.is(pingSchema, wire)) return { ok: false, error: 'JSON of another kind' };
  if (!wire.boot_time) return { ok: true, bootTimeMs: -1 };
  const bootTimeMs = parseRfc3339(wire.boot_time);
  return bootTimeMs >= 0 ? { ok: true, bootTimeMs } : { ok: false, error: 'boot_time is not an RFC 3339 time' };
}
