import { expect, it } from 'vitest';
import { Deadlines, type Due } from '../../../server/probing/deadlines.ts';
import { FakeClock } from '../../support/fake-clock.ts';

/** Deadlines on a fake clock, and a record of when each fell due, ms after the start. */
function scene() {
  const clock = new FakeClock();
  const deadlines = new Deadlines(clock);
  const startMs = clock.monotonicMs();
  const fell: [name: string, atMs: number][] = [];
  /** Adds a deadline in `afterMs`, which is then moved by each of `moreMs`, and removed after the last. */
  const add = (name: string, afterMs: number, ...moreMs: number[]) => {
    const due: Due & { dueMs: number } = {
      dueMs: clock.monotonicMs() + afterMs,
      onDue: () => {
        fell.push([name, clock.monotonicMs() - startMs]);
        const nextMs = moreMs.shift();
        if (nextMs === undefined) deadlines.remove(due);
        else due.dueMs += nextMs;
      },
      cancel: () => deadlines.remove(due),
    };
    deadlines.add(due, clock.monotonicMs());
    return due;
  };
  return { clock, deadlines, fell, add };
}

it('deadlines fall due at their times, with one timer for all, which is kept for what comes next', async () => {
  const { clock, deadlines, fell, add } = scene();
  add('late', 300);
  add('early', 150);
  add('moved', 150, 100);
  add('last', 400);
  deadlines.remove(add('removed', 100));
  expect(clock.pending).toBe(1);
  await clock.advance(149);
  expect(fell).toEqual([]);
  await clock.advance(1_000);
  const inOrder = ['early 150', 'moved 150', 'moved 250', 'late 300', 'last 400'];
  expect(fell.map(([name, atMs]) => `${name} ${atMs}`)).toEqual(inOrder);
  expect(clock.pending).toBe(0);
  for (const name of ['a', 'b']) add(name, 300);
  deadlines.cancelAll();
  expect(clock.pending).toBe(0);
});

it('a deadline that another one removes in the same run does not fall due', async () => {
  const { clock, deadlines, fell, add } = scene();
  const startMs = clock.monotonicMs();
  const first = {
    dueMs: startMs + 100,
    onDue: () => {
      for (const due of [first, second]) deadlines.remove(due);
    },
    cancel: () => {},
  };
  deadlines.add(first, startMs);
  const second = add('second', 100);
  await clock.advance(1_000);
  expect([fell, clock.pending]).toEqual([[], 0]);
});
