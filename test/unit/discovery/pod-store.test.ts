import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { PodStore } from '../../../server/discovery/pod-store.ts';
import type { Pod } from '../../../server/protocol/pod.ts';
import { toMonotonicMs } from '../../../server/runtime/clock.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import type { StubPod } from '../../support/kube-objects.ts';
import { at, facts, LIMITS, stages, storeWith } from './store-scene.ts';

describe('a list', () => {
  test('is complete: a pod that it does not hold has left', () => {
    const store = new PodStore(LIMITS);
    expect(store.replaceAll([facts({ name: 'b' }), facts({ name: 'a' })], at(0))).toBe(true);
    expect(stages(store)).toEqual(['uid-a ready', 'uid-b ready']);
    expect(store.replaceAll([facts({ name: 'b' }), facts({ name: 'c' })], at(60))).toBe(true);
    expect(stages(store)).toEqual(['uid-a gone', 'uid-b ready', 'uid-c ready']);
    expect(store.pods()[0]?.sinceMs).toBe(at(60));
    expect(store.liveCount).toBe(2);
  });

  test('after an outage of the API does not say when a pod left: it may have been since the last news', () => {
    const store = storeWith([{ name: 'a' }, { name: 'b' }, { name: 'c' }]);
    const unseen = () => store.pods().map(({ uid, unseenMs }) => `${uid} ${unseenMs / 1000}s`);
    store.remove(facts({ name: 'c' }), at(4));
    store.confirm(at(5));
    const failed = facts({ name: 'b', phase: 'Failed', ready: false, readySinceMs: at(20) });
    store.replaceAll([failed], at(50));
    expect(unseen()).toEqual(['uid-a 45s', 'uid-b 45s', 'uid-c 0s']);
    store.put(failed, at(60));
    store.put(facts({ name: 'a' }), at(61));
    expect(unseen()).toEqual(['uid-a 0s', 'uid-b 45s', 'uid-c 0s']);
  });

  test('without news changes nothing', () => {
    const store = storeWith([{ name: 'a' }]);
    const pods = store.pods();
    expect(store.replaceAll([facts({ name: 'a' })], at(60))).toBe(false);
    expect(store.pods()).toBe(pods);
  });
});

describe('nodes', () => {
  test.each([
    [false, 'cordoned'],
    [true, 'ignored'],
  ])(
    'that are cordoned mark their pods (IGNORE_CORDONED: %s), later ones too, as %s, until they are uncordoned',
    (ignoreCordoned, mark) => {
      const pods = [
        { name: 'a', node: 'n1' },
        { name: 'b', node: 'n2' },
      ];
      const store = storeWith(pods, { ignoreCordoned });
      const cordons = () => store.pods().map(({ cordon }) => cordon);
      expect(store.setCordoned(new Set(['n1']))).toBe(true);
      expect(store.setCordoned(new Set(['n1']))).toBe(false);
      store.put(facts({ name: 'c', node: 'n1' }), at(1));
      expect(cordons()).toEqual([mark, '', mark]);
      store.put(facts({ name: 'c', node: 'n1', phase: 'Failed', ready: false }), at(2));
      expect(store.setCordoned(new Set())).toBe(true);
      expect(cordons()).toEqual(['', '', mark]);
      // The API still lists it.
      store.put(facts({ name: 'c', node: 'n1', phase: 'Failed', ready: false }), at(3));
      expect(cordons()).toEqual(['', '', mark]);
    },
  );

  test('that were deleted are the reason why their pods have left', () => {
    const store = storeWith([
      { name: 'a', node: 'n1' },
      { name: 'b', node: 'n2' },
    ]);
    expect(store.nodeDeleted('n1')).toBe(false);
    store.replaceAll([facts({ name: 'b', node: 'n2' })], at(1));
    expect(store.nodeDeleted('n1')).toBe(true);
    expect(store.pods().map(({ reason }) => reason)).toEqual(['node n1 was deleted', '']);
  });
});

