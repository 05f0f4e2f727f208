import { expect, it } from 'vitest';
import { countedSamples, failedShare } from '../../../server/protocol/link-quality.ts';

it('the failed share is of the samples that count: suspect ones only where there are no others', () => {
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
