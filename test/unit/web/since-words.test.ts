import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DEFAULT_THRESHOLDS } from '../../../server/protocol/link-state.ts';
import type { RecentSample } from '../../../server/protocol/sample.ts';
import { clockText } from '../../../web/model/format.ts';
import { linkFacts } from '../../../web/model/link-facts.ts';
import { buildPicture } from '../../../web/model/mesh-view.ts';
import { lateSince, sinceWords } from '../../../web/model/messages.ts';
import type { Scenario } from '../../support/feed/plan.ts';
import { FEED_TIME_MS, meshOf } from '../../support/feed/scenarios.ts';

const LATE_US = 100_000;

function sample(atMs: number, totalUs: number, change: Partial<RecentSample> = {}): RecentSample {
  const phases = { phase: null, connectUs: 200, firstByteUs: totalUs - 200, totalUs };
  return { atMs, outcome: 'ok', ...phases, suspect: false, ...change };
}

const since = (samples: RecentSample[], thereMs = 10_000, nowMs = 10_000) =>
  lateSince({ from: 'a', to: 'b', nowMs: thereMs, error: '', samples }, LATE_US, nowMs);

describe('a link is late since', () => {
  test('the first sample of its unbroken run of late ones', () => {
    const samples = [sample(1000, 250_000), sample(2000, 500), sample(3000, 100_000), sample(4000, 250_000)];
    expect(since(samples)).toEqual({ atMs: 3000, isOlder: false });
  });

  test('longer than is known, where all samples are late', () => {
    expect(since([sample(1000, 250_000), sample(2000, 250_000)])).toEqual({ atMs: 1000, isOlder: true });
  });

  test('never, where the newest sample is in time, failed, or none is kept', () => {
    expect(since([sample(1000, 250_000), sample(2000, 500)])).toBeNull();
    expect(since([sample(1000, 250_000), sample(2000, 250_000, { outcome: 'timeout' })])).toBeNull();
    expect(since([])).toBeNull();
  });

  test('a sample that may be trusted: a suspect one neither begins nor breaks a run', () => {
    const late = [sample(2000, 250_000), sample(3000, 500, { suspect: true }), sample(4000, 250_000)];
    expect(since([sample(1000, 500), ...late])).toEqual({ atMs: 2000, isOlder: false });
    expect(since([sample(1000, 500), sample(2000, 250_000, { suspect: true })])).toBeNull();
  });

  test('a time of our own clock, whatever the other one says', () => {
    fc.assert(
      fc.property(fc.integer({ min: -1e9, max: 1e9 }), (skewMs) => {
        const samples = [sample(1000 + skewMs, 500), sample(4000 + skewMs, 250_000)];
        expect(since(samples, 10_000 + skewMs, 10_000)?.atMs).toBe(4000);
      }),
    );
  });
});

describe('the words', () => {
  const factsOf = (scenario: Scenario, from: number, to: number) =>
    linkFacts(
      buildPicture(meshOf({ pods: 4, scenario }), { thresholds: DEFAULT_THRESHOLDS, value: 'last', phase: 'total' }),
      from,
      to,
    );

  test('of a slow link tell since when it is slow where that is known, else since when it is ok', () => {
    const facts = factsOf('slow-pod', 0, 3);
    const atMs = FEED_TIME_MS - 60_000;
    const late = sinceWords(facts, { atMs, isOlder: false }, FEED_TIME_MS);
    expect(late).toEqual({ since: `slow since ${clockText(atMs)}`, span: '1 min' });
    const older = sinceWords(facts, { atMs, isOlder: true }, FEED_TIME_MS);
    expect(older).toEqual({ since: 'slow for more than', span: '1 min' });
    expect(sinceWords(facts, null, FEED_TIME_MS).since).toBe(`ok since ${clockText(facts.sinceMs)}`);
  });

  test('of a failed link tell since when it fails, and of an unmeasured one nothing', () => {
    const failed = factsOf('dead-pod', 0, 3);
    expect(sinceWords(failed, null, FEED_TIME_MS).since).toBe(`failing since ${clockText(failed.sinceMs)}`);
    expect(sinceWords(factsOf('dead-pod', 3, 0), null, FEED_TIME_MS)).toEqual({ since: '', span: '' });
  });
});
