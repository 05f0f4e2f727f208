import type { Sample } from '../contract/outcome.ts';
import type { Clock } from '../contract/seams.ts';
import { type BusyMeter, isSuspect } from './busy-meter.ts';

/** The figures of a sample that a stopwatch gives. */
export type Figures = Pick<Sample, 'connectUs' | 'firstByteUs' | 'totalUs' | 'starvedUs' | 'suspect'>;

/** Times one exchange, phase by phase, and keeps count of how late our own process noticed each end. */
export class Stopwatch {
  readonly #clock: Clock;
  readonly #meter: BusyMeter;
  #startUs = -1;
  #connectedUs = -1;
  #firstByteUs = -1;
  #busyAtStartUs = 0;
  #lateUs = 0;

  constructor(clock: Clock, meter: BusyMeter) {
    this.#clock = clock;
    this.#meter = meter;
  }

  /** The exchange begins now; may be called again for a truer beginning. */
  start(): void {
    this.#meter.mark();
    this.#busyAtStartUs = this.#meter.busyUs;
    this.#startUs = this.#nowUs();
  }

  /** The connection is there. */
  connected(): void {
    this.#connectedUs = this.#nowUs();
  }

  /** What follows upon the connection is done; apart from `connected`, so that the meter does not hold up the request. */
  asked(): void {
    this.#lateUs = this.#meter.mark();
  }

  /** Bytes have come. How late the first ones were noticed moves time between phases only, so it is not counted. */
  received(): void {
    if (this.#firstByteUs < 0) this.#firstByteUs = this.#nowUs();
  }

  /** The exchange ends now. Durations are -1 where it did not get that far. */
  stop(): Figures {
    if (this.#startUs < 0) return { connectUs: -1, firstByteUs: -1, totalUs: -1, starvedUs: 0, suspect: false };
    const totalUs = this.#nowUs() - this.#startUs;
    const lateUs = this.#lateUs + this.#meter.mark();
    const starvedUs = Math.max(0, Math.min(this.#meter.busyUs - this.#busyAtStartUs, lateUs, totalUs));
    return {
      connectUs: this.#connectedUs < 0 ? -1 : this.#connectedUs - this.#startUs,
      firstByteUs: this.#firstByteUs < 0 ? -1 : this.#firstByteUs - this.#connectedUs,
      totalUs,
      starvedUs,
      suspect: isSuspect(starvedUs, totalUs),
    };
  }

  #nowUs(): number {
    return this.#clock.monotonicMs() * 1000;
  }
}
