import * as v from 'valibot';
import { MAX_LINKS } from './links.ts';
import { figure, MAX_PROBES, text } from './row.ts';

/** The longest key of a pod: `namespace/name` or `node (name)`. */
const MAX_KEY = 600;
/** Go's error texts repeat the URL; longer ones than this are no error texts. */
const MAX_ERROR = 4096;

const mapOf = <T extends v.GenericSchema>(schema: T, limit: number, keyLength = MAX_KEY) =>
  v.pipe(v.record(text(keyLength), schema), v.maxEntries(limit));

const externalSchema = v.object({
  protocol: text(16),
  'response-time-ms': v.nullish(figure, 0),
  error: v.nullish(text(MAX_ERROR), ''),
});

const podResultSchema = v.object({
  OK: v.nullish(v.boolean(), false),
  PingTime: v.nullish(text(64), ''),
  PodIP: v.nullish(text(45), ''),
  HostIP: v.nullish(text(45), ''),
  response: v.nullish(v.object({ boot_time: v.nullish(text(64), '') })),
  'status-code': v.nullish(figure, 0),
  'response-time-ms': v.nullish(figure, 0),
  error: v.nullish(text(MAX_ERROR), ''),
});

const externalsSchema = mapOf(v.pipe(v.array(externalSchema), v.maxLength(16)), MAX_PROBES, 2048);

// Without `podResults` it is somebody else's JSON, not a pod without peers: Go pings at least itself.
const checkSchema = v.object({
  podResults: mapOf(podResultSchema, MAX_LINKS),
  probeResults: v.nullish(externalsSchema, {}),
});

const checkAllSchema = v.object({
  hosts: v.nullish(
    v.pipe(
      v.array(
        v.object({
          podName: v.nullish(text(MAX_KEY), ''),
          hostIP: v.nullish(text(45), ''),
          podIP: v.nullish(text(45), ''),
        }),
      ),
      v.maxLength(MAX_LINKS),
    ),
    [],
  ),
  responses: v.nullish(
    mapOf(
      v.object({
        OK: v.nullish(v.boolean(), false),
        PodIP: v.nullish(text(45), ''),
        HostIP: v.nullish(text(45), ''),
        response: v.nullish(checkSchema),
        error: v.nullish(text(MAX_ERROR), ''),
      }),
      MAX_LINKS,
    ),
    {},
  ),
  probeResults: v.nullish(
    mapOf(mapOf(v.pipe(v.array(externalSchema), v.maxLength(16)), MAX_LINKS), MAX_PROBES, 2048),
    {},
  ),
});

const addresses = v.nullish(v.pipe(v.array(text(253)), v.maxLength(MAX_LINKS)), []);

const clusterHealthSchema = v.object({
  OK: v.boolean(),
  'duration-ns': v.nullish(figure, 0),
  'generated-at': v.nullish(text(64), ''),
  nodesHealthy: addresses,
  nodesUnhealthy: addresses,
  nodesTotal: v.nullish(figure, 0),
});

/** Goldpinger's `/check`: what one pod knows of its peers. What Go leaves out when empty is filled in. */
export type GoldpingerCheck = v.InferOutput<typeof checkSchema>;

/** One ping's result in `/check`. `PingTime` and `boot_time` are RFC 3339, by the answering pods' clocks. */
export type GoldpingerPodResult = v.InferOutput<typeof podResultSchema>;

/** Goldpinger's `/check_all`: every pod's `/check`. */
export type GoldpingerCheckAll = v.InferOutput<typeof checkAllSchema>;

/** Goldpinger's `/cluster_health`; nodes are host IPs. */
export type GoldpingerClusterHealth = v.InferOutput<typeof clusterHealthSchema>;

/** Validates `/check`. Unknown fields are ignored; throws a TypeError that names the place and what is wrong there. */
export function parseGoldpingerCheck(wire: unknown): GoldpingerCheck {
  return parseAt(checkSchema, wire);
}

/** Validates `/check_all`, as `parseGoldpingerCheck` does. */
export function parseGoldpingerCheckAll(wire: unknown): GoldpingerCheckAll {
  return parseAt(checkAllSchema, wire);
}

/** Validates `/cluster_health`, as `parseGoldpingerCheck` does. */
export function parseGoldpingerClusterHealth(wire: unknown): GoldpingerClusterHealth {
  return parseAt(clusterHealthSchema, wire);
}

function parseAt<T extends v.GenericSchema>(schema: T, wire: unknown): v.InferOutput<T> {
  const result = v.safeParse(schema, wire, { abortEarly: true });
  if (result.success) return result.output;
  const [issue] = result.issues;
  const place = v.getDotPath(issue)?.slice(0, 200) ?? 'the answer';
  throw new TypeError(`${place}: ${issue.message.slice(0, 200)}`);
}
