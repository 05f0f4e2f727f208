import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { OUTCOMES, type Sample } from '../../../server/protocol/sample.ts';
import { bucketWidthMs, failuresOf, LADDER_MS } from '../../../server/results/buckets.ts';
import { History, type HistorySettings, newTrack } from '../../../server/results/history.ts';
import { RangeStatistics } from '../../../server/results/range-statistics.ts';
import { Rings } from '../../../server/results/samples.ts';
import { refusedSample, sampleOf } from './sample.ts';

const HOUR_MS = 3_600_000;

/** A history of `links` links, whose samples are given by hand. */
function scene(links: number, change: Partial<HistorySettings> = {}, ringBytes = 1 << 20) {
  const rings = new Rings(ringBytes);
  const history = new History({ maxBytes: 1 << 20, windowMs: HOUR_MS, intervalMs: 1_000, ...change }, rings);
  history.setLinks(links);
  const kept = Array.from({ length: links }, () => ({ ring: rings.open(), track: newTrack() }));
  const add = (link: number, nowMs: number, sample: Sample) => {
    const { ring, track } = kept[link]!;
    history.add(track, ring, nowMs, sample);
    rings.add(ring, nowMs, sample);
  };
  const buckets = (link: number, fromMs = Number.NEGATIVE_INFINITY) => {
    const { ring, track } = kept[link]!;
    history.settle(track, ring);
    const found: { startMs: number; endMs: number; samples: number; failures: number; p50Us: number }[] = [];
    history.visit(track, fromMs, (chunk, i, startMs, endMs) => {
      const [samples, p50Us] = [chunk.samples[i]!, chunk.p50Us[i]!];
      found.push({ startMs, endMs, samples, failures: failuresOf(chunk, i), p50Us });
    });
    return found.reverse();
  };
  return { rings, history, kept, add, buckets };
}

describe('the ladder', () => {
  const needs = fc.record({
    links: fc.integer({ min: 1, max: 65_535 }),
    buckets: fc.integer({ min: 2_048, max: 5_000_000 }),
    windowMs: fc.integer({ min: 60_000, max: 86_400_000 }),
    intervalMs: fc.integer({ min: 0, max: 3_600_000 }),
  });

  it('has a length at which everything fits, or none does', () => {
    fc.assert(
      fc.property(needs, (need) => {
        const widthMs = bucketWidthMs(need);
        expect(LADDER_MS).toContain(widthMs);
        const fits = need.links * (need.windowMs / widthMs + 2) <= need.buckets;
        if (!fits) expect(widthMs).toBe(LADDER_MS.at(-1));
      }),
    );
  });

  it('never becomes finer with more links', () => {
    fc.assert(
      fc.property(needs, (need) => {
        expect(bucketWidthMs({ ...need, links: need.links * 2 })).toBeGreaterThanOrEqual(bucketWidthMs(need));
      }),
    );
  });

  it.each([
    [100, 2_000, 10_000],
    [100, 30_000, 120_000],
    [1_000, 1_000, 30_000],
    [5_000, 5_000, 120_000],
  ])('gives %i links with a sample each %i ms buckets of %i ms in 8 MiB and an hour', (links, intervalMs, widthMs) => {
    const { history } = scene(1, { maxBytes: 8 << 20, intervalMs });
    history.setLinks(links);
    expect(history.widthMs).toBe(widthMs);
  });
});

