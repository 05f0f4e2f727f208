import { createHash } from 'node:crypto';
import {
  canonicalJson,
  conditionOf,
  controllerUid,
  type DaemonSet,
  isReady,
  ownerReferenceTo,
  type PodObject,
  REVISION_LABEL,
  selects,
  type Workload,
} from '../api/objects.ts';
import { DAEMON_SETS, DEPLOYMENTS, NODES, PODS, REPLICA_SETS, type Resource, SERVICES } from '../api/resources.ts';
import type { Store } from '../api/store.ts';
import { deleteObject, nameEnding, pendingPod, recordEvent } from '../api/write.ts';
import { controlLoop } from './control-loop.ts';
import { reconcileEndpoints } from './services.ts';

/**
 * The controllers and the scheduler: after a change of which resources each is called. They write at each call. That comes to an end,
 * because writing what is stored already is no change (`Store.update`).
 */
export const CONTROLLERS: readonly [resources: readonly Resource[], reconcile: (store: Store) => void][] = [
  [[DEPLOYMENTS, REPLICA_SETS], reconcileDeployments],
  [[REPLICA_SETS, PODS], reconcileReplicaSets],
  [[DAEMON_SETS, PODS, NODES], reconcileDaemonSets],
  [[PODS, NODES], schedulePods],
  [[SERVICES, PODS], reconcileEndpoints],
  [[DEPLOYMENTS, REPLICA_SETS, DAEMON_SETS, NODES], collectGarbage],
];

/** Starts the controllers on a store. Returns a function that stops them. */
export function startControllers(store: Store): () => void {
  const stops = CONTROLLERS.map(([resources, reconcile]) => controlLoop(store, resources, () => reconcile(store)));
  return () => {
    for (const stop of stops) stop();
  };
}

/** Deletes ReplicaSets and pods whose Deployment, ReplicaSet or DaemonSet is gone, and, at once, pods whose node is gone. */
function collectGarbage(store: Store): void {
  const uidsOf = (resource: Resource) => store.list(resource).map(({ metadata }) => metadata.uid);
  const owners = new Set(['', ...[DEPLOYMENTS, REPLICA_SETS, DAEMON_SETS].flatMap(uidsOf)]);
  for (const resource of [REPLICA_SETS, PODS]) {
    for (const object of store.list(resource)) {
      const isDeleted = object.metadata.deletionTimestamp !== undefined;
      if (!owners.has(controllerUid(object)) && !isDeleted) deleteObject(store, resource, object);
    }
  }
  const nodes = new Set(store.list(NODES).map(({ metadata }) => metadata.name));
  for (const pod of store.list(PODS) as PodObject[]) {
    const { nodeName } = pod.spec;
    if (nodeName !== undefined && !nodes.has(nodeName)) deleteObject(store, PODS, pod, { graceSeconds: 0 });
  }
}

/** Assigns every pod without a node to the node with the fewest pods, so that they spread evenly. Cordoned nodes get none. */
function schedulePods(store: Store): void {
  const pods = store.list(PODS) as PodObject[];
  const free = store.list(NODES).filter(({ spec }) => Object(spec).unschedulable !== true);
  const countOn = (node: string) => pods.filter(({ spec }) => spec.nodeName === node).length;
  const counts = free.map(({ metadata: { name } }) => ({ node: name, pods: countOn(name) }));
  for (const pod of pods) {
    if (pod.spec.nodeName !== undefined || pod.metadata.deletionTimestamp !== undefined) continue;
    const [emptiest] = counts.sort((a, b) => a.pods - b.pods || (a.node < b.node ? -1 : 1));
    if (emptiest === undefined) return;
    emptiest.pods += 1;
    const status = { ...pod.status, conditions: [conditionOf([], 'PodScheduled', true, store.nowMs())] };
    const scheduled = store.update(PODS, { ...pod, spec: { ...pod.spec, nodeName: emptiest.node }, status });
    const message = `Successfully assigned ${pod.metadata.namespace}/${pod.metadata.name} to ${emptiest.node}`;
    recordEvent(store, scheduled, 'default-scheduler', 'Scheduled', message);
  }
}

/** On a ReplicaSet and its pods: the hash of the template. */
const HASH_LABEL = 'pod-template-hash';

/**
 * Gives every Deployment a ReplicaSet of its present template with the wanted number of pods. ReplicaSets of older templates shrink as
 * the new pods become ready, their pods that are not ready go at once, and empty ones are deleted: there is no `kubectl rollout
 * undo`. Writes the status of the Deployment.
 */
