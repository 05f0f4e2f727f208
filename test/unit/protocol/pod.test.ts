import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { comparePods, listChanges, orderedPlace } from '../../../server/protocol/pod.ts';

const pod = (name: string) => ({ namespace: 'default', name, uid: `uid-${name}` });
const names = fc.uniqueArray(fc.integer({ min: 0, max: 30 }).map(String));

/** Two sorted lists; of the pods in both, some are the same objects. */
const lists = fc.tuple(names, names, names).map(([former, present, changed]) => {
  const before = former.map(pod).sort(comparePods);
  const sameOf = (name: string) => (changed.includes(name) ? undefined : before.find((one) => one.name === name));
  return { before, now: present.map((name) => sameOf(name) ?? pod(name)).sort(comparePods) };
});

describe('what differs between two lists of pods', () => {
  it('are exactly the objects that are in one of them', () => {
    fc.assert(
      fc.property(lists, ({ before, now }) => {
        const { added, removed } = listChanges(before, now);
        expect(added).toEqual(now.filter((one) => !before.includes(one)));
        expect(removed).toEqual(before.filter((one) => !now.includes(one)));
      }),
    );
  });

  it('is complete also if a list is not sorted', () => {
    fc.assert(
      fc.property(lists, ({ before, now }) => {
        const { added, removed } = listChanges(before.toReversed(), now);
        const after = new Set([...before, ...added]);
        for (const one of removed) if (!added.includes(one)) after.delete(one);
        expect([...after].sort(comparePods)).toEqual(now);
      }),
    );
  });
});

it('the place of a pod is behind all pods before it', () => {
  fc.assert(
    fc.property(names, fc.nat(31), (all, n) => {
      const list = all.map(pod).sort(comparePods);
      const place = orderedPlace(list, pod(String(n)), (one) => one);
      expect(list.map((one) => comparePods(one, pod(String(n))) < 0)).toEqual(list.map((_, i) => i < place));
    }),
  );
});
