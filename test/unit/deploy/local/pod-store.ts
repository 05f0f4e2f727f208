import fc from 'fast-check';
import type { ContainerStatus, KubeObject } from '../../../../deploy/local/api/objects.ts';
import { PODS } from '../../../../deploy/local/api/resources.ts';
import { ApiError } from '../../../../deploy/local/api/status.ts';
import { Store } from '../../../../deploy/local/api/store.ts';
import { pendingPod } from '../../../../deploy/local/api/write.ts';

/** Makes an empty store with ascending uids, the same chance each time and a fixed time. */
export function newStore(keepChanges = 1000, nowMs: () => number = () => Date.UTC(2026, 0, 1)): Store {
  let uids = 0;
  let chance = 1;
  const random = () => {
    chance = (chance * 16807) % 2147483647;
    return chance / 2147483647;
  };
  return new Store({ nowMs, random, newUid: () => `uid-${++uids}`, keepChanges });
}

/** Adds a pod with labels. */
export function addPod(
  store: Store,
  name: string,
  labels: Record<string, string> = {},
  namespace = 'default',
): KubeObject {
  const spec = { containers: [{ name: 'c', image: 'goldpinger-ts' }] };
  return store.create(PODS, pendingPod({ metadata: { name, namespace, labels }, spec }));
}

/** A container in this state. */
export function containerIn(state: ContainerStatus['state'], more: Partial<ContainerStatus> = {}): ContainerStatus {
  const rest = { name: 'c', image: 'i', imageID: '', ready: false, started: false, restartCount: 0, lastState: {} };
  return { ...rest, state, ...more };
}

/** Changes the labels of a pod. */
export function relabel(store: Store, name: string, labels: Record<string, string>): KubeObject {
  const pod = store.get(PODS, 'default', name);
  if (!pod) throw new Error(`no pod ${name}`);
  return store.update(PODS, { ...pod, metadata: { ...pod.metadata, labels } });
}

/** One write by chance: creates, relabels or removes a pod, whichever is possible. */
interface Write {
  name: string;
  app: string;
  remove: boolean;
}
export const anyWrites = fc.array(
  fc.record({ name: fc.constantFrom('a', 'b', 'c'), app: fc.constantFrom('x', 'y'), remove: fc.boolean() }),
  { maxLength: 20 },
);
export function apply(store: Store, { name, app, remove }: Write): void {
  if (!store.get(PODS, 'default', name)) addPod(store, name, { app });
  else if (remove) store.remove(PODS, 'default', name);
  else relabel(store, name, { app });
}

/** Returns the status code of the ApiError that `act` throws, or what else it does. */
export function errorCodeOf(act: () => unknown): number | string {
  try {
    act();
  } catch (error) {
    return error instanceof ApiError ? error.status.code : String(error);
  }
  return 'no error';
}
