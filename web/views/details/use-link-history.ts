import { useEffect, useState } from 'react';
import type { LinkHistory } from '../../../server/protocol/history.ts';
import { textOf } from '../../../server/runtime/errors.ts';
import type { ViewProps } from '../../components/view-props.ts';

/** The fetched history of a link. The previous one stays while a new one is fetched. `error`: for people; '' = none. */
export interface HistoryState {
  history: LinkHistory | null;
  error: string;
}

const NONE: HistoryState = { history: null, error: '' };
/** Pause between two fetches, ms. Only while the page is visible. */
const EVERY_MS = 10_000;

/**
 * Fetches the history of a link when it is opened, and every `EVERY_MS` while `isNow`. At most one request is running.
 * An empty uid fetches nothing.
 */
export function useLinkHistory(
  load: ViewProps['loadLinkHistory'],
  from: string,
  to: string,
  isNow: boolean,
): HistoryState {
  const [state, setState] = useState(NONE);
  useEffect(() => {
    if (from === '' || to === '') return;
    const abort = new AbortController();
    let isFetching = false;
    let hasFetched = false;
    const fetchOnce = async () => {
      // The first fetch also happens on a hidden page, because there is no second one when viewing the past.
      if (isFetching || (hasFetched && document.hidden)) return;
      isFetching = hasFetched = true;
      try {
        const history = await load(from, to, abort.signal);
        if (!abort.signal.aborted) setState({ history, error: history.error });
      } catch (error) {
        if (!abort.signal.aborted) setState((old) => ({ ...old, error: textOf(error) }));
      } finally {
        isFetching = false;
      }
    };
    void fetchOnce();
    const timer = isNow ? setInterval(() => void fetchOnce(), EVERY_MS) : undefined;
    return () => {
      clearInterval(timer);
      abort.abort();
    };
  }, [load, from, to, isNow]);
  return state;
}
