import { describe, expect, test } from 'vitest';
import { pause, withTimeout } from '../../../server/runtime/deadline.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const never = () => new Promise<never>(() => {});

describe('withTimeout', () => {
  test('ends as the task does, and leaves no timer', async () => {
    const clock = new FakeClock();
    const ending = (task: () => Promise<number>) => withTimeout(clock, 100, new AbortController().signal, 'it', task);
    await expect(ending(async () => 7)).resolves.toBe(7);
    await expect(ending(() => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(clock.pending).toBe(0);
  });

  test.each<[string, (signal: AbortSignal) => Promise<unknown>]>([
    ['although the task ignores its signal', never],
    [
      'not with the error that the abort caused',
      (signal) => new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('ECONNRESET')))),
    ],
  ])('rejects with the timeout, %s', async (_, task) => {
    const clock = new FakeClock();
    const outcome = withTimeout(clock, 99.6, new AbortController().signal, 'the plugin', task).catch((error) => error);
    await clock.advance(100);
    const message = 'the plugin took longer than 100 ms';
    expect(await outcome).toMatchObject({ name: 'TimeoutError', code: 'ETIMEDOUT', message });
  });

  test.each(['before', 'while'])(
    'rejects with the reason of a stop %s the task runs, which may hear of it first',
    async (when) => {
      const clock = new FakeClock();
      const stop = new AbortController();
      const reason = new Error('stopped');
      const broken = new Promise<never>((_, reject) => {
        stop.signal.addEventListener('abort', () => reject(new Error('ECONNRESET')));
      });
      if (when === 'before') stop.abort(reason);
      const outcome = withTimeout(clock, 100, stop.signal, 'it', () => broken).catch((error) => error);
      stop.abort(reason);
      expect(await outcome).toBe(reason);
      expect(clock.pending).toBe(0);
    },
  );
});

test('a pause lasts as long as asked for, or until the signal aborts; then it leaves no timer', async () => {
  const clock = new FakeClock();
  const stop = new AbortController();
  const ended: string[] = [];
  const start = (name: string, ms: number) => pause(clock, ms, stop.signal).then(() => ended.push(name));
  const pauses = [start('short', 100), start('long', 1_000)];
  await clock.advance(99);
  expect(ended).toEqual([]);
  await clock.advance(1);
  expect(ended).toEqual(['short']);
  stop.abort();
  await Promise.all([...pauses, start('after the stop', 100)]);
  expect([ended, clock.pending]).toEqual([['short', 'long', 'after the stop'], 0]);
});
