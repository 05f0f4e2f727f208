import { useEffect, useState, useSyncExternalStore } from 'react';
import type { Clock } from '../../../server/runtime/clock.ts';
import type { LiveFeed } from '../../data/live-feed.ts';
import { fetchAnnotations, fetchEvents, fetchHistory, fetchRounds } from '../../data/past-client.ts';
import { type Past, PastPoll } from '../../model/history.ts';

/**
 * Fetches the past from the servers, again every 10 s while the page is visible. `spanOf` computes the span, ms, from
 * the data so far; `isAuto`: the span depends only on these data.
 */
export function usePast(
  feed: Pick<LiveFeed, 'state'>,
  clock: Clock,
  isAuto: boolean,
  spanOf: (past: Past) => number,
): { past: Past; spanMs: number; fetchNow: () => void } {
  const [poll] = useState(
    () =>
      new PastPoll({
        clock,
        servedMs: () => {
          const { mesh, receivedMs } = feed.state();
          return mesh === null ? null : mesh.atMs + mesh.ageMs + clock.monotonicMs() - receivedMs;
        },
        fetchHistory,
        fetchEvents,
        fetchAnnotations,
        fetchRounds,
      }),
  );
  const past = useSyncExternalStore(poll.subscribe, poll.state);
  const spanMs = spanOf(past);
  useEffect(() => {
    const follow = () => (document.hidden ? poll.stop() : poll.start(spanMs, isAuto));
    follow();
    document.addEventListener('visibilitychange', follow);
    return () => {
      document.removeEventListener('visibilitychange', follow);
      poll.stop();
    };
  }, [poll, spanMs, isAuto]);
  return { past, spanMs, fetchNow: poll.fetchNow };
}
