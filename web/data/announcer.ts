import type { Clock, Timer } from '../../server/runtime/clock.ts';
import { changeSentence, type Told } from '../pure/changes.ts';

/** At most one sentence in this time: more would drown what a screen reader is reading, ms. */
const PAUSE_MS = 5_000;

/** Says in a sentence what changed. Changes within 5 s of the last sentence are told together, by the gravest of them. */
export class Announcer {
  readonly #clock: Clock;
  readonly #say: (sentence: string) => void;
  #before: Told | null = null;
  #spokenMs = Number.NEGATIVE_INFINITY;
  #timer: Timer | null = null;

  constructor(clock: Clock, say: (sentence: string) => void) {
    this.#clock = clock;
    this.#say = say;
  }

  /** Takes how it is now. The first time is no change: whoever opens the page reads it. */
  tell(now: Told): void {
    this.stop();
    if (now.status === 'connecting') return;
    const before = this.#before;
    if (before === null) {
      this.#before = now;
      return;
    }
    const waitMs = this.#spokenMs + PAUSE_MS - this.#clock.monotonicMs();
    if (waitMs > 0) this.#timer = this.#clock.setTimer(() => this.#speak(before, now), waitMs);
    else this.#speak(before, now);
  }

  /** Forgets what is still to be said. */
  stop(): void {
    this.#timer?.cancel();
    this.#timer = null;
  }

  #speak(before: Told, now: Told): void {
    const sentence = changeSentence(before, now);
    this.#before = now;
    if (sentence === '') return;
    this.#spokenMs = this.#clock.monotonicMs();
    this.#say(sentence);
  }
}
