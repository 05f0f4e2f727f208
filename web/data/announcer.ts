import type { Clock, Timer } from '../../server/runtime/clock.ts';
import { changeSentence, type PageStatus } from '../pure/changes.ts';

/** At most one announcement in this time, ms. More would interrupt the screen reader too often. */
const PAUSE_MS = 5_000;

/** Announces changes for screen readers. Changes within `PAUSE_MS` are announced together, by the most severe one. */
export class Announcer {
  readonly #clock: Clock;
  readonly #say: (sentence: string) => void;
  #before: PageStatus | null = null;
  #announcedMs = Number.NEGATIVE_INFINITY;
  #timer: Timer | null = null;

  constructor(clock: Clock, say: (sentence: string) => void) {
    this.#clock = clock;
    this.#say = say;
  }

  /** Sets the current status. The first status is not announced, because the reader has just opened the page. */
  update(now: PageStatus): void {
    this.stop();
    if (now.status === 'connecting') return;
    const before = this.#before;
    if (before === null) {
      this.#before = now;
      return;
    }
    const waitMs = this.#announcedMs + PAUSE_MS - this.#clock.monotonicMs();
    if (waitMs > 0) this.#timer = this.#clock.setTimer(() => this.#announce(before, now), waitMs);
    else this.#announce(before, now);
  }

  /** Drops a pending announcement. */
  stop(): void {
    this.#timer?.cancel();
    this.#timer = null;
  }

  #announce(before: PageStatus, now: PageStatus): void {
    const sentence = changeSentence(before, now);
    this.#before = now;
    if (sentence === '') return;
    this.#announcedMs = this.#clock.monotonicMs();
    this.#say(sentence);
  }
}
