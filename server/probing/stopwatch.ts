import type { Sample } from '../protocol/sample.ts';
import type { Clock } from '../runtime/clock.ts';
import { type BusyMeter, canBeSuspect } from './starvation.ts';

/** Measures one ping phase by phase, and how late our own process noticed the ends of the phases. */
export class Stopwatch {
  readonly #clock: Clock;
  readonly #meter: BusyMeter;
  #startUs = -1;
  #connectedUs = -1;
  #firstByteUs = -1;
  #busyAtStartUs = 0;
  #queuedAtStartUs = 0;
  #lateUs = 0;

  constructor(clock: Clock, meter: BusyMeter) {
    this.#clock = clock;
    this.#meter = meter;
  }

  /** The ping starts now. A second call replaces the start by a more accurate one, or by that of a second attempt. */
  start(): void {
    // The kernel is asked once for each ping, because that takes about 10 us.
    if (this.#startUs < 0) this.#queuedAtStartUs = this.#meter.queuedUs();
    this.#meter.mark();
    this.#busyAtStartUs = this.#meter.busyUs;
    this.#startUs = this.#meter.markedMs * 1000;
  }

  /** The connection is established. Not called if it was open before. */
  connected(): void {
    this.#connectedUs = this.#nowUs();
  }

  /**
   * The request has been sent over a new connection. The meter is read here and not in `connected`, so that it does not delay
   * the request.
   */
  requestSent(): void {
    this.#lateUs = this.#meter.mark();
  }

  /**
   * Bytes have come. The meter is not read: how late we notice the first byte moves time from one phase to another, but
   * does not lengthen the ping.
   */
  received(): void {
    if (this.#firstByteUs < 0) this.#firstByteUs = this.#nowUs();
  }

  /** The ping ends now. A duration is -1 if its phase was not reached, or if the ping never started. */
  stop(): Pick<Sample, 'connectUs' | 'firstByteUs' | 'totalUs' | 'starvedUs'> {
    if (this.#startUs < 0) return { connectUs: -1, firstByteUs: -1, totalUs: -1, starvedUs: 0 };
    const lateUs = this.#lateUs + this.#meter.mark();
    const totalUs = this.#meter.markedMs * 1000 - this.#startUs;
    const busyUs = this.#meter.busyUs - this.#busyAtStartUs;
    const queuedUs = canBeSuspect(totalUs) ? this.#meter.queuedUs() - this.#queuedAtStartUs : 0;
    const requestUs = this.#connectedUs < 0 ? this.#startUs : this.#connectedUs;
    return {
      connectUs: this.#connectedUs < 0 ? -1 : this.#connectedUs - this.#startUs,
      firstByteUs: this.#firstByteUs < 0 ? -1 : this.#firstByteUs - requestUs,
      totalUs,
      // No more than the process was busy during the ping: it may have been late already when the ping began.
      starvedUs: Math.max(0, Math.min(Math.min(busyUs, lateUs) + queuedUs, totalUs)),
    };
  }

  #nowUs(): number {
    return this.#clock.monotonicMs() * 1000;
  }
}
