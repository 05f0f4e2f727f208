import { isIP } from 'node:net';
import { MAX_LABELS, MAX_REASON } from '../protocol/pod.ts';
import * as v from '../protocol/validators.ts';
import { textOf } from '../runtime/errors.ts';
import { validOrMalformed } from './api-error.ts';

/**
 * Validates a pod object of the Kubernetes API and returns what discovery needs of it. Times are ms since the epoch. A missing
 * time is 0, a missing text is ''. Whatever the API server accepts is read, but texts are bounded where they are kept; invalid IP
 * addresses and labels are left out. Throws an `ApiError` of fault `malformed` for anything that is not a pod.
 */
export function readPod(object: unknown) {
  const { metadata, spec, status } = validOrMalformed(podSchema, object, 'not a pod');
  const owner = metadata.ownerReferences.find((reference) => reference.controller);
  const ready = status.conditions.find((condition) => condition.type === 'Ready');
  const containers = [...status.initContainerStatuses, ...status.containerStatuses];
  const graceMs = Math.max(0, metadata.deletionGracePeriodSeconds) * 1000;
  const deletionMs = timeOf(metadata.deletionTimestamp);
  const times = [
    metadata.creationTimestamp,
    ...status.conditions.map((condition) => condition.lastTransitionTime),
    ...containers.flatMap(({ state }) => [state?.running?.startedAt, state?.terminated?.finishedAt]),
  ];
  return {
    /** What goes into the `Pod` as it is. */
    pod: {
      uid: metadata.uid,
      name: metadata.name,
      namespace: metadata.namespace,
      node: spec.nodeName,
      podIPs: readIPs(status.podIP, status.podIPs),
      hostIPs: readIPs(status.hostIP, status.hostIPs),
      createdMs: timeOf(metadata.creationTimestamp),
      /** uid of the controlling owner, in the length that `protocol/pod.ts` accepts. */
      owner: owner?.uid.slice(0, 128) ?? '',
      labels: readLabels(metadata.labels),
      goneByMs: deletionMs,
      reason: reasonOf(status, containers),
    },
    ownerKind: owner?.kind ?? '',
    /** Pending, Running, Succeeded, Failed, Unknown. */
    phase: status.phase,
    isDeleted: metadata.deletionTimestamp !== '',
    /**
     * When the deletion was requested; 0 if it was not. The API's `deletionTimestamp` lies the grace period after the request. When
     * the pod has ended, the API server sets both again, to the time of the end and to 0: then this is the time of the end, so callers
     * keep the first value.
     */
    deletedMs: deletionMs === 0 ? 0 : deletionMs - graceMs,
    /** Status of the Ready condition: True, False or Unknown; '' without one. */
    ready: ready?.status ?? '',
    /** When that status last changed. */
    readySinceMs: timeOf(ready?.lastTransitionTime ?? ''),
    /** Sum of the restarts of all containers, init containers left out. */
    restarts: status.containerStatuses.reduce((sum, container) => sum + container.restartCount, 0),
    /** When the running container that started last was started; 0 if none runs. */
    startedMs: newestOf(status.containerStatuses.map(({ state }) => state?.running?.startedAt)),
    /** The newest time that the object names, apart from its deletion. A pod that we first see finished ended no earlier. */
    newestMs: newestOf(times),
  };
}

/** What discovery reads of a pod object: see `readPod`. */
export type PodFacts = ReturnType<typeof readPod>;

/** The most addresses that are kept of a pod, and the most characters of one (IPv6 without a zone); as in `protocol/pod.ts`. */
const MAX_IPS = 8;
const MAX_IP_LENGTH = 45;

