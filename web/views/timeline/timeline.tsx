import { useMemo, useState } from 'react';
import type { Clock } from '../../../server/runtime/clock.ts';
import type { TimeRange } from '../../../server/runtime/time-range.ts';
import type { LiveFeed } from '../../data/live-feed.ts';
import { type Address, SPANS } from '../../pure/address.ts';
import { spanText } from '../../pure/figures.ts';
import type { StripPoint } from '../../pure/strip.ts';
import { stepsOf, withLive } from '../../pure/timeline-steps.ts';
import { suggestedRanges } from '../../pure/timeline-suggestion.ts';
import { AnnotationDialog } from './annotation-dialog.tsx';
import { TimelineTable } from './timeline-table.tsx';
import { Track } from './track.tsx';
import { usePast } from './use-past.ts';
import { SPEEDS, usePlay } from './use-play.ts';
import { useSpan } from './use-span.ts';
import './timeline.css';

interface TimelineProps {
  feed: Pick<LiveFeed, 'state'>;
  clock: Clock;
  /** What this page has seen itself. */
  points: readonly StripPoint[];
  /** The serving pod's time, ms since the epoch. */
  nowMs: number;
  address: Address;
  onChange(change: Partial<Address>): void;
  /** Whether the picture of the moment that is looked at is there. */
  isThere: boolean;
  /** How far back the servers remember, ms. */
  historyWindowMs: number;
  folded: boolean;
  onFolded(folded: boolean): void;
}

/** The strip below every view: failed and slow links over time, what happened, the moment and the ranges looked at. */
export function Timeline(props: TimelineProps) {
  const { feed, clock, points, nowMs, address, onChange, isThere, folded } = props;
  const { atMs, ranges } = address;
  const firstMs = Math.min(nowMs, atMs ?? nowMs, ranges[0]?.fromMs ?? nowMs);
  const span = useSpan({ chosenMs: address.spanMs, firstMs, nowMs });
  // The servers forget, and the page may have seen more than they have.
  const rememberedMs = nowMs - (props.historyWindowMs > 0 ? props.historyWindowMs : Number.POSITIVE_INFINITY);
  const { past, spanMs, fetchNow } = usePast(feed, clock, address.spanMs === null, ({ knownFromMs }) =>
    span.spanOf(Math.min(points[0]?.atMs ?? nowMs, Math.max(rememberedMs, knownFromMs ?? nowMs))),
  );
  const limits: TimeRange = useMemo(() => ({ fromMs: nowMs - spanMs, toMs: nowMs }), [nowMs, spanMs]);
  const { problemMs } = address.thresholds;
  const known = useMemo(
    () => (past.history === null ? [] : stepsOf(past.history, problemMs)),
    [past.history, problemMs],
  );
  const steps = useMemo(() => {
    const live = withLive(known, points, nowMs, past.history?.stepMs ?? 0);
    const firstMs = live[0]?.fromMs ?? nowMs;
    // Before the first step nothing is known.
    return firstMs <= limits.fromMs ? live : [{ ...BLANK, fromMs: limits.fromMs, toMs: firstMs }, ...live];
  }, [known, points, nowMs, past.history, limits]);
  const [noteMs, setNoteMs] = useState<number | null>(null);
  const [token, setToken] = useState('');
  const onMoment = (ms: number | null) => onChange({ atMs: ms, compare: false });
  const startMs = ranges[0]?.fromMs ?? Math.max(limits.fromMs, past.knownFromMs ?? 0);
  const play = usePlay({ atMs, isThere, startMs, nowMs, onMoment });
  const onRanges = (next: readonly TimeRange[]) =>
    onChange({ ranges: next, ...(next.length > 1 === address.compare ? {} : comparing(next.length > 1)) });
  return (
    <section
      className={`timeline${ranges.length > 0 ? ' has-ranges' : ''}${folded ? ' is-folded' : ''}`}
      aria-label="Timeline"
    >
      <Head {...props} play={play} spanMs={spanMs} onNote={() => setNoteMs(nowMs)} />
      {!folded && !address.asTable && (
        <Track
          {...{ steps, past, limits, atMs, ranges, onRanges }}
          onHold={span.hold}
          onPick={(ms) => onMoment(nowMs - ms < spanMs / 400 ? null : Math.round(ms))}
        />
      )}
      {!folded && address.asTable && <TimelineTable steps={steps} past={past} limits={limits} onMoment={onMoment} />}
      {noteMs !== null && (
        <AnnotationDialog
          when={atMs ?? ranges.at(-1) ?? noteMs}
          {...{ nowMs, token }}
          onToken={setToken}
          onClose={() => setNoteMs(null)}
          onWritten={() => {
            setNoteMs(null);
            fetchNow();
          }}
        />
      )}
      {!folded && (
        <div className="timeline-foot">
          <button
            type="button"
            className="timeline-control"
            aria-pressed={atMs === null}
            onClick={() => onMoment(null)}
          >
            Live
          </button>
          <button
            type="button"
            className="timeline-control"
            aria-pressed={address.compare}
            onClick={() => {
              const compared = ranges.length > 1 ? ranges : suggestedRanges(steps, limits, past.history?.stepMs ?? 0);
              onChange({ ranges: compared, ...comparing(!address.compare && compared.length > 1) });
            }}
          >
            Compare
          </button>
        </div>
      )}
    </section>
  );
}

/** A comparison begins with its findings, not with the link that was looked at before. */
function comparing(compare: boolean): Partial<Address> {
  return compare ? { compare, selection: null } : { compare };
}

const BLANK = { failed: 0, slow: 0, known: 0 };

function Head(head: TimelineProps & { onNote(): void; play: ReturnType<typeof usePlay>; spanMs: number }) {
  const { address, onChange, historyWindowMs, folded, onFolded, onNote, play, spanMs } = head;
  const spans = SPANS.filter((ms) => ms <= Math.max(historyWindowMs, spanMs, SPANS[2] ?? 0));
  return (
    <div className="timeline-head">
      <h2>
        <button
          type="button"
          className="quiet timeline-fold"
          aria-label="Timeline"
          aria-expanded={!folded}
          onClick={() => onFolded(!folded)}
        >
          <span aria-hidden="true">{folded ? '▸' : '▾'}</span>
          <span className="wide-only">Timeline</span>
        </button>
      </h2>
      {!folded && (
        <>
          <select
            className="timeline-control is-plain is-span"
            aria-label="Time span"
            value={address.spanMs === null ? '' : spanMs}
            onChange={({ target: { value } }) => onChange({ spanMs: value === '' ? null : Number(value) })}
          >
            <option value="">auto{address.spanMs === null ? `, ${spanText(spanMs)}` : ''}</option>
            {spans.map((ms) => (
              <option key={ms} value={ms}>
                last {spanText(ms)}
              </option>
            ))}
          </select>
          <button type="button" className="timeline-control is-play" aria-pressed={play.playing} onClick={play.toggle}>
            {play.playing ? 'Pause' : 'Play'}
          </button>
          <button type="button" className="timeline-control" onClick={onNote}>
            Add annotation
          </button>
          {address.atMs !== null && (
            <select
              className="timeline-control is-plain"
              aria-label="Speed"
              value={play.speed}
              onChange={(event) => play.setSpeed(Number(event.target.value))}
            >
              {SPEEDS.map((speed) => (
                <option key={speed} value={speed}>
                  {speed}×
                </option>
              ))}
            </select>
          )}
        </>
      )}
    </div>
  );
}
