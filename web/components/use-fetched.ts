import { useEffect, useRef, useState } from 'react';
import { textOf } from '../../server/runtime/errors.ts';

export interface Fetched<T> {
  /** The last value, perhaps of an earlier key; null = none yet. */
  value: T | null;
  isThere: boolean;
  /** Why the value of the current key could not be fetched; '' = no error. */
  error: string;
}

/**
 * Fetches a value with `load` for each new `key`, after `delayMs` without another one. The request for an earlier key is
 * aborted. `key` null: fetches nothing, and forgets the value. After an error it fetches again every `retryMs`; null = never.
 */
export function useFetched<T>(
  key: string | null,
  load: (signal: AbortSignal) => Promise<T>,
  { delayMs = 0, retryMs = null }: { delayMs?: number; retryMs?: number | null } = {},
): Fetched<T> {
  const [state, setState] = useState<{ key: string | null; value: T | null; error: string }>(NOTHING);
  const latest = useRef(load);
  latest.current = load;
  useEffect(() => {
    if (key === null) return setState(NOTHING);
    const abort = new AbortController();
    const settle = (change: { value?: T; error: string }) => {
      if (!abort.signal.aborted) setState((before) => ({ ...before, key, ...change }));
    };
    const fetchNow = () => {
      latest.current(abort.signal).then(
        (value) => settle({ value, error: '' }),
        (error: unknown) => {
          settle({ error: textOf(error, 200) });
          if (retryMs !== null && !abort.signal.aborted) timer = setTimeout(fetchNow, retryMs);
        },
      );
    };
    let timer = setTimeout(fetchNow, delayMs);
    return () => {
      clearTimeout(timer);
      abort.abort();
    };
  }, [key, delayMs, retryMs]);
  const isSettled = key !== null && key === state.key;
  return {
    value: key === null ? null : state.value,
    isThere: isSettled && state.error === '',
    error: isSettled ? state.error : '',
  };
}

const NOTHING = { key: null, value: null, error: '' };
