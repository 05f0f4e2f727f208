import { describe, expect, test } from 'vitest';
import { pause, within } from '../../../server/discovery/timing.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const never = () => new Promise<never>(() => {});

describe('within', () => {
  test('gives what the task gives and leaves no timer', async () => {
    const clock = new FakeClock();
    await expect(within(clock, 100, new AbortController().signal, 'it', async () => 7)).resolves.toBe(7);
    expect(clock.pending).toBe(0);
  });

  test('fails as the task fails', async () => {
    const clock = new FakeClock();
    const failing = within(clock, 100, new AbortController().signal, 'it', async () => {
      throw new Error('no');
    });
    await expect(failing).rejects.toThrow('no');
    expect(clock.pending).toBe(0);
  });

  test('ends a task that ignores its signal', async () => {
    const clock = new FakeClock();
    const outcome = within(clock, 100, new AbortController().signal, 'the plugin', never).catch((error) => error);
    await clock.advance(100);
    expect(await outcome).toMatchObject({ fault: 'timeout', message: 'the plugin took longer than 100 ms' });
  });

  test('says timeout, not how the aborted exchange broke', async () => {
    const clock = new FakeClock();
    const outcome = within(clock, 100, new AbortController().signal, 'it', (signal) => {
      return new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(new Error('ECONNRESET'))));
    }).catch((error) => error);
    await clock.advance(100);
    expect(await outcome).toMatchObject({ fault: 'timeout' });
  });

  test.each(['before', 'while'])('stops when told to %s it runs', async (when) => {
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
  test('takes its time', async () => {
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

  test('ends with the signal, and leaves no timer', async () => {
    const clock = new FakeClock();
    const stop = new AbortController();
    const paused = pause(clock, 100, stop.signal);
    stop.abort();
    await paused;
    await pause(clock, 100, stop.signal);
    expect(clock.pending).toBe(0);
  });
});
