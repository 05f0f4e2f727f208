import { useEffect, useRef, useState } from 'react';

/** How many seconds of the past one second shows. */
export const SPEEDS = [5, 15, 60] as const;

const TICK_MS = 1000;

interface PlayRequest {
  /** The moment that is looked at; null = now. */
  atMs: number | null;
  /** Whether its picture is there: the next one waits for it. */
  isThere: boolean;
  /** Where to begin when now is looked at. */
  startMs: number;
  nowMs: number;
  /** null = now is reached. */
  onMoment(atMs: number | null): void;
}

/** Steps through the moments up to now. Esc or the space bar pauses, wherever the focus is. */
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
    // Before the page's own keys: Esc would close the panel, the space bar press the button.
    addEventListener('keydown', onKey, { capture: true });
    return () => removeEventListener('keydown', onKey, { capture: true });
  }, [playing]);
  const toggle = () => {
    if (!playing && atMs === null) onMoment(Math.round(startMs));
    setPlaying(!playing);
  };
  return { playing: playing && atMs !== null, speed, setSpeed, toggle };
}
