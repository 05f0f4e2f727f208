import { describe, expect, it } from 'vitest';
import { type VerdictDeps, type VerdictQuery, verdictOn } from '../../../../server/analysis/verdict/verdict.ts';
import { parseDurationMs } from '../../../../server/config/parse.ts';
import type { Clock } from '../../../../server/runtime/clock.ts';
import { SerialQueue } from '../../../../server/runtime/concurrency.ts';
import { BusyError } from '../../../../server/runtime/errors.ts';
import { FakeClock } from '../../../support/fake-clock.ts';
import { meshOf, NOW_MS, settingsOf } from '../../../support/mesh.ts';
import { MeshBuilder } from '../../../support/mesh-builder.ts';

/** Asks about four healthy pods. */
function ask(query: Partial<VerdictQuery>, change: Partial<VerdictDeps> = {}, refreshIntervalMs = 2_000) {
  const clock = new FakeClock(NOW_MS);
  const settings = settingsOf({ refreshIntervalMs });
  const { pods, reports } = new MeshBuilder(4);
  const asked: object[] = [];
  const collect = async (options: object) => {
    asked.push(options);
    return meshOf(pods, reports, { settings });
  };
  const deps: VerdictDeps = {
    ...{ clock, parseDuration: parseDurationMs, settings: () => settings, collect, collectPast: collect },
    ...{ servedBy: () => 'pod-0', judging: new SerialQueue(2, 'too many'), ...change },
  };
  const result = verdictOn({ expect: [], window: null, start: null, end: null, ...query }, deps);
  return { clock, asked, result, verdict: result.then((one) => ('answer' in one ? one.answer : null)) };
}

const mistake = async (query: Partial<VerdictQuery>) => {
  const result = await ask(query).result;
  return 'mistake' in result ? result.mistake : '';
};

describe('a question', () => {
  it('is by default whether all is healthy, over 30 s or as long as two pings take', async () => {
    const quick = ask({});
    expect(await quick.verdict).toMatchObject({ ok: true, expect: ['healthy'], window_s: 30 });
    expect(quick.asked).toEqual([{ windowMs: 30_000, maxAgeMs: 300, budgetMs: 800 }]);
    expect(await ask({}, {}, 30_000).verdict).toMatchObject({ window_s: 66 });
  });

  it('has windows of whole seconds', async () => {
    expect(await ask({ window: '1m30s' }).verdict).toMatchObject({ window_s: 90 });
    expect(await ask({ window: '1.2s' }).verdict).toMatchObject({ window_s: 2 });
  });

  it('of the past has a stretch, which ends now at the latest', async () => {
    const start = new Date(NOW_MS - 60_000).toISOString();
    const past = ask({ start, end: String(NOW_MS - 30_000) });
    expect(await past.verdict).toMatchObject({ ok: true, window_s: 30 });
    expect(past.asked).toEqual([{ fromMs: NOW_MS - 60_000, toMs: NOW_MS - 30_000 }]);
    expect(await ask({ start, end: String(NOW_MS + 5_000) }).verdict).toMatchObject({ window_s: 60 });
    expect(await ask({ start }).verdict).toMatchObject({ window_s: 60 });
  });

  it.each<[Partial<VerdictQuery>, RegExp]>([
    [{ expect: ['healthy', 'latency<x'] }, /^expect 2 in query, character 9: expected a duration/],
    [{ expect: ['a'.repeat(501)] }, /^expect 1 in query: expected at most 500 characters$/],
    [{ expect: Array(21).fill('healthy') }, /^expect in query: expected at most 20$/],
    [{ window: '30' }, /^window in query: expected a duration/],
    [{ window: '0.5ms0' }, /^window in query: expected a duration/],
    [{ window: '0s' }, /^window in query: expected from 1s to 3600s \(HISTORY_WINDOW\)$/],
    [{ window: '61m' }, /^window in query: expected from 1s to 3600s/],
    [{ window: '30s', start: '1' }, /^window in query: it goes not with start and end/],
    [{ end: String(NOW_MS) }, /^start in query: expected ms since the epoch/],
    [{ start: 'yesterday' }, /^start in query: expected ms since the epoch or an RFC 3339 time$/],
    [{ start: String(NOW_MS - 5_000), end: 'now' }, /^end in query: expected ms since/],
    [
      { start: String(NOW_MS - 5_000), end: String(NOW_MS - 4_500) },
      /^end in query: expected at least 1 s after start$/,
    ],
    [
      { start: String(NOW_MS + 5_000), end: String(NOW_MS + 9_000) },
      /^start in query: expected a time that has passed$/,
    ],
    [{ start: String(NOW_MS - 3_700_000) }, /^start in query: expected within HISTORY_WINDOW$/],
  ])('%j has a mistake', async (query, words) => {
    expect(await mistake(query)).toMatch(words);
  });
});

