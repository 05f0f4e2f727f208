import { expect, test } from 'vitest';
import type { MeshHistory } from '../../../../server/protocol/history.ts';
import { PastPoll, type PastPollOptions } from '../../../../web/model/history.ts';
import { FakeClock } from '../../../support/fake-clock.ts';

const HISTORY = { fromMs: 0, toMs: 1, stepMs: 1, reports: [], links: [] } as unknown as MeshHistory;

function pollWith(more: Partial<PastPollOptions> = {}) {
  const clock = new FakeClock();
  const asked: string[] = [];
  const poll = new PastPoll({
    clock,
    servedMs: () => 5_000_000,
    fetchHistory: async ({ fromMs, toMs }) => {
      asked.push(`${fromMs}-${toMs}`);
      return HISTORY;
    },
    fetchEvents: async () => [],
    fetchAnnotations: async () => [],
    fetchRounds: async () => [],
    ...more,
  });
  return { clock, asked, poll };
}

test('asks at once and every 10 s, until it is stopped', async () => {
  const { clock, asked, poll } = pollWith();
  poll.start(1_200_000);
  await clock.advance(0);
  expect(asked).toEqual(['3800000-5000000']);
  expect(poll.state().history).toBe(HISTORY);
  await clock.advance(10_000);
  expect(asked).toHaveLength(2);
  poll.stop();
  await clock.advance(60_000);
  expect(asked).toHaveLength(2);
});

test('where the span follows from what is known, it looks once how far back that goes', async () => {
  const seen: (number | null)[] = [];
  const history = (rows: number[]) => ({ ...HISTORY, fromMs: 1_400_000, stepMs: 12_000, reports: rows }) as MeshHistory;
  const { clock, asked, poll } = pollWith({
    fetchHistory: async ({ fromMs, toMs }) => {
      asked.push(`${fromMs}-${toMs}`);
      return history([0, 0, 4]);
    },
  });
  poll.subscribe(() => {
    seen.push(poll.state().knownFromMs);
    // As the page does: what is known asks for another span.
    if (seen.length === 1) poll.start(1_200_000, true);
  });
  poll.start(300_000, true);
  await clock.advance(10_000);
  expect(asked).toEqual(['1400000-5000000', '3800000-5000000', '3800000-5000000']);
  expect(seen).toEqual([1_424_000, 1_424_000, 1_424_000]);
});

test('where nothing is known yet, it begins now; where that cannot be had, it looks again', async () => {
  let fails = true;
  const { clock, poll } = pollWith({
    fetchHistory: async () => {
      if (fails) throw new Error('away');
      return HISTORY;
    },
  });
  poll.start(300_000, true);
  await clock.advance(0);
  expect(poll.state()).toMatchObject({ knownFromMs: null, error: 'away' });
  fails = false;
  await clock.advance(10_000);
  expect(poll.state()).toMatchObject({ knownFromMs: 5_000_000, error: '' });
});

test('waits for the time of the serving pod', async () => {
  let servedMs: number | null = null;
  const { clock, asked, poll } = pollWith({ servedMs: () => servedMs });
  poll.start(1000);
  await clock.advance(2000);
  expect(asked).toEqual([]);
  servedMs = 7000;
  await clock.advance(1000);
  expect(asked).toEqual(['6000-7000']);
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
