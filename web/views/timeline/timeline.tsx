import './timeline.css';
import { type ComponentProps, useMemo, useState } from 'react';
import { podsOfEvents } from '../../../server/protocol/event.ts';
import { type PodNamer, podNamer } from '../../../server/protocol/pod-names.ts';
import type { Round } from '../../../server/protocol/rounds.ts';
import type { Clock } from '../../../server/runtime/clock.ts';
import { durationText } from '../../../server/runtime/measure-text.ts';
import type { TimeRange } from '../../../server/runtime/time-range.ts';
import type { LiveFeed } from '../../data/live-feed.ts';
import { type Address, SPANS } from '../../model/address.ts';
import { clockText } from '../../model/format.ts';
import type { RecentPoint } from '../../model/recent-points.ts';
import { roundSeries } from '../../model/rounds.ts';
import { oldestAskedMs, stepsOf, withLive } from '../../model/timeline.ts';
import { AnnotationDialog } from './annotation-dialog.tsx';
import { EventLog } from './event-log.tsx';
import { suggestedRanges } from './suggestion.ts';
import { Track } from './track.tsx';
import { usePast } from './use-past.ts';
import { SPEEDS, usePlay } from './use-play.ts';

/** The shortest automatic span, ms. */
const LEAST_SPAN_MS = 60_000;

interface TimelineProps {
  feed: Pick<LiveFeed, 'state'>;
  clock: Clock;
  /** What this page has received itself. */
  points: readonly RecentPoint[];
  /** The serving pod's time, ms since the epoch. */
  nowMs: number;
  address: Address;
  onChange(change: Partial<Address>): void;
  isThere: boolean;
  /** What to play; `onReplayBegun`: it must not be given again. */
  replay: TimeRange | null;
  onReplayBegun(): void;
  /** How far back the servers keep history, ms. */
  historyWindowMs: number;
  /** From this latency on a link is slow, ms. */
  problemMs: number;
  folded: boolean;
  onFolded(folded: boolean): void;
}

/** The track below every view: failed, slow and lossy links over time, events, annotations, the viewed time and the ranges. */
export function Timeline(props: TimelineProps) {
  const { points, nowMs, address, problemMs, onChange, folded } = props;
  const { atMs, ranges } = address;
  const firstMs = Math.min(nowMs, atMs ?? nowMs, ranges[0]?.fromMs ?? nowMs);
  const receivedMs = points[0]?.atMs ?? nowMs;
  const { past, spanMs, hold, fetchNow } = usePast({ ...props, chosenMs: address.spanMs, firstMs, receivedMs });
  const pods = props.feed.state().mesh?.pods;
  const nameOf = useMemo(
    () => podNamer([...(pods ?? []), ...podsOfEvents(past.events), ...past.rounds]),
    [pods, past.events, past.rounds],
  );
  const known = useMemo(
    () => (past.history === null ? [] : stepsOf(past.history, problemMs)),
    [past.history, problemMs],
  );
  const dataMs = Math.min(
    receivedMs,
    known.find((step) => step.known > 0)?.fromMs ?? nowMs,
    past.events[0]?.atMs ?? nowMs,
  );
  // An automatic span begins at the first data or event, unless an earlier time is viewed.
  const leastMs = address.spanMs === null ? Math.min(dataMs, firstMs, nowMs - LEAST_SPAN_MS) : 0;
  const limits: TimeRange = useMemo(
    () => ({ fromMs: Math.max(nowMs - spanMs, leastMs, oldestAskedMs(nowMs)), toMs: nowMs }),
    [nowMs, spanMs, leastMs],
  );
  const steps = useMemo(() => {
    const live = withLive(known, points, nowMs, past.history);
    const knownMs = live[0]?.fromMs ?? nowMs;
    // There is no data before the first step.
    return knownMs <= limits.fromMs ? live : [{ ...BLANK, fromMs: limits.fromMs, toMs: knownMs }, ...live];
  }, [known, points, nowMs, past.history, limits]);
  /** What an annotation is being written about; null = none is. */
  const [annotated, setAnnotated] = useState<number | TimeRange | null>(null);
  const [isLogOpen, setLogOpen] = useState(false);
  const [token, setToken] = useState('');
  // An event can be newer than the newest mesh.
  const onMoment = (ms: number | null) =>
    onChange({ atMs: ms === null || ms >= nowMs ? null : Math.round(ms), compare: false });
  const startMs = Math.max(limits.fromMs, ranges[0]?.fromMs ?? past.knownFromMs ?? 0);
  const play = usePlay({ ...props, atMs, startMs, onMoment });
  const onRanges = (next: readonly TimeRange[]) =>
    onChange({ ranges: next, ...(next.length > 1 === address.compare ? {} : comparing(next.length > 1)) });
  const onCompare = () => {
    const compared = ranges.length > 1 ? ranges : suggestedRanges(steps, limits, past.history?.stepMs ?? 0, ranges[0]);
    onChange({ ranges: compared, ...comparing(!address.compare && compared.length > 1) });
  };
  const shown = { steps, past, limits, nameOf };
  return (
    <section
      className={`timeline${ranges.length > 0 ? ' has-ranges' : ''}${folded ? ' is-folded' : ''}`}
      aria-label="Timeline"
    >
      <Head
        {...props}
        play={play}
        spanMs={spanMs}
        isLossy={steps.some(({ lossy }) => lossy > 0)}
        onAnnotate={() => setAnnotated(atMs ?? ranges[1] ?? ranges[0] ?? nowMs)}
      />
      {!folded && !address.asTable && (
        <Track {...shown} atMs={atMs} ranges={ranges} onRanges={onRanges} onHold={hold} onPick={onMoment} />
      )}
      {!folded && (address.asTable || isLogOpen) && <EventLog {...shown} onMoment={onMoment} />}
      {!folded && <Rounds rounds={past.rounds} nameOf={nameOf} nowMs={nowMs} onPick={onMoment} />}
      {annotated !== null && (
        <AnnotationDialog
          when={annotated}
          nowMs={nowMs}
          token={token}
          onToken={setToken}
          onClose={() => setAnnotated(null)}
          onSaved={() => {
            setAnnotated(null);
            fetchNow();
          }}
        />
      )}
      {!folded && (
        <div className="timeline-foot">
          <Control aria-pressed={atMs === null} onClick={() => onMoment(null)}>
            Live
          </Control>
          <Control
            aria-pressed={isLogOpen || address.asTable}
            disabled={address.asTable}
            onClick={() => setLogOpen(!isLogOpen)}
          >
            Events
          </Control>
          <Control aria-pressed={address.compare} onClick={onCompare}>
            Compare
          </Control>
        </div>
      )}
    </section>
  );
}

