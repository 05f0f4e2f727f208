import { useEffect, useState } from 'react';
import type { Clock, Timer } from '../../../server/runtime/clock.ts';
import type { TimeRange } from '../../../server/runtime/time-range.ts';
import { isTyping } from '../../components/keys.ts';

/** Playback speeds: seconds of the past per second. */
export const SPEEDS = [5, 15, 60] as const;

const TICK_MS = 1000;

interface PlayRequest extends PlayedView {
  clock: Clock;
  /** A range to play once, slowly. */
  replay: TimeRange | null;
  /** `replay` has begun and must not be given again. */
  onReplayBegun(): void;
}

/**
 * Plays the past up to now, or the range `replay`. Esc pauses wherever the focus is; so does the space bar, but for text
 * fields.
 */
export function usePlay({ clock, replay, onReplayBegun, ...view }: PlayRequest) {
  const [state, setState] = useState(STOPPED);
  const [player] = useState(() => new Player(clock, setState));
  useEffect(() => player.show(view));
  useEffect(() => () => player.stop(), [player]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: `onReplayBegun` is new in each render
  useEffect(() => {
    if (replay === null) return;
    player.replay(replay);
    onReplayBegun();
  }, [player, replay]);
  const { playing } = state;
  useEffect(() => {
    if (!playing) return;
    const onKey = (event: KeyboardEvent) => {
      if (event.key !== 'Escape' && (event.key !== ' ' || isTyping(event.target))) return;
      event.preventDefault();
      player.pause();
    };
    // Captured before the page's own keys, because Esc would close the panel and the space bar would press a button.
    addEventListener('keydown', onKey, { capture: true });
    return () => removeEventListener('keydown', onKey, { capture: true });
  }, [player, playing]);
  return { ...state, setSpeed: player.setSpeed, toggle: player.toggle };
}

/** What the page shows while it plays. Times are ms since the epoch by the serving pod's clock. */
export interface PlayedView {
  /** The viewed time; null = live. */
  atMs: number | null;
  /** Whether the picture of `atMs` is loaded. Playback waits for it. */
  isThere: boolean;
  /** Where playback starts from live. */
  startMs: number;
  nowMs: number;
  /** Changes the viewed time; null = live. */
  onMoment(atMs: number | null): void;
}

interface PlayState {
  playing: boolean;
  /** Seconds of the past per second. */
  speed: number;
}

const STOPPED: PlayState = { playing: false, speed: SPEEDS[1] };

/**
 * Changes the viewed time every second while playing. A replay has a speed of its own; it ends where its range ends, or when the
 * reader chooses another time.
 */
export class Player {
  readonly #clock: Clock;
  readonly #onState: (state: PlayState) => void;
  #state = STOPPED;
  #view: PlayedView | null = null;
  /** The running replay, and the speed after it; null = plays up to now. */
  #replay: { toMs: number; speedAfter: number } | null = null;
  /** The time that the player chose last; null = live. */
  #chosenMs: number | null = null;
  #timer: Timer | null = null;

  /** `onState` receives each new state. */
  constructor(clock: Clock, onState: (state: PlayState) => void) {
    this.#clock = clock;
    this.#onState = onState;
  }

  /** Sets what the page shows. To be called after each change. */
  show(view: PlayedView): void {
    const beforeMs = this.#view?.atMs ?? null;
    this.#view = view;
    if (view.atMs !== beforeMs) {
      this.stop();
      if (view.atMs === null) this.pause();
      else if (view.atMs !== this.#chosenMs) this.#endReplay();
    }
    if (this.#state.playing && view.atMs !== null && view.isThere) {
      this.#timer ??= this.#clock.setTimer(() => this.#step(), TICK_MS);
    } else this.stop();
  }

  /** Plays a range from its beginning. */
  replay({ fromMs, toMs }: TimeRange): void {
    this.#replay = { toMs, speedAfter: this.#replay?.speedAfter ?? this.#state.speed };
    this.#become({ playing: true, speed: SPEEDS[0] });
    this.#move(fromMs);
  }

  /** Starts to play up to now, or pauses. */
  readonly toggle = (): void => {
    if (this.#state.playing) this.pause();
    else {
      this.#become({ playing: true });
      if (this.#view?.atMs === null) this.#move(Math.round(this.#view.startMs));
    }
  };

  /** Pauses. A replay that is paused is over. */
  pause(): void {
    this.stop();
    this.#endReplay();
    if (this.#state.playing) this.#become({ playing: false });
  }

  /** Sets the speed, of a replay only for this replay. */
  readonly setSpeed = (speed: number): void => this.#become({ speed });

  /** Leaves no timer behind. */
  stop(): void {
    this.#timer?.cancel();
    this.#timer = null;
  }

  #step(): void {
    this.#timer = null;
    const view = this.#view;
    if (view === null || view.atMs === null) return;
    const endMs = this.#replay?.toMs ?? Number.POSITIVE_INFINITY;
    const nextMs = Math.min(endMs, view.atMs + this.#state.speed * TICK_MS);
    const isNow = nextMs >= view.nowMs;
    if (isNow || nextMs === endMs) this.pause();
    this.#move(isNow ? null : nextMs);
  }

  #move(atMs: number | null): void {
    this.#chosenMs = atMs;
    this.#view?.onMoment(atMs);
  }

  #endReplay(): void {
    if (this.#replay === null) return;
    this.#become({ speed: this.#replay.speedAfter });
    this.#replay = null;
  }

  #become(change: Partial<PlayState>): void {
    this.#state = { ...this.#state, ...change };
    this.#onState(this.#state);
  }
}
