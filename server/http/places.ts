import type { Clock, Timer } from '../runtime/clock.ts';

/** The rules of `Places`. */
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

interface Entry<T> {
  holder: T;
  address: string;
  /** Since when it holds its place, monotonic ms. */
  sinceMs: number;
  start: () => void;
  wait: Timer | null;
}

/** How long anything waits for a place, ms. */
const WAIT_MS = 5_000;

/**
 * A bounded number of places, in all and for each address. Whoever finds none waits in line for a few seconds. Connections
 * (connections.ts) and requests in work (requests.ts) hold such places.
 */
export class Places<T> {
  readonly #rules: Rules<T>;
  readonly #clock: Clock;
  /** In the order in which they give way. */
  readonly #held = new Map<T, Entry<T>>();
  /** In the order in which they came. */
  readonly #waiting = new Map<T, Entry<T>>();

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
    const entry: Entry<T> = { holder, address, sinceMs: 0, start, wait: null };
    if (this.#tryStart(entry)) return;
    if (!mayWait || this.#waiting.size >= this.#rules.maxWaiting) {
      refuse();
      return;
    }
    this.#waiting.set(holder, entry);
    entry.wait = this.#clock.setTimer(() => {
      this.#waiting.delete(holder);
      refuse();
    }, WAIT_MS);
  }

  /** Puts a holder at the end of the order, and lets those that wait try again. */
  renew(holder: T): void {
    const entry = this.#held.get(holder);
    if (entry === undefined) return;
    this.#held.delete(holder);
    this.#held.set(holder, entry);
    this.#startWaiting();
  }

  /** Takes back the place of a holder, or its place in the line. */
  leave(holder: T): void {
    this.#waiting.get(holder)?.wait?.cancel();
    this.#waiting.delete(holder);
    if (this.#held.delete(holder)) this.#startWaiting();
  }

  #startWaiting(): void {
    // One place has become free, so that one can start.
    for (const entry of this.#waiting.values()) if (this.#tryStart(entry)) return;
  }

  #tryStart(entry: Entry<T>): boolean {
    const { max, maxOfAddress, mustGiveWay, end } = this.#rules;
    const nowMs = this.#clock.monotonicMs();
    const all = [...this.#held.values()];
    const own = all.filter(({ address }) => address === entry.address);
    const blocking = own.length >= maxOfAddress ? own : all.length >= max ? all : [];
    if (blocking.length > 0) {
      const first = blocking.find(({ holder, sinceMs }) => mustGiveWay(holder, nowMs - sinceMs));
      if (first === undefined) return false;
      this.#held.delete(first.holder);
      end(first.holder);
    }
    entry.wait?.cancel();
    this.#waiting.delete(entry.holder);
    this.#held.set(entry.holder, { ...entry, sinceMs: nowMs });
    entry.start();
    return true;
  }
}
