import { MAX_LINKS } from './links.ts';
import { MAX_PROBES } from './pod-report.ts';

/*
 * Goldpinger's answers. Read by hand and not by schemas: a Go pod's report in a mesh of 1000 has 1000 entries of eight
 * fields, which take a schema 10 ms and this 0.5 ms, and our own pings wait meanwhile.
 */

/** One ping's result in `/check`. What Go leaves out when empty is '' or 0 here. */
export interface GoldpingerPodResult {
  OK: boolean;
  /** When the ping ended, RFC 3339, by the reporting pod's clock. */
  pingTime: string;
  podIP: string;
  hostIP: string;
  /** When the probed pod booted, RFC 3339, as it says itself; '' without an answer. */
  bootTime: string;
  statusCode: number;
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

/** One pod in `/check_all`: its `/check`, or why there is none. */
interface GoldpingerResponse {
  OK: boolean;
  podIP: string;
  hostIP: string;
  response: GoldpingerCheck | null;
  error: string;
}

/** Goldpinger's `/check_all`: every pod's `/check`. */
interface GoldpingerCheckAll {
  hosts: { podName: string; hostIP: string; podIP: string }[];
  responses: Map<string, GoldpingerResponse>;
  /** By target, then by pod. */
  probeResults: Map<string, Map<string, GoldpingerProbeResult[]>>;
}

/** Goldpinger's `/cluster_health`; nodes are host IPs. */
interface GoldpingerClusterHealth {
  OK: boolean;
  durationNs: number;
  generatedAt: string;
  nodesHealthy: string[];
  nodesUnhealthy: string[];
  nodesTotal: number;
}

/** The longest key of a pod: `namespace/name` or `node (name)`. */
const MAX_KEY = 600;
const MAX_TARGET = 2048;
/** Go's error texts repeat the URL; longer ones than this are no error texts. */
const MAX_ERROR = 4096;
/** Results of one target: one a protocol would do. */
const MAX_RESULTS = 16;

/** Validates `/check`. Unknown fields are ignored; throws a TypeError that names the place and what is wrong there. */
export function parseGoldpingerCheck(wire: unknown): GoldpingerCheck {
  return checkAt(wire, '');
}

/** Validates `/check_all`, as `parseGoldpingerCheck` does. */
export function parseGoldpingerCheckAll(wire: unknown): GoldpingerCheckAll {
  const all = fieldsAt(wire, '');
  return {
    hosts: listAt(all['hosts'] ?? [], 'hosts', MAX_LINKS, (host, place) => {
      const fields = fieldsAt(host, place);
      const ips = { hostIP: textAt(fields, 'hostIP', place, 45), podIP: textAt(fields, 'podIP', place, 45) };
      return { podName: textAt(fields, 'podName', place, MAX_KEY), ...ips };
    }),
    responses: mapAt(all['responses'] ?? {}, 'responses', MAX_LINKS, MAX_KEY, responseAt),
    probeResults: mapAt(all['probeResults'] ?? {}, 'probeResults', MAX_PROBES, MAX_TARGET, (byPod, place) =>
      mapAt(byPod, place, MAX_LINKS, MAX_KEY, probeResultsAt),
    ),
  };
}

/** Validates `/cluster_health`, as `parseGoldpingerCheck` does. */
export function parseGoldpingerClusterHealth(wire: unknown): GoldpingerClusterHealth {
  const fields = fieldsAt(wire, '');
  if (fields['OK'] === undefined) throw faultAt('OK', 'missing');
  const nodes = (name: string) =>
    listAt(fields[name] ?? [], name, MAX_LINKS, (node, place) => textAt({ node }, 'node', place, 253));
  return {
    OK: flagAt(fields, 'OK', ''),
    durationNs: numberAt(fields, 'duration-ns', ''),
    generatedAt: textAt(fields, 'generated-at', '', 64),
    nodesHealthy: nodes('nodesHealthy'),
    nodesUnhealthy: nodes('nodesUnhealthy'),
    nodesTotal: numberAt(fields, 'nodesTotal', ''),
  };
}

function checkAt(wire: unknown, place: string): GoldpingerCheck {
  const fields = fieldsAt(wire, place);
  return {
    // Without `podResults` it is somebody else's JSON, not a pod without peers: Go pings at least itself.
    podResults: mapAt(fields['podResults'], below(place, 'podResults'), MAX_LINKS, MAX_KEY, podResultAt),
    probeResults: mapAt(
      fields['probeResults'] ?? {},
      below(place, 'probeResults'),
      MAX_PROBES,
      MAX_TARGET,
      probeResultsAt,
    ),
  };
}

function podResultAt(wire: unknown, place: string): GoldpingerPodResult {
  const fields = fieldsAt(wire, place);
  const answer = fieldsAt(fields['response'] ?? {}, below(place, 'response'));
  return {
    OK: flagAt(fields, 'OK', place),
    pingTime: textAt(fields, 'PingTime', place, 64),
    podIP: textAt(fields, 'PodIP', place, 45),
    hostIP: textAt(fields, 'HostIP', place, 45),
    bootTime: textAt(answer, 'boot_time', place, 64),
    statusCode: numberAt(fields, 'status-code', place),
    responseTimeMs: numberAt(fields, 'response-time-ms', place),
    error: textAt(fields, 'error', place, MAX_ERROR),
  };
}

function responseAt(wire: unknown, place: string): GoldpingerResponse {
  const fields = fieldsAt(wire, place);
  const { response = null } = fields;
  return {
    OK: flagAt(fields, 'OK', place),
    podIP: textAt(fields, 'PodIP', place, 45),
    hostIP: textAt(fields, 'HostIP', place, 45),
    response: response === null ? null : checkAt(response, below(place, 'response')),
    error: textAt(fields, 'error', place, MAX_ERROR),
  };
}

function probeResultsAt(wire: unknown, place: string): GoldpingerProbeResult[] {
  return listAt(wire, place, MAX_RESULTS, (result, at) => {
    const fields = fieldsAt(result, at);
    return {
      protocol: textAt(fields, 'protocol', at, 16),
      responseTimeMs: numberAt(fields, 'response-time-ms', at),
      error: textAt(fields, 'error', at, MAX_ERROR),
    };
  });
}

type Fields = Record<string, unknown>;

function below(place: string, key: string): string {
  return place === '' ? key : `${place}.${key}`;
}

function faultAt(place: string, words: string): TypeError {
  return new TypeError(`${(place || 'the answer').slice(0, 200)}: ${words}`);
}

function fieldsAt(value: unknown, place: string): Fields {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Fields;
  throw faultAt(place, 'not a JSON object');
}

/** The values of an object, each read by `read`; a Map, as keys may be anything, `__proto__` included. */
function mapAt<T>(
  value: unknown,
  place: string,
  limit: number,
  keyLength: number,
  read: (value: unknown, place: string) => T,
): Map<string, T> {
  const fields = fieldsAt(value, place);
  const keys = Object.keys(fields);
  if (keys.length > limit) throw faultAt(place, `more than ${limit} entries`);
  const map = new Map<string, T>();
  for (const key of keys) {
    if (key.length > keyLength) throw faultAt(place, `a key of ${key.length} characters`);
    map.set(key, read(fields[key], below(place, key)));
  }
  return map;
}

function listAt<T>(value: unknown, place: string, limit: number, read: (value: unknown, place: string) => T): T[] {
  if (!Array.isArray(value)) throw faultAt(place, 'not a list');
  if (value.length > limit) throw faultAt(place, `more than ${limit} entries`);
  return value.map((entry, i) => read(entry, below(place, String(i))));
}

function textAt(fields: Fields, name: string, place: string, length: number): string {
  const value = fields[name] ?? '';
  if (typeof value !== 'string') throw faultAt(below(place, name), 'not a text');
  if (value.length > length) throw faultAt(below(place, name), `longer than ${length} characters`);
  return value;
}

function numberAt(fields: Fields, name: string, place: string): number {
  const value = fields[name] ?? 0;
  if (typeof value !== 'number' || !Number.isFinite(value)) throw faultAt(below(place, name), 'not a number');
  return value;
}

function flagAt(fields: Fields, name: string, place: string): boolean {
  const value = fields[name] ?? false;
  if (typeof value !== 'boolean') throw faultAt(below(place, name), 'neither true nor false');
  return value;
}
