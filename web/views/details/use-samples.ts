import { useEffect, useRef, useState } from 'react';
import type { LinkSamples } from '../../../server/protocol/sample.ts';
import { textOf } from '../../../server/runtime/errors.ts';
import type { ViewProps } from '../../components/view-props.ts';

/** The fetched samples of a link. Previous ones stay while new ones are fetched. `error`: for people; '' = none. */
export interface SamplesState {
  samples: LinkSamples | null;
  error: string;
}

const NONE: SamplesState = { samples: null, error: '' };
/** Minimum time between two fetches, ms. */
const MIN_INTERVAL_MS = 2000;

/**
 * Fetches the recent samples of a link when it is opened, and again when `freshMs` (time of its newest sample) changes.
 * An empty uid fetches nothing.
 */
export function useSamples(load: ViewProps['loadSamples'], from: string, to: string, freshMs: number): SamplesState {
  const [state, setState] = useState<SamplesState & { of: string }>({ ...NONE, of: '' });
  const latest = useRef(load);
  latest.current = load;
  const of = `${from}/${to}`;
  const turn = Math.floor(freshMs / MIN_INTERVAL_MS);
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new `turn` fetches again
  useEffect(() => {
    if (from === '' || to === '') return;
    const abort = new AbortController();
    latest.current(from, to, abort.signal).then(
      (samples) => {
        if (!abort.signal.aborted) setState({ of, samples, error: samples.error });
      },
      (error: unknown) => {
        if (!abort.signal.aborted) setState((old) => ({ ...(old.of === of ? old : NONE), of, error: textOf(error) }));
      },
    );
    return () => abort.abort();
  }, [from, to, of, turn]);
  return state.of === of ? state : NONE;
}