describe('buckets', () => {
  it('lose no sample and no failure, whatever the times and outcomes, and stand in order', () => {
    const step = fc.record({
      afterMs: fc.oneof(fc.nat(2_000), fc.nat(60_000)),
      outcome: fc.constantFrom(...OUTCOMES),
      suspect: fc.boolean(),
      links: fc.integer({ min: 1, max: 100_000 }),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const { history, add, buckets } = scene(1, { windowMs: 86_400_000 });
        let nowMs = 1_000;
        for (const { afterMs, outcome, suspect, links } of steps) {
          nowMs += afterMs;
          if (links > 60_000) history.setLinks(links - 60_000);
          add(0, nowMs, outcome === 'ok' ? sampleOf({ suspect }) : refusedSample({ outcome, suspect }));
        }
        const found = buckets(0);
        expect(found.reduce((sum, { samples }) => sum + samples, 0)).toBe(steps.length);
        for (const [i, { startMs, endMs }] of found.entries()) {
          expect(endMs).toBeGreaterThan(startMs);
          // A longer one that is begun reaches back to where its kind begins; samples are in one only all the same.
          if (i > 0) expect(endMs).toBeGreaterThanOrEqual(found[i - 1]!.endMs);
        }
        const isTold = steps.every(({ suspect }) => !suspect);
        const failures = steps.filter(({ outcome }) => outcome !== 'ok').length;
        if (isTold) expect(found.reduce((sum, it) => sum + it.failures, 0)).toBe(failures);
      }),
    );
  });

  it('count failures by outcome, also more than a byte holds', () => {
    const { add, rings, history, kept } = scene(1, { intervalMs: 0 }, 15 * 16 * 8);
    for (let i = 0; i < 700; i++) add(0, 1_000 + i, refusedSample(i % 7 === 0 ? { outcome: 'timeout' } : {}));
    add(0, 1_800, sampleOf());
    const stretches = new RangeStatistics(rings, history);
    const { summary, resolutionMs } = stretches.of(kept[0]!, { fromMs: 0, toMs: 2_000 }, 2_000);
    expect([summary.count, summary.failures, resolutionMs]).toEqual([701, 700, 5_000]);
    expect(stretches.byOutcome()[OUTCOMES.indexOf('timeout')]).toBe(100);
    expect(stretches.byOutcome()[OUTCOMES.indexOf('refused')]).toBe(600);
  });

  it('say the same as the samples they are made of', () => {
    const sample = fc.record({
      totalUs: fc.integer({ min: 100, max: 5_000 }),
      failed: fc.boolean(),
      suspect: fc.integer({ min: 0, max: 9 }).map((n) => n === 0),
    });
    fc.assert(
      fc.property(fc.array(sample, { minLength: 1, maxLength: 60 }), (samples) => {
        const { add, rings, history, kept } = scene(1);
        for (const [i, { totalUs, failed, suspect }] of samples.entries()) {
          add(0, 10_000 + i * 50, failed ? refusedSample({ suspect }) : sampleOf({ totalUs, suspect }));
        }
        const stretches = new RangeStatistics(rings, history);
        const nowMs = 13_100;
        const bySamples = stretches.of(kept[0]!, { fromMs: 9_000, toMs: nowMs }, nowMs);
        kept[0]!.ring.lostAtMs = 9_500;
        const byBucket = stretches.of(kept[0]!, { fromMs: 9_000, toMs: nowMs }, nowMs);
        expect([bySamples.resolutionMs, byBucket.resolutionMs]).toEqual([0, 5_000]);
        expect(byBucket.summary).toEqual(bySamples.summary);
        expect(byBucket.stand?.code).toBe(bySamples.stand?.code);
        expect(byBucket.stand?.isSuspect).toBe(bySamples.stand?.isSuspect);
      }),
    );
  });

  it('have percentiles of all their samples, even where the ring holds a few of them only', () => {
    const { add, rings, history, kept } = scene(1, { intervalMs: 0 }, 15 * 16 * 8);
    expect(rings.length).toBe(8);
    for (let i = 0; i < 100; i++) add(0, 1_000 + i, sampleOf({ totalUs: i < 50 ? 100 : 300, connectUs: 40 }));
    const { summary } = new RangeStatistics(rings, history).of(kept[0]!, { fromMs: 0, toMs: 2_000 }, 2_000);
    expect(summary).toMatchObject({ count: 100, minUs: 100, maxUs: 300, connectP50Us: 40 });
    expect(summary.p50Us).toBeGreaterThan(190);
    expect(summary.p50Us).toBeLessThan(210);
  });

  it('over several of them find the slow tenth', () => {
    const { add, rings, history, kept } = scene(1, {}, 15 * 16 * 2);
    for (let i = 0; i < 600; i++) add(0, i * 1_000, sampleOf({ totalUs: i % 600 >= 500 ? 250_000 : 1_000 }));
    const { summary } = new RangeStatistics(rings, history).of(kept[0]!, { fromMs: 0, toMs: 600_000 }, 600_000);
    expect(summary.count).toBe(600);
    expect([summary.p50Us, Math.round(summary.p95Us / 1_000), Math.round(summary.maxUs / 1_000)]).toEqual([
      1_000, 250, 250,
    ]);
  });
});

describe('the memory of the history', () => {
  it('is taken as time passes, and stays within its bounds for any number of links', () => {
    const churn = fc.array(fc.record({ links: fc.integer({ min: 1, max: 300 }), rounds: fc.nat(30) }), {
      minLength: 1,
      maxLength: 8,
    });
    fc.assert(
      fc.property(churn, (phases) => {
        const maxBytes = 3 * 70_000;
        const { history, add, kept, rings, buckets } = scene(300, { maxBytes, windowMs: 600_000 });
        expect(history.bytes).toBe(0);
        let nowMs = 0;
        for (const { links, rounds } of phases) {
          history.setLinks(links);
          for (let round = 0; round < rounds; round++) {
            nowMs += 2_000;
            for (let link = 0; link < links; link++) add(link, nowMs + link, sampleOf());
          }
          expect(history.bytes).toBeLessThanOrEqual(maxBytes);
        }
        expect(kept).toHaveLength(300);
        expect(rings.length).toBeGreaterThan(0);
        for (const { startMs } of buckets(0)) expect(startMs).toBeLessThanOrEqual(nowMs);
      }),
      { numRuns: 10 },
    );
  });

  it('of 200 links with a sample each 30 s is less than 1 MiB, and reaches back an hour', () => {
    const { history, add, buckets } = scene(200, { maxBytes: 8 << 20, intervalMs: 30_000 });
    for (let nowMs = 0; nowMs <= 2 * HOUR_MS; nowMs += 30_000) {
      for (let link = 0; link < 200; link++) add(link, nowMs + link * 150, sampleOf());
    }
    expect(history.bytes).toBeLessThan(1 << 20);
    expect(history.forgottenMs).toBe(Number.NEGATIVE_INFINITY);
    const [oldest] = buckets(199, HOUR_MS);
    expect(oldest!.startMs).toBeLessThanOrEqual(HOUR_MS);
  });

  it('says from when on it has forgotten, when there is too little of it', () => {
    const { history, add, buckets } = scene(2_000, { maxBytes: 3 * 70_000 });
    for (let nowMs = 0; nowMs <= HOUR_MS; nowMs += 600_000) {
      history.setLinks(1);
      for (let link = 0; link < 2_000; link++) add(link, nowMs + link, sampleOf());
    }
    expect(history.forgottenMs).toBeGreaterThan(0);
    for (const { endMs } of buckets(7)) expect(endMs).toBeGreaterThanOrEqual(history.forgottenMs - 600_000);
  });
});
