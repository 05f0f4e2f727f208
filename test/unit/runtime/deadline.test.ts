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

  test('ends although the task ignores its signal', async () => {
    const clock = new FakeClock();
    const outcome = withTimeout(clock, 99.6, new AbortController().signal, 'the plugin', never).catch((error) => error);
    await clock.advance(100);
    expect(await outcome).toMatchObject({
      name: 'TimeoutError',
      code: 'ETIMEDOUT',
      message: 'the plugin took longer than 100 ms',
    });
  });

  test('rejects with the timeout, not with the error that the abort caused', async () => {
    const clock = new FakeClock();
    const outcome = withTimeout(clock, 100, new AbortController().signal, 'it', (signal) => {
      return new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(new Error('ECONNRESET'))));
    }).catch((error) => error);
    await clock.advance(100);
    expect(await outcome).toMatchObject({ name: 'TimeoutError' });
  });

  test.each(['before', 'while'])('rejects with the reason of a stop %s the task runs', async (when) => {
    const clock = new FakeClock();
    const stop = new AbortController();
    const reason = new Error('stopped');
    if (when === 'before') stop.abort(reason);
    const outcome = withTimeout(clock, 100, stop.signal, 'it', never).catch((error) => error);
    stop.abort(reason);
    expect(await outcome).toBe(reason);
    expect(clock.pending).toBe(0);
  });
});

describe('pause', () => {
  test('lasts as long as asked for', async () => {
    const clock = new FakeClock();
    let over = false;
    const paused = pause(clock, 100, new AbortController().signal).then(() => {
      over = true;
    });
    await clock.advance(99);
    expect(over).toBe(false);
    await clock.advance(1);
    await paused;
  });

  test('ends when the signal aborts, and leaves no timer', async () => {
    const clock = new FakeClock();
    const stop = new AbortController();
    const paused = pause(clock, 100, stop.signal);
    stop.abort();
    await paused;
    await pause(clock, 100, stop.signal);
    expect(clock.pending).toBe(0);
  });
});
