import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { RecentSample } from '../../../../../server/protocol/sample.ts';
import { barSegments } from '../../../../../web/components/phase-bar.tsx';
import { samplesAgo } from '../../../../../web/data/mesh-client.ts';
import { samplesText } from '../../../../../web/views/details/link-panel.tsx';
import { plotSamples, summarise } from '../../../../../web/views/details/sample-chart.tsx';

function sample(atMs: number, totalUs: number, change: Partial<RecentSample> = {}): RecentSample {
  return {
    atMs,
    outcome: 'ok',
    phase: null,
    connectUs: 200,
    firstByteUs: totalUs - 200,
    totalUs,
    suspect: false,
    ...change,
  };
}

describe('a plot of samples', () => {
  test('runs from the first sample to now, from 0 at the bottom to twice the problem threshold', () => {
    const plot = plotSamples([sample(1000, 0), sample(2000, 100_000)], 3000, 100_000, 100, 44);
    expect(plot).toMatchObject({ fromMs: 1000, topUs: 200_000, problemY: 22 });
    expect(plot.line).toBe('M0,42L50,22');
  });

  test('makes room for what is beyond', () => {
    expect(plotSamples([sample(0, 400_000)], 10, 100_000, 100, 44).topUs).toBeCloseTo(460_000);
  });

  test('breaks its line at a failure, and marks it', () => {
    const samples = [sample(0, 500), sample(10, 300_000, { outcome: 'timeout' }), sample(20, 500)];
    const plot = plotSamples(samples, 20, 100_000, 100, 44);
    expect(plot.failures).toEqual([50]);
    expect(plot.line.match(/M/g)).toHaveLength(2);
  });

  test('of nothing is empty', () => {
    expect(plotSamples([], 5, 100_000, 100, 44)).toMatchObject({ line: '', failures: [], fromMs: 5 });
  });
});

test('percentiles are those of answered samples', () => {
  const samples = Array.from({ length: 100 }, (_, i) => sample(i, (i + 1) * 10));
  expect(summarise([...samples, sample(200, 300_000, { outcome: 'refused' })])).toEqual({
    count: 101,
    failed: 1,
    counted: 101,
    countedFailed: 1,
    p50Us: 500,
    p95Us: 950,
    jitterUs: 10,
  });
  expect(summarise([])).toEqual({
    count: 0,
    failed: 0,
    counted: 0,
    countedFailed: 0,
    p50Us: -1,
    p95Us: -1,
    jitterUs: -1,
  });
});

test('jitter and success rate leave out suspect samples, if there are others', () => {
  const suspect = sample(3, 90_000, { suspect: true });
  const failed = sample(4, 300_000, { outcome: 'timeout', suspect: true });
  expect(summarise([sample(1, 300), suspect, failed, sample(5, 500)])).toMatchObject({
    count: 4,
    failed: 1,
    counted: 2,
    countedFailed: 0,
    jitterUs: 200,
  });
  expect(summarise([suspect, failed])).toMatchObject({ counted: 2, countedFailed: 1 });
});

test('the samples of the panel are those of its success rate, and it says how many that leaves out', () => {
  expect(samplesText({ samples: 10, counted: 9, failures: 0 })).toBe('9, 0 (+ 1 unreliable)');
  expect(samplesText({ samples: 1200, counted: 1200, failures: 3 })).toBe('1,200, 3');
});

describe('a phase bar', () => {
  test('stacks connect, first byte and the rest up to the timeout', () => {
    const facts = { outcome: 'ok', connectUs: 30_000, firstByteUs: 60_000, totalUs: 150_000 } as const;
    expect(barSegments(facts, 300_000)).toEqual([
      { part: 'connect', from: 0, share: 0.1 },
      { part: 'first-byte', from: 0.1, share: 0.2 },
      { part: 'body', from: expect.closeTo(0.3), share: 0.2 },
    ]);
  });

  test('shows the time of the phase that failed', () => {
    const facts = { outcome: 'timeout', connectUs: 30_000, firstByteUs: -1, totalUs: 300_000 } as const;
    expect(barSegments(facts, 300_000).map(({ part }) => part)).toEqual(['connect', 'failed']);
  });

  test('has one part where phases were not measured, and none without a figure', () => {
    expect(barSegments({ outcome: 'ok', connectUs: -1, firstByteUs: -1, totalUs: 3000 }, 300_000)).toHaveLength(1);
    expect(barSegments({ outcome: null, connectUs: -1, firstByteUs: -1, totalUs: -1 }, 300_000)).toEqual([]);
  });

  test('never leaves the bar', () => {
    const us = fc.integer({ min: -1, max: 10_000_000 });
    fc.assert(
      fc.property(
        us,
        us,
        us,
        fc.constantFrom('ok' as const, 'timeout' as const),
        (connectUs, firstByteUs, totalUs, outcome) => {
          const segments = barSegments({ outcome, connectUs, firstByteUs, totalUs }, 300_000);
          for (const { from, share } of segments) {
            expect(share).toBeGreaterThan(0);
            expect(from + share).toBeLessThanOrEqual(1 + 1e-9);
          }
        },
      ),
    );
  });
});

test('of a moment that is looked at, only what was known then', () => {
  const sample = { outcome: 'ok', phase: null, connectUs: 1, firstByteUs: 1, totalUs: 2, suspect: false } as const;
  const samples = {
    from: 'a',
    to: 'b',
    nowMs: 10_000,
    error: '',
    samples: [1000, 5000, 9000].map((atMs) => ({ ...sample, atMs })),
  };
  expect(samplesAgo(samples, 4000)).toMatchObject({
    nowMs: 6000,
    error: '',
    samples: [{ atMs: 1000 }, { atMs: 5000 }],
  });
  expect(samplesAgo(samples, 9500).error).toContain('No samples kept');
  expect(samplesAgo({ ...samples, samples: [], error: 'asleep' }, 0).error).toBe('asleep');
});
