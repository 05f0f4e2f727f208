import { clockText } from '../pure/figures.ts';
import { shownName } from '../pure/names.ts';
import { Icon } from './icons.tsx';
import { sentence } from './notice-list.tsx';
import type { Moment } from './use-moment.ts';

interface MomentNoticeProps {
  /** The viewed time and the serving pod's current time, ms since the epoch. */
  atMs: number;
  nowMs: number;
  moment: Moment;
  onNow(): void;
}

/** Says that the past is viewed, with a button to return to live. */
export function MomentNotice({ atMs, nowMs, moment, onNow }: MomentNoticeProps) {
  const time = clockText(atMs, nowMs);
  const { isThere, error } = moment;
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
