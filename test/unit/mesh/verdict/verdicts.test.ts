import { describe, expect, it } from 'vitest';
import { parseDurationMs } from '../../../../server/config/duration.ts';
import { BusyError } from '../../../../server/contract/errors.ts';
import { type VerdictDeps, type VerdictQuery, verdictOn } from '../../../../server/mesh/verdict/verdicts.ts';
import { FakeClock } from '../../../fake-clock.ts';
import { Matrix } from '../findings/matrix.ts';
import { meshOf, NOW_MS, settingsOf } from '../scene.ts';

/** Asks about four healthy pods. */
function ask(query: Partial<VerdictQuery>, change: Partial<VerdictDeps> = {}, refreshIntervalMs = 2_000) {
  const clock = new FakeClock(NOW_MS);
  const settings = settingsOf({ refreshIntervalMs });
  const { pods, rows } = new Matrix(4);
  const asked: object[] = [];
  const collect = async (options: object) => {
    asked.push(options);
    return meshOf(pods, rows, { settings });
  };
  const deps: VerdictDeps = {
    ...{ clock, parseDuration: parseDurationMs, settings: () => settings, collect, collectPast: collect },
    ...{ servedBy: () => 'pod-0', ...change },
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
    expect((await verdict)?.reason).toBe('collecting the rows took too long, ask again');
    expect(clock.pending).toBe(0);
  });

  it('because too much is asked at once is unknown, and not a failed hypothesis', async () => {
    const collect = () => Promise.reject(new BusyError('more than 4 windows asked for at once, try again'));
    const { verdict } = ask({ expect: ['failed', 'healthy'] }, { collect });
    expect(await verdict).toMatchObject({ verdict: 'unknown', expect: ['failed', 'healthy'] });
  });
});
