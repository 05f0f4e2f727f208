import { expect, it } from 'vitest';
import type { Config } from '../../server/config/config.ts';
import { EventService } from '../../server/history-service.ts';
import type { Monitor } from '../../server/monitor.ts';
import type { Broadcast, Message } from '../../server/peers/broadcast.ts';
import { parseAnnotationCopies } from '../../server/protocol/annotation.ts';
import { FakeClock } from '../support/fake-clock.ts';

/** A pod's chronicle, and what it tells others. */
function start(writeToken: string) {
  const told: Message[] = [];
  const askAll: Broadcast = {
    ask: () => Promise.reject(new Error('not in this test')),
    tell: async (message) => {
      told.push(message);
      return { parts: [], missing: [], atMs: 0 };
    },
    stop: () => {},
  };
  const silent = () => {};
  const log = { debug: silent, info: silent, warn: silent, error: silent };
  const starvation = { unreliable: false, sinceMs: 0 };
  const own = { snapshot: { pods: [] }, starvation: () => starvation } as unknown as Monitor;
  const config = { writeToken, historyWindowMs: 3_600_000, refreshIntervalMs: 2_000 } as Config;
  const clock = new FakeClock();
  const chronicle = new EventService(config, { clock, random: () => 0.5, log, own, askAll });
  return { answers: chronicle.answers(), told, clock, starvation };
}

it('tells others of a write in a way that those with its token take, and shows the token to nobody', async () => {
  const [writer, friend, stranger] = [start('sixteen-characters'), start('sixteen-characters'), start('another-token')];
  await writer.answers.annotations.write({ id: null, fromMs: null, toMs: null, text: 'x', tags: [] });
  const [message] = writer.told;
  expect(message?.headers.authorization).toBe(`Bearer ${friend.answers.podToken}`);
  expect(stranger.answers.podToken).not.toBe(friend.answers.podToken);
  const body = message?.body() ?? '';
  expect(JSON.stringify(message) + body).not.toContain('sixteen-characters');
  const { annotations } = parseAnnotationCopies(JSON.parse(body));
  for (const { answers } of [friend, stranger]) answers.annotations.take(annotations);
  expect(friend.answers.annotations.copies().annotations).toMatchObject([{ text: 'x' }]);
  expect(stranger.answers.annotations.copies().annotations).toEqual([]);
});

it('tells that its own report is starved though no sample comes, with when that began', async () => {
  const { answers, clock, starvation } = start('');
  expect(answers.journal(60_000, 10).events).toEqual([]);
  Object.assign(starvation, { unreliable: true, sinceMs: clock.nowMs() + 1_000 });
  await clock.advance(30_000);
  expect(answers.journal(60_000, 10).events).toMatchObject([{ kind: 'cpu-starved', ageMs: 29_000 }]);
});
