import { deleteObject } from '../api/deletion.ts';
import { controllerUid, kubeTime, type PodObject } from '../api/objects.ts';
import { DEPLOYMENTS, NODES, PODS, REPLICA_SETS, type Resource } from '../api/resources.ts';
import type { Store } from '../api/store.ts';
import { recordEvent } from './events.ts';

/**
 * Calls `reconcile` soon after any change of the resources named (many changes at once: one call), and once at the
 * start. Gives a function that stops it. `reconcile` compares what is with what should be, so a call too many does
 * nothing.
 */
export function controlLoop(store: Store, resources: readonly Resource[], reconcile: () => void): () => void {
  let due = false;
  let stopped = false;
  const request = () => {
    if (due || stopped) return;
    due = true;
    queueMicrotask(() => {
      due = false;
      if (!stopped) reconcile();
    });
  };
  const unsubscribe = store.subscribe((change) => {
    if (resources.includes(change.resource)) request();
  });
  request();
  return () => {
    stopped = true;
    unsubscribe();
  };
}

/** Deletes ReplicaSets and pods whose Deployment or ReplicaSet is gone. */
export function collectGarbage(store: Store, nowMs: number): void {
  const owners = new Set([...store.list(DEPLOYMENTS), ...store.list(REPLICA_SETS)].map((one) => one.metadata.uid));
  for (const resource of [REPLICA_SETS, PODS]) {
    for (const object of store.list(resource)) {
      const owner = object.metadata.ownerReferences?.find((one) => one.controller);
      const ours = owner?.kind === 'Deployment' || owner?.kind === 'ReplicaSet';
      if (!ours || owners.has(controllerUid(object)) || object.metadata.deletionTimestamp !== undefined) continue;
      deleteObject(store, resource, object, {}, nowMs);
    }
  }
}

/** Places every pod without a node on the node with the fewest pods, so that they spread evenly. */
export function placePods(store: Store, nowMs: number): void {
  const pods = store.list(PODS) as PodObject[];
  const load = new Map(store.list(NODES).map((node) => [node.metadata.name, 0]));
  for (const { spec } of pods) {
    if (spec.nodeName !== undefined) load.set(spec.nodeName, (load.get(spec.nodeName) ?? 0) + 1);
  }
  for (const pod of pods) {
    if (pod.spec.nodeName !== undefined || pod.metadata.deletionTimestamp !== undefined) continue;
    const [node] = [...load].sort((a, b) => a[1] - b[1] || (a[0] < b[0] ? -1 : 1))[0] ?? [];
    if (node === undefined) return;
    load.set(node, (load.get(node) ?? 0) + 1);
    const scheduled = { type: 'PodScheduled', status: 'True' as const, lastTransitionTime: kubeTime(nowMs) };
    const status = { ...pod.status, conditions: [scheduled] };
    const placed = store.update(PODS, { ...pod, spec: { ...pod.spec, nodeName: node }, status });
    const message = `Successfully assigned ${pod.metadata.namespace}/${pod.metadata.name} to ${node}`;
    recordEvent(store, nowMs, placed, { type: 'Normal', reason: 'Scheduled', message, component: 'default-scheduler' });
  }
}
