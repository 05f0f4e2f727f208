import './notice-list.css';
import { type ReactNode, useEffect, useState } from 'react';
import type { Fetched } from '../components/use-fetched.ts';
import type { ConnectionState } from '../data/connection.ts';
import { clockText, sentence } from '../model/format.ts';
import { shownName } from '../model/names.ts';
import { Icon } from './icons.tsx';
import { Retry } from './live-status.tsx';
import { MAX_NOTICES, type Notice } from './notices.ts';

interface NoticeListProps {
  /** The sentence without notices, and whether something fails, although no whole pod. */
  statusText: string;
  isFailing: boolean;
  notices: readonly Notice[];
  state: ConnectionState;
  moment: ReactNode;
  onTryNow(): void;
  onPod(uid: string): void;
  onFilter(text: string): void;
  /** The hint for first-time users, who see it when nothing is wrong; null = not shown. */
  hint: string | null;
  onHintRead(): void;
}

/**
 * Notices above the view, side by side: a lost connection, then notices about the data, then the hint. The row of notices is
 * always there, so that a new notice moves nothing.
 */
export function NoticeList({
  statusText,
  isFailing,
  notices: all,
  state,
  moment,
  onTryNow,
  onPod,
  onFilter,
  hint,
  onHintRead,
}: NoticeListProps) {
  const lost = state.status === 'lost' && state.mesh !== null;
  const notices = all.slice(0, MAX_NOTICES - (lost ? 2 : 0) - (moment === null ? 0 : 1));
  const isCalm = !lost && moment === null && notices.length === 0 && hint === null;
  if (isCalm && statusText === '') return null;
  return (
    <section className="notices" aria-label="Notices">
      {isCalm && (
        <div className={`notice ${isFailing ? 'is-failed' : 'is-calm'}`}>
          {isFailing && <Icon name="cross" />}
          <p>{statusText}</p>
        </div>
      )}
      {moment}
      {lost && <LostNotice state={state} onTryNow={onTryNow} />}
      {notices.map(({ kind, mark, title, text, shows }) => (
        <div key={mark} className={`notice is-${kind}`}>
          <Icon name={mark} />
          <p title={`${title} ${text}`}>
            <strong>{title}</strong> {text}
          </p>
          {shows && (
            <button
              type="button"
              className="quiet"
              onClick={() => ('pod' in shows ? onPod(shows.pod) : onFilter(shows.filter))}
            >
              Show
            </button>
          )}
        </div>
      ))}
      {hint !== null && (
        <div className="notice is-info">
          <Icon name="flag" />
          <p>{hint}</p>
          <button type="button" className="quiet" aria-label="Close hint" onClick={onHintRead}>
            <Icon name="cross" />
          </button>
        </div>
      )}
    </section>
  );
}

function LostNotice({ state, onTryNow }: { state: ConnectionState; onTryNow(): void }) {
  return (
    <div className="notice is-failed">
      <Icon name="cross" />
      <p>
        <strong>Disconnected since {clockText(state.sinceMs)}.</strong>{' '}
        {state.reason === '' ? '' : `${sentence(shownName(state.reason))} `}
        Showing the last known state. <Retry retryMs={state.retryMs} />
      </p>
      <button type="button" onClick={onTryNow}>
        Try now
      </button>
    </div>
  );
}

interface MomentNoticeProps {
  /** The viewed time and the serving pod's current time, ms since the epoch. */
  atMs: number;
  nowMs: number;
  moment: Pick<Fetched<unknown>, 'isThere' | 'error'>;
  /** HISTORY_WINDOW; 0 = unknown. */
  historyWindowMs: number;
  onNow(): void;
}

/** The viewed time is read out when it has not changed for this time, ms: not while it plays, which changes it every second. */
const SETTLED_MS = 3_000;

export function MomentNotice({ atMs, nowMs, moment, historyWindowMs, onNow }: MomentNoticeProps) {
  const { isThere, error } = moment;
  const time = clockText(atMs, nowMs);
  const oldestMs = nowMs - historyWindowMs;
  const isOld = historyWindowMs > 0 && atMs < oldestMs;
  const title = error === '' ? `Viewing ${time}.` : `Cannot show ${time}.`;
  const text = [
    isThere || error !== '' ? '' : 'Loading.',
    isOld
      ? `It is older than the history, which begins at ${clockText(oldestMs, nowMs)} (HISTORY_WINDOW). Older data is in Prometheus.`
      : error === ''
        ? ''
        : `${sentence(shownName(error))} Trying again.`,
  ];
  return (
    <div className={error === '' && !isOld ? 'notice is-moment' : 'notice is-warning'}>
      <Icon name="clock" />
      <p>
        <strong>{title}</strong> {text.filter(Boolean).join(' ')}
      </p>
      <p className="hidden" role="status">
        {useSettled(error === '' ? `Time shown: ${time}.` : `No data of ${time}.`, SETTLED_MS)}
      </p>
      <button type="button" onClick={onNow}>
        Return to live
      </button>
    </div>
  );
}

/** The last text that has stayed the same for `settledMs`; '' = none yet. */
function useSettled(text: string, settledMs: number): string {
  const [settled, setSettled] = useState('');
  useEffect(() => {
    const timer = setTimeout(() => setSettled(text), settledMs);
    return () => clearTimeout(timer);
  }, [text, settledMs]);
  return settled;
}
