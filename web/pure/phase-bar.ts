import type { LinkFacts } from './link-facts.ts';

/** A part of a bar; both figures are shares (0..1) of its whole length. */
export interface BarSegment {
  part: 'connect' | 'first-byte' | 'rest' | 'total' | 'failed';
  from: number;
  share: number;
}

/** The least share that is drawn: a phase that took part shall be seen. */
const LEAST = 0.008;

/**
 * The phases of one exchange on a bar that ends at `timeoutUs`. `rest` is what came after the first byte; `total` stands
 * for everything where phases were not measured; `failed` is the time spent in the phase that failed.
 */
export function barSegments(
  facts: Pick<LinkFacts, 'connectUs' | 'firstByteUs' | 'totalUs' | 'outcome'>,
  timeoutUs: number,
): BarSegment[] {
  const { connectUs, firstByteUs, totalUs, outcome } = facts;
  if (totalUs < 0 || outcome === null || !(timeoutUs > 0)) return [];
  const failed = outcome !== 'ok';
  const parts: [BarSegment['part'], number][] = [];
  if (connectUs >= 0) parts.push(['connect', connectUs]);
  if (firstByteUs >= 0) parts.push(['first-byte', firstByteUs]);
  const rest = totalUs - Math.max(0, connectUs) - Math.max(0, firstByteUs);
  if (failed) parts.push(['failed', Math.max(0, rest)]);
  else if (parts.length === 0) parts.push(['total', totalUs]);
  else if (rest > 0) parts.push(['rest', rest]);
  const segments: BarSegment[] = [];
  let at = 0;
  for (const [part, us] of parts) {
    const isSeen = part !== 'rest' || us / timeoutUs >= LEAST;
    if (!isSeen) continue;
    const share = Math.min(1 - at, Math.max(LEAST, us / timeoutUs));
    if (share > 0) segments.push({ part, from: at, share });
    at += share;
  }
  return segments;
}
