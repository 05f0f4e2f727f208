import { pendingPod } from '../../../../deploy/local/api/object-api.ts';
import type { KubeObject } from '../../../../deploy/local/api/objects.ts';
import { PODS } from '../../../../deploy/local/api/resources.ts';
import { Store } from '../../../../deploy/local/api/store.ts';

/** An empty store with uids that count up, at a fixed time. */
export function newStore(keepChanges = 1000, nowMs: () => number = () => Date.UTC(2026, 0, 1)): Store {
  let uids = 0;
  return new Store({ nowMs, newUid: () => `uid-${++uids}`, keepChanges });
}

/** Adds a pod with labels. */
export function addPod(
  store: Store,
  name: string,
  labels: Record<string, string> = {},
  namespace = 'default',
): KubeObject {
  const spec = { containers: [{ name: 'c', image: 'goldpinger-ts' }] };
  return store.create(PODS, pendingPod({ apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace, labels }, spec }));
}

/** Gives a pod other labels. */
export function relabel(store: Store, name: string, labels: Record<string, string>): KubeObject {
  const pod = store.get(PODS, 'default', name);
  if (!pod) throw new Error(`no pod ${name}`);
  return store.update(PODS, { ...pod, metadata: { ...pod.metadata, labels } });
}
