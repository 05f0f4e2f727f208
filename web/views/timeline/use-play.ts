import { useEffect, useRef, useState } from 'react';
import type { TimeRange } from '../../../server/runtime/time-range.ts';

/** Playback speeds: seconds of the past per second. */
export const SPEEDS = [5, 15, 60] as const;

const TICK_MS = 1000;

interface PlayRequest {
  /** The viewed time; null = live. */
  atMs: number | null;
  /** Whether its picture is loaded. Playback waits for it. */
  isThere: boolean;
  /** Where playback starts from live. */
  startMs: number;
  nowMs: number;
  /** A range to play, slowly; each new object is played once. */
  replay: TimeRange | null;
  /** null = live is reached. */
  onMoment(atMs: number | null): void;
}

/** Plays the past up to now, or the range `replay` once. Esc or the space bar pauses, wherever the focus is. */
export function usePlay({ atMs, isThere, startMs, nowMs, replay, onMoment }: PlayRequest) {
  const [playing, setPlaying] = useState(false);
  const [speed, setSpeed] = useState<number>(SPEEDS[1]);
  const latest = useRef({ nowMs, onMoment });
  latest.current = { nowMs, onMoment };
  const endMs = useRef(Number.POSITIVE_INFINITY);
  useEffect(() => {
    if (replay === null) return;
    endMs.current = replay.toMs;
    setSpeed(SPEEDS[0]);
    setPlaying(true);
    latest.current.onMoment(replay.fromMs);
  }, [replay]);
  useEffect(() => {
    if (!playing || atMs === null || !isThere) return;
    const timer = setTimeout(() => {
      const next = Math.min(endMs.current, atMs + speed * TICK_MS);
      const isNow = next >= latest.current.nowMs;
      if (isNow || next === endMs.current) setPlaying(false);
      latest.current.onMoment(isNow ? null : next);
    }, TICK_MS);
    return () => clearTimeout(timer);
  }, [playing, atMs, isThere, speed]);
  useEffect(() => {
    if (!playing) return;
    const onKey = (event: KeyboardEvent) => {
      if (event.key !== 'Escape' && event.key !== ' ') return;
      event.preventDefault();
      setPlaying(false);
    };
    // Captured before the page's own keys, because Esc would close the panel and the space bar would press a button.
    addEventListener('keydown', onKey, { capture: true });
    return () => removeEventListener('keydown', onKey, { capture: true });
  }, [playing]);
  const toggle = () => {
    endMs.current = Number.POSITIVE_INFINITY;
    if (!playing && atMs === null) onMoment(Math.round(startMs));
    setPlaying(!playing);
  };
  return { playing: playing && atMs !== null, speed, setSpeed, toggle };
}