/** A comparison starts without a selection, so that its findings are visible. */
function comparing(compare: boolean): Partial<Address> {
  return compare ? { compare, selection: null } : { compare };
}

const BLANK = { failed: 0, slow: 0, lossy: 0, known: 0 };

function Control({ is = '', ...rest }: ComponentProps<'button'> & { is?: string }) {
  return <button type="button" className={`timeline-control ${is}`} {...rest} />;
}

interface HeadProps extends TimelineProps {
  onAnnotate(): void;
  play: ReturnType<typeof usePlay>;
  spanMs: number;
  isLossy: boolean;
}

function Head(head: HeadProps) {
  const { address, onChange, historyWindowMs, folded, onFolded, onAnnotate, play, spanMs, isLossy } = head;
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
            <option value="">auto{address.spanMs === null ? `, ${durationText(spanMs)}` : ''}</option>
            {spans.map((ms) => (
              <option key={ms} value={ms}>
                last {durationText(ms)}
              </option>
            ))}
          </select>
          <Control is="is-play" aria-pressed={play.playing} onClick={play.toggle}>
            {play.playing ? 'Pause' : 'Play'}
          </Control>
          <Control onClick={onAnnotate}>Add annotation</Control>
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
          <p className="timeline-legend">
            Links: {isLossy && <span className="is-lossy">lossy</span>} <span className="is-slow">slow</span>{' '}
            <span className="is-failed">failed</span> <span className="is-unknown">no data</span>
          </p>
        </>
      )}
    </div>
  );
}

/** The rounds of ongoing experiments: one bar each, as high as the pod needed to get ready. Failed rounds stand out. */
function Rounds(props: { rounds: readonly Round[]; nameOf: PodNamer; nowMs: number; onPick(atMs: number): void }) {
  const { rounds, nameOf, nowMs, onPick } = props;
  return roundSeries(rounds, nameOf).map(({ name, bars, words }) => (
    <section className="rounds column" key={name} aria-label={`Rounds of ${name}`}>
      <h3 className="small clip">{name}</h3>
      <ol>
        {bars.map(({ uid, state, atMs, share, words: what }) => {
          const title = `${clockText(atMs, nowMs)} ${what}`;
          return (
            <li key={uid} className={`is-${state}`}>
              <button type="button" className="bare" title={title} aria-label={title} onClick={() => onPick(atMs)}>
                <span className="small" style={{ height: `${Math.round(12 + share * 88)}%` }}>
                  {state === 'failed' ? '×' : ''}
                </span>
              </button>
            </li>
          );
        })}
      </ol>
      <p className="small clip">{words}</p>
    </section>
  ));
}
