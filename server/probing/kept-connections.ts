import { INTERMITTENT, isSlow } from '../protocol/link-state.ts';
import type { Target } from '../protocol/pod.ts';
import type { Sample } from '../protocol/sample.ts';
import type { Connection } from './connection.ts';

/** The most connections that are kept open. The pings of further links open a new one each. */
const MAX_KEPT = 256;

/**
 * After a ping that failed or was late, so many pings of its link open a connection each. A new connection needs more packets
 * to arrive than a request over an open one, and the system sends a lost first packet again only after a second. So where 30 % of
 * the packets are lost, a ping over a new connection fails in 36 of 100 cases and one over an open connection in 9.
 */
const FRESH_RUN = INTERMITTENT.goodRun;

/** When to open new connections: a part of the configuration. */
export interface KeepSettings {
  /** FRESH_CONNECTION_INTERVAL: a link opens a new connection at least this often; 0 = at each ping. */
  freshConnectionIntervalMs: number;
  refreshIntervalMs: number;
  /** SLOW_LINK: an answer that took so long is late, and its connection is not kept. */
  slowLinkMs: number;
}

/** The connections that stay open between the pings of a link: one for each link at most. */
export class KeptConnections {
  readonly #settings: KeepSettings;
  readonly #byTarget = new Map<string, Connection>();
  /** How many of the next pings of a link open a connection each: see FRESH_RUN. */
  readonly #freshLeft = new Map<string, number>();
  #wanted: ReadonlySet<string> = new Set();

  constructor(settings: KeepSettings) {
    this.#settings = settings;
  }

  /** Whether a connection that is opened now may be kept after its ping. */
  get hasRoom(): boolean {
    const { freshConnectionIntervalMs, refreshIntervalMs } = this.#settings;
    // A connection that no second ping would use is not kept.
    return refreshIntervalMs < freshConnectionIntervalMs && this.#byTarget.size < MAX_KEPT;
  }

  /** Takes out the connection to a target; null if there is none, or none to its present address. */
  take(target: Target): Connection | null {
    const connection = this.#byTarget.get(target.id);
    if (connection === undefined) return null;
    this.#byTarget.delete(target.id);
    if (connection.isClosed) return null;
    const { address, port } = connection.target;
    if (address === target.address && port === target.port) return connection;
    connection.close();
    return null;
  }

  /** Whether the link must open a new connection at `nowMs` (monotonic) instead of using this one. */
  isTooOld({ target, openedMs }: Connection, nowMs: number): boolean {
    return this.#freshLeft.has(target.id) || nowMs - openedMs >= this.#settings.freshConnectionIntervalMs;
  }

  /** Takes note of the result of a ping: see FRESH_RUN. */
  note({ id }: Target, { outcome, totalUs, failsOnly, suspect }: Sample): void {
    // What new connections don't show, and what our own process caused, is no reason to open new ones.
    const isBad = outcome === 'ok' ? this.#isLate(totalUs) : failsOnly !== 'open';
    const left = isBad && !suspect ? FRESH_RUN : (this.#freshLeft.get(id) ?? 0) - 1;
    if (left > 0 && this.#wanted.has(id)) this.#freshLeft.set(id, left);
    else this.#freshLeft.delete(id);
  }

  /** Keeps a connection after a ping, which took `totalUs`. */
  keep(connection: Connection, totalUs: number): void {
    const { id } = connection.target;
    connection.giveTo(null);
    if (!this.#wanted.has(id) || !this.hasRoom || this.#isLate(totalUs)) connection.close();
    else this.#byTarget.set(id, connection);
  }

  /** Keeps connections to these targets only, and closes all others. Without targets it ends everything. */
  setTargets(targets: readonly Target[]): void {
    this.#wanted = new Set(targets.map(({ id }) => id));
    for (const id of this.#freshLeft.keys()) if (!this.#wanted.has(id)) this.#freshLeft.delete(id);
    for (const [id, connection] of this.#byTarget) {
      if (this.#wanted.has(id)) continue;
      this.#byTarget.delete(id);
      connection.close();
    }
  }

  #isLate(totalUs: number): boolean {
    return isSlow(totalUs, this.#settings.slowLinkMs * 1000);
  }
}
