import { expect, it } from 'vitest';
import type { BroadcastQuery } from '../../../server/peers/broadcast.ts';
import { catchUp } from '../../../server/peers/catch-up.ts';
import { noneSkipped } from '../../../server/protocol/validators.ts';
import { BusyError } from '../../../server/runtime/errors.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { runToEnd } from '../../support/generator.ts';
import { podOf } from '../../support/mesh.ts';

const departed = { pod: podOf(7, { lifecycle: 'gone' }), stages: [['gone', 5]] };

/** A new pod whose questions are answered from `fromMs` after its start on. */
function start(fromMs = 0) {
  const clock = new FakeClock();
  const answersMs = clock.monotonicMs() + fromMs;
  const [asked, adopted]: [string[], string[]] = [[], []];
  const stop = new AbortController();
  const busy = new BusyError('too many questions');
  const deps: Parameters<typeof catchUp>[0] = {
    clock,
    broadcast: {
      ask: async <T>({ path, most, parse }: BroadcastQuery<T>) => {
        asked.push(`${path} ${most}`);
        const work = parse({ pods: [departed] }, noneSkipped(), { atMs: 0, errorMs: 0 }) as Generator<void, T>;
        if (clock.monotonicMs() >= answersMs) runToEnd(work);
        throw busy;
      },
      tell: () => Promise.reject(busy),
    },
    lifetimes: { addLives: (pods) => void adopted.push(...pods.map(({ pod }) => pod.uid)) },
    annotations: {
      catchUp: (pods) => {
        asked.push(`annotations ${pods}`);
        return Promise.reject(busy);
      },
    },
  };
  const ended = catchUp(deps, stop.signal);
  return { clock, stop, ended, asked, adopted };
}

it('a new pod asks three others for departed pods and annotations, five times in a minute, not before its first pings, and no more', async () => {
  const { clock, ended, asked, adopted } = start();
  await clock.advance(2_499);
  expect(asked).toEqual([]);
  await clock.advance(1);
  expect([asked, adopted]).toEqual([['/api/v1/departed-pods 3', 'annotations 3'], [podOf(7).uid]]);
  await clock.advance(58_500);
  await ended;
  expect(asked).toHaveLength(10);
});

it('a new pod that nobody answers in its first minute goes on until somebody does', async () => {
  const { clock, ended, asked, adopted } = start(100_000);
  await clock.advance(100_000);
  expect([asked.length, adopted]).toEqual([12, []]);
  await clock.advance(100_000);
  await ended;
  expect([asked.length, adopted]).toEqual([14, [podOf(7).uid]]);
});

it('a new pod asks no more once it is stopped', async () => {
  const { clock, stop, ended, asked } = start();
  await clock.advance(2_500);
  stop.abort();
  await ended;
  expect([clock.pending, asked.length]).toEqual([0, 2]);
});
