import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { KubeObject } from '../../../../../deploy/local/api/objects.ts';
import { PODS, REPLICA_SETS } from '../../../../../deploy/local/api/resources.ts';
import type { Change } from '../../../../../deploy/local/api/store.ts';
import { addPod, newStore, relabel } from '../pod-store.ts';

const names = (objects: readonly KubeObject[]) => objects.map((object) => object.metadata.name);

describe('the store', () => {
  it('raises its version with every change, and only then', () => {
    const store = newStore();
    const before = store.version;
    addPod(store, 'a', { x: '1' });
    expect(store.version).toBe(before + 1);
    relabel(store, 'a', { x: '1' });
    expect(store.version).toBe(before + 1);
    relabel(store, 'a', { x: '2' });
    expect(store.get(PODS, 'default', 'a')?.metadata.resourceVersion).toBe(String(before + 2));
  });

  it('rejects an existing name, an old version and a removed object', () => {
    const store = newStore();
    const first = addPod(store, 'a');
    relabel(store, 'a', { x: '1' });
    expect(() => addPod(store, 'a')).toThrow('already exists');
    expect(() => store.update(PODS, first)).toThrow('the object has been modified');
    store.remove(PODS, 'default', 'a');
    expect(() => store.update(PODS, first)).toThrow('not found');
    expect(() => store.remove(PODS, 'default', 'a')).toThrow('not found');
  });

  it('keeps uid and creation time in every update, and counts generations of the spec', () => {
    const store = newStore();
    const set = { metadata: { name: 'a', namespace: 'default' }, spec: {} };
    for (const [resource, object, generation] of [
      [REPLICA_SETS, store.create(REPLICA_SETS, set), 2],
      [PODS, addPod(store, 'a'), 1], // The only change of a pod's spec is its node, which does not count.
    ] as const) {
      const forged = { ...object.metadata, uid: '', creationTimestamp: 'never' };
      const { metadata } = store.update(resource, { ...object, spec: { replicas: 2 }, metadata: forged });
      const { uid } = object.metadata;
      expect(metadata).toMatchObject({ uid, creationTimestamp: '2026-01-01T00:00:00Z', generation });
    }
  });

  it('never changes an object that it has returned', () => {
    const store = newStore();
    const pod = addPod(store, 'a', { x: '1' });
    relabel(store, 'a', { x: '2' });
    expect(pod.metadata.labels).toEqual({ x: '1' });
  });

  it('lists in order of name, whatever the order of creation', () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.stringMatching(/^[a-z][a-z0-9.-]{0,8}$/)), (wanted) => {
        const store = newStore();
        for (const name of wanted) addPod(store, name);
        expect(names(store.list(PODS, 'default'))).toEqual([...wanted].sort());
      }),
    );
  });

  it('shows every listener all changes in order, even if a listener writes', () => {
    const store = newStore();
    const seen: number[][] = [[], []];
    const note = (to: number) => (change: Change) => void seen[to]?.push(change.version);
    store.subscribe((change) => {
      note(0)(change);
      if (change.type === 'ADDED') relabel(store, change.object.metadata.name, { seen: 'yes' });
    });
    const stop = store.subscribe(note(1));
    addPod(store, 'a');
    addPod(store, 'b');
    expect(seen[0]).toEqual([101, 102, 103, 104]);
    expect(seen[1]).toEqual(seen[0]);
    stop();
    addPod(store, 'c');
    expect(seen[1]).toHaveLength(4);
  });
});
