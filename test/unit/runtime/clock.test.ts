import { expect, it, onTestFinished, vi } from 'vitest';
import { realClock } from '../../../server/runtime/clock.ts';

it('waits for whole milliseconds that are no shorter than the delay: Node cuts off the fraction', () => {
  const setTimeout = vi.spyOn(globalThis, 'setTimeout');
  onTestFinished(() => setTimeout.mockRestore());
  for (const delayMs of [10.9, 3, -0.5, 2 ** 31]) realClock.setTimer(() => {}, delayMs).cancel();
  expect(setTimeout.mock.calls.map(([, delayMs]) => delayMs)).toEqual([11, 3, 0, 2 ** 31 - 1]);
});
