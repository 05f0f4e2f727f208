import fc from 'fast-check';
import { createElement } from 'react';
import { renderToStaticMarkup } from 'react-dom/server';
import { describe, expect, test } from 'vitest';
import type { LinkHistory } from '../../../../../server/protocol/history.ts';
import type { RecentSample } from '../../../../../server/protocol/sample.ts';
import { barSegments, bodyOf, phaseTexts } from '../../../../../web/components/phase-bar.tsx';
import { samplesAgo } from '../../../../../web/data/mesh-client.ts';
import {
  plotHistory,
  plotSamples,
  SampleChart,
  stepsUntil,
  summarise,
  summariseHistory,
} from '../../../../../web/views/details/link-charts.tsx';
import { samplesText } from '../../../../../web/views/details/link-panel.tsx';

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

/** How many pieces a line has. */
const pieces = (line: string) => line.split('M').length - 1;

describe('a plot of samples', () => {
  test('runs from the first sample to now, from 0 at the bottom to twice the problem threshold, or what is beyond', () => {
    const plot = plotSamples([sample(1000, 0), sample(2000, 100_000)], 3000, 100_000);
    expect(plot).toMatchObject({ fromMs: 1000, problemY: 22, line: 'M0,42L85,22' });
    expect(plotSamples([sample(0, 400_000)], 10, 100_000).problemY).toBeCloseTo(42 - (40 * 100) / 460);
  });

  test('breaks its line at a failure, and marks it', () => {
    const samples = [sample(0, 500), sample(10, 300_000, { outcome: 'timeout' }), sample(20, 500)];
    const plot = plotSamples(samples, 20, 100_000);
    expect(plot.failures).toEqual([85]);
    expect(pieces(plot.line)).toBe(2);
  });
});

test('percentiles are those of answered samples', () => {
  const samples = Array.from({ length: 100 }, (_, i) => sample(i, (i + 1) * 10));
  const counts = { samples: 101, failed: 1, counted: 101, failures: 1 };
  expect(summarise([...samples, sample(200, 300_000, { outcome: 'refused' })])).toEqual({
    ...counts,
    p50Us: 500,
    p95Us: 950,
    jitterUs: 10,
  });
  expect(summarise([])).toMatchObject({ samples: 0, counted: 0, p50Us: -1, p95Us: -1, jitterUs: -1 });
});

test('jitter and success rate leave out suspect samples, if there are others, and the panel says how many', () => {
  const suspect = sample(3, 90_000, { suspect: true });
  const failed = sample(4, 300_000, { outcome: 'timeout', suspect: true });
  const all = summarise([sample(1, 300), suspect, failed, sample(5, 500)]);
  expect(all).toMatchObject({ samples: 4, failed: 1, counted: 2, failures: 0, jitterUs: 200 });
  expect(samplesText(all)).toBe('2, 0 (+ 2 unreliable)');
  expect(summarise([suspect, failed])).toMatchObject({ counted: 2, failures: 1 });
  expect(samplesText({ samples: 1200, counted: 1200, failures: 3 })).toBe('1,200, 3');
});

type Step = LinkHistory['steps'][number];

/** A step of 10 s that begins at `atMs`; `us` -1: nothing was answered. */
function step(atMs: number, us: number, failed = 0): Step {
  const samples = (us < 0 ? 0 : 5) + failed;
  const figures = { minUs: us, p50Us: us, p95Us: us, maxUs: us, connectP50Us: us, firstByteP50Us: us };
  const failures: Record<string, number> = failed > 0 ? { timeout: failed } : {};
  return { atMs, lengthMs: 10_000, samples, failures, ...figures };
}

const plot = (steps: Step[], untilMs: number) => plotHistory(steps, untilMs, 100_000);

