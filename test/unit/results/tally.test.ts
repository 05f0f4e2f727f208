import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { pack16 } from '../../../server/protocol/links.ts';
import type { Sample } from '../../../server/protocol/sample.ts';
import { codeOf } from '../../../server/results/samples.ts';
import { Ranks, Tally } from '../../../server/results/statistics.ts';
import { refusedSample, sampleOf } from './sample.ts';

function tallyOf(samples: readonly Sample[]): Tally {
  const tally = new Tally();
  for (const sample of samples) {
    const { connectUs, firstByteUs, totalUs } = sample;
    tally.sample(codeOf(sample), pack16(connectUs), pack16(firstByteUs), pack16(totalUs));
  }
  return tally;
}

describe('a summary', () => {
  it('is that of the samples sorted by hand', () => {
    const sample = fc.record({ totalUs: fc.integer({ min: 0, max: 8000 }), failed: fc.boolean() });
    fc.assert(
      fc.property(fc.array(sample, { maxLength: 80 }), (samples) => {
        const ok = samples.filter((it) => !it.failed).map((it) => it.totalUs);
        ok.sort((a, b) => a - b);
        const rank = (share: number) => ok.find((_, i) => (i + 1) / ok.length >= share - 1e-12) ?? -1;
        const wished = samples.map(({ totalUs, failed }) =>
          failed ? refusedSample() : sampleOf({ totalUs, connectUs: 40, firstByteUs: totalUs }),
        );
        expect(tallyOf(wished).summary()).toEqual({
          count: samples.length,
          suspect: 0,
          failures: samples.length - ok.length,
          minUs: ok[0] ?? -1,
          p50Us: rank(0.5),
          p95Us: rank(0.95),
          maxUs: ok.at(-1) ?? -1,
          connectP50Us: ok.length === 0 ? -1 : 40,
          firstByteP50Us: rank(0.5),
        });
      }),
    );
  });

  it('leaves samples of a starved process out of failures and durations', () => {
    const samples = [
      sampleOf({ totalUs: 300 }),
      sampleOf({ totalUs: 90_000, suspect: true }),
      refusedSample({ suspect: true }),
    ];
    const summary = tallyOf(samples).summary();
    expect(summary).toMatchObject({ count: 3, suspect: 2, failures: 0, p95Us: 300, maxUs: 300 });
  });

  it('makes do with them where there are no others', () => {
    const summary = tallyOf([sampleOf({ totalUs: 4_000, suspect: true }), refusedSample({ suspect: true })]).summary();
    expect(summary).toMatchObject({ count: 2, suspect: 2, failures: 1, maxUs: 4_000 });
  });

  it('begins anew after it was cleared', () => {
    const tally = tallyOf([refusedSample(), sampleOf({ suspect: true })]);
    tally.clear();
    expect(tally.isEmpty).toBe(true);
    expect(tally.summary()).toMatchObject({ count: 0, suspect: 0, failures: 0, minUs: -1, p50Us: -1, maxUs: -1 });
  });
});

describe('ranks', () => {
  it('stay within 1 % of the right place, however many values there are', () => {
    const values = fc.array(fc.integer({ min: 0, max: 60_000 }), { minLength: 3_000, maxLength: 9_000 });
    fc.assert(
      fc.property(values, fc.double({ min: 0, max: 1, noNaN: true }), (packed, share) => {
        const ranks = new Ranks();
        for (const value of packed) ranks.add(value, 3);
        const sorted = packed.map((value) => ranksOne(value)).sort((a, b) => a - b);
        const found = ranks.at(share);
        const below = sorted.filter((value) => value < found).length / sorted.length;
        const notAbove = sorted.filter((value) => value <= found).length / sorted.length;
        expect(below).toBeLessThanOrEqual(share + 0.01);
        expect(notAbove).toBeGreaterThanOrEqual(share - 0.01);
      }),
      { numRuns: 20 },
    );
  });
});

/** What one packed value stands for. */
function ranksOne(packed: number): number {
  const ranks = new Ranks();
  ranks.add(packed, 1);
  return ranks.at(1);
}
