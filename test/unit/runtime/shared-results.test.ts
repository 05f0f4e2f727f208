import { expect, it, vi } from 'vitest';
import { BusyError } from '../../../server/runtime/errors.ts';
import { SharedResults } from '../../../server/runtime/shared-results.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const keepMs = () => 1_000;

it('work is shared while it is under way and kept afterwards, within its limits, until the stop', async () => {
  const clock = new FakeClock();
  const results = new SharedResults<string>(clock, 2, 'too many');
  const work = vi.fn(async () => 'done');
  const get = (key: string) => results.get(key, work, keepMs, 1);
  expect(await Promise.all([get('a'), get('a')])).toEqual(['done', 'done']);
  await clock.advance(999);
  await get('a');
  expect(work).toHaveBeenCalledTimes(1);
  await clock.advance(1);
  await Promise.all([get('a'), get('b'), expect(get('c')).rejects.toThrow(new BusyError('too many'))]);
  expect(work).toHaveBeenCalledTimes(3);
  // Only the newest result is kept.
  expect(clock.pending).toBe(1);
  results.stop();
  expect(clock.pending).toBe(0);
  await expect(get('b')).rejects.toThrow('shutting down');
});

it('a kept result makes room before the next work begins, so that both are never in memory at once', async () => {
  const clock = new FakeClock();
  const results = new SharedResults<number>(clock, 2, 'too many');
  // The work gives the number of results that are kept meanwhile.
  const get = (key: string) => results.get(key, async () => clock.pending, keepMs, 1);
  expect([await get('a'), await get('b'), clock.pending]).toEqual([0, 0, 1]);
});

it('work that fails is not kept', async () => {
  const results = new SharedResults<string>(new FakeClock(), 1, 'too many');
  const fails = () => Promise.reject(new Error('no'));
  await expect(results.get('a', fails, keepMs, 1)).rejects.toThrow('no');
  expect(await results.get('a', async () => 'done', keepMs, 1)).toBe('done');
});
