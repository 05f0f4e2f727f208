import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { OUTCOMES, type Sample } from '../../../server/protocol/sample.ts';
import { isOk } from '../../../server/protocol/stored-results.ts';
import { BUCKET_WIDTHS_MS, bucketWidthMs, failuresOf } from '../../../server/results/buckets.ts';
import { RangeStatistics } from '../../../server/results/range-statistics.ts';
import { Statistics } from '../../../server/results/statistics.ts';
import { refusedSample, sampleOf } from '../../support/samples.ts';
import { EIGHT_SAMPLES, HOUR, historyWith } from './scene.ts';

/** A history of `links` links, and a way to add their samples. */
function historyOf(links: number, change: Parameters<typeof historyWith>[0] = {}) {
  const history = historyWith(change);
  history.chooseBucketWidth(links);
  const records = Array.from({ length: links }, () => history.newRecord());
  const add = (link: number, nowMs: number, sample: Sample) => history.add(records[link]!, nowMs, sample);
  const buckets = (link: number, fromMs = Number.NEGATIVE_INFINITY) =>
    history.buckets(records[link]!, fromMs).reverse();
  const resultOf = (fromMs: number, toMs: number) =>
    new RangeStatistics(history).of(records[0]!, { fromMs, toMs }, toMs);
  const judgementAt = (fromMs: number, toMs: number) =>
    new RangeStatistics(history).judgementAt(records[0]!, { fromMs, toMs }, toMs, 100_000).judgement;
  return { history, records, add, buckets, resultOf, judgementAt };
}

describe('the width of buckets', () => {
  const needs = fc.record({
    links: fc.integer({ min: 1, max: 65_535 }),
    buckets: fc.integer({ min: 2_048, max: 5_000_000 }),
    historyWindowMs: fc.integer({ min: 60_000, max: 86_400_000 }),
    intervalMs: fc.integer({ min: 0, max: 3_600_000 }),
  });

  it('is one at which everything fits, or the largest, and never becomes smaller with more links', () => {
    fc.assert(
      fc.property(needs, (need) => {
        const widthMs = bucketWidthMs(need);
        expect(BUCKET_WIDTHS_MS).toContain(widthMs);
        const fits = need.links * (need.historyWindowMs / widthMs + 2) <= need.buckets;
        if (!fits) expect(widthMs).toBe(BUCKET_WIDTHS_MS.at(-1));
        expect(bucketWidthMs({ ...need, links: need.links * 2 })).toBeGreaterThanOrEqual(widthMs);
      }),
    );
  });

  it.each([
    [100, 2_000, 10_000],
    [100, 30_000, 120_000],
    [1_000, 1_000, 30_000],
    [5_000, 5_000, 120_000],
  ])('of %i links with a sample every %i ms is %i ms, with 8 MiB and an hour', (links, intervalMs, widthMs) => {
    const { history } = historyOf(1, { bucketBytes: 8 << 20, intervalMs });
    history.chooseBucketWidth(links);
    expect(history.widthMs).toBe(widthMs);
  });
});

