import { useEffect, useRef, useState } from 'react';

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
  /** null = live is reached. */
  onMoment(atMs: number | null): void;
}

/** Plays the past up to now. Esc or the space bar pauses, wherever the focus is. */
export function usePlay({ atMs, isThere, startMs, nowMs, onMoment }: PlayRequest) {
  const [playing, setPlaying] = useState(false);
  const [speed, setSpeed] = useState<number>(SPEEDS[1]);
  const latest = useRef({ nowMs, onMoment });
  latest.current = { nowMs, onMoment };
  useEffect(() => {
    if (!playing || atMs === null || !isThere) return;
    const timer = setTimeout(() => {
      const next = atMs + speed * TICK_MS;
      const isNow = next >= latest.current.nowMs;
      if (isNow) setPlaying(false);
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
    if (!playing && atMs === null) onMoment(Math.round(startMs));
    setPlaying(!playing);
  };
  return { playing: playing && atMs !== null, speed, setSpeed, toggle };
}
