import { describe, expect, it } from 'vitest';
import { type VerdictQuery, verdictAnswerer } from '../../../server/http/verdict.ts';
import type { Clock } from '../../../server/runtime/clock.ts';
import { BusyError, ValidationError } from '../../../server/runtime/errors.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { MeshBuilder, meshOf, NOW_MS } from '../../support/mesh.ts';
import { type ContextChange, stubContext } from '../../support/route-context.ts';

/** Asks about four healthy pods. `asked`: what was collected for it. */
function ask(query: Partial<VerdictQuery>, change: ContextChange = {}, refreshIntervalS = 2) {
  const env = { REFRESH_INTERVAL: String(refreshIntervalS) };
  const { pods, reports } = new MeshBuilder(4);
  const asked: unknown[] = [];
  const collect = async (...options: unknown[]) => {
    asked.push(options);
    return meshOf(pods, reports);
  };
  const { context, clock } = stubContext({
    env,
    collector: { collect },
    pastMeshes: { of: collect, at: collect },
    ...change,
  });
  return { clock, asked, answer: verdictAnswerer(context)({ expect: [], over: null, ...query }) };
}

describe('a verdict query', () => {
  it('asks by default whether all links are healthy', async () => {
    const { answer, asked } = ask({});
    expect(await answer).toMatchObject({ ok: true, expect: ['healthy'], window_s: 30 });
    expect(asked).toEqual([[{ windowMs: 30_000, maxAgeMs: 300 }, 800]]);
  });

  it.each<[why: string, seconds: number, expect: string[], refreshIntervalS: number]>([
    ['30 s', 30, [], 2],
    ['two rounds of pings if that is longer', 64, [], 30],
    ['the minutes by which a link is called lossy', 60, ['healthy', 'loss<1%'], 2],
    ['those, with more time between pings', 300, ['loss<1%'], 30],
    ['those, with much more', 600, ['loss<1%'], 60],
    // A loss must still be in the window when the limit has passed.
    ['twice the limit of recovery', 120, ['recovered<60s'], 30],
    ['twice the longest limit', 180, ['recovered<90s', 'recovered<10s'], 2],
    ['two rounds, if twice the limit is less', 64, ['recovered<10s'], 30],
    ['HISTORY_WINDOW at most', 3_600, ['recovered<24h'], 2],
  ])('is by default over %s: %i s', async (_, seconds, expected, refreshIntervalS) => {
    expect(await ask({ expect: expected }, {}, refreshIntervalS).answer).toMatchObject({ window_s: seconds });
    const over = { windowMs: 31_000 };
    expect(await ask({ expect: expected, over }, {}, refreshIntervalS).answer).toMatchObject({ window_s: 31 });
  });

  it('about the past is about a mesh of the past', async () => {
    const over = { fromMs: NOW_MS - 60_000, toMs: NOW_MS - 30_000 };
    const past = ask({ over });
    expect(await past.answer).toMatchObject({ ok: true, window_s: 30 });
    expect(past.asked).toEqual([[over]]);
  });

  it('is a validation error if it has an invalid clause', async () => {
    const { answer } = ask({ expect: ['healthy', 'latency<x'] });
    await expect(answer).rejects.toThrow(ValidationError);
    await expect(answer).rejects.toThrow(/^expect 2 in query, character 9: expected a duration/);
  });
});

describe('the verdict is unknown', () => {
  it('within a second if the reports do not come in time', async () => {
    const { clock, answer } = ask({}, { collector: { collect: () => new Promise(() => {}) } });
    await clock.advance(900);
    expect(await answer).toMatchObject({ ok: false, verdict: 'unknown', clauses: ['unknown'], served_by: 'pod-0' });
    expect((await answer).reason).toBe('ask again: collecting the reports took longer than 850 ms');
    expect(clock.pending).toBe(0);
  });

  it('if judging takes too long; there is no partial answer', async () => {
    // On this machine each reading of the clock is 0.2 ms after the one before, and collecting the mesh took 0.8 s.
    const clock = new FakeClock(NOW_MS);
    const slow: Clock = {
      nowMs: () => clock.nowMs(),
      setTimer: (fn, delayMs) => clock.setTimer(fn, delayMs),
      monotonicMs: () => {
        clock.freeze(0.2);
        return clock.monotonicMs();
      },
    };
    const { pods, reports } = new MeshBuilder(400);
    const mesh = meshOf(pods, reports);
    const collect = async () => {
      clock.freeze(800);
      return mesh;
    };
    const startMs = clock.monotonicMs();
    const answer = await ask({ expect: ['healthy', 'failed'] }, { clock: slow, collector: { collect } }).answer;
    expect(answer).toMatchObject({ ok: false, verdict: 'unknown', clauses: ['unknown', 'unknown'], links_checked: 0 });
    expect(answer.reason).toMatch(/^judging 160,000 links by 2 clauses took too long, ask again/);
    expect(clock.monotonicMs() - startMs).toBeLessThan(1_000);
    // A query about fewer links is answered.
    const narrow = ask({ expect: ['healthy,from=pod-1'] }, { clock: slow, collector: { collect } });
    expect(await narrow.answer).toMatchObject({ ok: true, links_checked: 400 });
  });

  it('but not for a small mesh, even if the collection took long', async () => {
    const clock = new FakeClock(NOW_MS);
    const { pods, reports } = new MeshBuilder(4);
    const collect = async () => {
      clock.freeze(2_000);
      return meshOf(pods, reports);
    };
    expect(await ask({}, { clock, collector: { collect } }).answer).toMatchObject({ ok: true });
  });

  it('if too many queries wait; those before it are answered one after the other', async () => {
    const answer = verdictAnswerer(stubContext().context);
    const asked = Array.from({ length: 65 }, () => answer({ expect: [], over: null }));
    const ends = (await Promise.all(asked)).map(({ verdict }) => verdict);
    expect(ends).toEqual([...new Array(64).fill('pass'), 'unknown']);
  });

  it('and not a failed hypothesis, if the collector is busy', async () => {
    const collect = () => Promise.reject(new BusyError('more than 4 windows asked for at once, try again'));
    const { answer } = ask({ expect: ['failed', 'healthy'] }, { collector: { collect } });
    expect(await answer).toMatchObject({ verdict: 'unknown', expect: ['failed', 'healthy'] });
  });
});
