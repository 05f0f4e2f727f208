import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { USUAL } from '../../../server/protocol/link-quality.ts';
import { unpack16 } from '../../../server/protocol/links.ts';
import { failuresOf, trustedOf } from '../../../server/results/buckets.ts';
import { UsualLatencies } from '../../../server/results/usual.ts';
import { podOf, refusedSample, sampleOf } from '../../support/samples.ts';
import { HOUR, historyWith, MINUTE, SECOND, scene } from './scene.ts';

/** What a report over `windowMs` says is usual for the link to pod 1, us; -1 = not known. */
async function usualIn({ results }: ReturnType<typeof scene>, windowMs = MINUTE): Promise<number> {
  const { stats } = await results.report([podOf('1')], windowMs);
  return unpack16(stats?.usualUs[0] ?? 0);
}

describe('the usual latency of a link', () => {
  it('is the median of its buckets, each weighted by its trusted answers', () => {
    const minutes = fc.array(
      fc.record({
        us: fc.integer({ min: 100, max: 8_000 }),
        answers: fc.integer({ min: 0, max: 6 }),
        failures: fc.integer({ min: 0, max: 3 }),
        doubted: fc.integer({ min: 0, max: 3 }),
      }),
      { minLength: 15, maxLength: 60 },
    );
    fc.assert(
      fc.property(minutes, (given) => {
        const history = historyWith({ windowMs: 2 * HOUR, intervalMs: 15 * SECOND });
        const record = history.newRecord();
        for (const [minute, { us, answers, failures, doubted }] of given.entries()) {
          const samples = [
            ...Array.from({ length: answers }, (_, i) => sampleOf({ totalUs: us + i })),
            ...Array.from({ length: failures }, () => refusedSample()),
            ...Array.from({ length: doubted }, () => sampleOf({ totalUs: 90_000, suspect: true })),
          ];
          for (const [i, sample] of samples.entries()) history.add(record, minute * MINUTE + i * SECOND, sample);
        }
        const closed = history.buckets(record, Number.NEGATIVE_INFINITY);
        const counted = closed
          .map((bucket) => {
            const ok = trustedOf(bucket) - failuresOf(bucket);
            return { ...bucket, us: unpack16(bucket.median16), ok };
          })
          .filter(({ ok }) => ok > 0);
        const all = counted.flatMap(({ us, ok }) => Array.from({ length: ok }, () => us)).sort((a, b) => a - b);
        const reachMs = (counted[0]?.endMs ?? 0) - (counted.at(-1)?.startMs ?? 0);
        const median = reachMs < USUAL.historyMs ? -1 : (all[Math.ceil(all.length / 2) - 1] ?? -1);
        expect(new UsualLatencies(history).usualUsOf(record, MINUTE, given.length * MINUTE)).toBe(median);
      }),
      { numRuns: 60 },
    );
  });

  it('is not known before 10 minutes, nor before twice the window', async () => {
    const one = scene();
    one.probe('1');
    one.pass(9 * MINUTE);
    expect(await usualIn(one)).toBe(-1);
    one.pass(2 * MINUTE);
    expect([await usualIn(one), await usualIn(one, 8 * MINUTE)]).toEqual([320, -1]);
  });

  it('stays when the link becomes slow, and follows when it has been slow for most of its history', async () => {
    const one = scene();
    one.probe('1');
    one.pass(20 * MINUTE, () => sampleOf({ totalUs: 500 }));
    one.pass(5 * MINUTE, () => sampleOf({ totalUs: 8_000 }));
    const live = await one.results.report([podOf('1')], MINUTE);
    const past = await one.results.reportOf({ fromAgeMs: 2 * MINUTE, toAgeMs: MINUTE });
    for (const { stats } of [live, past]) {
      expect([unpack16(stats!.p50Us[0]!), unpack16(stats!.usualUs[0]!)]).toEqual([8_000, 500]);
    }
    expect([one.results.linkSamples('1').usualUs, one.results.linkSamples('2').usualUs]).toEqual([500, undefined]);
    one.pass(20 * MINUTE, () => sampleOf({ totalUs: 8_000 }));
    expect(await usualIn(one)).toBe(8_000);
  });
});