const text = v.nullish(v.string(), '');
const number = v.nullish(v.number(), 0);
/** No pod has more conditions, containers, owners or labels: etcd keeps 1.5 MB of an object. A pod with a longer list is refused. */
const MAX_PARTS = 50_000;
const listOf = <const T extends v.GenericSchema>(item: T) => v.nullish(v.boundedArray(item, MAX_PARTS), []);
const addresses = listOf(v.object({ ip: text }));
const containerStatuses = listOf(
  v.object({
    restartCount: number,
    state: v.nullish(
      v.object({
        waiting: v.nullish(v.object({ reason: text })),
        running: v.nullish(v.object({ startedAt: text })),
        terminated: v.nullish(v.object({ finishedAt: text })),
      }),
    ),
  }),
);

/** The parts of `v1.Pod` that discovery reads. Only names and the pod's uid have limits in the API, all below these. */
const podSchema = v.object({
  metadata: v.object({
    uid: v.pipe(v.string(), v.minLength(1), v.maxLength(128)),
    name: v.pipe(v.string(), v.minLength(1), v.maxLength(253)),
    namespace: v.nullish(v.pipe(v.string(), v.maxLength(63)), ''),
    creationTimestamp: text,
    deletionTimestamp: text,
    deletionGracePeriodSeconds: number,
    labels: v.nullish(v.boundedRecord(v.string(), v.unknown(), MAX_PARTS), {}),
    ownerReferences: listOf(v.object({ uid: text, kind: text, controller: v.nullish(v.boolean(), false) })),
  }),
  spec: v.nullish(v.object({ nodeName: v.nullish(v.pipe(v.string(), v.maxLength(253)), '') }), {}),
  status: v.nullish(
    v.object({
      phase: text,
      reason: text,
      podIP: text,
      podIPs: addresses,
      hostIP: text,
      hostIPs: addresses,
      conditions: listOf(v.object({ type: text, status: text, reason: text, lastTransitionTime: text })),
      initContainerStatuses: containerStatuses,
      containerStatuses,
    }),
    {},
  ),
});
type PodStatus = v.InferOutput<typeof podSchema>['status'];

function timeOf(text: string): number {
  return Date.parse(text) || 0;
}

/** The newest of some times; 0 if there is none. Not by spreading: `MAX_PARTS` arguments are too many for a call. */
function newestOf(texts: readonly (string | null | undefined)[]): number {
  return texts.reduce((newest, text) => Math.max(newest, timeOf(text ?? '')), 0);
}

/** Reasons of a waiting container that every pod has while it starts. */
const ORDINARY_WAITING = ['', 'ContainerCreating', 'PodInitializing'];

/** The first reason that the API names: of the pod, of its disruption, of a container that waits, of its scheduling. */
function reasonOf(status: PodStatus, containers: PodStatus['containerStatuses']): string {
  const condition = (type: string, value: string) =>
    status.conditions.find((found) => found.type === type && found.status === value)?.reason;
  const waiting = containers
    .map(({ state }) => state?.waiting?.reason ?? '')
    .find((reason) => !ORDINARY_WAITING.includes(reason));
  const reason =
    status.reason || condition('DisruptionTarget', 'True') || waiting || condition('PodScheduled', 'False') || '';
  return textOf(reason, MAX_REASON);
}

/**
 * Returns `key=value,...`, sorted by key, at most `MAX_LABELS` characters long. Leaves out labels that no API server accepts
 * (Kubernetes: at most 317 characters in a key, 63 in a value).
 */
function readLabels(labels: Record<string, unknown>): string {
  let all = '';
  for (const key of Object.keys(labels).sort()) {
    const value = labels[key];
    if (typeof value !== 'string') continue;
    const label = `${key}=${value}`;
    if (!/^[\w./-]{1,317}=[\w.-]{0,63}$/.test(label) || all.length + label.length >= MAX_LABELS) continue;
    all += all === '' ? label : `,${label}`;
  }
  return all;
}

/** The valid addresses of a pod or of its host, the primary one first, each once. */
function readIPs(primary: string, all: { ip: string }[]): string[] {
  const candidates = new Set([primary, ...all.map((address) => address.ip)]);
  return [...candidates].filter((ip) => isIP(ip) !== 0 && ip.length <= MAX_IP_LENGTH).slice(0, MAX_IPS);
}
