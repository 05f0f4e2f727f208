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

/** One external probe's result. */
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

/** The longest key of a pod: `namespace/name` or `node (name)`. */
const MAX_KEY = 600;
const MAX_TARGET = 2048;
/** Go's error texts repeat the URL; longer ones than this are no error texts. */
const MAX_ERROR = 4096;
/** Results of one target: one a protocol would do. */
const MAX_RESULTS = 16;

/**
 * Validates `/check`. Unknown fields are ignored. An invalid result of a pod or a target is left out and counted in `skipped`.
 * Throws a TypeError that says what is wrong if it is no `/check`, or has too many results.
 */
export function parseGoldpingerCheck(wire: unknown, skipped: Skipped = noneSkipped()): GoldpingerCheck {
  const fields = fieldsAt(wire, '');
  const { podResults, probeResults } = fields;
  return {
    // Without `podResults` it is somebody else's JSON, not a pod without peers: Go pings at least itself.
    podResults: mapAt(podResults, 'podResults', MAX_LINKS, MAX_KEY, podResultAt, skipped),
    probeResults: mapAt(probeResults ?? {}, 'probeResults', MAX_PROBES, MAX_TARGET, probeResultsAt, skipped),
  };
}

function podResultAt(wire: unknown, place: string): GoldpingerPodResult {
  const fields = fieldsAt(wire, place);
  const answer = fieldsAt(fields['response'] ?? {}, `${place}.response`);
  return {
    OK: flagAt(fields, 'OK', place),
    pingTime: textAt(fields, 'PingTime', place, 64),
    podIP: textAt(fields, 'PodIP', place, 45),
    bootTime: textAt(answer, 'boot_time', place, 64),
    responseTimeMs: numberAt(fields, 'response-time-ms', place),
    error: textAt(fields, 'error', place, MAX_ERROR),
  };
}

function probeResultsAt(wire: unknown, place: string): GoldpingerProbeResult[] {
  if (!Array.isArray(wire)) throw faultAt(place, 'not a list');
  if (wire.length > MAX_RESULTS) throw faultAt(place, `more than ${MAX_RESULTS} entries`);
  return wire.map((result, i) => {
    const at = `${place}.${i}`;
    const fields = fieldsAt(result, at);
    return {
      protocol: textAt(fields, 'protocol', at, 16),
      responseTimeMs: numberAt(fields, 'response-time-ms', at),
      error: textAt(fields, 'error', at, MAX_ERROR),
    };
  });
}

type Fields = Record<string, unknown>;

function faultAt(place: string, words: string): TypeError {
  return new TypeError(`${(place || 'the answer').slice(0, 200)}: ${words}`);
}

function fieldsAt(value: unknown, place: string): Fields {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Fields;
  throw faultAt(place, 'not a JSON object');
}

/** The values of an object that `read` accepts; a Map, as keys may be anything, `__proto__` included. */
function mapAt<T>(
  value: unknown,
  place: string,
  limit: number,
  keyLength: number,
  read: (value: unknown, place: string) => T,
  skipped: Skipped,
): Map<string, T> {
  const fields = fieldsAt(value, place);
  const keys = Object.keys(fields);
  if (keys.length > limit) throw faultAt(place, `more than ${limit} entries`);
  const map = new Map<string, T>();
  for (const key of keys) {
    try {
      if (key.length > keyLength) throw faultAt(place, `a key of ${key.length} characters`);
      map.set(key, read(fields[key], `${place}.${key}`));
    } catch (error) {
      skip(error, skipped);
    }
  }
  return map;
}

function textAt(fields: Fields, name: string, place: string, length: number): string {
  const value = fields[name] ?? '';
  if (typeof value !== 'string') throw faultAt(`${place}.${name}`, 'not a text');
  if (value.length > length) throw faultAt(`${place}.${name}`, `longer than ${length} characters`);
  return value;
}

function numberAt(fields: Fields, name: string, place: string): number {
  const value = fields[name] ?? 0;
  if (typeof value !== 'number' || !Number.isFinite(value)) throw faultAt(`${place}.${name}`, 'not a number');
  return value;
}

function flagAt(fields: Fields, name: string, place: string): boolean {
  const value = fields[name] ?? false;
  if (typeof value !== 'boolean') throw faultAt(`${place}.${name}`, 'neither true nor false');
  return value;
}
