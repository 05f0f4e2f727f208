import fc from 'fast-check';
import { expect, test } from 'vitest';
import { PodStore } from '../../../server/discovery/pod-store.ts';
import type { Pod } from '../../../server/protocol/pod.ts';
import type { StubPod } from '../../support/kube-objects.ts';
import { at, facts } from './store-scene.ts';

type Step = { do: 'put' | 'remove'; pod: StubPod } | { do: 'list'; pods: StubPod[] } | { do: 'expire' | 'look' };

/** A uid stands for one pod, with one owner, node and time of creation, as in every API server. */
const podArbitrary: fc.Arbitrary<StubPod> = fc
  .record({ n: fc.integer({ min: 1, max: 8 }), phase: fc.constantFrom('Running', 'Running', 'Running', 'Failed') })
  .map(({ n, phase }) => {
    const ownerKind = n % 2 === 0 ? 'DaemonSet' : 'ReplicaSet';
    const owner = n === 8 ? '' : ownerKind;
    return {
      name: `p${n % 5}`,
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
  if (step.do === 'list') store.replaceAll(step.pods.map(facts), nowMs, nowMs - 5_000);
  else if (step.do === 'put') store.put(facts(step.pod), nowMs);
  else if (step.do === 'remove') store.remove(facts(step.pod), nowMs);
  else if (step.do === 'expire') store.expire(nowMs);
  else store.pods();
}

test('whatever happens, the store stays bounded, sorted and consistent', () => {
  const limits = { goneRetentionMs: 20_000, maxPods: 5, maxGone: 3 };
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

/** Each replacement is used once, only by the gone, and is not older than what it replaces; there is no circle. */
function expectSoundReplacements(pods: readonly Pod[]): void {
  const named = pods.filter(({ replacedBy }) => replacedBy !== '');
  expect(new Set(named.map(({ replacedBy }) => replacedBy)).size).toBe(named.length);
  for (const pod of named) {
    expect(pod.lifecycle).toBe('gone');
    const next = pods.find(({ uid }) => uid === pod.replacedBy);
    if (next === undefined) continue;
    expect(next.owner).toBe(pod.owner);
    expect(next.createdMs).toBeGreaterThanOrEqual(pod.createdMs);
    expect(successors(next, pods)).not.toContain(pod.uid);
    if (pod.owner === 'DaemonSet') expect(next.node).toBe(pod.node);
  }
}

/** The uids of `pod`, of what replaced it, of what replaced that, and so on. */
function successors(pod: Pod, pods: readonly Pod[]): string[] {
  const uids: string[] = [];
  for (let at: Pod | undefined = pod; at !== undefined && !uids.includes(at.uid); ) {
    uids.push(at.uid);
    const { replacedBy }: Pod = at;
    at = pods.find(({ uid }) => uid === replacedBy);
  }
  return uids;
}
