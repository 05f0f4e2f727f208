import { expect, it } from 'vitest';
import type { Config } from '../../server/config/config.ts';
import { EventService } from '../../server/history-service.ts';
import type { Monitor } from '../../server/monitor.ts';
import type { Broadcast, Message } from '../../server/peers/broadcast.ts';
import type { AnnotationCopies } from '../../server/protocol/annotation.ts';
import { FakeClock } from '../support/fake-clock.ts';

/** A pod's events and annotations, and what it sends to other pods. */
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
  const service = new EventService(config, { clock, random: () => 0.5, log, own, askAll });
  return { answers: service.answers(), told, clock, starvation };
}

it('sends a write to other pods, which merge it', async () => {
  const [writer, receiver] = [start('sixteen-characters'), start('sixteen-characters')];
  await writer.answers.annotations.write({ id: null, fromMs: null, toMs: null, text: 'x', tags: [] });
  const [message] = writer.told;
  expect(message?.headers['authorization']).toBe(`Bearer ${receiver.answers.writeToken}`);
  const { annotations } = JSON.parse(message?.body() ?? '') as AnnotationCopies;
  receiver.answers.annotations.merge(annotations);
  expect(receiver.answers.annotations.copies().annotations).toMatchObject([{ text: 'x' }]);
});

it('enters starvation in the journal though no sample comes, at the time when it began', async () => {
  const { answers, clock, starvation } = start('');
  expect(answers.journal(60_000, 10).events).toEqual([]);
  Object.assign(starvation, { unreliable: true, sinceMs: clock.nowMs() + 1_000 });
  await clock.advance(30_000);
  expect(answers.journal(60_000, 10).events).toMatchObject([{ kind: 'cpu-starved', ageMs: 29_000 }]);
});
