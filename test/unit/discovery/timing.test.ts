import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Backoff, pause, within } from '../../../server/discovery/timing.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const never = () => new Promise<never>(() => {});

describe('within', () => {
  test('returns what the task returns and leaves no timer', async () => {
    const clock = new FakeClock();
    await expect(within(clock, 100, new AbortController().signal, 'it', async () => 7)).resolves.toBe(7);
    expect(clock.pending).toBe(0);
  });

  test('rejects with the error of the task', async () => {
    const clock = new FakeClock();
    const failing = within(clock, 100, new AbortController().signal, 'it', async () => {
      throw new Error('no');
    });
    await expect(failing).rejects.toThrow('no');
    expect(clock.pending).toBe(0);
  });

  test('ends although the task ignores its signal', async () => {
    const clock = new FakeClock();
    const outcome = within(clock, 100, new AbortController().signal, 'the plugin', never).catch((error) => error);
    await clock.advance(100);
    expect(await outcome).toMatchObject({ fault: 'timeout', message: 'the plugin took longer than 100 ms' });
  });

  test('rejects with the timeout, not with the error that the abort caused', async () => {
    const clock = new FakeClock();
    const outcome = within(clock, 100, new AbortController().signal, 'it', (signal) => {
      return new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(new Error('ECONNRESET'))));
    }).catch((error) => error);
    await clock.advance(100);
    expect(await outcome).toMatchObject({ fault: 'timeout' });
  });

  test.each(['before', 'while'])('rejects with the reason of a stop %s the task runs', async (when) => {
    const clock = new FakeClock();
    const stop = new AbortController();
    const reason = new Error('stopped');
    if (when === 'before') stop.abort(reason);
    const outcome = within(clock, 100, stop.signal, 'it', never).catch((error) => error);
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

describe('the wait after a failure', () => {
  test('doubles up to the cap, and starts again after a success', () => {
    const backoff = new Backoff(1_000, 30_000, () => 0.999_999);
    const waits = Array.from({ length: 8 }, () => Math.round(backoff.next()));
    expect(waits).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]);
    backoff.reset();
    expect(Math.round(backoff.next())).toBe(1_000);
  });

  test('is shortened by at most a half', () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), fc.nat(5_000), (random, failures) => {
        const backoff = new Backoff(1_000, 30_000, () => random);
        for (let i = 0; i < failures; i++) backoff.next();
        const fullMs = Math.min(30_000, 1_000 * 2 ** failures);
        const waitMs = backoff.next();
        expect(waitMs).toBeGreaterThanOrEqual(fullMs / 2);
        expect(waitMs).toBeLessThanOrEqual(fullMs);
      }),
    );
  });
});
