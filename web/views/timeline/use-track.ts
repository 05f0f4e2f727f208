import type { ScaleLinear } from 'd3';
import { type KeyboardEvent, type PointerEvent, useRef, useState } from 'react';
import type { TimeRange } from '../../../server/runtime/time-range.ts';
import { isBrowserKey } from '../../components/keys.ts';

/** A pointer that moves no farther than this is a click, and a click that is no farther than this from the end means now, px. */
const CLICK_REACH = 4;

/** Maps times (ms since the epoch) to px from the start of the track. */
export type TimeScale = ScaleLinear<number, number>;

/** Properties and callbacks of the track. All times are ms since the epoch. */
export interface TrackRequest {
  limits: TimeRange;
  x: TimeScale;
  stepMs: number;
  /** Where the keys start: the viewed time, or now. */
  atMs: number;
  /** Times that Page Up and Page Down go to, ascending. */
  stopsMs: readonly number[];
  onPick(atMs: number): void;
  onRange(oneMs: number, otherMs: number): void;
}

/** The reader's position on the track (`cursorMs`), and the range that is being drawn (`anchorMs` to `cursorMs`). */
export interface TrackState {
  cursorMs: number | null;
  anchorMs: number | null;
}

const NOWHERE: TrackState = { cursorMs: null, anchorMs: null };

/** Pointer and keys of the track. A click picks a time, a drag draws a range. Arrows step, with Shift they draw, Enter confirms. */
export function useTrack(request: TrackRequest) {
  const { limits, x, stepMs, atMs, stopsMs, onPick, onRange } = request;
  const [state, setState] = useState(NOWHERE);
  const down = useRef<{ x: number; atMs: number; isDrag: boolean } | null>(null);
  const within = (ms: number) => Math.min(limits.toMs, Math.max(limits.fromMs, ms));
  const timeAt = ({ clientX, currentTarget }: PointerEvent<HTMLElement>) =>
    within(x.invert(clientX - currentTarget.getBoundingClientRect().left));
  const commit = (anchorMs: number | null, endMs: number) => {
    down.current = null;
    if (anchorMs === null) onPick(endMs);
    else onRange(anchorMs, endMs);
    setState(NOWHERE);
  };
  /** The start of the current drag; null = no drag. Not taken from `state`, which lags behind a quick drag. */
  const draggedFrom = (event: PointerEvent<HTMLElement>): number | null => {
    const from = down.current;
    if (from === null) return null;
    from.isDrag ||= Math.abs(event.clientX - from.x) > CLICK_REACH;
    return from.isDrag ? from.atMs : null;
  };

  const onPointerDown = (event: PointerEvent<HTMLElement>) => {
    if (event.button !== 0) return;
    event.currentTarget.setPointerCapture(event.pointerId);
    down.current = { x: event.clientX, atMs: timeAt(event), isDrag: false };
  };
  const onPointerMove = (event: PointerEvent<HTMLElement>) => {
    // The release was lost, for example to a menu of the browser.
    if (event.buttons === 0) down.current = null;
    setState({ cursorMs: timeAt(event), anchorMs: draggedFrom(event) });
  };
  const onPointerUp = (event: PointerEvent<HTMLElement>) => {
    if (down.current === null) return;
    const anchorMs = draggedFrom(event);
    const isAtEnd = event.currentTarget.getBoundingClientRect().right - event.clientX <= CLICK_REACH;
    commit(anchorMs, anchorMs === null && isAtEnd ? limits.toMs : timeAt(event));
  };
  const leave = () => {
    down.current = null;
    setState(NOWHERE);
  };

  const onKeyDown = (event: KeyboardEvent<HTMLElement>) => {
    if (event.ctrlKey || isBrowserKey(event)) return;
    const here = within(state.cursorMs ?? atMs);
    if (event.key === 'Enter') commit(state.anchorMs, here);
    else if (event.key === 'Escape' && state.cursorMs !== null) leave();
    else {
      const next = steppedTo(event.key, here, { limits, stepMs, stopsMs });
      if (next === undefined) return;
      const anchorMs = event.shiftKey ? (state.anchorMs ?? here) : null;
      // At the end it stays at now while time passes.
      setState({ cursorMs: next >= limits.toMs ? Number.POSITIVE_INFINITY : within(next), anchorMs });
    }
    event.preventDefault();
  };
  const handlers = {
    onPointerDown,
    onPointerMove,
    onPointerUp,
    onPointerCancel: leave,
    onPointerLeave: () => down.current === null && leave(),
    onKeyDown,
    onBlur: leave,
  };
  const cursorMs = state.cursorMs === null ? null : within(state.cursorMs);
  return { state: { ...state, cursorMs }, handlers };
}

/** The time that a key moves to; undefined = another key. */
function steppedTo(
  key: string,
  here: number,
  { limits, stepMs, stopsMs }: Pick<TrackRequest, 'limits' | 'stepMs' | 'stopsMs'>,
): number | undefined {
  const times: Record<string, number> = {
    ArrowLeft: here - stepMs,
    ArrowDown: here - stepMs,
    ArrowRight: here + stepMs,
    ArrowUp: here + stepMs,
    PageUp: stopsMs.findLast((ms) => ms < here) ?? limits.fromMs,
    PageDown: stopsMs.find((ms) => ms > here) ?? limits.toMs,
    Home: limits.fromMs,
    End: limits.toMs,
  };
  return times[key];
}
