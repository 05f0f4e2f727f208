import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { OUTCOMES, type Sample } from '../../../server/protocol/sample.ts';
import { isOk } from '../../../server/protocol/stored-results.ts';
import { BUCKET_WIDTHS_MS, bucketWidthMs, failuresOf } from '../../../server/results/buckets.ts';
import { RangeStatistics } from '../../../server/results/range-statistics.ts';
import { Statistics } from '../../../server/results/statistics.ts';
import { cycleOf, refusedSample, sampleOf } from '../../support/samples.ts';
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
  it('lose no sample, failure or datagram at any moment and count none twice, whatever the times and widths', () => {
    const step = fc.record({
      // A link has one ping after the other, so no two end at the same time.
      afterMs: fc.oneof(fc.integer({ min: 1, max: 2_000 }), fc.integer({ min: 1, max: 60_000 })),
      outcome: fc.constantFrom(...OUTCOMES),
      isStarved: fc.boolean(),
      links: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 50_000 })),
      askedAgeMs: fc.integer({ min: 0, max: 200_000 }),
    });
    const steps = fc.array(step, { maxLength: 120, size: 'max' });
    fc.assert(
      fc.property(steps, fc.boolean(), fc.boolean(), (all, hasSuspects, hasFailures) => {
        const { history, records, add } = historyOf(1, {
          windowMs: 86_400_000,
          sampleBytes: EIGHT_SAMPLES,
          udpEnabled: true,
        });
        const record = records[0]!;
        const taken: number[] = [];
        let failures = 0;
        for (const { afterMs, outcome, isStarved, links, askedAgeMs } of all) {
          const nowMs = (taken.at(-1) ?? 1_000) + afterMs;
          const suspect = hasSuspects && isStarved;
          if (links > 0) history.chooseBucketWidth(links);
          const failed = hasFailures && outcome !== 'ok';
          add(0, nowMs, failed ? refusedSample({ outcome, suspect }) : sampleOf({ suspect }));
          taken.push(nowMs);
          if (failed) failures += 1;
          history.addUdp(record, cycleOf({ atMs: nowMs + 0.5 }));

          const { buckets, results } = history.pings(record, { fromMs: 0, toMs: nowMs + 1 });
          expect(buckets.reduce((sum, { samples }) => sum + samples, results.length)).toBe(taken.length);
          const recent = results.filter(({ code }) => !isOk(code)).length;
          if (!hasSuspects) expect(buckets.reduce((sum, it) => sum + failuresOf(it), recent)).toBe(failures);
          // Each sample since any time too, in a bucket or as it was taken.
          const fromMs = nowMs - askedAgeMs;
          const since = history.pings(record, { fromMs, toMs: nowMs + 1 });
          const inBucketsUntilMs = since.buckets[0]?.newestMs ?? Number.NEGATIVE_INFINITY;
          const asked = taken.filter((atMs) => atMs >= fromMs);
          const single = asked.filter((atMs) => atMs > inBucketsUntilMs);
          expect(since.results.map(({ atMs }) => atMs)).toEqual(single.reverse());
          const inBuckets = since.buckets.reduce((sum, { samples }) => sum + samples, 0);
          expect(inBuckets).toBeGreaterThanOrEqual(asked.length - single.length);
          // Beside a failed ping no cycle counts.
          if (hasFailures) continue;
          const cycles = history.cycles(record, { fromMs: 0, toMs: nowMs + 1 });
          const sent = cycles.results.reduce((sum, cycle) => sum + cycle.sent, 0);
          expect(cycles.buckets.reduce((sum, { udpSent }) => sum + udpSent, sent)).toBe(10 * taken.length);
        }
        const found = history.buckets(record, 0);
        for (const [i, { startMs, endMs, newestMs }] of found.entries()) {
          expect(newestMs >= startMs && newestMs < endMs).toBe(true);
          // Periods may overlap, because each is a multiple of its width.
          expect(newestMs).toBeGreaterThan(found[i + 1]?.newestMs ?? 0);
        }
      }),
    );
  });

  it('have the failures of a range also while they become wider', () => {
    const { history, add, resultOf } = historyOf(1, { sampleBytes: EIGHT_SAMPLES * 30 });
    for (let atMs = 900_000; atMs < 1_300_000; atMs += 1_000) {
      history.chooseBucketWidth(atMs < 950_000 ? 1 : 200);
      if (atMs === 950_000) expect(history.widthMs).toBe(30_000);
      add(0, atMs, atMs >= 940_000 && atMs < 950_000 ? refusedSample() : sampleOf());
      if (atMs >= 950_000 && atMs <= 1_200_000)
        expect(resultOf(atMs - 280_000, atMs).summary.failures, `${atMs}`).toBe(10);
    }
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
