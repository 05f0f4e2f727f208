import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { LinkHistory } from '../../../../../server/protocol/history.ts';
import { plotHistory, stepsUntil, summariseHistory } from '../../../../../web/views/details/history-chart.tsx';

type Step = LinkHistory['steps'][number];

/** A step of 10 s that begins at `atMs`; `us` -1: nothing was answered. */
function step(atMs: number, us: number, failed = 0): Step {
  const samples = (us < 0 ? 0 : 5) + failed;
  const figures = { minUs: us, p50Us: us, p95Us: us, maxUs: us, connectP50Us: us, firstByteP50Us: us };
  const failures: Record<string, number> = failed > 0 ? { timeout: failed } : {};
  return { atMs, lengthMs: 10_000, samples, failures, ...figures };
}

const plot = (steps: Step[], untilMs: number) => plotHistory(steps, untilMs, 100_000, 170, 36);
const pieces = (line: string) => line.split('M').length - 1;

describe("a link's past", () => {
  test('is one line from its first step to now, the problem threshold in its middle at the highest', () => {
    const { line, fromMs, toMs, problemY, failures } = plot([step(0, 500), step(10_000, 500)], 20_000);
    expect([fromMs, toMs, pieces(line), failures]).toEqual([0, 20_000, 1, []]);
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
    expect(summariseHistory(stepsUntil(history, 20_000))).toEqual({
      samples: 10,
      failed: 0,
      maxUs: 900,
      sent: 0,
      lost: 0,
    });
    expect(summariseHistory([])).toMatchObject({ samples: 0, failed: 0, maxUs: -1 });
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
