import { MAX_LINKS } from './links.ts';
import { MAX_PROBES } from './pod-report.ts';
import { noneSkipped, type Skipped, skip } from './validators.ts';

/*
 * Goldpinger's `/check`. Read by hand and not by schemas: a Go pod's report in a mesh of 1000 has 1000 entries of eight
 * fields, which take a schema 10 ms and this 0.5 ms, and our own pings wait meanwhile.
 */

/** One ping's result in `/check`. What Go leaves out when empty is '' or 0 here. */
export interface GoldpingerPodResult {
  OK: boolean;
  /** When the ping ended, RFC 3339, by the reporting pod's clock. */
  pingTime: string;
  podIP: string;
  /** When the probed pod booted, RFC 3339, as it says itself; '' without an answer. */
  bootTime: string;
  responseTimeMs: number;
  error: string;
}

interface GoldpingerProbeResult {
  protocol: string;
  responseTimeMs: number;
  error: string;
}

/** Goldpinger's `/check`: what one pod knows of its peers, by name, and of external targets. */
export interface GoldpingerCheck {
  podResults: Map<string, GoldpingerPodResult>;
  probeResults: Map<string, GoldpingerProbeResult[]>;
}

/** The most characters of the key of a pod (`namespace/name` or `node (name)`) and of an external target. */
const MAX_KEY = 600;
const MAX_TARGET = 2048;
/** Go's error texts repeat the URL; longer ones than this are no error texts. */
const MAX_ERROR = 4096;
/** The most results of one target. Goldpinger has one for each of its three protocols. */
const MAX_RESULTS = 16;

/**
 * Validates `/check`. Unknown fields are ignored. An invalid result of a pod or a target is left out and counted in `skipped`.
 * Throws a TypeError that says what is wrong if it is no `/check`, or has too many results.
 */
export function parseGoldpingerCheck(wire: unknown, skipped: Skipped = noneSkipped()): GoldpingerCheck {
  const { podResults, probeResults = {} } = fieldsOf(wire, 'the answer');
  return {
    // Without `podResults` it is somebody else's JSON, not a pod without peers: Go pings at least itself.
    podResults: entriesOf(podResults, 'podResults', MAX_LINKS, MAX_KEY, podResultOf, skipped),
    probeResults: entriesOf(probeResults, 'probeResults', MAX_PROBES, MAX_TARGET, probeResultsOf, skipped),
  };
}

function podResultOf(wire: unknown): GoldpingerPodResult {
  const fields = fieldsOf(wire, 'the result');
  const answer = fieldsOf(fields['response'] ?? {}, 'response');
  return {
    OK: field(fields, 'OK', false),
    pingTime: field(fields, 'PingTime', '', 64),
    podIP: field(fields, 'PodIP', '', 45),
    bootTime: field(answer, 'boot_time', '', 64),
    responseTimeMs: field(fields, 'response-time-ms', 0),
    error: field(fields, 'error', '', MAX_ERROR),
  };
}

function probeResultsOf(wire: unknown): GoldpingerProbeResult[] {
  if (!Array.isArray(wire) || wire.length > MAX_RESULTS) throw new TypeError(`not a list of at most ${MAX_RESULTS}`);
  return wire.map((result) => {
    const fields = fieldsOf(result, 'the result');
    return {
      protocol: field(fields, 'protocol', '', 16),
      responseTimeMs: field(fields, 'response-time-ms', 0),
      error: field(fields, 'error', '', MAX_ERROR),
    };
  });
}

type Fields = Record<string, unknown>;

function fieldsOf(value: unknown, name: string): Fields {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Fields;
  throw new TypeError(`${name}: not a JSON object`);
}

/**
 * The values of an object with at most `most` keys that `read` accepts, without those with longer keys than `keyLength`. A Map, as
 * keys may be anything, `__proto__` included.
 */
function entriesOf<T>(
  value: unknown,
  name: string,
  most: number,
  keyLength: number,
  read: (value: unknown) => T,
  skipped: Skipped,
): Map<string, T> {
  const fields = fieldsOf(value, name);
  const keys = Object.keys(fields);
  if (keys.length > most) throw new TypeError(`${name}: more than ${most} entries`);
  const map = new Map<string, T>();
  for (const key of keys) {
    try {
      if (key.length > keyLength) throw new TypeError(`a key of ${key.length} characters`);
      map.set(key, read(fields[key]));
    } catch (error) {
      skip(new TypeError(`${name}.${key.slice(0, 100)}: ${(error as Error).message}`), skipped);
    }
  }
  return map;
}

/** A field, which has the type of `missing`, its value if it is missing. Throws a TypeError for anything else, or a longer text. */
function field<T extends string | number | boolean>(fields: Fields, name: string, missing: T, maxLength = 0): T {
  const value = fields[name] ?? missing;
  const isText = typeof value === 'string' && value.length <= maxLength;
  if (typeof value === typeof missing && (isText || typeof value === 'boolean' || Number.isFinite(value)))
    return value as T;
  throw new TypeError(`${name}: not a ${typeof missing}${maxLength > 0 ? ` of at most ${maxLength} characters` : ''}`);
}
