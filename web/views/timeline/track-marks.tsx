import { countText } from '../../../server/runtime/count-text.ts';
import { clockText } from '../../model/format.ts';
import type { EventMark, Flag, MarkTone } from './marks.ts';

const SIGNS: Record<MarkTone, string> = {
  failed: 'M6 6L12 12M12 6L6 12',
  slow: 'M5.5 7.5H12.5M5.5 10.5H12.5',
  lossy: 'M9 4.5C10.8 7.1 12 8.7 12 10.3A3 3 0 0 1 6 10.3C6 8.7 7.2 7.1 9 4.5Z',
  suspect: 'M5 10C6.5 7 8 7 9 9S11.5 11 13 8',
  good: 'M5.5 9.5L8 12L12.5 6.5',
  up: 'M9 5.5V12.5M5.5 9H12.5',
  down: 'M5.5 9H12.5',
};
const MAX_LINES = 8;

/** Events as marks with tooltips. Keys reach them by Page Up and Down on the track: a hundred Tab stops would be too many. */
export function EventMarks(props: {
  marks: readonly EventMark[];
  width: number;
  nowMs: number;
  onPick(atMs: number): void;
}) {
  const { marks, width, nowMs, onPick } = props;
  return marks.map(({ x, atMs, tone, lines }) => (
    <span className={`event-mark tone-${tone}`} key={lines[0]?.id} style={{ left: x }}>
      <button
        type="button"
        className="event-button bare"
        tabIndex={-1}
        aria-label={lines
          .map(({ text }) => text)
          .slice(0, MAX_LINES)
          .join('; ')}
        onClick={() => onPick(atMs)}
      >
        <svg viewBox="0 0 18 18" aria-hidden="true">
          <circle cx="9" cy="9" r="8" />
          <path d={SIGNS[tone]} />
        </svg>
      </button>
      <span className={`event-words card second${x > width / 2 ? ' is-left' : ''}`} aria-hidden="true">
        {lines.slice(0, MAX_LINES).map((line) => (
          <span key={line.id}>
            <time>{clockText(line.atMs, nowMs)}</time> {line.text}
          </span>
        ))}
        {lines.length > MAX_LINES && <span>and {countText(lines.length - MAX_LINES)} more</span>}
      </span>
    </span>
  ));
}

/** Annotations as flags with as much of their text as fits. */
export function Flags({ flags, nowMs }: { flags: readonly Flag[]; nowMs: number }) {
  return flags.map(({ id, x, endX, atMs, text, room, isLeft }) => (
    <span
      className={isLeft ? 'flag is-left' : 'flag'}
      key={id}
      style={{ left: x }}
      title={`${clockText(atMs, nowMs)} ${text}`}
    >
      {endX > x + 2 && <span className="flag-span" style={{ width: endX - x }} />}
      <svg viewBox="0 0 16 16" aria-hidden="true">
        <path d="M3 15V2H13L10.5 5.5L13 9H3" />
      </svg>
      {room > 0 && <span style={{ maxWidth: room }}>{text}</span>}
    </span>
  ));
}
