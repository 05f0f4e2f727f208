import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { comparedRangesOf, type RequestedRanges } from '../../../../server/analysis/comparison/ranges.ts';
import { NOW_MS, settingsOf } from '../../../support/mesh.ts';

const HOUR_MS = 3_600_000;
const ago = (fromAgoMs: number, toAgoMs: number) => ({ fromMs: NOW_MS - fromAgoMs, toMs: NOW_MS - toAgoMs });
const ranges = (fromAgoMs: number, toAgoMs: number) =>
  comparedRangesOf({ during: ago(fromAgoMs, toAgoMs), before: null, after: null }, NOW_MS, settingsOf());

describe('the ranges of a report', () => {
  it('compares with as much time before and after', () => {
    expect(ranges(300_000, 180_000)).toEqual({
      before: { fromMs: NOW_MS - 420_000, toMs: NOW_MS - 300_000 },
      during: { fromMs: NOW_MS - 300_000, toMs: NOW_MS - 180_000 },
      after: { fromMs: NOW_MS - 180_000, toMs: NOW_MS - 60_000 },
      notes: [],
    });
  });

  it.each([
    [1, 60_000],
    [30, 63_600],
    [300, 630_600],
  ])(
    'looks at a minute before and after, and at two rounds of pings, at REFRESH_INTERVAL=%i',
    (intervalS, lengthMs) => {
      const during = ago(1_000_000, 960_000);
      const settings = settingsOf({ refreshIntervalMs: intervalS * 1000 });
      const { before, after } = comparedRangesOf({ during, before: null, after: null }, NOW_MS, settings);
      expect(before).toEqual({ fromMs: during.fromMs - lengthMs, toMs: during.fromMs });
      expect(after).toEqual({ fromMs: during.toMs, toMs: during.toMs + lengthMs });
    },
  );

  it('has a note about each range that is shorter than a round of pings', () => {
    const requested = { during: ago(300_000, 280_000), before: ago(331_700, 300_000), after: ago(280_000, 248_200) };
    const round = 'is shorter than a round of pings (32 s): links that have no ping in it are not known';
    expect(comparedRangesOf(requested, NOW_MS, settingsOf()).notes).toEqual([
      `The range "before" ${round}`,
      `The range "during" ${round}`,
    ]);
  });

  it.each<[string, Partial<RequestedRanges>, string[]]>([
    ['no range after yet', { during: ago(60_000, 500) }, ['"after" has not lasted a second yet']],
    ['a range before that is not kept', { during: ago(HOUR_MS, 60_000) }, ['"before" is older']],
    [
      'a range that is kept in part',
      { during: ago(2 * HOUR_MS, 60_000) },
      ['"during" begins before', '"before" is older'],
    ],
    [
      'a range before that is still to come',
      { before: ago(-60_000, -120_000) },
      ['"before" has not lasted a second yet'],
    ],
    ['a range after that is not kept', { after: ago(3 * HOUR_MS, 2 * HOUR_MS) }, ['"after" is older']],
    [
      'a range during that is still to come',
      { during: ago(-1_000, -2_000) },
      ['"during" has not lasted a second yet', '"after" has'],
    ],
  ])('has a note about %s', (_, requested, expected) => {
    const all = { during: ago(300_000, 180_000), before: null, after: null, ...requested };
    const { notes } = comparedRangesOf(all, NOW_MS, settingsOf({ refreshIntervalMs: 1_000 }));
    expect(notes).toEqual(expected.map((text) => expect.stringContaining(text)));
  });

  it('lies within what is kept whatever is asked for, and is never upside down', () => {
    const stretch = fc
      .tuple(fc.integer({ min: -HOUR_MS, max: 2 * HOUR_MS }), fc.integer({ min: 1_000, max: HOUR_MS }))
      .map(([agoMs, lengthMs]) => ({ fromMs: NOW_MS - agoMs, toMs: NOW_MS - agoMs + lengthMs }));
    const nullable = fc.option(stretch, { nil: null });
    fc.assert(
      fc.property(stretch, nullable, nullable, (during, before, after) => {
        const made = comparedRangesOf({ during, before, after }, NOW_MS, settingsOf());
        for (const one of [made.before, made.after]) {
          if (one === null) continue;
          expect(one.fromMs).toBeGreaterThanOrEqual(NOW_MS - HOUR_MS);
          expect(one.toMs).toBeLessThanOrEqual(NOW_MS);
          expect(one.toMs - one.fromMs).toBeGreaterThanOrEqual(1_000);
        }
        if (before === null && made.before !== null) expect(made.before.toMs).toBeLessThanOrEqual(during.fromMs);
        const lacking = [made.before, made.after].filter((one) => one === null).length;
        expect(made.notes.length).toBeGreaterThanOrEqual(lacking);
      }),
    );
  });
});
