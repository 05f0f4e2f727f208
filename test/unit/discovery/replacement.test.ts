import { describe, expect, test } from 'vitest';
import { PodStore } from '../../../server/discovery/pod-store.ts';
import type { StubPod } from '../../support/kube-objects.ts';
import { at, facts, LIMITS } from './store-scene.ts';

const owner = 'rs';
/** A pod of the ReplicaSet that has run for long, unless `change` says otherwise. */
const pod = (name: string, change: Partial<StubPod> = {}) => facts({ name, owner, ...change });

/** Tells a store what happens, so many seconds after the first list, which holds `a` and `z`. */
type News = (store: PodStore) => void;
type Facts = ReturnType<typeof pod>;
const put = (seconds: number, facts: Facts) => (store: PodStore) => void store.put(facts, at(seconds));
const remove = (seconds: number, facts: Facts) => (store: PodStore) => void store.remove(facts, at(seconds));
/** `all`: everything that is there then. */
const list =
  (seconds: number, ...all: Facts[]) =>
  (store: PodStore) =>
    void store.replaceAll(all, at(seconds));

/** Returns the named replacements after the news, as `gone>replacement`. */
function replacementsAfter(news: News[]): string[] {
  const store = new PodStore(LIMITS);
  for (const tell of [list(0, pod('a'), pod('z')), ...news]) {
    tell(store);
    // Whoever looks in between must not change the result.
    store.pods();
  }
  const gone = store.pods().filter(({ replacedBy }) => replacedBy !== '');
  return gone.map(({ name, replacedBy }) => `${name}>${replacedBy.replace('uid-', '')}`);
}

const daemon = (name: string, node: string, createdMs: number) =>
  facts({ name, node, createdMs, owner: 'ds', ownerKind: 'DaemonSet' });
const stateful = (uid: string, name: string, createdMs: number) =>
  facts({ name, uid, createdMs, owner: 'ss', ownerKind: 'StatefulSet' });

// recordings.test.ts and replacement-model.test.ts have what happens most: pods that are deleted, drained, evicted, scaled down.
describe('the replacement', () => {
  const deleted = pod('a', { deletedMs: at(10) });
  const endedAt = (seconds: number) => pod('a', { deletedMs: at(seconds), graceSeconds: 0 });
  const b = pod('b', { createdMs: at(10), ip: '' });

  test.each<[string, News[], string[]]>([
    [
      'may be told by the list that brings the end of the deletion, after a time in which nothing was heard',
      [list(30, endedAt(30), pod('z'), b), remove(30.5, endedAt(30))],
      ['a>b'],
    ],
    [
      'of a pod that left unseen was created since the last news',
      [list(60, pod('z'), pod('b', { createdMs: at(30) }), pod('old', { createdMs: at(-9) }))],
      ['a>b'],
    ],
    [
      'is found where both are in one list',
      [
        list(60, pod('z'), pod('a', { deletedMs: at(40) }), pod('b', { createdMs: at(40) })),
        remove(65, pod('a', { deletedMs: at(40) })),
      ],
      ['a>b'],
    ],
    [
      'may seem to be created a little before, because clocks differ, if it appears afterwards',
      [remove(10, pod('a')), put(10.1, pod('b', { createdMs: at(6) }))],
      ['a>b'],
    ],
    [
      'is no pod that was there before, of another owner, or without an owner',
      [
        put(9, pod('early', { createdMs: at(9) })),
        remove(10, pod('a')),
        put(11, pod('relabelled', { createdMs: at(-50) })),
        put(11, pod('other', { createdMs: at(10), owner: 'other' })),
        put(11, pod('alone', { createdMs: at(10), owner: '' })),
      ],
      [],
    ],
    [
      'is not needed by a pod that is back',
      [remove(10, pod('a')), put(10.1, b), put(16, pod('a')), remove(17, pod('z')), remove(40, b)],
      [],
    ],
    [
      'is that of the older one of two pods that left together, because scaling down removes the younger one',
      [
        put(1, pod('young', { createdMs: at(-5) })),
        list(10.1, deleted, pod('young', { createdMs: at(-5), deletedMs: at(10) }), pod('z')),
        put(10.2, b),
        list(20, b, pod('z')),
      ],
      ['a>b'],
    ],
    [
      "of a DaemonSet's pod is the next one on its node, whenever it is created",
      [
        put(1, daemon('d1', 'n1', at(-90))),
        put(1, daemon('d2', 'n2', at(-90))),
        remove(10, daemon('d1', 'n1', at(-90))),
        remove(10, daemon('d2', 'n2', at(-90))),
        put(70, daemon('d3', 'n2', at(70))),
        // A rolling update with maxSurge creates the new pod first.
        put(80, daemon('d4', 'n2', at(80))),
        remove(85, daemon('d3', 'n2', at(70))),
      ],
      ['d2>d3', 'd3>d4'],
    ],
    [
      "of a StatefulSet's pod has its name",
      [
        put(1, stateful('s-old', 's-0', at(-90))),
        remove(10, stateful('s-old', 's-0', at(-90))),
        put(11, stateful('s1', 's-1', at(11))),
        put(50, stateful('s-new', 's-0', at(50))),
      ],
      ['s-0>s-new'],
    ],
  ])('%s', (_rule, news, expected) => expect(replacementsAfter(news)).toEqual(expected));

  test('is not named for a second pod after it was forgotten and returned', () => {
    const store = new PodStore({ ...LIMITS, maxGone: 2 });
    store.replaceAll([pod('a'), pod('b'), pod('c')], at(0));
    const late = pod('late', { createdMs: at(10) });
    store.remove(pod('a'), at(10));
    store.put(late, at(10));
    expect(store.pods()[0]?.replacedBy).toBe('uid-late');
    // Of three gone pods the one that left first is forgotten.
    store.remove(late, at(8));
    store.remove(pod('c'), at(9));
    store.remove(pod('b'), at(12));
    store.put(late, at(13));
    const named = store.pods().map(({ name, replacedBy }) => [name, replacedBy]);
    expect(named).toEqual(Object.entries({ a: 'uid-late', b: '', late: '' }));
  });
});
