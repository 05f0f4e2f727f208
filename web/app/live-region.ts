import { useEffect, useState } from 'react';
import type { Clock, Timer } from '../../server/runtime/clock.ts';
import { changeSentence, type PageStatus, tabIcon, tabTitle } from './headline.ts';

/** Updates title and icon of the tab, and returns the newest sentence for the live region. */
export function useAnnouncement(status: PageStatus, clock: Clock): string {
  const [sentence, setSentence] = useState('');
  const [announcer] = useState(() => new Announcer(clock, setSentence));
  const key = JSON.stringify(status);
  useEffect(() => {
    const now: PageStatus = JSON.parse(key);
    document.title = tabTitle(now);
    setIcon(tabIcon(now));
    announcer.update(now);
  }, [key, announcer]);
  useEffect(() => () => announcer.stop(), [announcer]);
  return sentence;
}

function setIcon(svg: string): void {
  const link = document.querySelector<HTMLLinkElement>('link[rel="icon"]');
  if (link !== null) link.href = `data:image/svg+xml,${encodeURIComponent(svg)}`;
}

/** At most one announcement in this time, ms. More would interrupt the screen reader too often. */
const PAUSE_MS = 5_000;

/** Announces changes for screen readers; those within `PAUSE_MS` of an announcement together, see `changeSentence`. */
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
