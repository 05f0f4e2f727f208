import { NONE16, unpack16 } from '../../contract/bytes16.ts';
import type { LinkFigures } from './range-links.ts';

/** How a link did, as far as telling better from worse needs it. */
export type Doing = Pick<LinkFigures, 'samples' | 'failures' | 'p50Us16'>;

/** Share (0..1) of the probes that failed. */
export function failedShare({ samples, failures }: Doing): number {
  return samples === 0 ? 0 : failures / samples;
}

/** Whether a link is slow: its median is at `slowUs` or above. One without an ok sample is not slow, it fails. */
export function isSlow({ p50Us16 }: Doing, slowUs: number): boolean {
  return p50Us16 !== NONE16 && unpack16(p50Us16) >= slowUs;
}

/**
 * Whether a link became worse: it failed, and at least twice before's share of its probes did; or it is slow, and its
 * median is at least twice before's. Without samples before (a new pod, a lost row) it is worse if it is bad.
 */
export function isWorse(before: Doing | null, during: Doing, slowUs: number): boolean {
  if (during.failures > 0 && (before === null || failedShare(during) >= 2 * failedShare(before))) return true;
  if (!isSlow(during, slowUs)) return false;
  return before === null || before.p50Us16 === NONE16 || unpack16(during.p50Us16) >= 2 * unpack16(before.p50Us16);
}

/** By how much the median changed, us; 0 where one of the two has none. */
export function changeUs(before: Doing, during: Doing): number {
  if (before.p50Us16 === NONE16 || during.p50Us16 === NONE16) return 0;
  return unpack16(during.p50Us16) - unpack16(before.p50Us16);
}
