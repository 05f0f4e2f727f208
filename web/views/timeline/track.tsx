import { scaleLinear } from 'd3';
import { useEffect, useMemo, useRef, useState } from 'react';
import { RANGE_NAMES } from '../../../server/protocol/comparison.ts';
import type { PodNamer } from '../../../server/protocol/pod-names.ts';
import { countText } from '../../../server/runtime/count-text.ts';
import { durationText } from '../../../server/runtime/measure-text.ts';
import type { TimeRange } from '../../../server/runtime/time-range.ts';
import { useSize } from '../../components/use-size.ts';
import { clockText, zoneText } from '../../model/format.ts';
import type { Past } from '../../model/history.ts';
import { axisTimes, keyStepMs, stepAt, stepPaths, type TimelineStep } from '../../model/timeline.ts';
import { withRange } from '../../model/timeline-ranges.ts';
import { eventMarks, flagsOf, stepWords } from './marks.ts';
import { RangeBoxes } from './range-boxes.tsx';
import { EventMarks, Flags } from './track-marks.tsx';
import { type TimeScale, type TrackState, useTrack } from './use-track.ts';

interface TrackProps {
  steps: readonly TimelineStep[];
  past: Past;
  limits: TimeRange;
  nameOf: PodNamer;
  atMs: number | null;
  ranges: readonly TimeRange[];
  onPick(atMs: number): void;
  /** The reader points at a time or drags the end of a range, so times must not move. */
  onHold(isHeld: boolean): void;
  onRanges(ranges: readonly TimeRange[]): void;
}

/** The track: chart, axis, marks, ranges, and one slider over all of it. */
export function Track({ steps, past, limits, nameOf, atMs, ranges, onPick, onRanges, onHold }: TrackProps) {
  const area = useRef<HTMLDivElement>(null);
  const { width, height } = useSize(area);
  const { fromMs, toMs } = limits;
  const x = useMemo(() => scaleLinear([fromMs, toMs], [0, width]), [width, fromMs, toMs]);
  const stepMs = keyStepMs(toMs - fromMs);
  const marks = useMemo(
    () => eventMarks(past.events, x, width, past.rounds, nameOf),
    [past.events, past.rounds, x, width, nameOf],
  );
  const flags = useMemo(() => flagsOf(past.annotations, x, width), [past.annotations, x, width]);
  const stopsMs = [...marks.map((mark) => mark.atMs), ...flags.map((flag) => flag.atMs)].sort((a, b) => a - b);
  const { state, handlers } = useTrack({
    limits,
    x,
    stepMs,
    atMs: atMs ?? toMs,
    stopsMs,
    onPick,
    onRange: (one, other) => onRanges(withRange(ranges, one, other)),
  });
  const [isCaptured, setCaptured] = useState(false);
  const isHeld = isCaptured || state.cursorMs !== null;
  useEffect(() => {
    onHold(isHeld);
    return () => onHold(false);
  }, [isHeld, onHold]);
  const pointMs = state.cursorMs ?? atMs ?? toMs;
  // Annotations and events this close to the time are named with it.
  const near = Math.max(stepMs / 2, x.invert(8) - fromMs);
  const nearby = [
    ...flags.filter((flag) => Math.abs(flag.atMs - pointMs) <= near).map(({ text }) => text),
    ...marks
      .filter((mark) => Math.abs(mark.atMs - pointMs) <= near)
      .flatMap(({ lines }) => lines.slice(0, 3).map(({ text }) => text)),
  ];
  const pointWords = [
    pointMs >= toMs ? 'now' : clockText(pointMs, toMs),
    stepWords(stepAt(steps, Math.min(pointMs, toMs - 1))),
    ...nearby,
  ].join(', ');
  return (
    <div
      className="timeline-plot"
      onGotPointerCapture={() => setCaptured(true)}
      onLostPointerCapture={() => setCaptured(false)}
    >
      <div className="timeline-area" ref={area} />
      <Chart steps={steps} x={x} width={width} height={height} />
      <Axis limits={limits} width={width} x={x} />
      <div
        className="timeline-slider"
        role="slider"
        tabIndex={0}
        aria-label="Timeline: time to view"
        aria-valuemin={0}
        aria-valuemax={Math.round((toMs - fromMs) / 1000)}
        aria-valuenow={Math.round((Math.max(fromMs, pointMs) - fromMs) / 1000)}
        aria-valuetext={`${pointWords}${rangeWords(state)}`}
        {...handlers}
      />
      <RangeBoxes ranges={ranges} limits={limits} x={x} stepMs={stepMs} onRanges={onRanges} />
      <Flags flags={flags} nowMs={toMs} />
      {atMs !== null && <span className="moment-line" style={{ left: Math.max(0, x(atMs)) }} />}
      <EventMarks marks={marks} width={width} nowMs={toMs} onPick={onPick} />
      <Cursor state={state} x={x} width={width} ranges={ranges} words={pointWords} />
      <span className="now-line" aria-hidden="true" />
    </div>
  );
}

