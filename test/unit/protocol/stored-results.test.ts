import fc from 'fast-check';
import { expect, it } from 'vitest';
import { pack16, unpack16 } from '../../../server/protocol/links.ts';
import { OUTCOMES, PHASES } from '../../../server/protocol/sample.ts';
import { SAMPLE_RECORD, sampleOfStored, storedSampleOf } from '../../../server/protocol/stored-results.ts';
import { sampleOf } from '../../support/samples.ts';

it('every figure of a sample is stored, durations as `pack16` rounds them', () => {
  const durationUs = fc.integer({ min: -1, max: 1e7 });
  const sample = fc.record({
    outcome: fc.constantFrom(...OUTCOMES),
    phase: fc.option(fc.constantFrom(...PHASES)),
    connectUs: durationUs,
    firstByteUs: durationUs,
    totalUs: durationUs,
    suspect: fc.boolean(),
  });
  fc.assert(
    fc.property(sample, (given) => {
      const view = new DataView(new ArrayBuffer(SAMPLE_RECORD.bytes));
      SAMPLE_RECORD.write(view, 0, storedSampleOf(sampleOf(given), 5));
      const rounded = (us: number) => unpack16(pack16(us));
      expect(sampleOfStored(SAMPLE_RECORD.read(view, 0, 5))).toMatchObject({
        ...given,
        atMs: 5,
        connectUs: rounded(given.connectUs),
        firstByteUs: rounded(given.firstByteUs),
        totalUs: rounded(given.totalUs),
      });
    }),
  );
});

it.each([
  ['new', { connectUs: -1, phase: 'connect' }],
  ['open', { connectUs: -1, phase: 'first-byte' }],
] as const)('a sample says after it was stored that only %s connections fail', (failsOnly, given) => {
  const sample = sampleOf({ outcome: 'timeout', failsOnly, ...given });
  expect(sampleOfStored(storedSampleOf(sample, 0)).failsOnly).toBe(failsOnly);
});
