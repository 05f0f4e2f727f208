import type { Clock } from './clock.ts';

/** How many are admitted in one second: from one address, and from all together. */
export interface Rate {
  ofAddress: number;
  inAll: number;
}

/** Limits what comes in, such as connections or datagrams, to a number in each second. */
export class RateLimit {
  readonly #rate: Rate;
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  /** The second that is counted, on the monotonic clock. */
  #second = -1;
  #inAll = 0;
  readonly #ofAddress = new Map<string, number>();

  constructor(rate: Rate, clock: Pick<Clock, 'monotonicMs'>) {
    this.#rate = rate;
    this.#clock = clock;
  }

  /** Whether one more from an address is admitted in this second. If so, it is counted. */
  admits(address: string): boolean {
    const second = Math.floor(this.#clock.monotonicMs() / 1000);
    if (second !== this.#second) {
      this.#second = second;
      this.#inAll = 0;
      this.#ofAddress.clear();
    }
    const own = this.#ofAddress.get(address) ?? 0;
    if (this.#inAll >= this.#rate.inAll || own >= this.#rate.ofAddress) return false;
    this.#inAll += 1;
    this.#ofAddress.set(address, own + 1);
    return true;
  }
}
