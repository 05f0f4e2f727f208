import { expect, it } from 'vitest';
import { listChanges } from '../../../server/protocol/pod.ts';

const pod = (name: string) => ({ namespace: 'default', name, uid: `uid-${name}` });

it('two lists of pods differ in the objects that are in one of them: a pod that has changed is another object', () => {
  const [stays, leaves, changes, changed, comes] = ['a', 'b', 'c', 'c', 'd'].map(pod);
  const changesOf = listChanges([stays, leaves, changes], [stays, changed, comes]);
  expect(changesOf.added.map((one) => [changed, comes].indexOf(one))).toEqual([0, 1]);
  expect(changesOf.removed.map((one) => [leaves, changes].indexOf(one))).toEqual([0, 1]);
});
