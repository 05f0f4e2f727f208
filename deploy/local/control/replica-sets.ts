import { deleteObject } from '../api/deletion.ts';
import {
  controllerUid,
  isReady,
  type KubeObject,
  ownerReferenceTo,
  type PodObject,
  type Workload,
} from '../api/objects.ts';
import { PODS, REPLICA_SETS } from '../api/resources.ts';
import type { Store } from '../api/store.ts';
import { nameEnding, pendingPod } from '../api/write.ts';
import { recordEvent } from './events.ts';

const COMPONENT = { type: 'Normal', component: 'replicaset-controller' } as const;

/** Creates the pods that a ReplicaSet lacks, deletes its surplus pods, and writes its status. */
export function reconcileReplicaSets(store: Store, nowMs: number, random: () => number): void {
  for (const set of store.list(REPLICA_SETS) as Workload[]) {
    const pods = activePods(store, set);
    const missing = set.spec.replicas - pods.length;
    for (let i = 0; i < missing; i++) createPod(store, nowMs, random, set);
    // As in Kubernetes, pods that are not ready go first, then the youngest.
    const surplus = pods.sort((a, b) => Number(isReady(a)) - Number(isReady(b)) || versionOf(b) - versionOf(a));
    for (const pod of surplus.slice(0, Math.max(0, -missing))) {
      const message = `Deleted pod: ${pod.metadata.name}`;
      recordEvent(store, nowMs, set, { ...COMPONENT, reason: 'SuccessfulDelete', message });
      deleteObject(store, PODS, pod, nowMs);
    }
    writeStatus(store, set);
  }
}

function activePods(store: Store, set: Workload): PodObject[] {
  return (store.list(PODS, set.metadata.namespace) as PodObject[]).filter(
    (pod) =>
      controllerUid(pod) === set.metadata.uid &&
      pod.metadata.deletionTimestamp === undefined &&
      pod.status.phase !== 'Failed' &&
      pod.status.phase !== 'Succeeded',
  );
}

function createPod(store: Store, nowMs: number, random: () => number, set: Workload): void {
  const { template } = set.spec;
  const { name: setName, namespace = '' } = set.metadata;
  let name = `${setName}-${nameEnding(random)}`;
  while (store.get(PODS, namespace, name)) name = `${setName}-${nameEnding(random)}`;
  const { labels = {}, annotations } = template.metadata ?? {};
  const metadata = {
    name,
    generateName: `${setName}-`,
    namespace,
    labels,
    ...(annotations && { annotations }),
    ownerReferences: [ownerReferenceTo(set)],
  };
  store.create(PODS, pendingPod({ apiVersion: 'v1', kind: 'Pod', metadata, spec: template.spec }));
  recordEvent(store, nowMs, set, { ...COMPONENT, reason: 'SuccessfulCreate', message: `Created pod: ${name}` });
}

function writeStatus(store: Store, { metadata }: Workload): void {
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

function versionOf({ metadata }: KubeObject): number {
  return Number(metadata.resourceVersion);
}
