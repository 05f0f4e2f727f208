import { useEffect, useState } from 'react';
import { durationText } from '../../server/runtime/measure-text.ts';
import { type ConnectionState, POLL_MS, POLLING_TEXT } from '../data/connection.ts';
import { capital } from '../model/format.ts';
import type { Headline } from './headline.ts';
import type { Stage } from './notices.ts';

/** Shows whether the data are live, and their age if they are late. The dot has the colour of the headline. */
export function LiveStatus({ state, stage, headline }: { state: ConnectionState; stage: Stage; headline: Headline }) {
  const pageMs = useTime();
  const { kind, title, age } = connectionWords(state, stage, pageMs);
  const tone = { live: headline.tone, waiting: 'warning', failed: 'failed', lost: 'lost' }[kind];
  return (
    <span className={`live-status is-${tone}`} title={headline.words}>
      <span className="live-dot" aria-hidden="true" />
      <span>
        <strong>{title}</strong>
        {age === '' ? null : `, ${age}`}
      </span>
    </span>
  );
}

/** Data are late after two refresh intervals, or three polls, and this time, ms. */
const LATE_MS = 5_000;

/** The texts of the connection. The age is '' unless the data are late. `pageMs`: monotonic time. */
export function connectionWords(
  { mesh, status, receivedMs }: ConnectionState,
  stage: Stage,
  pageMs: number,
): { kind: 'live' | 'waiting' | 'failed' | 'lost'; title: string; age: string } {
  if (mesh === null) return { kind: 'waiting', title: status === 'lost' ? 'Disconnected' : 'Connecting', age: '' };
  const ageMs = mesh.ageMs + Math.max(0, pageMs - receivedMs);
  const age = durationText(ageMs);
  if (status === 'lost') return { kind: 'lost', title: 'Disconnected', age: `data ${age} old` };
  if (stage === 'unauthorized') return { kind: 'failed', title: 'Token rejected', age: '' };
  if (stage === 'forbidden') return { kind: 'failed', title: 'No permission', age: '' };
  if (stage === 'waiting') {
    return { kind: 'waiting', title: 'Waiting', age: durationText(mesh.atMs + ageMs - mesh.discovery.sinceMs) };
  }
  const isPolling = status === 'polling';
  const isLate = ageMs > LATE_MS + (isPolling ? 3 * POLL_MS : 2 * mesh.settings.refreshIntervalMs);
  if (isPolling) return { kind: 'waiting', title: capital(POLLING_TEXT), age: isLate ? `data ${age} old` : '' };
  return { kind: isLate ? 'waiting' : 'live', title: 'Live', age: isLate ? `data ${age} old` : '' };
}

export function Retry({ retryMs }: { retryMs: number }) {
  useTime();
  const seconds = Math.ceil((retryMs - Date.now()) / 1000);
  return <>{seconds > 0 ? `Reconnecting in ${seconds} s.` : 'Reconnecting now.'}</>;
}

const TICK_MS = 500;

function useTime(): number {
  const [nowMs, setNowMs] = useState(() => performance.now());
  useEffect(() => {
    const timer = setInterval(() => setNowMs(performance.now()), TICK_MS);
    return () => clearInterval(timer);
  }, []);
  return nowMs;
}
