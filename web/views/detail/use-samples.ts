import { useEffect, useRef, useState } from 'react';
import type { LinkSamples } from '../../../server/protocol/sample.ts';
import { textOf } from '../../../server/runtime/errors.ts';
import type { ViewProps } from '../../view-props.ts';

/** Samples as far as they have been had. `error` in words, '' without; older samples stay while newer are fetched. */
export interface SamplesState {
  samples: LinkSamples | null;
  error: string;
}

const NONE: SamplesState = { samples: null, error: '' };
/** Not more often than this, however fast pictures come. */
const LEAST_MS = 2000;

/**
 * The recent samples of a link, fetched when it is opened and again when `freshMs` (time of its newest sample) has moved
 * on. An empty uid fetches nothing.
 */
export function useSamples(load: ViewProps['loadSamples'], from: string, to: string, freshMs: number): SamplesState {
  const [state, setState] = useState<SamplesState & { of: string }>({ ...NONE, of: '' });
  const latest = useRef(load);
  latest.current = load;
  const of = `${from}/${to}`;
  const turn = Math.floor(freshMs / LEAST_MS);
  // biome-ignore lint/correctness/useExhaustiveDependencies: `turn` asks for fetching again
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
