import type { Clock } from '../../../server/runtime/clock.ts';
import { conditionOf, controllerUid, type PodObject } from '../api/objects.ts';
import { DEPLOYMENTS, NODES, PODS, REPLICA_SETS, SERVICES } from '../api/resources.ts';
import { controlLoop, type Store } from '../api/store.ts';
import { deleteObject } from '../api/write.ts';
import { recordEvent } from './events.ts';
import { reconcileEndpoints } from './services.ts';
import { reconcileDeployments, reconcileReplicaSets } from './workloads.ts';

/** Starts the controllers and the scheduler on a store. Returns a function that stops them. */
export function startControllers(store: Store, clock: Clock, random: () => number): () => void {
  const stops = [
    controlLoop(store, [DEPLOYMENTS, REPLICA_SETS], () => reconcileDeployments(store, clock.nowMs())),
    controlLoop(store, [REPLICA_SETS, PODS], () => reconcileReplicaSets(store, clock.nowMs(), random)),
    controlLoop(store, [PODS, NODES], () => schedulePods(store, clock.nowMs())),
    controlLoop(store, [SERVICES, PODS], () => reconcileEndpoints(store)),
    controlLoop(store, [DEPLOYMENTS, REPLICA_SETS], () => collectGarbage(store, clock.nowMs())),
  ];
  return () => {
    for (const stop of stops) stop();
  };
}

/** Deletes ReplicaSets and pods whose Deployment or ReplicaSet is gone. */
export function collectGarbage(store: Store, nowMs: number): void {
  const owners = new Set([...store.list(DEPLOYMENTS), ...store.list(REPLICA_SETS)].map((one) => one.metadata.uid));
  for (const resource of [REPLICA_SETS, PODS]) {
    for (const object of store.list(resource)) {
      const owner = object.metadata.ownerReferences?.find((one) => one.controller);
      const isManaged = owner?.kind === 'Deployment' || owner?.kind === 'ReplicaSet';
      const isDeleted = object.metadata.deletionTimestamp !== undefined;
      if (isManaged && !owners.has(controllerUid(object)) && !isDeleted) deleteObject(store, resource, object, nowMs);
    }
  }
}

/** Assigns every pod without a node to the node with the fewest pods, so that they spread evenly. */
export function schedulePods(store: Store, nowMs: number): void {
  const pods = store.list(PODS) as PodObject[];
  const podCounts = new Map(store.list(NODES).map((node) => [node.metadata.name, 0]));
  const count = (node: string) => podCounts.set(node, (podCounts.get(node) ?? 0) + 1);
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
