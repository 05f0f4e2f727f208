import { useEffect, useRef, useState, useSyncExternalStore } from 'react';
import type { Clock } from '../../../server/runtime/clock.ts';
import type { LiveFeed } from '../../data/live-feed.ts';
import { fetchAnnotations, fetchEvents, fetchHistory, fetchRounds } from '../../data/past-client.ts';
import { SPANS } from '../../model/address.ts';
import { PastPoll } from '../../model/history.ts';
import { autoSpan, spanFor } from '../../model/timeline.ts';

interface PastRequest {
  feed: Pick<LiveFeed, 'state'>;
  clock: Clock;
  /** The reader's choice of the span, ms; null = as far back as there is data. */
  chosenMs: number | null;
  /** The oldest viewed time, the oldest time that this page has received itself, and now, ms since the epoch. */
  firstMs: number;
  receivedMs: number;
  nowMs: number;
  /** How far back the servers keep history, ms; 0 = unknown. */
  historyWindowMs: number;
}

/**
 * Fetches the past from the servers, again every 10 s while the page is visible, and decides on the time span of the
 * timeline, ms: the reader's choice, otherwise as far back as there is data; always long enough for the viewed times. It does
 * not grow while `hold(true)`, so that a time under the pointer stays in place.
 */
export function usePast({ feed, clock, chosenMs, firstMs, receivedMs, nowMs, historyWindowMs }: PastRequest) {
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
  const [isHeld, hold] = useState(false);
  const lastMs = useRef<number | null>(null);
  // The page may have received more than the servers still keep.
  const keptMs = nowMs - (historyWindowMs > 0 ? historyWindowMs : Number.POSITIVE_INFINITY);
  const oldestMs = Math.min(receivedMs, Math.max(keptMs, past.knownFromMs ?? nowMs));
  const wantedMs = spanFor(SPANS, chosenMs ?? autoSpan(oldestMs, nowMs), firstMs, nowMs);
  if (!isHeld || chosenMs !== null) lastMs.current = null;
  lastMs.current ??= wantedMs;
  const spanMs = lastMs.current;
  const isAuto = chosenMs === null;
  useEffect(() => {
    const follow = () => (document.hidden ? poll.stop() : poll.start(spanMs, isAuto));
    follow();
    document.addEventListener('visibilitychange', follow);
    return () => {
      document.removeEventListener('visibilitychange', follow);
      poll.stop();
    };
  }, [poll, spanMs, isAuto]);
  return { past, spanMs, hold, fetchNow: poll.fetchNow };
}
