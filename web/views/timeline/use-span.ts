import { useRef, useState } from 'react';
import { SPANS } from '../../pure/address.ts';
import { autoSpan, spanFor } from '../../pure/timeline-axis.ts';

interface SpanRequest {
  /** What the reader has chosen, ms; null = as far back as anything is known. */
  chosenMs: number | null;
  /** The oldest time that is looked at, ms since the epoch. */
  firstMs: number;
  nowMs: number;
}

/**
 * How far back the timeline goes, ms: as chosen, else as what is known (`spanOf` takes its beginning), and not less far
 * than what is looked at. It grows by itself, but never while `hold(true)`: a time that somebody points at stays where it is.
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
