import './notice-list.css';
import type { ReactNode } from 'react';
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
  /** The notice that the past is viewed; null = live. */
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
      {notices.map(({ id, kind, mark, title, text, action }) => (
        <div key={id} className={`notice is-${kind}`}>
          <Icon name={mark} />
          <p title={`${title} ${text}`}>
            <strong>{title}</strong> {text}
          </p>
          {action !== null && (
            <button
              type="button"
              className="quiet"
              onClick={() => ('pod' in action ? onPod(action.pod) : onFilter(action.filter))}
            >
              {action.label}
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
  /** HISTORY_WINDOW. */
  historyWindowMs: number;
  onNow(): void;
}

/** Says that the past is viewed, with a button to return to live. */
export function MomentNotice({ atMs, nowMs, moment, historyWindowMs, onNow }: MomentNoticeProps) {
  const time = clockText(atMs, nowMs);
  const { isThere } = moment;
  const oldestMs = nowMs - historyWindowMs;
  const error =
    moment.error !== '' && atMs < oldestMs
      ? `It is older than the history, which begins at ${clockText(oldestMs, nowMs)} (HISTORY_WINDOW). Older data is in Prometheus`
      : moment.error;
  return (
    <div className={error === '' ? 'notice is-moment' : 'notice is-warning'} role="status">
      <Icon name="clock" />
      <p>
        <strong>{error === '' ? `Viewing ${time}.` : `Cannot show ${time}.`}</strong>{' '}
        {isThere ? '' : error === '' ? 'Loading.' : sentence(shownName(error))}
      </p>
      <button type="button" onClick={onNow}>
        Return to live
      </button>
    </div>
  );
}