describe("a link's past", () => {
  test('is one line from its first step to now, the problem threshold in its middle at the highest', () => {
    const { line, fromMs, problemY, failures } = plot([step(0, 500), step(10_000, 500)], 20_000);
    expect([fromMs, pieces(line), failures]).toEqual([0, 1, []]);
    expect(line).toBe('M42.5,33.9L127.5,33.9');
    expect(problemY).toBe(18);
  });

  test('has a gap where steps are missing, or nothing was answered', () => {
    expect(pieces(plot([step(0, 500), step(30_000, 500)], 40_000).line)).toBe(2);
    expect(pieces(plot([step(0, 500), step(10_000, -1, 5), step(20_000, 500)], 30_000).line)).toBe(2);
  });

  test('marks failures, the higher the more, and one of many still visibly', () => {
    const few = { ...step(0, 500, 1), samples: 100 };
    const { failures } = plot([few, step(10_000, -1, 5)], 20_000);
    expect(failures.map(({ x, height }) => [x, Math.round(height)])).toEqual([
      [0, 11],
      [85, 36],
    ]);
  });

  test('marks lost datagrams from above, and says nothing of loss that was not measured', () => {
    const lossy = { ...step(10_000, 500), udpSent: 100, udpLost: 50 };
    const few = { ...step(20_000, 500), udpSent: 100, udpLost: 1 };
    const { losses, failures } = plot([step(0, 500), lossy, few, { ...step(30_000, 500), udpSent: 100 }], 40_000);
    expect(losses.map(({ x, height }) => [x, Math.round(height)])).toEqual([
      [42.5, 18],
      [85, 11],
    ]);
    expect(failures).toEqual([]);
    expect(summariseHistory([step(0, 500), lossy, few])).toMatchObject({ sent: 200, lost: 51 });
    // A report of another process may say anything.
    expect(plot([{ ...lossy, udpLost: 900 }], 20_000).losses[0]?.height).toBe(36);
  });

  test('ends at the moment that is looked at', () => {
    const history = { steps: [step(0, 500), step(10_000, 900), step(20_000, 700)] } as LinkHistory;
    expect(stepsUntil(history, 20_000)).toHaveLength(2);
    expect(summariseHistory(stepsUntil(history, 20_000))).toMatchObject({
      samples: 10,
      failed: 0,
      maxUs: 900,
      sent: 0,
    });
  });

  test('stays within its box', () => {
    const steps = fc.array(
      fc.record({ at: fc.nat({ max: 400 }), us: fc.integer({ min: -1, max: 5e6 }), failed: fc.nat({ max: 9 }) }),
      { maxLength: 30 },
    );
    fc.assert(
      fc.property(steps, fc.nat({ max: 5_000_000 }), (made, untilMs) => {
        const sorted = made.map(({ at, us, failed }) => step(at * 10_000, us, failed)).sort((a, b) => a.atMs - b.atMs);
        const { line, band, failures } = plot(sorted, untilMs);
        const points = `${line}${band}`.match(/-?[\d.]+,-?[\d.]+/g) ?? [];
        for (const point of points) {
          const [x = -1, y = -1] = point.split(',').map(Number);
          expect(x >= 0 && x <= 170 && y >= 0 && y <= 36).toBe(true);
        }
        for (const { x, height } of failures) expect(x >= 0 && x <= 170 && height <= 36).toBe(true);
      }),
    );
  });
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

  test('of a ping over an open connection leaves the connect of an earlier one out, which is no part of the total', () => {
    const facts = { outcome: 'ok', connectUs: 30_000, firstByteUs: 45_000, totalUs: 60_000 } as const;
    expect(barSegments(facts, 300_000).map(({ part, share }) => [part, share])).toEqual([
      ['first-byte', 0.15],
      ['body', 0.05],
    ]);
    expect([bodyOf(facts), phaseTexts(facts)]).toEqual([15_000, ['open connection', 'first byte 45 ms']]);
  });

  test('shows the time of the phase that failed', () => {
    const facts = { outcome: 'timeout', connectUs: 30_000, firstByteUs: -1, totalUs: 300_000 } as const;
    expect(barSegments(facts, 300_000).map(({ part }) => part)).toEqual(['connect', 'failed']);
  });

  test('never leaves the bar', () => {
    const us = fc.integer({ min: -1, max: 10_000_000 });
    const outcome = fc.constantFrom('ok' as const, 'timeout' as const);
    fc.assert(
      fc.property(fc.record({ outcome, connectUs: us, firstByteUs: us, totalUs: us }), (facts) => {
        for (const { from, share } of barSegments(facts, 300_000)) {
          expect(share).toBeGreaterThan(0);
          expect(from + share).toBeLessThanOrEqual(1 + 1e-9);
        }
      }),
    );
  });
});

test('of a moment that is looked at, only what was known then', () => {
  const kept = [1000, 5000, 9000].map((atMs) => sample(atMs, 500));
  const samples = { from: 'a', to: 'b', nowMs: 10_000, error: '', samples: kept };
  expect(samplesAgo(samples, 4000)).toMatchObject({
    nowMs: 6000,
    error: '',
    samples: [{ atMs: 1000 }, { atMs: 5000 }],
  });
  expect(samplesAgo(samples, 9500).error).toContain('No samples kept');
  expect(samplesAgo({ ...samples, samples: [], error: 'asleep' }, 0).error).toBe('asleep');
});

test('the plot of samples ends now only if the newest ones could be fetched', () => {
  const value = { from: 'a', to: 'b', samples: [sample(1000, 500)], nowMs: 2000, usualUs: -1, error: '' };
  const endOf = (error: string) => {
    const of = { value, error };
    const chart = createElement(SampleChart, { of, state: 'good', problemMs: 200, isNow: true });
    return /<span>([^<]*)<\/span><\/figcaption>/.exec(renderToStaticMarkup(chart))?.[1];
  };
  expect(endOf('')).toBe('now');
  expect(endOf('no response')).toMatch(/^\d\d:\d\d:02$/);
});
