import { useEffect, useRef, useState } from 'react';
import type { Clock } from '../../../server/runtime/clock.ts';
import type { TimeRange } from '../../../server/runtime/time-range.ts';
import { isTyping } from '../../components/keys.ts';

export const SPEEDS = [5, 15, 60] as const;

const TICK_MS = 1000;

/** What the page shows while it plays. Times are ms since the epoch by the serving pod's clock. */
interface PlayRequest {
  clock: Clock;
  atMs: number | null;
  /** Whether the picture of `atMs` is loaded. Playback waits for it. */
  isThere: boolean;
  /** Where playback starts from live. */
  startMs: number;
  nowMs: number;
  onMoment(atMs: number | null): void;
  /** A range to play once, slowly. */
  replay: TimeRange | null;
  /** `replay` has begun and must not be given again. */
  onReplayBegun(): void;
}

/** Whether it plays, at which speed, and the running replay: where it ends, and the speed after it. */
export interface Play {
  playing: boolean;
  speed: number;
  replay: { toMs: number; speedAfter: number } | null;
}

export const STOPPED: Play = { playing: false, speed: SPEEDS[1], replay: null };

/** Ends a replay, which has a speed of its own. */
export function withoutReplay(play: Play): Play {
  return { ...play, speed: play.replay?.speedAfter ?? play.speed, replay: null };
}

/** Pauses. A replay that is paused is over. */
const paused = (play: Play): Play => ({ ...withoutReplay(play), playing: false });

export function replaying(play: Play, { toMs }: TimeRange): Play {
  return { playing: true, speed: SPEEDS[0], replay: { toMs, speedAfter: withoutReplay(play).speed } };
}

/** Changes the speed, which stays when a running replay ends. */
export function withSpeed(play: Play, speed: number): Play {
  return { ...play, speed, replay: play.replay && { ...play.replay, speedAfter: speed } };
}

/** What follows a second after `atMs` was shown. */
export function stepped(play: Play, atMs: number, nowMs: number): { play: Play; atMs: number | null } {
  const endMs = play.replay?.toMs ?? Number.POSITIVE_INFINITY;
  const nextMs = Math.min(endMs, atMs + play.speed * TICK_MS);
  const isNow = nextMs >= nowMs;
  return { play: isNow || nextMs === endMs ? paused(play) : play, atMs: isNow ? null : nextMs };
}

/**
 * Plays the past up to now, or the range `replay`. A replay also ends when the reader chooses another time. Esc pauses wherever the
 * focus is; so does the space bar, but for text fields.
 */
export function usePlay(request: PlayRequest) {
  const { clock, atMs, isThere, startMs, replay, onReplayBegun } = request;
  const [play, setPlay] = useState(STOPPED);
  const chosenMs = useRef<number | null>(null);
  const move = (ms: number | null) => {
    chosenMs.current = ms;
    request.onMoment(ms);
  };
  useEffect(() => {
    if (atMs === null) setPlay(paused);
    else if (atMs !== chosenMs.current) setPlay(withoutReplay);
  }, [atMs]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the functions are new in each render
  useEffect(() => {
    if (replay === null) return;
    setPlay((before) => replaying(before, replay));
    move(replay.fromMs);
    onReplayBegun();
  }, [replay]);
  const { playing, speed } = play;
  const step = () => {
    const next = stepped(play, atMs ?? 0, request.nowMs);
    setPlay(next.play);
    move(next.atMs);
  };
  const latest = useRef(step);
  latest.current = step;
  useEffect(() => {
    if (!playing || atMs === null || !isThere) return;
    const timer = clock.setTimer(() => latest.current(), TICK_MS);
    return () => timer.cancel();
  }, [clock, playing, atMs, isThere]);
  useEffect(() => {
    if (!playing) return;
    const onKey = (event: KeyboardEvent) => {
      if (event.key !== 'Escape' && (event.key !== ' ' || isTyping(event.target))) return;
      event.preventDefault();
      setPlay(paused);
    };
    // Captured before the page's own keys, because Esc would close the panel and the space bar would press a button.
    addEventListener('keydown', onKey, { capture: true });
    return () => removeEventListener('keydown', onKey, { capture: true });
  }, [playing]);
  const toggle = () => {
    setPlay(playing ? paused : { ...play, playing: true });
    // Of a page without a past the last second is played.
    if (!playing && atMs === null) move(Math.round(Math.min(startMs, request.nowMs - TICK_MS)));
  };
  return { playing, speed, toggle, setSpeed: (next: number) => setPlay(withSpeed(play, next)) };
}
