import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { countedSamples, failedShare, Jitter } from '../../../server/protocol/link-quality.ts';

function jitterOf(answers: readonly { isNew: boolean; us: number }[]): number {
  const jitter = new Jitter();
  for (const { isNew, us } of answers) jitter.add(isNew, us);
  return jitter.meanUs;
}

describe('jitter', () => {
  it('is the mean difference of successive answers, apart for new and for open connections, in either direction of time', () => {
    const answers = fc.array(fc.record({ isNew: fc.boolean(), us: fc.integer({ min: 0, max: 300_000 }) }));
    fc.assert(
      fc.property(answers, (given) => {
        const differences = [true, false].flatMap((isNew) => {
          const times = given.filter((answer) => answer.isNew === isNew).map(({ us }) => us);
          return times.slice(1).map((us, i) => Math.abs(us - (times[i] ?? 0)));
        });
        const mean = differences.length === 0 ? -1 : differences.reduce((sum, us) => sum + us, 0) / differences.length;
        expect(jitterOf(given)).toBeCloseTo(mean, 6);
        expect(jitterOf(given.toReversed())).toBeCloseTo(mean, 6);
      }),
    );
  });

  it('starts anew after it was cleared', () => {
    const jitter = new Jitter();
    jitter.add(true, 100);
    jitter.add(true, 900);
    jitter.clear();
    jitter.add(true, 500);
    expect(jitter.meanUs).toBe(-1);
  });
});

describe('the failed share', () => {
  it('is of the samples that count: suspect ones only where there are no others', () => {
    const of = (samples: number, suspect: number, failures: number) => {
      const stats = { samples: Uint16Array.of(samples), suspect: Uint16Array.of(suspect) };
      return failedShare(countedSamples(stats, 0), failures);
    };
    expect(of(10, 0, 1)).toBe(0.1);
    expect(of(10, 5, 1)).toBe(0.2);
    expect(of(4, 4, 1)).toBe(0.25);
    expect(of(0, 0, 0)).toBe(-1);
    // Counts of another pod are only a claim.
    expect(of(1, 0, 9)).toBe(1);
  });
});
