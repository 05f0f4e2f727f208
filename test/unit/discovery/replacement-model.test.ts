import fc from 'fast-check';
import { expect, test } from 'vitest';
import { PodStore } from '../../../server/discovery/pod-store.ts';
import { type Action, OwnerModel } from './replicaset-model.ts';
import { facts, LIMITS } from './store-scene.ts';

/** Something happens, then `restMs` pass. During a gap nothing of it is heard; a list ends the gap. */
interface Step extends Action {
  restMs: number;
  isGap: boolean;
}

const stepArbitrary: fc.Arbitrary<Step> = fc.record({
  kind: fc.constantFrom('delete', 'delete', 'force', 'evict', 'drain', 'unlabel', 'node', 'up', 'down'),
  pick: fc.nat(9),
  endsAfterMs: fc.integer({ min: 0, max: 30_000 }),
  restMs: fc.integer({ min: 0, max: 20_000 }),
  isGap: fc.nat(9).map((n) => n === 0),
});

/** Scaling up this long after a departure, a new pod is nobody's replacement. */
const QUIET_MS = 40_000;

/** Runs the model and a store beside each other. `skewMs`: how far our clock is ahead of that of the API server. */
function run(isDaemon: boolean, steps: readonly Step[], skewMs: number) {
  const model = new OwnerModel(isDaemon);
  const store = new PodStore({ ...LIMITS, goneRetentionMs: 1e9, maxPods: 1000, maxGone: 1000 });
  const unseen = new Set<string>();
  let heard = 0;
  const listen = () => {
    for (const { atMs, isDeleted, pod } of model.changes.slice(heard)) {
      if (isDeleted) store.remove(facts(pod), atMs + skewMs);
      else store.put(facts(pod), atMs + skewMs);
    }
    heard = model.changes.length;
  };
  const list = () => {
    for (const { pod } of model.changes.slice(heard)) unseen.add(pod.uid ?? '');
    heard = model.changes.length;
    store.replaceAll(model.list().map(facts), model.nowMs + skewMs);
  };
  list();
  unseen.clear();
  for (const step of steps) {
    if (step.kind === 'up') model.advance(QUIET_MS);
    listen();
    model.act(step);
    model.advance(step.restMs);
    if (step.isGap) list();
    else listen();
    store.pods();
  }
  model.advance(QUIET_MS);
  listen();
  return { model, store, unseen };
}

test.each([false, true])(
  'departures are told as they were, in thousands of histories (of a DaemonSet: %s)',
  (isDaemon) => {
    const history = fc.array(stepArbitrary, { maxLength: 12 });
    fc.assert(
      fc.property(history, fc.integer({ min: -2_000, max: 2_000 }), (steps, skewMs) => {
        const { model, store, unseen } = run(isDaemon, steps, skewMs);
        const pods = store.pods();
        const replacements = pods.map(({ replacedBy }) => replacedBy).filter((uid) => uid !== '');
        expect(new Set(replacements).size).toBe(replacements.length);
        for (const pod of pods) {
          const truth = model.truth.get(pod.uid);
          expect(pod.lifecycle === 'gone').toBe((truth?.goneMs ?? 0) > 0);
          // What left or came during a gap is only known as far as the list tells it.
          if (truth === undefined || unseen.has(pod.uid) || truth.replacedBy.some((uid) => unseen.has(uid))) continue;
          expect([pod.uid, pod.sinceMs]).toEqual([pod.uid, truth.goneMs + skewMs]);
          if (truth.replacedBy.length > 0) expect(truth.replacedBy).toContain(pod.replacedBy);
          else expect([pod.uid, pod.replacedBy]).toEqual([pod.uid, '']);
        }
      }),
      { numRuns: 1500 },
    );
  },
  30_000,
);
