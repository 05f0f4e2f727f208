import type { KeyboardEvent, PointerEvent } from 'react';
import { RANGE_NAMES } from '../../../server/protocol/comparison.ts';
import { durationText } from '../../../server/runtime/measure-text.ts';
import type { TimeRange } from '../../../server/runtime/time-range.ts';
import { isBrowserKey } from '../../components/keys.ts';
import { clockText } from '../../model/format.ts';
import { spread } from '../../model/label-layout.ts';
import { withEnd } from '../../model/timeline-ranges.ts';
import type { TimeScale } from './use-track.ts';

/** Width of the name of a range, px: names never lie over each other, nor over the end of the track. */
const NAME_ROOM = 82;

interface RangeBoxesProps {
  ranges: readonly TimeRange[];
  limits: TimeRange;
  x: TimeScale;
  stepMs: number;
  onRanges(ranges: readonly TimeRange[]): void;
}

/** The ranges on the track, with handles at both ends that can be dragged or moved with arrow keys. */
export function RangeBoxes(props: RangeBoxesProps) {
  const { ranges, x, onRanges } = props;
  const [, width = 0] = x.range();
  const boxes = ranges.map((range, i) => {
    const [left, right] = [Math.max(0, x(range.fromMs)), Math.min(width, x(range.toMs))];
    return { range, name: RANGE_NAMES[i], left, right, isSeen: right >= 0 && left <= width };
  });
  const places = spread(
    boxes.map(({ left }) => left),
    NAME_ROOM,
    0,
    width - NAME_ROOM,
  );
  return boxes.map(({ range, name, left, right, isSeen }, i) => {
    if (!isSeen) return null;
    return (
      <div className={`range is-${name}`} key={name} style={{ left, width: right - left }}>
        <span className="range-name" style={{ left: (places[i] ?? left) - left - 2 }}>
          {name}
          <button
            type="button"
            className="range-remove bare"
            aria-label={`Remove ${name}`}
            onClick={() => onRanges(ranges.filter((other) => other !== range))}
          >
            ×
          </button>
        </span>
        <Handle {...props} index={i} end="fromMs" />
        <Handle {...props} index={i} end="toMs" />
      </div>
    );
  });
}

function Handle(props: RangeBoxesProps & { index: number; end: keyof TimeRange }) {
  const { ranges, limits, x, stepMs, onRanges, index, end } = props;
  const range = ranges[index];
  if (range === undefined) return null;
  const atMs = range[end];
  const move = (ms: number) => onRanges(withEnd(ranges, index, end, ms, limits));
  const onPointerMove = (event: PointerEvent<HTMLElement>) => {
    const plot = event.currentTarget.closest('.timeline-plot');
    if (plot === null || !event.currentTarget.hasPointerCapture(event.pointerId)) return;
    move(x.invert(event.clientX - plot.getBoundingClientRect().left));
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (isBrowserKey(event)) return;
    const step = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageUp: -10, PageDown: 10 }[event.key];
    if (event.key === 'Delete') onRanges(ranges.filter((other) => other !== range));
    else if (step !== undefined) move(atMs + step * stepMs);
    else return;
    event.preventDefault();
  };
  const word = end === 'fromMs' ? 'start' : 'end';
  return (
    <span
      className={`range-handle is-${word}`}
      role="slider"
      tabIndex={0}
      aria-label={`${RANGE_NAMES[index]}, ${word}`}
      aria-valuemin={0}
      aria-valuemax={Math.round((limits.toMs - limits.fromMs) / 1000)}
      aria-valuenow={Math.round((atMs - limits.fromMs) / 1000)}
      aria-valuetext={`${clockText(atMs, limits.toMs)}, ${durationText(range.toMs - range.fromMs)} in all`}
      onPointerDown={(event) => event.currentTarget.setPointerCapture(event.pointerId)}
      onPointerMove={onPointerMove}
      onKeyDown={onKeyDown}
    />
  );
}
