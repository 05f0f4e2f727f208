import { useEffect, useState } from 'react';
import type { VerdictAnswer } from '../../../server/protocol/verdict.ts';
import { textOf } from '../../../server/runtime/errors.ts';
import type { TimeRange } from '../../../server/runtime/time-range.ts';
import { fetchVerdict } from '../../data/history-requests.ts';

/** A handle that is still being dragged asks for nothing. */
const REST_MS = 300;

/** What came of a hypothesis. */
export interface Verdict {
  answer: VerdictAnswer | null;
  /** Why there is none, in the server's words; ''. */
  error: string;
  /** The clauses that were asked. */
  asked: readonly string[];
  /** Asks, also where no hypothesis is stated. */
  ask(): void;
}

interface Told extends Omit<Verdict, 'ask'> {
  /** The range and clauses that it is about. */
  key: string;
}

const NOTHING: Told = { key: '', answer: null, error: '', asked: [] };

/** Whether the hypothesis held in a range; asked by itself as soon as there is one, and again with every change of either. */
export function useVerdict(range: TimeRange | undefined, expect: readonly string[]): Verdict {
  const [state, setState] = useState<Told>(NOTHING);
  const [count, setCount] = useState(0);
  const key = JSON.stringify({ range, expect });
  useEffect(() => {
    const { range: wanted, expect: asked }: { range?: TimeRange; expect: string[] } = JSON.parse(key);
    if (wanted === undefined || (count === 0 && asked.length === 0)) return;
    const abort = new AbortController();
    const timer = setTimeout(() => {
      fetchVerdict(wanted, asked, abort.signal).then(
        (answer) => abort.signal.aborted || setState({ key, answer, error: '', asked }),
        (error: unknown) => abort.signal.aborted || setState({ key, answer: null, error: textOf(error, 400), asked }),
      );
    }, REST_MS);
    return () => {
      clearTimeout(timer);
      abort.abort();
    };
  }, [key, count]);
  // What came of another range or hypothesis says nothing of this one.
  const { answer, error, asked } = state.key === key ? state : NOTHING;
  return { answer, error, asked, ask: () => setCount((before) => before + 1) };
}
