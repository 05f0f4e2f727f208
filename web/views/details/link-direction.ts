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
  const [fromUid, toUid] = [from.pod.uid, to.pod.uid];
  const sampledTurn = Math.floor(facts.sampledMs / SAMPLES_EVERY_MS);
  const samples = useNewest((signal) => loadSamples(fromUid, toUid, signal), sampledTurn, isOff);
  // The same history shows any time of the past.
  const turn = picture.mesh.past === null ? Math.floor(nowMs / HISTORY_EVERY_MS) : -1;
  const past = useNewest((signal) => fetchLinkHistory(fromUid, toUid, signal), turn, isOff);
  const [name, fullName] = [`${from.label} → ${to.label}`, `${from.name} → ${to.name}`];
  return { name, fullName, from, to, facts, samples, past };
}

/** Fetches at once, and again for each new `turn` while the page is visible; one request at a time. `isOff`: fetches nothing. */
function useNewest<T extends { error: string }>(
  load: (signal: AbortSignal) => Promise<T>,
  turn: number,
  isOff: boolean,
): Answer<T> {
  const [answer, setAnswer] = useState<Answer<T>>({ value: null, error: '' });
  const latest = useRef(load);
  latest.current = load;
  const fetching = useRef<NewestOnly<number> | null>(null);
  useEffect(() => {
    const newest = new NewestOnly<number>(async (_, signal) => {
      const next = await latest.current(signal).then(
        (value) => ({ value, error: value.error }),
        (error: unknown) => ({ error: textOf(error) }),
      );
      if (!signal.aborted) setAnswer((old) => ({ ...old, ...next }));
    });
    fetching.current = newest;
    return () => newest.stop();
  }, []);
  const isFirst = answer.value === null && answer.error === '';
  // biome-ignore lint/correctness/useExhaustiveDependencies: an answer alone fetches nothing
  useEffect(() => {
    // The first fetch also happens on a hidden page, because there is no second one when viewing the past.
    if (!isOff && (!document.hidden || isFirst)) fetching.current?.offer(turn);
  }, [turn, isOff]);
  return answer;
}
