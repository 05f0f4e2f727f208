import type { Clock, Timer } from '../runtime/clock.ts';

interface Rules<T> {
  /** Places in all, and of one address. */
  max: number;
  maxOfAddress: number;
  /** How many may wait. */
  maxWaiting: number;
  /** Whether a holder must give its place to one that waits. `heldMs`: for how long it has had it. */
  mustGiveWay(holder: T, heldMs: number): boolean;
  /** Ends a holder that must give way. */
  end(holder: T): void;
}

/** Something that wants a place. */
interface Claim<T> {
  holder: T;
  /** IP address of the client. */
  address: string;
  mayWait: boolean;
  /** Called when it has got a place. */
  start(): void;
  /** Called if it gets none. */
  refuse(): void;
}

/** The longest wait for a place. */
const WAIT_MS = 5_000;
/** One that waits tries again this often, because a holder may have to give way by then. */
const RETRY_MS = 1_000;

/**
 * A bounded number of places, in all and for each address, for connections or for requests in work (`T`). If none is free, a holder
 * that `mustGiveWay` is ended; if there is no such holder, the new one waits in line for WAIT_MS.
 */
export class Places<T> {
  readonly #rules: Rules<T>;
  readonly #clock: Clock;
  /** The places in the order in which they give way, and since when each is held, monotonic ms. */
  readonly #held = new Map<T, { address: string; sinceMs: number }>();
  /** In the order in which they came. */
  readonly #waiting = new Map<T, { claim: Claim<T>; timer: Timer }>();

  constructor(rules: Rules<T>, clock: Clock) {
    this.#rules = rules;
    this.#clock = clock;
  }

  /** Starts the claim once there is a place for it, at once or later; or refuses it if it may not wait, or has waited too long. */
  take(claim: Claim<T>): void {
    if (this.#tryStart(claim)) return;
    if (!claim.mayWait || this.#waiting.size >= this.#rules.maxWaiting) {
      claim.refuse();
      return;
    }
    let leftMs = WAIT_MS;
    const wait = () => void this.#waiting.set(claim.holder, { claim, timer: this.#clock.setTimer(retry, RETRY_MS) });
    const retry = () => {
      if (this.#tryStart(claim)) return;
      leftMs -= RETRY_MS;
      if (leftMs > 0) return wait();
      this.#waiting.delete(claim.holder);
      claim.refuse();
    };
    wait();
  }

  /**
   * To be called when a holder may have become one that `mustGiveWay`: puts it behind all other holders, and lets the first claim that
   * waits try again, which may end this holder.
   */
  renew(holder: T): void {
    const place = this.#held.get(holder);
    if (place === undefined) return;
    this.#held.delete(holder);
    this.#held.set(holder, place);
    this.#startFirstWaiting();
  }

  /** Takes back the place of a holder, or its place in the line. */
  leave(holder: T): void {
    this.#stopWaiting(holder);
    if (this.#held.delete(holder)) this.#startFirstWaiting();
  }

  #stopWaiting(holder: T): void {
    this.#waiting.get(holder)?.timer.cancel();
    this.#waiting.delete(holder);
  }

  /** Starts the first that can start. One at most, because no more than one place can have become free. */
  #startFirstWaiting(): void {
    for (const { claim } of this.#waiting.values()) if (this.#tryStart(claim)) return;
  }

  #tryStart(claim: Claim<T>): boolean {
    const { holder, address } = claim;
    const { max, maxOfAddress, mustGiveWay, end } = this.#rules;
    const nowMs = this.#clock.monotonicMs();
    const all = [...this.#held];
    const own = all.filter(([, place]) => place.address === address);
    const blocking = own.length >= maxOfAddress ? own : all.length >= max ? all : [];
    if (blocking.length > 0) {
      const [first] = blocking.find(([other, { sinceMs }]) => mustGiveWay(other, nowMs - sinceMs)) ?? [];
      if (first === undefined) return false;
      // Before `end`, which may call `leave`: the place is for this claim, not for the first that waits.
      this.#held.delete(first);
      end(first);
    }
    this.#stopWaiting(holder);
    this.#held.set(holder, { address, sinceMs: nowMs });
    claim.start();
    return true;
  }
}
