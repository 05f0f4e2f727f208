import { useState } from 'react';
import type { Comparison } from '../../../server/protocol/comparison.ts';
import { textOf } from '../../../server/runtime/errors.ts';
import type { TimeRange } from '../../../server/runtime/time-range.ts';
import { useFetched } from '../../components/use-fetched.ts';
import { fetchComparison } from '../../data/past-client.ts';

/** The request waits this long, so that a handle that is being dragged sends none. */
const DELAY_MS = 300;

/** A comparison, and how its request ended. */
export interface ComparisonState {
  /** The comparison of the last ranges that were read; null before the first one is there. */
  comparison: Comparison | null;
  /** Whether `comparison` is about the ranges and the hypothesis that were asked for last. */
  isCurrent: boolean;
  /** Why there is no comparison; ''. */
  error: string;
  /** Why the server refuses the hypothesis; ''. The comparison is without a hypothesis then. */
  hypothesisError: string;
  /** Asks again. */
  reload(): void;
}

/** Fetches the comparison of ranges, with each change of them or of the hypothesis (clause by clause). */
export function useComparison(ranges: readonly TimeRange[], expect: readonly string[]): ComparisonState {
  const [count, setCount] = useState(0);
  const key = JSON.stringify({ ranges, expect, count });
  const { value, isThere, error } = useFetched(key, (signal) => fetchJudged(ranges, expect, signal), DELAY_MS);
  return {
    comparison: value?.comparison ?? null,
    isCurrent: isThere,
    error,
    hypothesisError: isThere && value !== null ? value.hypothesisError : '',
    reload: () => setCount((before) => before + 1),
  };
}

/** Asks without the hypothesis if the server refuses that. */
async function fetchJudged(ranges: readonly TimeRange[], expect: readonly string[], signal: AbortSignal) {
  try {
    return { comparison: await fetchComparison(ranges, expect, signal), hypothesisError: '' };
  } catch (error) {
    const hypothesisError = textOf(error, 400);
    if (!/^expect( \d+)? in query/.test(hypothesisError)) throw error;
    return { comparison: await fetchComparison(ranges, [], signal), hypothesisError };
  }
}
