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
    OK: flagField(fields, 'OK'),
    pingTime: textField(fields, 'PingTime', 64),
    podIP: textField(fields, 'PodIP', 45),
    bootTime: textField(answer, 'boot_time', 64),
    responseTimeMs: numberField(fields, 'response-time-ms'),
    error: textField(fields, 'error', MAX_ERROR),
  };
}

function probeResultsOf(wire: unknown): GoldpingerProbeResult[] {
  if (!Array.isArray(wire) || wire.length > MAX_RESULTS) throw new TypeError(`not a list of at most ${MAX_RESULTS}`);
  return wire.map((result) => {
    const fields = fieldsOf(result, 'the result');
    return {
      protocol: textField(fields, 'protocol', 16),
      responseTimeMs: numberField(fields, 'response-time-ms'),
      error: textField(fields, 'error', MAX_ERROR),
    };
  });
}

type Fields = Record<string, unknown>;

function fieldsOf(value: unknown, name: string): Fields {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Fields;
  throw new TypeError(`${name}: not a JSON object`);
}

/** The values of an object that `read` accepts; a Map, as keys may be anything, `__proto__` included. */
function entriesOf<T>(
  value: unknown,
  name: string,
  limit: number,
  keyLength: number,
  read: (value: unknown) => T,
  skipped: Skipped,
): Map<string, T> {
  const fields = fieldsOf(value, name);
  const keys = Object.keys(fields);
  if (keys.length > limit) throw new TypeError(`${name}: more than ${limit} entries`);
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

/** A field of text; '' if it is missing. Throws a TypeError for anything else, and for a longer text. */
function textField(fields: Fields, name: string, maxLength: number): string {
  const value = fields[name] ?? '';
  if (typeof value === 'string' && value.length <= maxLength) return value;
  throw new TypeError(`${name}: not a text of at most ${maxLength} characters`);
}

/** A field with a finite number; 0 if it is missing. Throws a TypeError for anything else. */
function numberField(fields: Fields, name: string): number {
  const value = fields[name] ?? 0;
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  throw new TypeError(`${name}: not a number`);
}

/** A field with true or false; false if it is missing. Throws a TypeError for anything else. */
function flagField(fields: Fields, name: string): boolean {
  const value = fields[name] ?? false;
  if (typeof value === 'boolean') return value;
  throw new TypeError(`${name}: neither true nor false`);
}