function reconcileDeployments(store: Store): void {
  for (const deployment of store.list(DEPLOYMENTS) as Workload[]) {
    const current = writeCurrentSet(store, deployment);
    /** How many ready pods of older templates must stay. */
    let stillNeeded = Math.max(0, deployment.spec.replicas - (current.status?.readyReplicas ?? 0));
    for (const set of setsOf(store, deployment).filter(({ metadata }) => metadata.uid !== current.metadata.uid)) {
      const kept = Math.min(set.spec.replicas, set.status?.readyReplicas ?? 0, stillNeeded);
      stillNeeded -= kept;
      const { name, namespace = '' } = set.metadata;
      if (kept === 0 && (set.status?.replicas ?? 0) === 0) store.remove(REPLICA_SETS, namespace, name);
      else store.update(REPLICA_SETS, { ...set, spec: { ...set.spec, replicas: kept } });
    }
    store.update(DEPLOYMENTS, { ...deployment, status: statusOf(store, deployment, current) });
  }
}

function setsOf(store: Store, deployment: Workload): Workload[] {
  const sets = store.list(REPLICA_SETS, deployment.metadata.namespace) as Workload[];
  return sets.filter((set) => controllerUid(set) === deployment.metadata.uid);
}

/** Creates the ReplicaSet of a Deployment's present template, or resets it: a client may have changed its labels or its owner. */
function writeCurrentSet(store: Store, deployment: Workload): Workload {
  const { template, selector, replicas } = deployment.spec;
  const hash = templateHash(deployment);
  const labels = { ...template.metadata?.labels, [HASH_LABEL]: hash };
  const { name: deploymentName, namespace = '' } = deployment.metadata;
  const name = `${deploymentName}-${hash}`;
  const metadata = { name, namespace, labels, ownerReferences: [ownerReferenceTo(deployment)] };
  const spec = {
    replicas,
    selector: { matchLabels: { ...selector.matchLabels, [HASH_LABEL]: hash } },
    template: { ...template, metadata: { ...template.metadata, labels } },
  };
  const stored = store.get(REPLICA_SETS, namespace, name);
  const set = stored
    ? store.update(REPLICA_SETS, { ...stored, metadata: { ...stored.metadata, ...metadata }, spec })
    : store.create(REPLICA_SETS, { metadata, spec, status: { replicas: 0 } });
  return set as Workload;
}

/** Makes a short text that differs for every template, in the letters of generated names. */
function templateHash({ spec, metadata }: Workload | DaemonSet): string {
  const digest = createHash('sha256')
    .update(canonicalJson([metadata.uid, spec.template]))
    .digest();
  let at = 0;
  return nameEnding(() => (digest[at++] ?? 0) / 256, 10);
}

/** The status of a Deployment; `current` is the ReplicaSet of its present template. */
function statusOf(store: Store, deployment: Workload, current: Workload): Workload['status'] {
  const { metadata, spec, status } = deployment;
  const sets = setsOf(store, deployment);
  const sum = (field: 'replicas' | 'readyReplicas') =>
    sets.reduce((total, set) => total + (set.status?.[field] ?? 0), 0);
  const ready = sum('readyReplicas');
  const isAvailable = ready >= spec.replicas;
  const [available, progress] = isAvailable
    ? ['MinimumReplicasAvailable', 'NewReplicaSetAvailable']
    : ['MinimumReplicasUnavailable', 'ReplicaSetUpdated'];
  return {
    observedGeneration: metadata.generation ?? 1,
    replicas: sum('replicas'),
    updatedReplicas: current.status?.replicas ?? 0,
    readyReplicas: ready,
    availableReplicas: ready,
    unavailableReplicas: Math.max(0, spec.replicas - ready),
    conditions: [
      conditionOf(status?.conditions, 'Available', isAvailable, store.nowMs(), available),
      conditionOf(status?.conditions, 'Progressing', true, store.nowMs(), progress),
    ],
  };
}

