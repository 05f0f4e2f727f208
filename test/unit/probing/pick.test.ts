import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { pickPeers } from '../../../server/probing/pick.ts';

const uids = fc.uniqueArray(fc.uuid(), { minLength: 2, maxLength: 200 });
const count = fc.integer({ min: 1, max: 10 });

/** All links `from>to` that a set of pods pings. */
function links(pods: string[], number: number): Set<string> {
  const peers = pods.map((uid) => ({ uid }));
  return new Set(pods.flatMap((from) => pickPeers(from, peers, number).map((to) => `${from}>${to}`)));
}

describe('PING_NUMBER', () => {
  it('gives each pod exactly that many others, and each pod is pinged by exactly that many', () => {
    fc.assert(
      fc.property(uids, count, (pods, number) => {
        fc.pre(number < pods.length);
        const peers = pods.map((uid) => ({ uid }));
        const pingsTo = new Map<string, number>();
        for (const self of pods) {
          const picked = pickPeers(self, peers, number);
          expect(new Set(picked).size).toBe(number);
          expect(picked).not.toContain(self);
          for (const uid of picked) pingsTo.set(uid, (pingsTo.get(uid) ?? 0) + 1);
        }
        expect([...pingsTo.values()]).toEqual(pods.map(() => number));
      }),
      { numRuns: 50 },
    );
  });

  it('does not depend on the order of the list', () => {
    fc.assert(
      fc.property(uids, count, (pods, number) => {
        const [self = ''] = pods;
        const peers = pods.map((uid) => ({ uid }));
        expect(pickPeers(self, peers, number).sort()).toEqual(pickPeers(self, peers.toReversed(), number).sort());
      }),
    );
  });

  it('changes at most three times as many links when a pod joins or leaves', () => {
    fc.assert(
      fc.property(uids, count, (pods, number) => {
        fc.pre(number < pods.length - 1);
        const more = links(pods, number);
        const fewer = links(pods.slice(1), number);
        const changed = [...more].filter((link) => !fewer.has(link)).length;
        const changedBack = [...fewer].filter((link) => !more.has(link)).length;
        expect(changed + changedBack).toBeLessThanOrEqual(3 * number);
      }),
      { numRuns: 50 },
    );
  });

  it.each([
    [0, ['a', 'b', 'c']],
    [3, ['a', 'b', 'c']],
    [9, ['a', 'b', 'c']],
    [2, ['b', 'c']],
  ])('of %i among three pods', (number, expected) => {
    const peers = [{ uid: 'a' }, { uid: 'b' }, { uid: 'c' }, { uid: 'c' }];
    expect(pickPeers('a', peers, number).sort()).toEqual(expected);
  });

  it('works for a pod that is not in the list', () => {
    const picked = pickPeers('stranger', [{ uid: 'a' }, { uid: 'b' }, { uid: 'c' }], 2);
    expect([picked.length, picked.includes('stranger')]).toEqual([2, false]);
  });
});
