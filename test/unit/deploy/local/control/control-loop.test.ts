import { setImmediate } from 'node:timers/promises';
import { expect, it, onTestFinished } from 'vitest';
import { PODS } from '../../../../../deploy/local/api/resources.ts';
import { controlLoop } from '../../../../../deploy/local/control/control-loop.ts';
import { addPod, newStore, relabel } from '../pod-store.ts';

it('a controller that never comes to an end leaves time for other work', async () => {
  const store = newStore();
  addPod(store, 'a');
  let calls = 0;
  const stop = controlLoop(store, [PODS], () => {
    // The limit is there only so that a loop without pauses ends, too.
    if (calls++ < 1000) relabel(store, 'a', { calls: String(calls) });
  });
  onTestFinished(stop);
  await setImmediate();
  await setImmediate();
  expect(calls).toBeGreaterThan(0);
  expect(calls).toBeLessThan(10);
});

it('a stopped loop makes no more calls, also none that is due', async () => {
  let calls = 0;
  controlLoop(newStore(), [PODS], () => calls++)();
  await setImmediate();
  expect(calls).toBe(0);
});
