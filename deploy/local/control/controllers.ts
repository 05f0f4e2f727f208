import { createHash } from 'node:crypto';
import type { Clock } from '../../../server/runtime/clock.ts';
import {
  canonicalJson,
  conditionOf,
  controllerUid,
  type DaemonSet,
  isReady,
  type KubeObject,
  ownerReferenceTo,
  type PodObject,
  type Workload,
} from '../api/objects.ts';
import { DAEMON_SETS, DEPLOYMENTS, NODES, PODS, REPLICA_SETS, SERVICES } from '../api/resources.ts';
import { controlLoop, type Store } from '../api/store.ts';
import { deleteObject, nameEnding, pendingPod, recordEvent } from '../api/write.ts';
import { reconcileEndpoints } from './services.ts';

/** Starts the controllers and the scheduler on a store. Returns a function that stops them. */
export function startControllers(store: Store, clock: Clock, random: () => number): () => void {
  const stops = [
    controlLoop(store, [DEPLOYMENTS, REPLICA_SETS], () => reconcileDeployments(store, clock.nowMs())),
    controlLoop(store, [REPLICA_SETS, PODS], () => reconcileReplicaSets(store, clock.nowMs(), random)),
    controlLoop(store, [DAEMON_SETS, PODS, NODES], () => reconcileDaemonSets(store, clock.nowMs(), random)),
    controlLoop(store, [PODS, NODES], () => schedulePods(store, clock.nowMs())),
    controlLoop(store, [SERVICES, PODS], () => reconcileEndpoints(store)),
    controlLoop(store, [DEPLOYMENTS, REPLICA_SETS, DAEMON_SETS, NODES], () => collectGarbage(store, clock.nowMs())),
  ];
  return () => {
    for (const stop of stops) stop();
  };
}

/** Deletes ReplicaSets and pods whose Deployment, ReplicaSet or DaemonSet is gone, and, at once, pods whose node is gone. */
export function collectGarbage(store: Store, nowMs: number): void {
  const owners = new Set(
    [DEPLOYMENTS, REPLICA_SETS, DAEMON_SETS].flatMap((kind) => store.list(kind)).map(({ metadata }) => metadata.uid),
  );
  for (const resource of [REPLICA_SETS, PODS]) {
    for (const object of store.list(resource)) {
      const owner = object.metadata.ownerReferences?.find((one) => one.controller);
      const isManaged = ['Deployment', 'ReplicaSet', 'DaemonSet'].includes(owner?.kind ?? '');
      const isDeleted = object.metadata.deletionTimestamp !== undefined;
      if (isManaged && !owners.has(controllerUid(object)) && !isDeleted) deleteObject(store, resource, object, nowMs);
    }
  }
  const nodes = new Set(store.list(NODES).map(({ metadata }) => metadata.name));
  for (const pod of store.list(PODS) as PodObject[]) {
    const { nodeName } = pod.spec;
    if (nodeName !== undefined && !nodes.has(nodeName)) deleteObject(store, PODS, pod, nowMs, { graceSeconds: 0 });
  }
}

/** Assigns every pod without a node to the node with the fewest pods, so that they spread evenly. Cordoned nodes get none. */
export function schedulePods(store: Store, nowMs: number): void {
  const pods = store.list(PODS) as PodObject[];
  const free = store.list(NODES).filter(({ spec }) => Object(spec).unschedulable !== true);
  const podCounts = new Map(free.map((node) => [node.metadata.name, 0]));
  const count = (node: string) => {
    const before = podCounts.get(node);
    if (before !== undefined) podCounts.set(node, before + 1);
  };
  for (const { spec } of pods) if (spec.nodeName !== undefined) count(spec.nodeName);
  for (const pod of pods) {
    if (pod.spec.nodeName !== undefined || pod.metadata.deletionTimestamp !== undefined) continue;
    const [node] = [...podCounts].sort((a, b) => a[1] - b[1] || (a[0] < b[0] ? -1 : 1))[0] ?? [];
    if (node === undefined) return;
    count(node);
    const status = { ...pod.status, conditions: [conditionOf([], 'PodScheduled', true, nowMs)] };
    const scheduled = store.update(PODS, { ...pod, spec: { ...pod.spec, nodeName: node }, status });
    const message = `Successfully assigned ${pod.metadata.namespace}/${pod.metadata.name} to ${node}`;
    const event = { type: 'Normal', reason: 'Scheduled', message, component: 'default-scheduler' } as const;
    recordEvent(store, nowMs, scheduled, event);
  }
}

