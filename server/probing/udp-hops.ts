import type { Target } from '../protocol/pod.ts';
import { pause } from '../runtime/deadline.ts';
import { type DatagramOptions, ProbeSocket } from './udp-socket.ts';

/** What the search needs: see `UdpProbeOptions`. */
interface HopSearchOptions extends DatagramOptions {
  udpTimeoutMs: number;
}

/** What is known about the way to one target. */
interface Known {
  address: string;
  /** Routers on the way; -1 = unknown. */
  hops: number;
  /** When the last search began, monotonic ms. */
  searchedAtMs: number;
  /** The search under way. */
  search: Search | null;
}

/** Each target is searched again after this time. */
const SEARCH_INTERVAL_MS = 60_000;
/** The most routers on the way; beyond it, their number is unknown. */
const MAX_HOPS = 30;
/** How many datagrams are sent with one TTL. Only if none is echoed, the TTL is too low: a single one may have been lost. */
const TRIES = 3;
/** An echo is waited for this many usual round trips, at least `MIN_WAIT_MS`, and never longer than UDP_TIMEOUT. */
const WAIT_ROUND_TRIPS = 4;
const MIN_WAIT_MS = 20;

/**
 * Finds how many routers are on the way to a target. Each router takes 1 off the TTL of a datagram and drops it at 0 (RFC 791), so
 * the lowest TTL with which a datagram is still echoed is the number of routers plus 1. Node does not say with which TTL a
 * datagram came, from which Goldpinger computes the routers of the way back.
 */
export class HopSearch {
  readonly #options: HopSearchOptions;
  readonly #known = new Map<string, Known>();

  constructor(options: HopSearchOptions) {
    this.#options = options;
  }

  /** Forgets a target. */
  forget(id: string): void {
    this.#known.get(id)?.search?.stop();
    this.#known.delete(id);
  }

  /** Routers on the way to a target as of its last search; -1 = unknown. */
  of({ id, address }: Target): number {
    const known = this.#known.get(id);
    return known?.address === address ? known.hops : -1;
  }

  /** Searches again if it is time. `rttUs`: the usual round trip. */
  refresh(target: Target, rttUs: number): void {
    const { id, address } = target;
    const { clock } = this.#options;
    const nowMs = clock.monotonicMs();
    let known = this.#known.get(id);
    if (known === undefined || known.address !== address) {
      known?.search?.stop();
      known = { address, hops: -1, searchedAtMs: Number.NEGATIVE_INFINITY, search: null };
      this.#known.set(id, known);
    }
    if (known.search !== null || nowMs - known.searchedAtMs < SEARCH_INTERVAL_MS) return;
    known.searchedAtMs = nowMs;
    void this.#search(target, known, rttUs);
  }

  stop(): void {
    for (const id of this.#known.keys()) this.forget(id);
  }

  async #search(target: Target, known: Known, rttUs: number): Promise<void> {
    const search = new Search(this.#options, rttUs);
    known.search = search;
    // The number is not known if there is no socket, or if the network fails meanwhile.
    known.hops = await search.run(target, known.hops).catch(() => -1);
    known.search = null;
    search.stop();
  }
}

/** One search for the lowest TTL with which a datagram to a target is echoed. */
class Search {
  readonly #options: HopSearchOptions;
  readonly #waitMs: number;
  /** The TTL of each datagram by its sequence number. */
  readonly #ttls: number[] = [];
  /** The lowest TTL that was echoed so far. */
  #lowest = Number.POSITIVE_INFINITY;
  /** The TTL that is tried, and what ends the wait for its echo. */
  #ttl = 0;
  #wait = new AbortController();
  #socket: ProbeSocket | null = null;
  #isStopped = false;

  constructor(options: HopSearchOptions, rttUs: number) {
    this.#options = options;
    const waitMs = Math.max(MIN_WAIT_MS, (WAIT_ROUND_TRIPS * rttUs) / 1000);
    this.#waitMs = Math.min(options.udpTimeoutMs, waitMs);
  }

  /** Returns the number of routers, -1 if it is unknown. `before`: the last result. Rejects if no socket can be opened. */
  async run(target: Target, before: number): Promise<number> {
    this.#socket = await ProbeSocket.open(target, this.#options, {
      onEcho: (sequence) => {
        this.#lowest = Math.min(this.#lowest, this.#ttls[sequence] ?? Number.POSITIVE_INFINITY);
        if (this.#lowest <= this.#ttl) this.#wait.abort();
      },
      onError: () => {},
    });
    // Mostly the way has not changed: the TTL of the last search is still echoed, and the one below is not.
    const first = before > 0 && !(await this.#isEchoed(before)) ? before + 1 : 1;
    for (let ttl = first; ttl <= MAX_HOPS + 1 && !this.#isStopped; ttl++) {
      if (!(await this.#isEchoed(ttl))) continue;
      // Where datagrams are lost, a TTL that is high enough may go without an echo. Then the number is not known.
      const isSure = ttl === first || !(await this.#isEchoed(ttl - 1));
      return isSure && this.#lowest === ttl ? ttl - 1 : -1;
    }
    return -1;
  }

  /** Ends the search; its result does not matter any more. */
  stop(): void {
    this.#isStopped = true;
    this.#socket?.close();
    this.#wait.abort();
  }

  async #isEchoed(ttl: number): Promise<boolean> {
    this.#ttl = ttl;
    for (let i = 0; i < TRIES && this.#lowest > ttl && !this.#isStopped; i++) {
      this.#wait = new AbortController();
      this.#ttls.push(ttl);
      this.#socket?.send(ttl);
      await pause(this.#options.clock, this.#waitMs, this.#wait.signal);
    }
    return this.#lowest <= ttl;
  }
}