function rangeWords({ anchorMs, cursorMs }: TrackState): string {
  return anchorMs === null || cursorMs === null ? '' : `, range of ${durationText(Math.abs(cursorMs - anchorMs))}`;
}

function Chart(chart: { steps: readonly TimelineStep[]; x: TimeScale; width: number; height: number }) {
  const { steps, x, width, height } = chart;
  const paths = useMemo(() => stepPaths(steps, x.copy().clamp(true), height), [steps, x, height]);
  return (
    <>
      <span className="timeline-scale small spread" aria-hidden="true">
        <span>{paths.most > 0 ? countText(paths.most) : ''}</span>
        <span>0</span>
      </span>
      <svg className="timeline-chart" width={width} height={height} aria-hidden="true">
        <defs>
          <pattern id="track-lattice" width="6" height="6" patternUnits="userSpaceOnUse">
            <path stroke="var(--failed-lattice)" strokeOpacity="0.55" d="M0 0L6 6M6 0L0 6" />
          </pattern>
          <pattern id="track-dots" width="6" height="6" patternUnits="userSpaceOnUse">
            <path stroke="var(--text)" strokeWidth="2" strokeLinecap="round" d="M3 3V3.01" />
          </pattern>
          <pattern id="track-hatch" width="6" height="6" patternUnits="userSpaceOnUse">
            <path stroke="var(--unknown-hatch)" d="M-1 1L1 -1M0 6L6 0M5 7L7 5" />
          </pattern>
        </defs>
        <path fill="var(--sunken)" d={paths.unknown + paths.partly} />
        <path fill="url(#track-hatch)" d={paths.unknown + paths.partly} />
        <path className="track-lossy" fill="var(--warning-cell)" d={paths.lossy} />
        <path fill="url(#track-dots)" d={paths.lossy} />
        <path fill="var(--slow-cell)" d={paths.slow} />
        <path fill="var(--failed-cell)" d={paths.failed} />
        <path fill="url(#track-lattice)" d={paths.failed} />
      </svg>
    </>
  );
}

/** Room for the name of the time zone at the end of the axis, px. */
const ZONE_WIDTH = 64;

function Axis({ limits, width, x }: { limits: TimeRange; width: number; x: TimeScale }) {
  const { times, seconds } = axisTimes(limits, width);
  return (
    <div className="timeline-times" aria-hidden="true">
      {times.map((ms) => {
        const at = x(ms);
        if (at < 16 || at > width - ZONE_WIDTH) return null;
        return (
          <span key={ms} className="small" style={{ left: at }}>
            {seconds ? clockText(ms) : clockText(ms).slice(0, -3)}
          </span>
        );
      })}
      <i className="small">{zoneText(limits.toMs)}</i>
    </div>
  );
}

/** The line at the pointer or keyboard position with its text, and the range that is being drawn. */
function Cursor(cursor: {
  state: TrackState;
  x: TimeScale;
  width: number;
  ranges: readonly TimeRange[];
  words: string;
}) {
  const { state, x, width, ranges, words } = cursor;
  const { cursorMs, anchorMs } = state;
  if (cursorMs === null) return null;
  const [fromMs, toMs] = [Math.min(cursorMs, anchorMs ?? cursorMs), Math.max(cursorMs, anchorMs ?? cursorMs)];
  const drawn = anchorMs === null ? [] : withRange(ranges, fromMs, toMs);
  const name = RANGE_NAMES[drawn.findIndex((range) => Math.abs(range.fromMs - fromMs) < 1)];
  const at = x(cursorMs);
  return (
    <span className="timeline-cursor" aria-hidden="true">
      {anchorMs !== null && (
        <span className={`range is-${name ?? 'before'}`} style={{ left: x(fromMs), width: x(toMs) - x(fromMs) }} />
      )}
      <span className="cursor-line" style={{ left: at }} />
      <span className={`cursor-words clip${at > width / 2 ? ' is-left' : ''}`} style={{ left: at }}>
        {anchorMs === null ? words : `${name ?? ''} ${durationText(toMs - fromMs)}`}
      </span>
    </span>
  );
}