const HASH_LABEL = 'pod-template-hash';
const REVISION = 'deployment.kubernetes.io/revision';
/** Number of old, empty ReplicaSets that are kept for `kubectl rollout undo`. */
const MAX_OLD_SETS = 3;

/**
 * Gives every Deployment a ReplicaSet of its present template with the wanted number of pods. ReplicaSets of older
 * templates shrink as the new pods become ready: the oldest first, and pods that are not ready at once. Writes the status of
 * the Deployment.
 */
export function reconcileDeployments(store: Store, nowMs: number): void {
  for (const deployment of store.list(DEPLOYMENTS) as Workload[]) reconcile(store, deployment, nowMs);
}

function reconcile(store: Store, deployment: Workload, nowMs: number): void {
  const hash = templateHash(deployment);
  const sets = setsOf(store, deployment);
  const current = sets.find((set) => set.metadata.labels?.[HASH_LABEL] === hash) ?? createSet(store, deployment, hash);
  const { replicas } = deployment.spec;
  resize(store, current, replicas);
  let stillNeeded = Math.max(0, replicas - (current.status?.readyReplicas ?? 0));
  // The newest first. Names end in a hash, so that their order says nothing.
  const old = sets.filter((set) => set !== current).sort((a, b) => revisionOf(b) - revisionOf(a));
  for (const set of old) {
    const kept = Math.min(set.spec.replicas, set.status?.readyReplicas ?? 0, stillNeeded);
    stillNeeded -= kept;
    resize(store, set, kept);
  }
  const empty = old.filter((set) => set.spec.replicas === 0 && (set.status?.replicas ?? 0) === 0);
  for (const { metadata } of empty.slice(MAX_OLD_SETS)) {
    store.remove(REPLICA_SETS, metadata.namespace ?? '', metadata.name);
  }
  writeStatus(store, deployment, hash, numberRevision(store, current, old), nowMs);
}

function setsOf(store: Store, deployment: Workload): Workload[] {
  const sets = store.list(REPLICA_SETS, deployment.metadata.namespace) as Workload[];
  return sets.filter((set) => controllerUid(set) === deployment.metadata.uid);
}

function createSet(store: Store, deployment: Workload, hash: string): Workload {
  const { template, selector, replicas } = deployment.spec;
  const labels = { ...template.metadata?.labels, [HASH_LABEL]: hash };
  return store.create(REPLICA_SETS, {
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    metadata: {
      name: `${deployment.metadata.name}-${hash}`,
      namespace: deployment.metadata.namespace ?? '',
      labels,
      ownerReferences: [ownerReferenceTo(deployment)],
    },
    spec: {
      replicas,
      selector: { matchLabels: { ...selector.matchLabels, [HASH_LABEL]: hash } },
      template: { ...template, metadata: { ...template.metadata, labels } },
    },
    status: { replicas: 0 },
  }) as Workload;
}

/** Gives the present ReplicaSet the highest revision number, which `kubectl rollout` shows, and returns the number. */
function numberRevision(store: Store, current: Workload, old: Workload[]): string {
  const newest = Math.max(0, ...old.map(revisionOf));
  if (revisionOf(current) > newest) return String(revisionOf(current));
  const revision = String(newest + 1);
  const set = store.get(REPLICA_SETS, current.metadata.namespace ?? '', current.metadata.name);
  const annotations = { ...set?.metadata.annotations, [REVISION]: revision };
  if (set) store.update(REPLICA_SETS, { ...set, metadata: { ...set.metadata, annotations } });
  return revision;
}

