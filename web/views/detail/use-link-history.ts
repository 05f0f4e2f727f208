import { useEffect, useState } from 'react';
import type { LinkHistory } from '../../../server/protocol/history.ts';
import { textOf } from '../../../server/runtime/errors.ts';
import type { ViewProps } from '../../view-props.ts';

/** A link's past as far as it has been had. `error` in words, '' without; an older past stays while a newer is fetched. */
export interface HistoryState {
  history: LinkHistory | null;
  error: string;
}

const NONE: HistoryState = { history: null, error: '' };
/** The past changes slowly: asked for again so often, and only while the page is seen. */
const EVERY_MS = 10_000;

/**
 * The past of a link, asked for when it is opened and every 10 s while `isNow`. At most one question is under way; it
 * ends with the link's panel. An empty uid asks nothing.
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
    let isAsking = false;
    let isAsked = false;
    const ask = async () => {
      // The first time whether the page is seen or not: of a moment of the past there is no second.
      if (isAsking || (isAsked && document.hidden)) return;
      isAsking = isAsked = true;
      try {
        const history = await load(from, to, abort.signal);
        if (!abort.signal.aborted) setState({ history, error: history.error });
      } catch (error) {
        if (!abort.signal.aborted) setState((old) => ({ ...old, error: textOf(error) }));
      } finally {
        isAsking = false;
      }
    };
    void ask();
    const timer = isNow ? setInterval(() => void ask(), EVERY_MS) : undefined;
    return () => {
      clearInterval(timer);
      abort.abort();
    };
  }, [load, from, to, isNow]);
  return state;
}
