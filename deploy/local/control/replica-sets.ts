import { deleteObject } from '../api/deletion.ts';
import { nameEnding, pendingPod } from '../api/object-api.ts';
import { controllerUid, isReady, type KubeObject, type PodObject, type Workload } from '../api/objects.ts';
import { PODS, REPLICA_SETS } from '../api/resources.ts';
import type { Store } from '../api/store.ts';
import { recordEvent } from './events.ts';

/** Makes the pods that a ReplicaSet lacks, deletes those it has too many, and writes its status. */
export function reconcileReplicaSets(store: Store, nowMs: number, random: () => number): void {
  for (const set of store.list(REPLICA_SETS) as Workload[]) {
    const pods = activePods(store, set);
    const lacking = set.spec.replicas - pods.length;
    for (let i = 0; i < lacking; i++) createPod(store, nowMs, random, set);
    // Those that serve nobody yet go first, then the youngest, as the real controller does.
    const leaving = pods.sort((a, b) => Number(isReady(a)) - Number(isReady(b)) || byVersion(b, a));
    for (const pod of leaving.slice(0, Math.max(0, -lacking))) {
      recordEvent(store, nowMs, set, {
        ...PART,
        reason: 'SuccessfulDelete',
        message: `Deleted pod: ${pod.metadata.name}`,
      });
      deleteObject(store, PODS, pod, {}, nowMs);
    }
    writeStatus(store, set);
  }
}

/** What an owner puts into `metadata.ownerReferences` of what it manages. */
export function ownedBy(owner: KubeObject) {
  const { name, uid } = owner.metadata;
  return [{ apiVersion: owner.apiVersion, kind: owner.kind, name, uid, controller: true, blockOwnerDeletion: true }];
}

const PART = { type: 'Normal', component: 'replicaset-controller' } as const;

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
  let name = `${set.metadata.name}-${nameEnding(random)}`;
  while (store.get(PODS, set.metadata.namespace ?? '', name)) name = `${set.metadata.name}-${nameEnding(random)}`;
  const { labels = {}, annotations } = template.metadata ?? {};
  store.create(
    PODS,
    pendingPod({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: {
        name,
        generateName: `${set.metadata.name}-`,
        namespace: set.metadata.namespace ?? '',
        labels,
        ...(annotations ? { annotations } : {}),
        ownerReferences: ownedBy(set),
      },
      spec: template.spec,
    }),
  );
  recordEvent(store, nowMs, set, { ...PART, reason: 'SuccessfulCreate', message: `Created pod: ${name}` });
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

function byVersion(a: KubeObject, b: KubeObject): number {
  return Number(a.metadata.resourceVersion) - Number(b.metadata.resourceVersion);
}
