import { describe, expect, test } from 'vitest';
import { PodStore } from '../../../server/discovery/pod-store.ts';
import { at, facts, LIMITS, stages } from './store-scene.ts';

describe('a list', () => {
  test('is the whole truth: what it does not hold has left', () => {
    const store = new PodStore(LIMITS);
    expect(store.replaceAll([facts({ name: 'b' }), facts({ name: 'a' })], at(0), 0)).toBe(true);
    expect(stages(store)).toEqual(['uid-a ready', 'uid-b ready']);
    expect(store.replaceAll([facts({ name: 'b' }), facts({ name: 'c' })], at(60), at(0))).toBe(true);
    expect(stages(store)).toEqual(['uid-a gone', 'uid-b ready', 'uid-c ready']);
    expect(store.pods()[0]?.sinceMs).toBe(at(60));
    expect(store.liveCount).toBe(2);
  });

  test('that says nothing new changes nothing', () => {
    const store = new PodStore(LIMITS);
    store.replaceAll([facts({ name: 'a' })], at(0), 0);
    const pods = store.pods();
    expect(store.replaceAll([facts({ name: 'a' })], at(60), at(0))).toBe(false);
    expect(store.pods()).toBe(pods);
  });
});

describe('pods', () => {
  test('are sorted by namespace, name and uid', () => {
    const store = new PodStore(LIMITS);
    const list = [
      { name: 'a', namespace: 'z' },
      { name: 'b', uid: '2', namespace: 'y' },
      { name: 'b', uid: '1', namespace: 'y' },
      { name: 'B', namespace: 'y' },
    ];
    store.replaceAll(list.map(facts), at(0), 0);
    expect(store.pods().map(({ uid }) => uid)).toEqual(['uid-B', '1', '2', 'uid-a']);
  });

  test('that are gone are forgotten after the retention, counted from when they left', () => {
    const store = new PodStore(LIMITS);
    store.replaceAll([facts({ name: 'a' }), facts({ name: 'b' })], at(0), 0);
    store.remove(facts({ name: 'a' }), at(10));
    expect(store.nextExpiryMs()).toBe(at(310));
    expect(store.expire(at(309))).toBe(false);
    expect(store.expire(at(310))).toBe(true);
    expect(stages(store)).toEqual(['uid-b ready']);
    expect(store.nextExpiryMs()).toBe(Number.POSITIVE_INFINITY);
  });

  test('that failed long ago are not taken in, though the API still lists them', () => {
    const store = new PodStore(LIMITS);
    const failed = facts({ name: 'a', phase: 'Failed', ready: false, readySinceMs: at(-60) });
    store.replaceAll([failed], at(0), 0);
    expect(stages(store)).toEqual(['uid-a gone']);
    expect(store.liveCount).toBe(0);
    store.expire(at(240));
    expect(store.replaceAll([failed], at(241), at(0))).toBe(false);
    expect(stages(store)).toEqual([]);
  });

  test('are never more than the limits, and the ones that left first go first', () => {
    const store = new PodStore({ ...LIMITS, maxPods: 3, maxGone: 2 });
    store.replaceAll(
      ['a', 'b', 'c', 'd'].map((name) => facts({ name })),
      at(0),
      0,
    );
    expect(stages(store)).toEqual(['uid-a ready', 'uid-b ready', 'uid-c ready']);
    for (const [i, name] of ['b', 'c', 'a'].entries()) store.remove(facts({ name }), at(i + 1));
    expect(stages(store)).toEqual(['uid-a gone', 'uid-c gone']);
    store.put(facts({ name: 'd' }), at(9));
    expect(stages(store)).toEqual(['uid-a gone', 'uid-c gone', 'uid-d ready']);
  });

  test('that match again after they did not are back', () => {
    const store = new PodStore(LIMITS);
    store.put(facts({ name: 'a' }), at(0));
    store.remove(facts({ name: 'a' }), at(1));
    expect(store.put(facts({ name: 'a' }), at(2))).toBe(true);
    expect(stages(store)).toEqual(['uid-a ready']);
    expect(store.liveCount).toBe(1);
  });

  test('have the zone of their node, and keep it when the node is gone', () => {
    const store = new PodStore(LIMITS);
    store.put(facts({ name: 'a', node: 'n1' }), at(0));
    expect(store.pods()[0]?.zone).toBe('');
    expect(store.setZones(new Map([['n1', 'east']]))).toBe(true);
    expect(store.pods()[0]?.zone).toBe('east');
    expect(store.setZones(new Map())).toBe(false);
    store.put(facts({ name: 'a', node: 'n1', ready: false, readySinceMs: at(1) }), at(1));
    expect(store.pods()[0]).toMatchObject({ zone: 'east', lifecycle: 'not-ready' });
  });
});

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

  test('may come after the other has gone', () => {
    const store = new PodStore(LIMITS);
    store.put(facts({ name: 'a', owner }), at(0));
    store.remove(facts({ name: 'a', owner }), at(10));
    expect(store.pods()[0]?.replacedBy).toBe('');
    store.put(facts({ name: 'b', owner, createdMs: at(12) }), at(13));
    expect(store.pods()[0]?.replacedBy).toBe('uid-b');
  });

  test('of a pod that was lost sight of may be as old as the last good list', () => {
    const store = new PodStore(LIMITS);
    store.replaceAll([facts({ name: 'a', owner })], at(0), 0);
    store.replaceAll([facts({ name: 'b', owner, createdMs: at(30) })], at(60), at(5));
    expect(store.pods()[0]).toMatchObject({ lifecycle: 'gone', replacedBy: 'uid-b', sinceMs: at(60) });
  });

  test('is nobody of another owner, or without one, or created before', () => {
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

  test('may be older than we know the other to have left, by late news or another clock, if we saw it only then', () => {
    const store = new PodStore(LIMITS);
    store.replaceAll([facts({ name: 'a', owner }), facts({ name: 'b', owner, createdMs: at(9) })], at(9), 0);
    store.remove(facts({ name: 'a', owner }), at(10) + 1);
    expect(store.pods()[0]?.replacedBy).toBe('');
    store.put(facts({ name: 'c', owner, createdMs: at(9) }), at(10) + 2);
    expect(store.pods()[0]?.replacedBy).toBe('uid-c');
  });

  test('of a pod that lived for less than a second is the one that we saw next, and no circle comes of it', () => {
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

  test('is not named again for another when it was forgotten and comes back', () => {
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

  test("of a DaemonSet's pod is on the same node; of others it is rather there", () => {
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
