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
  samples: Answer<LinkSamples>;
  past: Answer<LinkHistory>;
}

/** What was fetched last; the previous answer stays while a new one is fetched. `error`: for people; '' = none. */
export interface Answer<T> {
  value: T | null;
  error: string;
}

/** Samples are fetched at most once for each interval of this length, by the time of the newest sample; the history likewise, ms. */
const [SAMPLES_EVERY_MS, HISTORY_EVERY_MS] = [2000, 10_000];

/** The direction from one pod to another, with its recent samples and its history. `isOff`: fetches nothing. */
export function useDirection(props: ViewProps, from: PodView, to: PodView, isOff = false): LinkDirection {
  const { picture, loadSamples, nowMs } = props;
  const facts = linkFacts(picture, from.index, to.index);
  const [fromUid, toUid] = isOff ? ['', ''] : [from.pod.uid, to.pod.uid];
  const samples = useNewest(loadSamples, fromUid, toUid, Math.floor(facts.sampledMs / SAMPLES_EVERY_MS));
  // The same history shows any time of the past.
  const turn = picture.mesh.past === null ? Math.floor(nowMs / HISTORY_EVERY_MS) : -1;
  const past = useNewest(fetchLinkHistory, fromUid, toUid, turn);
  const [name, fullName] = [`${from.label} → ${to.label}`, `${from.name} → ${to.name}`];
  return { name, fullName, from, to, facts, samples, past };
}

const NOTHING = { value: null, error: '' };

/**
 * Fetches what `load` gives for a link when it is opened, and again for each new `turn` while the page is visible; one request at
 * a time. An empty uid fetches nothing.
 */
function useNewest<T extends { error: string }>(
  load: (from: string, to: string, signal: AbortSignal) => Promise<T>,
  from: string,
  to: string,
  turn: number,
): Answer<T> {
  const of = `${from}/${to}`;
  const [state, setState] = useState<Answer<T> & { of: string }>({ ...NOTHING, of: '' });
  const latest = useRef(load);
  latest.current = load;
  const fetching = useRef<NewestOnly<number> | null>(null);
  useEffect(() => {
    if (from === '' || to === '') return;
    const ofLink = new NewestOnly<number>(async (_, signal) => {
      const answer = await latest.current(from, to, signal).then(
        (value) => ({ value, error: value.error }),
        (error: unknown) => ({ error: textOf(error) }),
      );
      if (!signal.aborted) setState((old) => ({ ...(old.of === of ? old : NOTHING), ...answer, of }));
    });
    fetching.current = ofLink;
    return () => {
      ofLink.stop();
      fetching.current = null;
    };
  }, [from, to, of]);
  const isThere = state.of === of;
  // biome-ignore lint/correctness/useExhaustiveDependencies: another link is fetched at once, too
  useEffect(() => {
    // The first fetch also happens on a hidden page, because there is no second one when viewing the past.
    if (!document.hidden || !isThere) fetching.current?.offer(turn);
  }, [of, turn]);
  return isThere ? state : NOTHING;
}
