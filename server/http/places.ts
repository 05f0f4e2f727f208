import type { Clock, Timer } from '../runtime/clock.ts';

/** The rules of `Places`. `T`: what holds a place, such as a connection. */
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
  /** Called when it has got a place. */
  start: () => void;
}

/** The longest wait for a place. */
const WAIT_MS = 5_000;
/** One that waits tries again this often, because a holder may have to give way by then. */
const RETRY_MS = 1_000;

/**
 * A bounded number of places, in all and for each address. If none is free, a holder that `mustGiveWay` is ended; if there is no such
 * holder, the new one waits in line, for `WAIT_MS`. Connections (connections.ts) and requests in work (requests.ts) hold such places.
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

  /** Calls `start` once there is a place for `holder`, at once or later; or `refuse` if it may not wait, or has waited too long. */
  take(
    { holder, address, mayWait }: { holder: T; address: string; mayWait: boolean },
    start: () => void,
    refuse: () => void,
  ): void {
    const claim = { holder, address, start };
    if (this.#tryStart(claim)) return;
    if (!mayWait || this.#waiting.size >= this.#rules.maxWaiting) {
      refuse();
      return;
    }
    this.#wait(claim, refuse, WAIT_MS);
  }

  #wait(claim: Claim<T>, refuse: () => void, leftMs: number): void {
    const { holder } = claim;
    const timer = this.#clock.setTimer(() => {
      if (this.#tryStart(claim)) return;
      if (leftMs > RETRY_MS) return this.#wait(claim, refuse, leftMs - RETRY_MS);
      this.#waiting.delete(holder);
      refuse();
    }, RETRY_MS);
    // One that is in the line already keeps its place there.
    this.#waiting.set(holder, { claim, timer });
  }

  /**
   * Call it when a holder may have become one that `mustGiveWay`. Of all holders it is the last that is ended, but if one waits,
   * perhaps at once.
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

  #tryStart({ holder, address, start }: Claim<T>): boolean {
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
    start();
    return true;
  }
}
