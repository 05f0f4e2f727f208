import { describe, expect, it } from 'vitest';
import { fanOut } from '../../../server/runtime/concurrency.ts';
import { FakeClock } from '../../support/fake-clock.ts';

const LIMITS = { concurrency: 4, parkAfterMs: 50, maxInFlight: 10 };

/** Starts a fan-out over `count` items whose ends the test decides. */
function start(count: number, limits = LIMITS) {
  const clock = new FakeClock();
  const started: number[] = [];
  const ends = new Map<number, () => void>();
  const items = Array.from({ length: count }, (_, i) => i);
  let over = false;
  const done = fanOut(items, limits, clock, (item) => {
    started.push(item);
    return new Promise((resolve) => ends.set(item, resolve));
  }).then(() => {
    over = true;
  });
  const end = async (item: number) => {
    ends.get(item)?.();
    await clock.advance(0);
  };
  return { clock, started, end, done, isOver: () => over };
}

describe('doing things a few at a time', () => {
  it('begins with as many as are allowed, and the next as each ends', async () => {
    const { started, end } = start(6);
    expect(started).toEqual([0, 1, 2, 3]);
    await end(2);
    expect(started).toEqual([0, 1, 2, 3, 4]);
  });

  it('does not let those that hang hold up the others, up to a limit', async () => {
    const { clock, started } = start(30);
    await clock.advance(49);
    expect(started).toHaveLength(4);
    await clock.advance(1);
    expect(started).toHaveLength(8);
    await clock.advance(500);
    expect(started).toHaveLength(10);
  });

  it('ends when all have ended, in whatever order, and leaves no timer', async () => {
    const { clock, end, done, isOver } = start(5);
    await clock.advance(60);
    for (const item of [4, 0, 3, 1]) await end(item);
    expect(isOver()).toBe(false);
    await end(2);
    await done;
    expect(clock.pending).toBe(0);
  });

  it('ends at once with nothing to do', async () => {
    await start(0).done;
  });
});