describe('pods', () => {
  test('that have left are forgotten after the retention, counted from when they left', () => {
    const store = storeWith([{ name: 'a' }, { name: 'b' }]);
    store.remove(facts({ name: 'a' }), at(10));
    expect(store.nextExpiryMs()).toBe(at(310));
    expect(store.expire(at(309))).toBe(false);
    expect(store.expire(at(310))).toBe(true);
    expect(stages(store)).toEqual(['uid-b ready']);
    expect(store.nextExpiryMs()).toBe(Number.POSITIVE_INFINITY);
  });

  test('that have left are forgotten in time if the time of day is set back', () => {
    const clock = new FakeClock(at(0));
    const store = storeWith([{ name: 'a' }, { name: 'b', phase: 'Failed', ready: false, readySinceMs: at(-60) }], {
      toMonotonicMs: (wallMs) => toMonotonicMs(wallMs, clock),
    });
    store.remove(facts({ name: 'a' }), clock.nowMs());
    const startMs = clock.monotonicMs();
    clock.jumpWall(-3_600_000);
    // The API says once more that the pod is gone.
    store.put(
      facts({ name: 'b', phase: 'Failed', ready: false, readySinceMs: at(-60), ip: '10.1.0.9' }),
      clock.nowMs(),
    );
    expect(store.nextExpiryMs() - startMs).toBe(240_000);
    store.expire(startMs + 240_000);
    expect(stages(store)).toEqual(['uid-a gone']);
    expect(store.nextExpiryMs() - startMs).toBe(300_000);
  });

  test('that failed before the retention are not taken in, although the API still lists them', () => {
    const failed = { name: 'a', phase: 'Failed', ready: false, readySinceMs: at(-60) };
    const store = storeWith([failed]);
    expect(stages(store)).toEqual(['uid-a gone']);
    expect(store.liveCount).toBe(0);
    store.expire(at(240));
    expect(store.replaceAll([facts(failed)], at(241))).toBe(false);
    expect(stages(store)).toEqual([]);
  });

  test('never exceed the limits, and those that left first are forgotten first', () => {
    const store = storeWith([{ name: 'a' }, { name: 'b' }, { name: 'c' }, { name: 'd' }], { maxPods: 3, maxGone: 2 });
    expect(stages(store)).toEqual(['uid-a ready', 'uid-b ready', 'uid-c ready']);
    for (const [i, name] of ['b', 'c', 'a'].entries()) store.remove(facts({ name }), at(i + 1));
    expect(stages(store)).toEqual(['uid-a gone', 'uid-c gone']);
    store.put(facts({ name: 'd' }), at(9));
    expect(stages(store)).toEqual(['uid-a gone', 'uid-c gone', 'uid-d ready']);
  });

  test('that leave by thousands, and each change after it, do not keep the process from pinging', () => {
    const one = facts({ name: 'a' });
    const podOf = (uid: number, labels = '') => ({ ...one, pod: { ...one.pod, uid: `${uid}`, labels } });
    const list = Array.from({ length: 10_000 }, (_, i) => podOf(i));
    const store = storeWith([], { maxPods: 10_000, maxGone: 1_000 });
    store.replaceAll(list, at(1));
    const { user } = process.cpuUsage();
    store.replaceAll(list.slice(0, 4_000), at(2));
    for (let i = 0; i < 40; i++) {
      store.put(podOf(0, `a=${i}`), at(3));
      expect(store.pods()).toHaveLength(5_000);
    }
    expect((process.cpuUsage().user - user) / 1e6).toBeLessThan(2.5);
  }, 30_000);

  test('that match the selector again are back', () => {
    const store = storeWith([{ name: 'a' }]);
    store.remove(facts({ name: 'a' }), at(1));
    expect(store.put(facts({ name: 'a' }), at(2))).toBe(true);
    expect(stages(store)).toEqual(['uid-a ready']);
    expect(store.liveCount).toBe(1);
    // The API names the time of before.
    expect(store.pods()[0]?.sinceMs).toBe(at(2));
    store.put(facts({ name: 'a', node: 'n1' }), at(3));
    expect(store.pods()[0]?.sinceMs).toBe(at(2));
    store.put(facts({ name: 'a', ready: false, readySinceMs: at(4) }), at(5));
    expect(store.pods()[0]).toMatchObject({ lifecycle: 'not-ready', sinceMs: at(4) });
  });

  test('have the zone of their node, and keep it when the node is gone', () => {
    const store = storeWith([{ name: 'a', node: 'n1' }]);
    expect(store.pods()[0]?.zone).toBe('');
    expect(store.setZones(new Map([['n1', 'east']]))).toBe(true);
    expect(store.pods()[0]?.zone).toBe('east');
    expect(store.setZones(new Map())).toBe(false);
    store.put(facts({ name: 'a', node: 'n1', ready: false, readySinceMs: at(1) }), at(1));
    expect(store.pods()[0]).toMatchObject({ zone: 'east', lifecycle: 'not-ready' });
  });
});

