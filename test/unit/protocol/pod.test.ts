import fc from 'fast-check';
import { expect, it } from 'vitest';
import { comparePods, listChanges, orderedPlace } from '../../../server/protocol/pod.ts';

const pod = (name: string) => ({ namespace: 'default', name, uid: `uid-${name}` });
const names = fc.uniqueArray(fc.integer({ min: 0, max: 30 }).map(String));

it('two lists of pods differ in the objects that are in one of them: a pod that has changed is another object', () => {
  const [stays, leaves, changes, changed, comes] = [pod('a'), pod('b'), pod('c'), pod('c'), pod('d')] as const;
  const changesOf = listChanges([stays, leaves, changes], [stays, changed, comes]);
  expect(changesOf.added.map((one) => [changed, comes].indexOf(one))).toEqual([0, 1]);
  expect(changesOf.removed.map((one) => [leaves, changes].indexOf(one))).toEqual([0, 1]);
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
