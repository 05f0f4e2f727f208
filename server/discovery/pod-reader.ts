import { isIP } from 'node:net';
import * as v from 'valibot';
import { type Lifecycle, MAX_LABELS } from '../protocol/pod.ts';
import { ApiError } from './status.ts';

/** What we read of a pod object, bounded and checked. Times are ms since the epoch, 0 = not told; strings '' = not told. */
export interface PodFacts {
  uid: string;
  name: string;
  namespace: string;
  node: string;
  podIPs: string[];
  hostIPs: string[];
  createdMs: number;
  /** uid and kind of the controlling owner. */
  owner: string;
  ownerKind: string;
  /** As in `Pod.labels`. */
  labels: string;
  /** `status.phase`: Pending, Running, Succeeded, Failed, Unknown. */
  phase: string;
  /** When deletion was asked for. */
  deletedMs: number;
  /** `status.conditions[type=Ready].status`: True, False, Unknown. */
  ready: string;
  /** Since when `ready` has its value. */
  readySinceMs: number;
  /** Restarts of all containers together. */
  restarts: number;
  /** Start of the container that started last. */
  startedMs: number;
}

const MAX_IPS = 8;

const word = (length: number) => v.nullish(v.pipe(v.string(), v.maxLength(length)), '');
const time = v.pipe(
  word(64),
  v.transform((text) => Date.parse(text) || 0),
);
const reports = <const T extends v.GenericSchema>(report: T) =>
  v.nullish(v.pipe(v.array(report), v.maxLength(1000)), []);
const addresses = reports(v.object({ ip: word(64) }));

const podSchema = v.object({
  metadata: v.object({
    uid: v.pipe(v.string(), v.minLength(1), v.maxLength(128)),
    name: v.pipe(v.string(), v.minLength(1), v.maxLength(253)),
    namespace: word(63),
    creationTimestamp: time,
    deletionTimestamp: time,
    deletionGracePeriodSeconds: v.nullish(v.number(), 0),
    labels: v.nullish(v.record(v.string(), v.unknown()), {}),
    ownerReferences: reports(v.object({ uid: word(128), kind: word(63), controller: v.nullish(v.boolean(), false) })),
  }),
  spec: v.nullish(v.object({ nodeName: word(253) }), {}),
  status: v.nullish(
    v.object({
      phase: word(63),
      podIP: word(64),
      podIPs: addresses,
      hostIP: word(64),
      hostIPs: addresses,
      conditions: reports(v.object({ type: word(316), status: word(63), lastTransitionTime: time })),
      containerStatuses: reports(
        v.object({
          restartCount: v.nullish(v.number(), 0),
          state: v.nullish(v.object({ running: v.nullish(v.object({ startedAt: time })) })),
        }),
      ),
    }),
    {},
  ),
});

/**
 * Reads a pod object of the Kubernetes API. Addresses that are none are left out. Throws an `ApiError` of class
 * `malformed` for anything that is no pod: no API server sends that, so whoever did is not to be believed.
 */
export function readPod(object: unknown): PodFacts {
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
    podIPs: ipsOf(status.podIP, status.podIPs),
    hostIPs: ipsOf(status.hostIP, status.hostIPs),
    createdMs: metadata.creationTimestamp,
    owner: owner?.uid ?? '',
    ownerKind: owner?.kind ?? '',
    labels: labelsOf(metadata.labels),
    phase: status.phase,
    deletedMs: deletedMs(metadata.deletionTimestamp, metadata.deletionGracePeriodSeconds),
    ready: ready?.status ?? '',
    readySinceMs: ready?.lastTransitionTime ?? 0,
    restarts: containers.reduce((sum, container) => sum + container.restartCount, 0),
    startedMs: Math.max(0, ...containers.map((container) => container.state?.running?.startedAt ?? 0)),
  };
}

/** The API's `deletionTimestamp` lies in the future by the grace period: it is when the pod must be gone. */
function deletedMs(timestampMs: number, graceSeconds: number): number {
  return timestampMs === 0 ? 0 : timestampMs - Math.max(0, graceSeconds) * 1000;
}

/** Labels that the API server would not have taken (Kubernetes: key at most 317, value at most 63) are left out. */
function labelsOf(labels: Record<string, unknown>): string {
  let all = '';
  for (const key of Object.keys(labels).sort()) {
    const label = `${key}=${labels[key]}`;
    if (!/^[\w./-]{1,317}=[\w.-]{0,63}$/.test(label) || all.length + label.length >= MAX_LABELS) continue;
    all += all === '' ? label : `,${label}`;
  }
  return all;
}

function ipsOf(primary: string, all: { ip: string }[]): string[] {
  const found = new Set([primary, ...all.map((address) => address.ip)]);
  return [...found].filter((ip) => isIP(ip) !== 0 && ip.length <= 45).slice(0, MAX_IPS);
}

/** A stage of life and since when, ms since the epoch. */
export interface Stage {
  lifecycle: Lifecycle;
  sinceMs: number;
}

/**
 * The stage of a pod that the API server still lists. `before` is the stage we knew it in, null if it is new.
 * Times are the API's own where it has them, else those of `before`, else `nowMs`; never in the future, because the
 * API server's clock may be ahead of ours.
 */
export function stageOf(facts: PodFacts, before: Stage | null, nowMs: number): Stage {
  const { lifecycle, toldMs } = judge(facts, before);
  const sinceMs = toldMs > 0 ? toldMs : before?.lifecycle === lifecycle ? before.sinceMs : nowMs;
  return { lifecycle, sinceMs: Math.min(sinceMs, nowMs) };
}

function judge(facts: PodFacts, before: Stage | null): { lifecycle: Lifecycle; toldMs: number } {
  // A finished pod stays in the API until somebody collects it, with or without a deletion under way.
  if (facts.phase === 'Succeeded' || facts.phase === 'Failed') {
    const firstSeen = before === null ? facts.startedMs || facts.createdMs : 0;
    return { lifecycle: 'gone', toldMs: facts.readySinceMs || firstSeen };
  }
  if (facts.deletedMs > 0) return { lifecycle: 'terminating', toldMs: facts.deletedMs };
  if (facts.podIPs.length === 0 || facts.phase === 'Pending') return { lifecycle: 'starting', toldMs: facts.createdMs };
  if (facts.ready === 'True') return { lifecycle: 'ready', toldMs: facts.readySinceMs };
  if (wasEverReady(facts, before)) return { lifecycle: 'not-ready', toldMs: facts.readySinceMs };
  return { lifecycle: 'starting', toldMs: facts.createdMs };
}

/**
 * Whether a pod that is not ready now has been ready before, or has failed at trying. The API does not say; but the
 * kubelet sets the Ready condition to False when it admits the pod, before any container runs, and touches its
 * transition time again only when the value changes.
 */
function wasEverReady(facts: PodFacts, before: Stage | null): boolean {
  if (before !== null && (before.lifecycle === 'ready' || before.lifecycle === 'not-ready')) return true;
  if (facts.restarts > 0 || facts.phase === 'Unknown') return true;
  return facts.startedMs > 0 && facts.readySinceMs > facts.startedMs;
}
