import { useEffect, useRef, useState } from 'react';
import type { LinkHistory } from '../../../server/protocol/history.ts';
import type { LinkSamples } from '../../../server/protocol/sample.ts';
import { textOf } from '../../../server/runtime/errors.ts';
import { NewestOnly } from '../../components/newest-only.ts';
import type { ViewProps } from '../../components/view-props.ts';
import { fetchLinkHistory } from '../../data/past-client.ts';
import { type LinkFacts, linkFacts } from '../../model/link-facts.ts';
import type { PodView } from '../../model/mesh-view.ts';

/** One direction of a link with its data. */
export interface LinkDirection {
  /** Short names: "001 → chaos". */
  name: string;
  /** Full names. */
  fullName: string;
  from: PodView;
  to: PodView;
  facts: LinkFacts;
  samples: SamplesState;
  past: HistoryState;
}

/** What was fetched last; the previous answer stays while a new one is fetched. `error`: for people; '' = none. */
export interface SamplesState {
  samples: LinkSamples | null;
  error: string;
}
export interface HistoryState {
  history: LinkHistory | null;
  error: string;
}

/** The direction from one pod to another, with its recent samples and its history. `isOff`: fetches nothing. */
export function useDirection(props: ViewProps, from: PodView, to: PodView, isOff = false): LinkDirection {
  const { picture, loadSamples } = props;
  const facts = linkFacts(picture, from.index, to.index);
  const [fromUid, toUid] = isOff ? ['', ''] : [from.pod.uid, to.pod.uid];
  const samples = useSamples(loadSamples, fromUid, toUid, facts.sampledMs);
  const past = useLinkHistory(fromUid, toUid, picture.mesh.past === null);
  const [name, fullName] = [`${from.label} → ${to.label}`, `${from.name} → ${to.name}`];
  return { name, fullName, from, to, facts, samples, past };
}

const NO_SAMPLES: SamplesState = { samples: null, error: '' };
const NO_HISTORY: HistoryState = { history: null, error: '' };
/** Samples are fetched at most once for each interval of this length, by the time of the newest sample, ms. */
const MIN_INTERVAL_MS = 2000;
/** Pause between two fetches of the history, ms. Only while the page is visible. */
const EVERY_MS = 10_000;

/**
 * Fetches samples when the link is opened, and again when `freshMs` (time of its newest sample) changes. An empty uid fetches
 * nothing.
 */
function useSamples(load: ViewProps['loadSamples'], from: string, to: string, freshMs: number): SamplesState {
  const [state, setState] = useState<SamplesState & { of: string }>({ ...NO_SAMPLES, of: '' });
  const latest = useRef(load);
  latest.current = load;
  const of = `${from}/${to}`;
  const turn = Math.floor(freshMs / MIN_INTERVAL_MS);
  const fetching = useRef<NewestOnly<number> | null>(null);
  useEffect(() => {
    if (from === '' || to === '') return;
    const ofLink = new NewestOnly<number>((_, signal) =>
      latest.current(from, to, signal).then(
        (samples) => {
          if (!signal.aborted) setState({ of, samples, error: samples.error });
        },
        (error: unknown) => {
          if (!signal.aborted) setState((old) => ({ ...(old.of === of ? old : NO_SAMPLES), of, error: textOf(error) }));
        },
      ),
    );
    fetching.current = ofLink;
    return () => {
      ofLink.stop();
      fetching.current = null;
    };
  }, [from, to, of]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: another link is fetched at once, too
  useEffect(() => fetching.current?.offer(turn), [of, turn]);
  return state.of === of ? state : NO_SAMPLES;
}

/**
 * Fetches the history when the link is opened, and every `EVERY_MS` while `isNow`; one request at a time. An empty uid fetches
 * nothing.
 */
function useLinkHistory(from: string, to: string, isNow: boolean): HistoryState {
  const [state, setState] = useState(NO_HISTORY);
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
        const history = await fetchLinkHistory(from, to, abort.signal);
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
  }, [from, to, isNow]);
  return state;
}
