import { describe, expect, test } from 'vitest';
import { PodStore } from '../../../server/discovery/pod-store.ts';
import { at, facts, LIMITS } from './store-scene.ts';

describe('a replacement', () => {
  const owner = 'rs';

  test('is the pod of the same owner that was created when the other began to terminate', () => {
    const store = new PodStore(LIMITS);
    const old = { name: 'a', owner };
    store.replaceAll([facts(old), facts({ name: 'z', owner })], at(0), 0);
    store.put(facts({ ...old, deletedMs: at(10) }), at(10));
    store.put(facts({ name: 'b', owner, createdMs: at(10), ip: '' }), at(11));
    store.remove(facts({ ...old, deletedMs: at(10) }), at(40));
    expect(store.pods().map(({ replacedBy }) => replacedBy)).toEqual(['uid-b', '', '']);
  });

  test('may appear after the other has gone', () => {
    const store = new PodStore(LIMITS);
    store.put(facts({ name: 'a', owner }), at(0));
    store.remove(facts({ name: 'a', owner }), at(10));
    expect(store.pods()[0]?.replacedBy).toBe('');
    store.put(facts({ name: 'b', owner, createdMs: at(12) }), at(13));
    expect(store.pods()[0]?.replacedBy).toBe('uid-b');
  });

  test('of a pod that left unseen may be as old as the last good list', () => {
    const store = new PodStore(LIMITS);
    store.replaceAll([facts({ name: 'a', owner })], at(0), 0);
    store.replaceAll([facts({ name: 'b', owner, createdMs: at(30) })], at(60), at(5));
    expect(store.pods()[0]).toMatchObject({ lifecycle: 'gone', replacedBy: 'uid-b', sinceMs: at(60) });
  });

  test('is no pod of another owner, without an owner, or created before', () => {
    const store = new PodStore(LIMITS);
    store.replaceAll([facts({ name: 'a', owner }), facts({ name: 'b', owner: '' })], at(0), 0);
    store.put(facts({ name: 'e', owner, createdMs: at(9) }), at(9));
    store.remove(facts({ name: 'a', owner }), at(10));
    store.remove(facts({ name: 'b', owner: '' }), at(10));
    store.put(facts({ name: 'c', owner: 'other', createdMs: at(10) }), at(11));
    store.put(facts({ name: 'd', owner: '', createdMs: at(10) }), at(11));
    store.put(facts({ name: 'f', owner, createdMs: at(4) }), at(11));
    expect(
      store
        .pods()
        .map(({ replacedBy }) => replacedBy)
        .join(''),
    ).toBe('');
  });

  test('may be created a little before the other left, because clocks differ, if it appeared only afterwards', () => {
    const store = new PodStore(LIMITS);
    store.replaceAll([facts({ name: 'a', owner }), facts({ name: 'b', owner, createdMs: at(9) })], at(9), 0);
    store.remove(facts({ name: 'a', owner }), at(10) + 1);
    expect(store.pods()[0]?.replacedBy).toBe('');
    store.put(facts({ name: 'c', owner, createdMs: at(9) }), at(10) + 2);
    expect(store.pods()[0]?.replacedBy).toBe('uid-c');
  });

  test('of a pod that lived less than a second is the one that appeared next, without a circle', () => {
    const store = new PodStore(LIMITS);
    const short = (name: string) => facts({ name, owner, createdMs: at(0) });
    store.replaceAll(['a', 'b'].map(short), at(0), 0);
    store.remove(short('a'), at(0) + 300);
    store.put(short('c'), at(0) + 301);
    store.put(facts({ name: 'c', owner, createdMs: at(0), deletedMs: at(0) }), at(0) + 600);
    store.put(short('d'), at(0) + 601);
    store.remove(facts({ name: 'c', owner, createdMs: at(0), deletedMs: at(0) }), at(0) + 900);
    const named = store.pods().map(({ name, replacedBy }) => [name, replacedBy]);
    expect(named).toEqual(Object.entries({ a: 'uid-c', b: '', c: 'uid-d', d: '' }));
  });

  test('is not named for a second pod after it was forgotten and returned', () => {
    const store = new PodStore({ ...LIMITS, maxGone: 2 });
    const late = facts({ name: 'late', owner, createdMs: at(50) });
    store.replaceAll([facts({ name: 'a', owner }), late, facts({ name: 'b', owner })], at(60), 0);
    store.remove(late, at(70));
    store.remove(facts({ name: 'a', owner, deletedMs: at(40) }), at(71));
    expect(store.pods().find(({ name }) => name === 'a')?.replacedBy).toBe('uid-late');
    store.remove(facts({ name: 'b', owner, deletedMs: at(41) }), at(72));
    expect(store.pods().map(({ name }) => name)).toEqual(['a', 'b']);
    store.put(late, at(73));
    expect(store.pods().map(({ name, replacedBy }) => [name, replacedBy])).toEqual([
      ['a', 'uid-late'],
      ['b', ''],
      ['late', ''],
    ]);
  });

  test("of a DaemonSet's pod is on the same node; other owners prefer that node", () => {
    const store = new PodStore(LIMITS);
    const put = (name: string, node: string, createdMs: number, ownerKind: string) =>
      facts({ name, node, createdMs, ownerKind, owner: ownerKind });
    const old = ['DaemonSet', 'ReplicaSet'].map((kind) => put(`old-${kind}`, 'n1', at(-100), kind));
    store.replaceAll(old, at(0), 0);
    for (const pod of old) store.remove(pod, at(10));
    store.put(put('new-DaemonSet', 'n2', at(11), 'DaemonSet'), at(12));
    store.put(put('new-ReplicaSet', 'n2', at(11), 'ReplicaSet'), at(12));
    store.put(put('near-ReplicaSet', 'n1', at(12), 'ReplicaSet'), at(12));
    const replacedBy = (uid: string) => store.pods().find((pod) => pod.uid === uid)?.replacedBy;
    expect(replacedBy('uid-old-DaemonSet')).toBe('');
    expect(replacedBy('uid-old-ReplicaSet')).toBe('uid-near-ReplicaSet');
  });
});