describe('an answer that cannot be had', () => {
  it('in time is unknown, within a second', async () => {
    const { clock, verdict } = ask({}, { collect: () => new Promise(() => {}) });
    await clock.advance(900);
    expect(await verdict).toMatchObject({ ok: false, verdict: 'unknown', clauses: ['unknown'], served_by: 'pod-0' });
    expect((await verdict)?.reason).toBe('collecting the reports took too long, ask again');
    expect(clock.pending).toBe(0);
  });

  it('because judging takes too long is unknown, and neither late nor by halves', async () => {
    // On this machine each look at the clock is 0.6 ms after the one before, and a picture took 0.8 s to collect.
    const clock = new FakeClock(NOW_MS);
    const slow: Clock = {
      nowMs: () => clock.nowMs(),
      setTimer: (fn, delayMs) => clock.setTimer(fn, delayMs),
      monotonicMs: () => {
        clock.freeze(0.6);
        return clock.monotonicMs();
      },
    };
    const { pods, reports } = new MeshBuilder(400);
    const mesh = meshOf(pods, reports, { settings: settingsOf({ refreshIntervalMs: 2_000 }) });
    const collect = async () => {
      clock.freeze(800);
      return mesh;
    };
    const startMs = clock.monotonicMs();
    const result = ask({ expect: ['healthy', 'failed'] }, { clock: slow, collect }).verdict;
    const answer = await result;
    expect(answer).toMatchObject({ ok: false, verdict: 'unknown', clauses: ['unknown', 'unknown'], links_checked: 0 });
    expect(answer?.reason).toMatch(/^judging 160000 links by 2 clauses took too long, ask again/);
    expect(clock.monotonicMs() - startMs).toBeLessThan(1_000);
    // A narrower question is answered.
    const narrow = ask({ expect: ['healthy,from=pod-1'] }, { clock: slow, collect });
    expect(await narrow.verdict).toMatchObject({ ok: true, links_checked: 400 });
  });

  it('of a small builder is had even where the collection came late', async () => {
    const clock = new FakeClock(NOW_MS);
    const { pods, reports } = new MeshBuilder(4);
    const collect = async () => {
      clock.freeze(2_000);
      return meshOf(pods, reports);
    };
    expect(await ask({}, { clock, collect }).verdict).toMatchObject({ ok: true });
  });

  it('comes after those that were asked before, not among them', async () => {
    const judging = new SerialQueue(2, 'too many verdicts');
    const asked = [1, 2, 3].map(() => ask({}, { judging }).verdict);
    const verdicts = (await Promise.all(asked)).map((answer) => answer?.verdict);
    expect(verdicts).toEqual(['pass', 'pass', 'unknown']);
  });

  it('because too much is asked at once is unknown, and not a failed hypothesis', async () => {
    const collect = () => Promise.reject(new BusyError('more than 4 windows asked for at once, try again'));
    const { verdict } = ask({ expect: ['failed', 'healthy'] }, { collect });
    expect(await verdict).toMatchObject({ verdict: 'unknown', expect: ['failed', 'healthy'] });
  });
});