function revisionOf(set: Workload): number {
  return Number(set.metadata.annotations?.[REVISION] ?? 0);
}

function resize(store: Store, set: Workload, replicas: number): void {
  if (set.spec.replicas !== replicas) store.update(REPLICA_SETS, { ...set, spec: { ...set.spec, replicas } });
}

/** Makes a short text that differs for every template, in the letters of generated names. */
function templateHash({ spec, metadata }: Workload | DaemonSet): string {
  const digest = createHash('sha256')
    .update(canonicalJson([metadata.uid, spec.template]))
    .digest();
  let at = 0;
  return nameEnding(() => (digest[at++] ?? 0) / 256, 10);
}

function writeStatus(store: Store, deployment: Workload, hash: string, revision: string, nowMs: number): void {
  const sets = setsOf(store, deployment);
  const sum = (of: Workload[], field: 'replicas' | 'readyReplicas') =>
    of.reduce((total, set) => total + (set.status?.[field] ?? 0), 0);
  const ready = sum(sets, 'readyReplicas');
  const { replicas } = deployment.spec;
  const isAvailable = ready >= replicas;
  const available = isAvailable ? 'MinimumReplicasAvailable' : 'MinimumReplicasUnavailable';
  const progress = isAvailable ? 'NewReplicaSetAvailable' : 'ReplicaSetUpdated';
  const before = deployment.status?.conditions;
  const current = sets.filter((set) => set.metadata.labels?.[HASH_LABEL] === hash);
  const status = {
    observedGeneration: deployment.metadata.generation ?? 1,
    replicas: sum(sets, 'replicas'),
    updatedReplicas: sum(current, 'replicas'),
    readyReplicas: ready,
    availableReplicas: ready,
    unavailableReplicas: Math.max(0, replicas - ready),
    conditions: [
      conditionOf(before, 'Available', isAvailable, nowMs, available),
      conditionOf(before, 'Progressing', true, nowMs, progress),
    ],
  };
  const annotations = { ...deployment.metadata.annotations, [REVISION]: revision };
  store.update(DEPLOYMENTS, { ...deployment, metadata: { ...deployment.metadata, annotations }, status });
}

/** An Event of the controller of ReplicaSets or DaemonSets. */
function eventOf({ kind }: KubeObject, reason: string, message: string) {
  return { type: 'Normal', component: `${kind.toLowerCase()}-controller`, reason, message } as const;
}

/** Creates the pods that a ReplicaSet lacks, deletes its surplus pods, and writes its status. */
export function reconcileReplicaSets(store: Store, nowMs: number, random: () => number): void {
  for (const set of store.list(REPLICA_SETS) as Workload[]) {
    const pods = activePods(store, set);
    const missing = set.spec.replicas - pods.length;
    for (let i = 0; i < missing; i++) createPod(store, nowMs, random, set);
    for (const pod of pods.sort(byDeletionOrder).slice(0, Math.max(0, -missing))) {
      const message = `Deleted pod: ${pod.metadata.name}`;
      recordEvent(store, nowMs, set, eventOf(set, 'SuccessfulDelete', message));
      deleteObject(store, PODS, pod, nowMs);
    }
    writeStatusOfReplicaSet(store, set);
  }
}

/**
 * Sorts the pods of a ReplicaSet as Kubernetes deletes them: those that are not ready first, then those that became ready last,
 * then the youngest.
 */
function byDeletionOrder(a: PodObject, b: PodObject): number {
  const latestFirst = (one: string, other: string) => Date.parse(other) - Date.parse(one) || 0;
  return (
    Number(isReady(a)) - Number(isReady(b)) ||
    latestFirst(readyTime(a), readyTime(b)) ||
    latestFirst(a.metadata.creationTimestamp, b.metadata.creationTimestamp)
  );
}

/** When the pod became ready, as Kubernetes writes times; '' if it is not. */
function readyTime({ status }: PodObject): string {
  return status.conditions?.find((one) => one.type === 'Ready' && one.status === 'True')?.lastTransitionTime ?? '';
}