/** Creates the pods that a ReplicaSet lacks, deletes its surplus pods, and writes its status. */
function reconcileReplicaSets(store: Store): void {
  for (const set of store.list(REPLICA_SETS) as Workload[]) {
    const pods = ownPods(store, set).filter(isActive);
    const missing = set.spec.replicas - pods.length;
    for (let i = 0; i < missing; i++) createPod(store, set);
    for (const pod of pods.sort(byDeletionOrder).slice(0, Math.max(0, -missing))) {
      recordEvent(store, set, 'replicaset-controller', 'SuccessfulDelete', `Deleted pod: ${pod.metadata.name}`);
      deleteObject(store, PODS, pod);
    }
    const active = ownPods(store, set).filter(isActive);
    const status = { replicas: active.length, readyReplicas: active.filter(isReady).length };
    store.update(REPLICA_SETS, { ...set, status });
  }
}

/** Sorts the pods of a ReplicaSet as they are deleted: those that are not ready first, then the youngest. */
function byDeletionOrder(a: PodObject, b: PodObject): number {
  const createdMs = ({ metadata }: PodObject) => Date.parse(metadata.creationTimestamp);
  return Number(isReady(a)) - Number(isReady(b)) || createdMs(b) - createdMs(a);
}

/**
 * Gives every node one pod of each DaemonSet, cordoned nodes too, as in Kubernetes. Of an older template the pods that are not ready
 * are replaced at once, the others one at a time. Writes the status.
 */
function reconcileDaemonSets(store: Store): void {
  const nodes = store.list(NODES).map(({ metadata }) => metadata.name);
  for (const set of store.list(DAEMON_SETS) as DaemonSet[]) {
    const hash = templateHash(set);
    const pods = ownPods(store, set);
    // A pod that is terminating keeps its node.
    const lacking = nodes.filter((node) => !pods.some(({ spec }) => spec.nodeName === node));
    for (const nodeName of lacking) createPod(store, set, { nodeName }, { [REVISION_LABEL]: hash });
    const ready = pods.filter(isReady).length;
    const updated = pods.filter(({ metadata }) => metadata.labels?.[REVISION_LABEL] === hash);
    const outdated = pods.filter((pod) => !updated.includes(pod));
    const isWhole = ready === nodes.length && pods.every(isActive);
    const replaced = isWhole ? outdated.slice(0, 1) : outdated.filter((pod) => isActive(pod) && !isReady(pod));
    for (const pod of replaced) deleteObject(store, PODS, pod);
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

/**
 * The pods of a set. As in Kubernetes, one whose labels the set does not select any more has no owner from now on, and an active pod
 * without an owner whose labels it selects becomes its own.
 */
function ownPods(store: Store, set: Workload | DaemonSet): PodObject[] {
  const { uid, namespace } = set.metadata;
  const withOwners = (pod: PodObject, ownerReferences: PodObject['metadata']['ownerReferences'] = []) =>
    store.update(PODS, { ...pod, metadata: { ...pod.metadata, ownerReferences } }) as PodObject;
  return (store.list(PODS, namespace) as PodObject[]).flatMap((pod) => {
    const owner = controllerUid(pod);
    const isSelected = selects(set.spec.selector.matchLabels, pod.metadata.labels);
    if (owner === uid && isSelected) return [pod];
    if (owner === uid) withOwners(pod);
    return owner === '' && isSelected && isActive(pod) ? [withOwners(pod, [ownerReferenceTo(set)])] : [];
  });
}

/** Whether a pod counts as one of its set: it has not ended, and is not being deleted. */
function isActive({ metadata, status }: PodObject): boolean {
  return metadata.deletionTimestamp === undefined && status.phase !== 'Failed' && status.phase !== 'Succeeded';
}

/** Creates a pod of a set, with further fields of its spec and further labels. */
function createPod(store: Store, set: Workload | DaemonSet, moreSpec: object = {}, moreLabels: object = {}): void {
  const { template } = set.spec;
  const { name: setName, namespace = '' } = set.metadata;
  let name = `${setName}-${nameEnding(store.random)}`;
  while (store.get(PODS, namespace, name)) name = `${setName}-${nameEnding(store.random)}`;
  const { labels, annotations } = template.metadata ?? {};
  const metadata = {
    name,
    generateName: `${setName}-`,
    namespace,
    labels: { ...labels, ...moreLabels },
    ...(annotations && { annotations }),
    ownerReferences: [ownerReferenceTo(set)],
  };
  const spec = { ...template.spec, ...moreSpec };
  store.create(PODS, pendingPod({ metadata, spec }));
  recordEvent(store, set, `${set.kind.toLowerCase()}-controller`, 'SuccessfulCreate', `Created pod: ${name}`);
}
