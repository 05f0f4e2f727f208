import { useRef, useState } from 'react';
import { SPANS } from '../../model/address.ts';
import { autoSpan, spanFor } from '../../model/timeline.ts';

interface SpanRequest {
  /** The reader's choice, ms; null = as far back as there is data. */
  chosenMs: number | null;
  /** The oldest viewed time, ms since the epoch. */
  firstMs: number;
  nowMs: number;
}

/**
 * The time span of the timeline, ms: the reader's choice, otherwise as far back as there is data (`spanOf` takes the
 * oldest time with data); always long enough for the viewed times. It does not grow while `hold(true)`, so that a time
 * under the pointer stays in place.
 */
export function useSpan({ chosenMs, firstMs, nowMs }: SpanRequest): {
  spanOf: (knownFromMs: number) => number;
  hold: (isHeld: boolean) => void;
} {
  const [isHeld, hold] = useState(false);
  const last = useRef<number | null>(null);
  const spanOf = (knownFromMs: number) => {
    const wanted = spanFor(SPANS, chosenMs ?? autoSpan(knownFromMs, nowMs), firstMs, nowMs);
    if (!isHeld || chosenMs !== null || last.current === null) last.current = wanted;
    return last.current;
  };
  return { spanOf, hold };
}