/** On the pods of a DaemonSet. */
const REVISION_LABEL = 'controller-revision-hash';

/**
 * Gives every node one pod of each DaemonSet, cordoned nodes too, as in Kubernetes. Pods of an older template are replaced one
 * at a time. Writes the status.
 */
export function reconcileDaemonSets(store: Store, nowMs: number, random: () => number): void {
  const nodes = store.list(NODES).map(({ metadata }) => metadata.name);
  for (const set of store.list(DAEMON_SETS) as DaemonSet[]) {
    const hash = templateHash(set);
    const pods = ownPods(store, set);
    // A pod that is terminating keeps its node.
    const lacking = nodes.filter((node) => !pods.some(({ spec }) => spec.nodeName === node));
    for (const nodeName of lacking)
      createPod(store, nowMs, random, set, { nodeName, labels: { [REVISION_LABEL]: hash } });
    const ready = pods.filter(isReady).length;
    const updated = pods.filter(({ metadata }) => metadata.labels?.[REVISION_LABEL] === hash);
    const outdated = pods.find((pod) => !updated.includes(pod));
    if (outdated && ready === nodes.length && pods.every(isActive)) deleteObject(store, PODS, outdated, nowMs);
    const status = {
      observedGeneration: set.metadata.generation ?? 1,
      desiredNumberScheduled: nodes.length,
      currentNumberScheduled: pods.length,
      updatedNumberScheduled: updated.length,
      numberMisscheduled: 0,
      numberReady: ready,
      numberAvailable: ready,
      numberUnavailable: nodes.length - ready,
    };
    store.update(DAEMON_SETS, { ...set, status });
  }
}

function ownPods(store: Store, set: KubeObject): PodObject[] {
  return (store.list(PODS, set.metadata.namespace) as PodObject[]).filter(
    (pod) => controllerUid(pod) === set.metadata.uid,
  );
}

function activePods(store: Store, set: KubeObject): PodObject[] {
  return ownPods(store, set).filter(isActive);
}

function isActive({ metadata, status }: PodObject): boolean {
  return metadata.deletionTimestamp === undefined && status.phase !== 'Failed' && status.phase !== 'Succeeded';
}

/** `more`: the node and further labels of the pod. */
function createPod(
  store: Store,
  nowMs: number,
  random: () => number,
  set: Workload | DaemonSet,
  more: { nodeName?: string; labels?: Record<string, string> } = {},
): void {
  const { template } = set.spec;
  const { name: setName, namespace = '' } = set.metadata;
  let name = `${setName}-${nameEnding(random)}`;
  while (store.get(PODS, namespace, name)) name = `${setName}-${nameEnding(random)}`;
  const { labels, annotations } = template.metadata ?? {};
  const metadata = {
    name,
    generateName: `${setName}-`,
    namespace,
    labels: { ...labels, ...more.labels },
    ...(annotations && { annotations }),
    ownerReferences: [ownerReferenceTo(set)],
  };
  const spec = { ...template.spec, ...(more.nodeName !== undefined && { nodeName: more.nodeName }) };
  store.create(PODS, pendingPod({ apiVersion: 'v1', kind: 'Pod', metadata, spec }));
  recordEvent(store, nowMs, set, eventOf(set, 'SuccessfulCreate', `Created pod: ${name}`));
}

function writeStatusOfReplicaSet(store: Store, { metadata }: Workload): void {
  const set = store.get(REPLICA_SETS, metadata.namespace ?? '', metadata.name) as Workload | undefined;
  if (!set) return;
  const pods = activePods(store, set);
  const ready = pods.filter(isReady).length;
  const status = {
    replicas: pods.length,
    fullyLabeledReplicas: pods.length,
    readyReplicas: ready,
    availableReplicas: ready,
    observedGeneration: set.metadata.generation ?? 1,
  };
  store.update(REPLICA_SETS, { ...set, status });
}