describe('buckets', () => {
  it('lose no sample and no failure, whatever the times and outcomes, and are in order', () => {
    const step = fc.record({
      // A link has one ping after the other, so no two end at the same time.
      afterMs: fc.oneof(fc.integer({ min: 1, max: 2_000 }), fc.integer({ min: 1, max: 60_000 })),
      outcome: fc.constantFrom(...OUTCOMES),
      isStarved: fc.boolean(),
      links: fc.integer({ min: 1, max: 100_000 }),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), fc.boolean(), (steps, hasSuspects) => {
        const { history, records, add } = historyOf(1, { windowMs: 86_400_000, sampleBytes: EIGHT_SAMPLES });
        let nowMs = 1_000;
        for (const { afterMs, outcome, isStarved, links } of steps) {
          const suspect = hasSuspects && isStarved;
          nowMs += afterMs;
          if (links > 60_000) history.chooseBucketWidth(links - 60_000);
          add(0, nowMs, outcome === 'ok' ? sampleOf({ suspect }) : refusedSample({ outcome, suspect }));
        }
        const { buckets, results } = history.pings(records[0]!, { fromMs: 0, toMs: nowMs });
        const found = buckets.reverse();
        expect(found.reduce((sum, { samples }) => sum + samples, results.length)).toBe(steps.length);
        for (const [i, { startMs, endMs, newestMs }] of found.entries()) {
          expect(newestMs >= startMs && newestMs < endMs).toBe(true);
          // A wider bucket may begin before the one before it ends, because its period is a multiple of its width.
          if (i > 0) expect(endMs).toBeGreaterThanOrEqual(found[i - 1]!.endMs);
        }
        const failures = steps.filter(({ outcome }) => outcome !== 'ok').length;
        const recent = results.filter(({ code }) => !isOk(code)).length;
        if (!hasSuspects) expect(found.reduce((sum, it) => sum + failuresOf(it), recent)).toBe(failures);
      }),
    );
  });

  it('count failures by outcome, even more than one byte can count', () => {
    const { history, records, add, resultOf } = historyOf(1, { sampleBytes: EIGHT_SAMPLES, intervalMs: 0 });
    for (let i = 0; i < 700; i++) add(0, 1_000 + i, refusedSample(i % 7 === 0 ? { outcome: 'timeout' } : {}));
    add(0, 1_800, sampleOf());
    const { summary, resolutionMs } = resultOf(0, 2_000);
    expect([summary.count, summary.failures, resolutionMs]).toEqual([701, 700, 5_000]);
    const statistics = new Statistics();
    history.dropSamples(records[0]!);
    for (const bucket of history.buckets(records[0]!, 0)) statistics.addBucket(bucket);
    expect(statistics.byOutcome[OUTCOMES.indexOf('timeout')]).toBe(100);
    expect(statistics.byOutcome[OUTCOMES.indexOf('refused')]).toBe(600);
  });

  it('have the same statistics as their samples', () => {
    const sample = fc.record({
      totalUs: fc.integer({ min: 100, max: 5_000 }),
      failed: fc.boolean(),
      suspect: fc.integer({ min: 0, max: 9 }).map((n) => n === 0),
    });
    fc.assert(
      fc.property(fc.array(sample, { minLength: 1, maxLength: 60 }), (samples) => {
        const { history, records, add, resultOf, judgementAt } = historyOf(1);
        for (const [i, { totalUs, failed, suspect }] of samples.entries()) {
          add(0, 10_000 + i * 50, failed ? refusedSample({ suspect }) : sampleOf({ totalUs, suspect }));
        }
        const bySamples = resultOf(9_000, 13_100);
        history.dropSamples(records[0]!);
        const byBucket = resultOf(9_000, 13_100);
        expect([bySamples.resolutionMs, byBucket.resolutionMs]).toEqual([0, 5_000]);
        // A bucket does not tell in which order its answers came.
        expect(byBucket.summary).toEqual({ ...bySamples.summary, jitterUs: -1 });
        const last = samples.findLast(({ suspect }) => !suspect);
        const { judged, newest } = judgementAt(9_000, 13_100);
        if (last !== undefined) expect(judged?.outcome).toBe(last.failed ? 'refused' : 'ok');
        expect(newest?.suspect).toBe(samples.at(-1)?.suspect);
      }),
    );
  });

  it('have percentiles of all their samples, even if only a few of the samples are still kept', () => {
    const { history, add, resultOf } = historyOf(1, { sampleBytes: EIGHT_SAMPLES, intervalMs: 0 });
    expect(history.samplesPerLink).toBe(8);
    for (let i = 0; i < 100; i++) add(0, 1_000 + i, sampleOf({ totalUs: i < 50 ? 100 : 300, connectUs: 40 }));
    const { summary } = resultOf(0, 2_000);
    expect(summary).toMatchObject({ count: 100, minUs: 100, p50Us: 100, p95Us: 300, maxUs: 300, connectP50Us: 40 });
  });

  it('show that a tenth of a time range was slow', () => {
    const { add, resultOf } = historyOf(1, { sampleBytes: EIGHT_SAMPLES / 4 });
    for (let i = 0; i < 600; i++) add(0, i * 1_000, sampleOf({ totalUs: i >= 540 ? 8_000 : 1_000 }));
    expect(resultOf(0, 600_000).summary).toMatchObject({ count: 600, p50Us: 1_000, p95Us: 8_000, maxUs: 8_000 });
  });
});

describe('the memory of buckets', () => {
  it('grows with time, and stays within its bounds for any number of links', () => {
    const churn = fc.array(fc.record({ links: fc.integer({ min: 1, max: 300 }), rounds: fc.nat(30) }), {
      minLength: 1,
      maxLength: 8,
    });
    fc.assert(
      fc.property(churn, (phases) => {
        const bucketBytes = 3 * 70_000;
        const { history, add, buckets } = historyOf(300, { bucketBytes, windowMs: 600_000 });
        // The memory of the rings, which does not change.
        const sampleBytes = history.bytes;
        expect(sampleBytes).toBeLessThanOrEqual(1 << 20);
        let nowMs = 0;
        for (const { links, rounds } of phases) {
          history.chooseBucketWidth(links);
          for (let round = 0; round < rounds; round++) {
            nowMs += 2_000;
            for (let link = 0; link < links; link++) add(link, nowMs + link, sampleOf());
          }
          expect(history.bytes).toBeLessThanOrEqual(sampleBytes + bucketBytes);
        }
        for (const { startMs } of buckets(0)) expect(startMs).toBeLessThanOrEqual(nowMs);
      }),
      { numRuns: 10 },
    );
  });

  it('is less than half a MiB for 200 links with a sample every 30 s, and reaches back an hour', () => {
    const { history, add, buckets } = historyOf(200, { bucketBytes: 8 << 20, intervalMs: 30_000 });
    const sampleBytes = history.bytes;
    for (let nowMs = 0; nowMs <= 4 * HOUR; nowMs += 30_000) {
      for (let link = 0; link < 200; link++) add(link, nowMs + link * 150, sampleOf());
    }
    expect(history.bytes - sampleBytes).toBeLessThan(1 << 19);
    expect(history.bucketLog.forgottenMs).toBe(Number.NEGATIVE_INFINITY);
    const [oldest] = buckets(199, 3 * HOUR);
    expect(oldest!.startMs).toBeLessThanOrEqual(3 * HOUR);
  });

  it('says up to when buckets were dropped because there was too little of it', () => {
    const { history, add, buckets } = historyOf(2_000, { bucketBytes: 3 * 70_000 });
    for (let nowMs = 0; nowMs <= HOUR; nowMs += 600_000) {
      history.chooseBucketWidth(1);
      for (let link = 0; link < 2_000; link++) add(link, nowMs + link, sampleOf());
    }
    expect(history.bucketLog.forgottenMs).toBeGreaterThan(0);
    for (const { endMs } of buckets(7)) expect(endMs).toBeGreaterThanOrEqual(history.bucketLog.forgottenMs - 600_000);
  });
});
