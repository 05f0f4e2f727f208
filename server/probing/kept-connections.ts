import { isSlow } from '../protocol/link-state.ts';
import type { Target } from '../protocol/pod.ts';
import type { Connection } from './connection.ts';

/** The most connections that are kept open. The pings of further links open a new one each. */
const MAX_KEPT = 256;

/** When to open new connections: a part of the configuration. */
export interface KeepSettings {
  /** FRESH_CONNECTION_INTERVAL: a link opens a new connection at least this often; 0 = at each ping. */
  freshConnectionIntervalMs: number;
  refreshIntervalMs: number;
  /**
   * SLOW_LINK. After a ping that took so long the connection is not kept: the next ping opens one, and shows whether the
   * network or the process is slow.
   */
  slowLinkMs: number;
}

/** The connections that stay open between the pings of a link: one for each link at most. */
export class KeptConnections {
  readonly #settings: KeepSettings;
  readonly #byTarget = new Map<string, Connection>();
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
  isTooOld({ openedMs }: Connection, nowMs: number): boolean {
    return nowMs - openedMs >= this.#settings.freshConnectionIntervalMs;
  }

  /** Keeps a connection after a ping, which took `totalUs`. */
  keep(connection: Connection, totalUs: number): void {
    const { id } = connection.target;
    connection.giveTo(null);
    if (!this.#wanted.has(id) || !this.hasRoom || isSlow(totalUs, this.#settings.slowLinkMs * 1000)) connection.close();
    else this.#byTarget.set(id, connection);
  }

  /** Keeps connections to these targets only, and closes all others. Without targets it ends everything. */
  setTargets(targets: readonly Target[]): void {
    this.#wanted = new Set(targets.map(({ id }) => id));
    for (const [id, connection] of this.#byTarget) {
      if (this.#wanted.has(id)) continue;
      this.#byTarget.delete(id);
      connection.close();
    }
  }
}
