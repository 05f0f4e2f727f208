import { deleteObject } from '../api/deletion.ts';
import { controllerUid } from '../api/objects.ts';
import { DEPLOYMENTS, PODS, REPLICA_SETS } from '../api/resources.ts';
import type { Store } from '../api/store.ts';

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