type Step = { do: 'put' | 'remove'; pod: StubPod } | { do: 'list'; pods: StubPod[] } | { do: 'expire' | 'look' };

/** As in every API server, a uid stands for one pod with one owner, one node and one time of creation. */
const podArbitrary: fc.Arbitrary<StubPod> = fc
  .record({ n: fc.integer({ min: 1, max: 8 }), phase: fc.constantFrom('Running', 'Running', 'Running', 'Failed') })
  .map(({ n, phase }) => {
    const ownerKind = n % 2 === 0 ? 'DaemonSet' : 'ReplicaSet';
    const owner = n === 8 ? '' : ownerKind;
    return {
      name: `p${n % 5}`,
      namespace: `s${n % 2}`,
      uid: `${n}`,
      owner,
      ownerKind,
      node: `n${n % 3}`,
      phase,
      createdMs: at((n >> 2) * 16 - 20),
    };
  });
const stepArbitrary: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ do: fc.constantFrom('put', 'remove'), pod: podArbitrary }),
  fc.record({
    do: fc.constant('list'),
    pods: fc.uniqueArray(podArbitrary, { selector: ({ uid }) => uid, maxLength: 8 }),
  }),
  fc.record({ do: fc.constantFrom('expire', 'look') }),
);

function take(store: PodStore, step: Step, nowMs: number): void {
  if (step.do === 'list') store.replaceAll(step.pods.map(facts), nowMs);
  else if (step.do === 'put') store.put(facts(step.pod), nowMs);
  else if (step.do === 'remove') store.remove(facts(step.pod), nowMs);
  else if (step.do === 'expire') store.expire(nowMs);
  else store.pods();
}

test('whatever happens, the store stays bounded, sorted and consistent', () => {
  const limits = { ...LIMITS, goneRetentionMs: 20_000, maxPods: 5, maxGone: 3 };
  fc.assert(
    fc.property(fc.array(stepArbitrary, { maxLength: 40 }), (steps) => {
      const store = new PodStore(limits);
      for (const [i, step] of steps.entries()) {
        take(store, step, at(i));
        const pods = store.pods();
        const gone = pods.filter(({ lifecycle }) => lifecycle === 'gone');
        expect(pods.length - gone.length).toBe(store.liveCount);
        expect(store.liveCount).toBeLessThanOrEqual(limits.maxPods);
        expect(gone.length).toBeLessThanOrEqual(limits.maxGone);
        expect(new Set(pods.map(({ uid }) => uid)).size).toBe(pods.length);
        const keys = pods.map(({ namespace, name, uid }) => [namespace, name, uid].join('\u0001'));
        expect(keys).toEqual([...keys].sort());
        if (step.do === 'expire') expect(gone.every(({ sinceMs }) => sinceMs + 20_000 > at(i))).toBe(true);
        if (step.do === 'list') {
          const listed = new Set(step.pods.map(({ uid }) => uid));
          expect(pods.every((pod) => pod.lifecycle === 'gone' || listed.has(pod.uid))).toBe(true);
        }
        expectSoundReplacements(pods);
      }
    }),
    { numRuns: 100 },
  );
}, 30_000);

/** Each replacement is named once, by a gone pod of the same owner, and is not older than that pod. There is no circle. */
function expectSoundReplacements(pods: readonly Pod[]): void {
  const named = pods.filter(({ replacedBy }) => replacedBy !== '');
  const nextOf = new Map(named.map((pod) => [pod.uid, pods.find(({ uid }) => uid === pod.replacedBy)]));
  expect(new Set(named.map(({ replacedBy }) => replacedBy)).size).toBe(named.length);
  for (const pod of named) {
    expect(pod.lifecycle).toBe('gone');
    const next = nextOf.get(pod.uid);
    if (next === undefined) continue;
    expect(next.owner).toBe(pod.owner);
    expect(next.createdMs).toBeGreaterThanOrEqual(pod.createdMs);
    if (pod.owner === 'DaemonSet') expect(next.node).toBe(pod.node);
    let last: Pod | undefined = next;
    for (let i = 0; i < pods.length; i++) last = nextOf.get(last?.uid ?? '');
    expect(last).toBeUndefined();
  }
}
