import { useEffect, useState } from 'react';
import type { Comparison } from '../../../server/protocol/comparison.ts';
import { textOf } from '../../../server/runtime/errors.ts';
import type { TimeRange } from '../../../server/runtime/time-range.ts';
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

type Settled = Omit<ComparisonState, 'isCurrent' | 'reload'> & { key: string };

const NOTHING: Settled = { key: '', comparison: null, error: '', hypothesisError: '' };

/** Fetches the comparison of ranges, with each change of them or of the hypothesis (clause by clause). */
export function useComparison(ranges: readonly TimeRange[], expect: readonly string[]): ComparisonState {
  const [state, setState] = useState<Settled>(NOTHING);
  const [count, setCount] = useState(0);
  const key = JSON.stringify({ ranges, expect, count });
  useEffect(() => {
    const abort = new AbortController();
    const timer = setTimeout(() => {
      fetchSettled(key, abort.signal).then(
        (settled) => abort.signal.aborted || setState(settled),
        (error: unknown) =>
          abort.signal.aborted ||
          setState(({ comparison }) => ({ key, comparison, error: textOf(error, 200), hypothesisError: '' })),
      );
    }, DELAY_MS);
    return () => {
      clearTimeout(timer);
      abort.abort();
    };
  }, [key]);
  const isSettled = state.key === key;
  return {
    comparison: state.comparison,
    isCurrent: isSettled && state.error === '',
    error: isSettled ? state.error : '',
    hypothesisError: isSettled ? state.hypothesisError : '',
    reload: () => setCount((before) => before + 1),
  };
}

/** Asks without the hypothesis if the server refuses that. */
async function fetchSettled(key: string, signal: AbortSignal): Promise<Settled> {
  const { ranges, expect }: { ranges: TimeRange[]; expect: string[] } = JSON.parse(key);
  try {
    return { key, comparison: await fetchComparison(ranges, expect, signal), error: '', hypothesisError: '' };
  } catch (error) {
    const hypothesisError = textOf(error, 400);
    if (!/^expect( \d+)? in query/.test(hypothesisError)) throw error;
    return { key, comparison: await fetchComparison(ranges, [], signal), error: '', hypothesisError };
  }
}
