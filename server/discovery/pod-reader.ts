import { isIP } from 'node:net';
import * as v from 'valibot';
import { type Lifecycle, MAX_LABELS } from '../protocol/pod.ts';
import { ApiError } from './api-error.ts';

/**
 * Validates a pod object of the Kubernetes API and returns what discovery needs of it, with limits on all sizes. Times are ms
 * since the epoch. A missing time is 0, a missing text is ''. Invalid IP addresses and labels are left out. Throws an
 * `ApiError` of fault `malformed` for anything that is not a pod: the sender is then not an API server (a login proxy, for
 * example).
 */
export function readPod(object: unknown) {
  const parsed = v.safeParse(podSchema, object);
  if (!parsed.success) {
    const [issue] = parsed.issues;
    throw new ApiError('malformed', `not a pod: ${v.getDotPath(issue) ?? ''} ${issue.message}`);
  }
  const { metadata, spec, status } = parsed.output;
  const owner = metadata.ownerReferences.find((reference) => reference.controller);
  const ready = status.conditions.find((condition) => condition.type === 'Ready');
  const containers = status.containerStatuses;
  return {
    uid: metadata.uid,
    name: metadata.name,
    namespace: metadata.namespace,
    node: spec.nodeName,
    podIPs: readIPs(status.podIP, status.podIPs),
    hostIPs: readIPs(status.hostIP, status.hostIPs),
    createdMs: metadata.creationTimestamp,
    /** uid and kind of the controlling owner. */
    owner: owner?.uid ?? '',
    ownerKind: owner?.kind ?? '',
    /** As in `Pod.labels`. */
    labels: readLabels(metadata.labels),
    /** Pending, Running, Succeeded, Failed, Unknown. */
    phase: status.phase,
    /** When the deletion was requested; 0 if it was not. */
    deletedMs: deletionRequestMs(metadata.deletionTimestamp, metadata.deletionGracePeriodSeconds),
    /** Status of the Ready condition: True, False or Unknown. */
    ready: ready?.status ?? '',
    /** When that status last changed. */
    readySinceMs: ready?.lastTransitionTime ?? 0,
    /** Sum of the restarts of all containers. */
    restarts: containers.reduce((sum, container) => sum + container.restartCount, 0),
    /** When the running container that started last was started; 0 if none runs. */
    startedMs: Math.max(0, ...containers.map((container) => container.state?.running?.startedAt ?? 0)),
  };
}

/** What discovery reads of a pod object: see `readPod`. */
export type PodFacts = ReturnType<typeof readPod>;

/** The most addresses that are kept of a pod; `protocol/pod.ts` accepts no more. */
const MAX_IPS = 8;

const textSchema = (maxLength: number) => v.nullish(v.pipe(v.string(), v.maxLength(maxLength)), '');
const timeSchema = v.pipe(
  textSchema(64),
  v.transform((text) => Date.parse(text) || 0),
);
const listSchema = <const T extends v.GenericSchema>(item: T) =>
  v.nullish(v.pipe(v.array(item), v.maxLength(1000)), []);
const addressesSchema = listSchema(v.object({ ip: textSchema(64) }));

const podSchema = v.object({
  metadata: v.object({
    uid: v.pipe(v.string(), v.minLength(1), v.maxLength(128)),
    name: v.pipe(v.string(), v.minLength(1), v.maxLength(253)),
    namespace: textSchema(63),
    creationTimestamp: timeSchema,
    deletionTimestamp: timeSchema,
    deletionGracePeriodSeconds: v.nullish(v.number(), 0),
    labels: v.nullish(v.record(v.string(), v.unknown()), {}),
    ownerReferences: listSchema(
      v.object({ uid: textSchema(128), kind: textSchema(63), controller: v.nullish(v.boolean(), false) }),
    ),
  }),
  spec: v.nullish(v.object({ nodeName: textSchema(253) }), {}),
  status: v.nullish(
    v.object({
      phase: textSchema(63),
      podIP: textSchema(64),
      podIPs: addressesSchema,
      hostIP: textSchema(64),
      hostIPs: addressesSchema,
      conditions: listSchema(
        v.object({ type: textSchema(316), status: textSchema(63), lastTransitionTime: timeSchema }),
      ),
      containerStatuses: listSchema(
        v.object({
          restartCount: v.nullish(v.number(), 0),
          state: v.nullish(v.object({ running: v.nullish(v.object({ startedAt: timeSchema })) })),
        }),
      ),
    }),
    {},
  ),
});

