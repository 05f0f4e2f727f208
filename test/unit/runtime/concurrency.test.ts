import { describe, expect, it } from 'vitest';
import { watchTurns } from '../../../server/probing/starvation.ts';
import { forEachConcurrent, runSliced, runSlicedUntil, SerialQueue } from '../../../server/runtime/concurrency.ts';
import { FakeClock } from '../../support/fake-clock.ts';

/** Starts `forEachConcurrent` over `count` items; the test decides when each call ends. */
function start(count: number) {
  const clock = new FakeClock();
  const started: number[] = [];
  const ends = new Map<number, () => void>();
  const items = Array.from({ length: count }, (_, i) => i);
  let isOver = false;
  const limits = { concurrency: 4, slowAfterMs: 50, maxInFlight: 10 };
  const done = forEachConcurrent(items, limits, clock, (item) => {
    started.push(item);
    return new Promise<void>((resolve) => ends.set(item, resolve));
  }).then(() => {
    isOver = true;
  });
  const end = async (item: number) => {
    ends.get(item)?.();
    await clock.advance(0);
  };
  return { clock, started, end, done, isOver: () => isOver };
}

describe('forEachConcurrent', () => {
  it('starts as many calls as are allowed, and the next one when a call ends', async () => {
    const { started, end } = start(6);
    expect(started).toEqual([0, 1, 2, 3]);
    await end(2);
    expect(started).toEqual([0, 1, 2, 3, 4]);
  });

  it('rejects with the first error when all calls have ended, and makes the other calls all the same', async () => {
    const limits = { concurrency: 1, slowAfterMs: 50, maxInFlight: 10 };
    const ended: number[] = [];
    const done = forEachConcurrent([1, 2, 3], limits, new FakeClock(), async (item) => {
      if (item < 3) throw new Error(`call ${item}`);
      ended.push(item);
    });
    await expect(done).rejects.toThrow('call 1');
    expect(ended).toEqual([3]);
  });

  it('does not let calls that hang hold up the others, up to a limit; a slow call gives its permit back only once', async () => {
    const { clock, started, end } = start(30);
    await clock.advance(49);
    expect(started).toHaveLength(4);
    await clock.advance(1);
    expect(started).toHaveLength(8);
    await end(0);
    expect(started).toHaveLength(8);
    await end(4);
    expect(started).toHaveLength(9);
    await clock.advance(500);
    // Two have ended.
    expect(started).toHaveLength(12);
  });

  it('resolves when all calls have ended, in whatever order, and leaves no timer; at once without items', async () => {
    const { clock, end, done, isOver } = start(5);
    await clock.advance(60);
    for (const item of [4, 0, 3, 1]) await end(item);
    expect(isOver()).toBe(false);
    await end(2);
    await Promise.all([done, start(0).done]);
    expect(clock.pending).toBe(0);
  });
});

describe('a serial queue', () => {
  it('runs jobs one after the other, also after one that failed', async () => {
    const queue = new SerialQueue();
    const order: string[] = [];
    const first = queue.run(async () => {
      order.push('first begins');
      await Promise.resolve();
      order.push('first ends');
      throw new Error('failed');
    });
    const second = queue.run(async () => order.push('second'));
    await expect(first).rejects.toThrow('failed');
    await second;
    expect(order).toEqual(['first begins', 'first ends', 'second']);
  });

  it('rejects a job beyond its limit with the message and status 503, and takes jobs again later', async () => {
    const queue = new SerialQueue(1, 'too many');
    const first = queue.run(async () => 1);
    await expect(queue.run(async () => 2)).rejects.toMatchObject({ status: 503, message: 'too many' });
    await first;
    expect(await queue.run(async () => 3)).toBe(3);
  });
});

describe('sliced work', () => {
  /** Work of `pieces` pieces, each of which takes `pieceMs` by the clock. */
  function* work(pieces: number, pieceMs: number, clock: FakeClock): Generator<void, string> {
    for (let i = 0; i < pieces; i++) {
      clock.freeze(pieceMs);
      yield;
    }
    return 'done';
  }

  it('gives the event loop a turn after each millisecond', async () => {
    const clock = new FakeClock();
    let turns = 0;
    const stop = watchTurns(() => turns++);
    expect(await runSliced(work(10, 0.6, clock), clock)).toBe('done');
    stop();
    expect(turns).toBeGreaterThanOrEqual(5);
  });

  it('is given up at its deadline, but its first slice always runs', async () => {
    const clock = new FakeClock();
    const endMs = clock.monotonicMs();
    expect(await runSlicedUntil(work(1, 0.5, clock), clock, endMs)).toEqual({ result: 'done' });
    expect(await runSlicedUntil(work(10, 0.6, clock), clock, endMs)).toBeNull();
  });
});
