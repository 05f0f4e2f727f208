import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { unpack16 } from '../../../server/protocol/links.ts';
import type { Sample } from '../../../server/protocol/sample.ts';
import { storedSampleOf } from '../../../server/protocol/stored-results.ts';
import { Percentiles, Statistics } from '../../../server/results/statistics.ts';
import { refusedSample, sampleOf } from '../../support/samples.ts';

function statisticsOf(samples: readonly Sample[]): Statistics {
  const statistics = new Statistics();
  for (const sample of samples) statistics.addSample(storedSampleOf(sample, 0));
  return statistics;
}

/** The mean difference of successive times, those over new and over open connections apart; -1 if there are none. */
function jitterOf(answers: readonly { totalUs: number; isNew: boolean }[]): number {
  const differences = [true, false].flatMap((isNew) => {
    const timesUs = answers.filter((answer) => answer.isNew === isNew).map(({ totalUs }) => totalUs);
    return timesUs.slice(1).map((us, i) => Math.abs(us - (timesUs[i] ?? 0)));
  });
  return differences.length === 0 ? -1 : differences.reduce((sum, us) => sum + us, 0) / differences.length;
}

describe('a summary', () => {
  it('is the same as that of the sorted samples', () => {
    const sample = fc.record({
      totalUs: fc.integer({ min: 0, max: 8000 }),
      failed: fc.boolean(),
      isNew: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(sample, { maxLength: 80 }), (samples) => {
        const answers = samples.filter(({ failed }) => !failed);
        const ok = answers.map(({ totalUs }) => totalUs).sort((a, b) => a - b);
        const rank = (share: number) => ok.find((_, i) => (i + 1) / ok.length >= share - 1e-12) ?? -1;
        const given = samples.map(({ totalUs, failed, isNew }) =>
          failed ? refusedSample() : sampleOf({ totalUs, connectUs: isNew ? 40 : -1, firstByteUs: totalUs }),
        );
        expect(statisticsOf(given).summary()).toEqual({
          count: samples.length,
          suspect: 0,
          failures: samples.length - ok.length,
          minUs: ok[0] ?? -1,
          p50Us: rank(0.5),
          p95Us: rank(0.95),
          maxUs: ok.at(-1) ?? -1,
          connectP50Us: answers.some(({ isNew }) => isNew) ? 40 : -1,
          firstByteP50Us: rank(0.5),
          jitterUs: expect.closeTo(jitterOf(answers), 6),
        });
      }),
    );
  });

  it('leaves suspect samples out of failures and durations, unless there are no others', () => {
    const suspects = [sampleOf({ totalUs: 4_000, suspect: true }), refusedSample({ suspect: true })];
    expect(statisticsOf(suspects).summary()).toMatchObject({ count: 2, suspect: 2, failures: 1, maxUs: 4_000 });
    const summary = statisticsOf([sampleOf({ totalUs: 300 }), ...suspects]).summary();
    expect(summary).toMatchObject({ count: 3, suspect: 2, failures: 0, p95Us: 300, maxUs: 300, jitterUs: -1 });
  });

  it('is empty after everything was cleared', () => {
    const statistics = statisticsOf([
      refusedSample(),
      sampleOf(),
      sampleOf({ totalUs: 9 }),
      sampleOf({ suspect: true }),
    ]);
    statistics.clear();
    expect(statistics.summary()).toMatchObject({ count: 0, suspect: 0, failures: 0, minUs: -1, jitterUs: -1 });
    for (const totalUs of [5, 9]) statistics.addSample(storedSampleOf(sampleOf({ totalUs }), 0));
    expect(statistics.summary()).toMatchObject({ count: 2, failures: 0, minUs: 5, maxUs: 9, jitterUs: 4 });
  });
});

it('percentiles are exact, however many values there are and whatever they weigh', () => {
  const value = fc.record({ packed: fc.integer({ min: 0, max: 60_000 }), weight: fc.integer({ min: 0, max: 4 }) });
  fc.assert(
    fc.property(
      fc.array(value, { maxLength: 3_000 }),
      fc.double({ min: 0.01, max: 1, noNaN: true }),
      (values, share) => {
        const percentiles = new Percentiles();
        for (const { packed, weight } of values) percentiles.add(packed, weight);
        const each = values.flatMap(({ packed, weight }) => Array<number>(weight).fill(packed)).sort((a, b) => a - b);
        const nearest = each[Math.ceil(share * each.length - 1e-9) - 1];
        expect(percentiles.at(share)).toBe(nearest === undefined ? -1 : unpack16(nearest));
      },
    ),
    { numRuns: 30 },
  );
});