/**
 * When the deletion was requested. The API's `deletionTimestamp` is the time by which the pod must be gone: it lies the
 * grace period after the request.
 */
function deletionRequestMs(timestampMs: number, graceSeconds: number): number {
  return timestampMs === 0 ? 0 : timestampMs - Math.max(0, graceSeconds) * 1000;
}

/**
 * Returns `key=value,...`, sorted by key, at most `MAX_LABELS` characters long. Leaves out labels that no API server accepts
 * (Kubernetes: at most 317 characters in a key, 63 in a value).
 */
function readLabels(labels: Record<string, unknown>): string {
  let all = '';
  for (const key of Object.keys(labels).sort()) {
    const label = `${key}=${labels[key]}`;
    if (!/^[\w./-]{1,317}=[\w.-]{0,63}$/.test(label) || all.length + label.length >= MAX_LABELS) continue;
    all += all === '' ? label : `,${label}`;
  }
  return all;
}

function readIPs(primary: string, all: { ip: string }[]): string[] {
  const candidates = new Set([primary, ...all.map((address) => address.ip)]);
  return [...candidates].filter((ip) => isIP(ip) !== 0 && ip.length <= 45).slice(0, MAX_IPS);
}

/** A stage of a pod's life, and since when the pod is in it (ms since the epoch). */
export interface Stage {
  lifecycle: Lifecycle;
  sinceMs: number;
}

/**
 * The stage of a pod that the API server still lists. `before` is the last stage that we knew, null for a new pod. `sinceMs`
 * is the API's time if it has one; else `before.sinceMs` if the stage is the same; else `nowMs`. It is at most `nowMs`,
 * because the clock of the API server may be ahead of ours.
 */
export function stageOf(facts: PodFacts, before: Stage | null, nowMs: number): Stage {
  const { lifecycle, apiTimeMs } = lifecycleOf(facts, before);
  const knownMs = before?.lifecycle === lifecycle ? before.sinceMs : nowMs;
  const sinceMs = apiTimeMs > 0 ? apiTimeMs : knownMs;
  return { lifecycle, sinceMs: Math.min(sinceMs, nowMs) };
}

/** `apiTimeMs`: when the stage began according to the API; 0 = not known. */
function lifecycleOf(facts: PodFacts, before: Stage | null): { lifecycle: Lifecycle; apiTimeMs: number } {
  // A finished pod stays in the API until it is garbage-collected, whether its deletion has been requested or not.
  if (facts.phase === 'Succeeded' || facts.phase === 'Failed') {
    // Its Ready condition became False when it ended. Without one, a pod that was finished when we first saw it dates from
    // its start: the API has no later time.
    const fallbackMs = before === null ? facts.startedMs || facts.createdMs : 0;
    return { lifecycle: 'gone', apiTimeMs: facts.readySinceMs || fallbackMs };
  }
  if (facts.deletedMs > 0) return { lifecycle: 'terminating', apiTimeMs: facts.deletedMs };
  if (facts.podIPs.length === 0 || facts.phase === 'Pending') {
    return { lifecycle: 'starting', apiTimeMs: facts.createdMs };
  }
  if (facts.ready === 'True') return { lifecycle: 'ready', apiTimeMs: facts.readySinceMs };
  if (hasLeftStarting(facts, before)) return { lifecycle: 'not-ready', apiTimeMs: facts.readySinceMs };
  return { lifecycle: 'starting', apiTimeMs: facts.createdMs };
}

/**
 * Whether a pod that is not ready is past starting: it was ready before, or its start failed. The API does not say this
 * directly. But the kubelet
 * sets the Ready condition to False when it admits the pod, before any container runs, and changes the transition time
 * only when the value changes. So a transition after the start of the containers means that the pod was ready.
 */
function hasLeftStarting(facts: PodFacts, before: Stage | null): boolean {
  if (before !== null && (before.lifecycle === 'ready' || before.lifecycle === 'not-ready')) return true;
  if (facts.restarts > 0 || facts.phase === 'Unknown') return true;
  return facts.startedMs > 0 && facts.readySinceMs > facts.startedMs;
}
