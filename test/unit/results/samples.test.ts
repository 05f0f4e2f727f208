import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { pack16, unpack16 } from '../../../server/protocol/links.ts';
import { OUTCOMES, PHASES } from '../../../server/protocol/sample.ts';
import { type Ring, Rings } from '../../../server/results/samples.ts';
import { sampleOf } from '../../support/samples.ts';

const FOUR_MIB = 4 * 1024 * 1024;

describe('the rings of samples', () => {
  it.each([
    [3, 512],
    [512, 512],
    [1000, 273],
    [30_000, 8],
    [65_535, 4],
  ])('of %i links take at most 4 MiB, and hold %i samples each', (count, length) => {
    const rings = new Rings(FOUR_MIB);
    for (let i = 0; i < count; i++) rings.open();
    expect(rings.bytes).toBeLessThanOrEqual(FOUR_MIB);
    expect(rings.length).toBe(length);
  });

  it('take little where there are few links', () => {
    expect(new Rings(FOUR_MIB).bytes).toBeLessThan(130_000);
  });

  it('become longer again when links leave, and still have the newest samples', () => {
    const rings = new Rings(20_000);
    const kept = rings.open();
    for (let i = 0; i < 100; i++) rings.add(kept, i, sampleOf({ totalUs: i }));
    const before = rings.length;
    const others = Array.from({ length: 500 }, () => rings.open());
    expect(rings.length).toBeLessThan(5);
    for (const ring of others) rings.close(ring);
    expect(rings.length).toBe(before);
    expect(rings.read(kept).map((sample) => sample.totalUs)).toEqual([98, 99]);
  });

  it('say up to when a ring has lost samples, because it was full or was shortened', () => {
    const rings = new Rings(20_000);
    const ring = rings.open(-7);
    for (let i = 0; i < rings.length; i++) rings.add(ring, i, sampleOf());
    expect(ring.droppedUntilMs).toBe(-7);
    rings.add(ring, rings.length, sampleOf());
    expect(ring.droppedUntilMs).toBe(0);
    const newest = rings.length;
    for (let i = 0; i < 200; i++) rings.open();
    expect(ring.droppedUntilMs).toBe(newest - rings.length);
    rings.close(ring);
    expect(ring).toMatchObject({ count: 0, droppedUntilMs: Number.POSITIVE_INFINITY });
  });

  it('keep every figure of a sample', () => {
    const rings = new Rings(FOUR_MIB);
    const ring = rings.open();
    const samples = fc.record({
      outcome: fc.constantFrom(...OUTCOMES),
      phase: fc.option(fc.constantFrom(...PHASES)),
      connectUs: fc.integer({ min: -1, max: 1e7 }),
      firstByteUs: fc.integer({ min: -1, max: 1e7 }),
      totalUs: fc.integer({ min: -1, max: 1e7 }),
      suspect: fc.boolean(),
    });
    fc.assert(
      fc.property(samples, (sample) => {
        rings.add(ring, 5, sampleOf(sample));
        expect(rings.read(ring).at(-1)).toEqual({
          ...sample,
          atMs: 5,
          connectUs: unpack16(pack16(sample.connectUs)),
          firstByteUs: unpack16(pack16(sample.firstByteUs)),
          totalUs: unpack16(pack16(sample.totalUs)),
        });
      }),
    );
  });

  it('hold the newest samples of each link, whatever links come and go', () => {
    const step = fc.oneof(
      { weight: 6, arbitrary: fc.record({ kind: fc.constant('add' as const), which: fc.nat(), times: fc.nat(6) }) },
      { weight: 3, arbitrary: fc.record({ kind: fc.constant('open' as const), times: fc.nat(20) }) },
      { weight: 2, arbitrary: fc.record({ kind: fc.constant('close' as const), which: fc.nat(), times: fc.nat(20) }) },
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const rings = new Rings(15 * 16 * 8);
        const copies: { ring: Ring; all: number[]; most: number }[] = [];
        let time = 0;
        for (const it of steps) {
          for (let k = 0; k <= it.times; k++) {
            if (it.kind === 'open') copies.push({ ring: rings.open(), all: [], most: 512 });
            const at = it.kind === 'open' || copies.length === 0 ? -1 : it.which % copies.length;
            if (it.kind === 'close' && at >= 0) rings.close(copies.splice(at, 1)[0]!.ring);
            if (it.kind === 'add' && at >= 0) {
              rings.add(copies[at]!.ring, ++time, sampleOf());
              copies[at]!.all.push(time);
            }
            // What a shorter ring has dropped does not come back when it grows.
            for (const copy of copies) copy.most = Math.min(copy.most, Math.max(rings.length, 0));
          }
          for (const { ring, all, most } of copies) {
            const times = rings.read(ring).map((sample) => sample.atMs);
            expect(times).toEqual(all.slice(all.length - times.length));
            expect(times.length).toBeGreaterThanOrEqual(Math.min(all.length, most));
          }
        }
      }),
    );
  });
});
