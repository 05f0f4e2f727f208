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
  /** When the last search began, monotonic ms; Infinity while it is under way. */
  searchedAtMs: number;
  /** Ends the search under way. */
  stopping: AbortController;
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

  /** Forgets all other targets, and ends the searches for them. */
  keepOnly(ids: ReadonlySet<string>): void {
    for (const id of this.#known.keys()) if (!ids.has(id)) this.#forget(id);
  }

  #forget(id: string): void {
    this.#known.get(id)?.stopping.abort();
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
    const nowMs = this.#options.clock.monotonicMs();
    const before = this.#known.get(id);
    const isSameWay = before?.address === address;
    if (isSameWay && nowMs - before.searchedAtMs < SEARCH_INTERVAL_MS) return;
    this.#forget(id);
    const known = {
      address,
      hops: isSameWay ? before.hops : -1,
      searchedAtMs: Infinity,
      stopping: new AbortController(),
    };
    this.#known.set(id, known);
    void searchHops(target, known.hops, rttUs, this.#options, known.stopping.signal).then((hops) => {
      Object.assign(known, { hops, searchedAtMs: nowMs });
    });
  }
}

/**
 * Searches the lowest TTL with which a datagram to a target is echoed. Returns the number of routers, -1 if it is unknown: there is
 * no socket, or the network fails meanwhile. `before`: the last result.
 */
async function searchHops(
  target: Target,
  before: number,
  rttUs: number,
  options: HopSearchOptions,
  stop: AbortSignal,
): Promise<number> {
  const waitMs = Math.min(options.udpTimeoutMs, Math.max(MIN_WAIT_MS, (WAIT_ROUND_TRIPS * rttUs) / 1000));
  /** The TTL of each datagram by its sequence number, and the lowest that was echoed so far. */
  const ttls: number[] = [];
  let lowest = Number.POSITIVE_INFINITY;
  /** The TTL that is tried, and what ends the wait for its echo. */
  let tried = 0;
  let wait = new AbortController();
  stop.addEventListener('abort', () => wait.abort());
  const onEcho = (sequence: number) => {
    lowest = Math.min(lowest, ttls[sequence] ?? Number.POSITIVE_INFINITY);
    if (lowest <= tried) wait.abort();
  };
  const socket = await ProbeSocket.open(target, options, { onEcho, onError: () => {} }).catch(() => null);
  if (socket === null) return -1;
  const isEchoed = async (ttl: number) => {
    tried = ttl;
    for (let i = 0; i < TRIES && lowest > ttl && !stop.aborted; i++) {
      wait = new AbortController();
      ttls.push(ttl);
      socket.send(ttl);
      await pause(options.clock, waitMs, wait.signal);
    }
    return lowest <= ttl;
  };
  const lowestTtl = async () => {
    // Mostly the way has not changed: the TTL of the last search is still echoed, and the one below is not.
    const first = before > 0 && !(await isEchoed(before)) ? before + 1 : 1;
    for (let ttl = first; ttl <= MAX_HOPS + 1 && !stop.aborted; ttl++) {
      if (!(await isEchoed(ttl))) continue;
      // Where datagrams are lost, a TTL that is high enough may go without an echo. Then the number is not known.
      const isSure = ttl === first || !(await isEchoed(ttl - 1));
      return isSure && lowest === ttl ? ttl : 0;
    }
    return 0;
  };
  const ttl = await lowestTtl().catch(() => 0);
  socket.close();
  return ttl - 1;
}
