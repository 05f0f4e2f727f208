import { expect, test } from 'vitest';
import type { MeshHistory } from '../../../server/contract/history.ts';
import { type PastNeeds, PastPoll } from '../../../web/data/history.ts';
import { FakeClock } from '../../fake-clock.ts';

const HISTORY = { fromMs: 0, toMs: 1, stepMs: 1 } as MeshHistory;

function pollWith(more: Partial<PastNeeds> = {}) {
  const clock = new FakeClock();
  const asked: string[] = [];
  const poll = new PastPoll({
    clock,
    servedMs: () => 5_000_000,
    fetchHistory: async ({ fromMs, toMs }, stepMs) => {
      asked.push(`${fromMs}-${toMs}/${stepMs}`);
      return HISTORY;
    },
    fetchEvents: async () => [],
    fetchAnnotations: async () => [],
    ...more,
  });
  return { clock, asked, poll };
}

test('asks at once and every 10 s, in some 300 steps, until it is stopped', async () => {
  const { clock, asked, poll } = pollWith();
  poll.start(1_200_000);
  await clock.advance(0);
  expect(asked).toEqual(['3800000-5000000/4000']);
  expect(poll.state().history).toBe(HISTORY);
  await clock.advance(10_000);
  expect(asked).toHaveLength(2);
  poll.stop();
  await clock.advance(60_000);
  expect(asked).toHaveLength(2);
});

test('waits for the time of the serving pod', async () => {
  let servedMs: number | null = null;
  const { clock, asked, poll } = pollWith({ servedMs: () => servedMs });
  poll.start(1000);
  await clock.advance(2000);
  expect(asked).toEqual([]);
  servedMs = 7000;
  await clock.advance(1000);
  expect(asked).toEqual(['6000-7000/2000']);
});

test('what cannot be had stays as it was, and says why', async () => {
  let fails = false;
  const events = [{ id: 'e' }] as never;
  const { clock, poll } = pollWith({
    fetchHistory: async () => {
      if (fails) throw new Error('the server answered with status 503');
      return HISTORY;
    },
    fetchEvents: async () => events,
  });
  poll.start(1000);
  await clock.advance(0);
  fails = true;
  await clock.advance(10_000);
  expect(poll.state()).toMatchObject({ history: HISTORY, events, error: 'the server answered with status 503' });
});

test('an answer that comes after the end is dropped', async () => {
  let answer: (history: MeshHistory) => void = () => {};
  const { clock, poll } = pollWith({ fetchHistory: () => new Promise((resolve) => (answer = resolve)) });
  let changes = 0;
  poll.subscribe(() => changes++);
  poll.start(1000);
  await clock.advance(0);
  poll.stop();
  answer(HISTORY);
  await clock.advance(0);
  expect(changes).toBe(0);
});
