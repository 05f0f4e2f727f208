import { INTERMITTENT, isSlow } from '../protocol/link-state.ts';
import { listChanges, type Target } from '../protocol/pod.ts';
import type { Sample } from '../protocol/sample.ts';
import type { Connection } from './connection.ts';

/**
 * Connections and answers are kept of at most this many targets: about 0.3 MiB. Each ping to a further target opens a connection.
 */
const MAX_KEPT = 256;
/** The longest answer that is kept. The answers of our pods and of Goldpinger have about 200 bytes. */
const MAX_ANSWER_BYTES = 512;

/**
 * After a ping that failed or was late, this many pings of its link open a connection each, because new connections show loss of
 * packets better: a new connection needs more packets to arrive than a request over an open one, and the system sends a lost first
 * packet again only after a second. Where 30 % of the packets are lost, a ping over a new connection fails in 36 of 100 cases and one
 * over an open connection in 9.
 */
const FRESH_RUN = INTERMITTENT.goodRun;

/** When to open new connections: a part of the configuration. */
export interface KeepSettings {
  /** FRESH_CONNECTION_INTERVAL: a link opens a new connection at least this often; 0 = at each ping. */
  freshConnectionIntervalMs: number;
  refreshIntervalMs: number;
  /** SLOW_LINK: an answer that took this long is late, and its connection is not kept. */
  slowLinkMs: number;
}

/** What a good answer to a ping means. */
interface Meaning {
  bootTimeMs: number;
  /** Whether the connection can be used for another ping. */
  staysOpen: boolean;
}

/** What is kept of a target between its pings. */
interface Kept {
  connection: Connection | null;
  /**
   * Its last good answer. A pod answers each ping with the same bytes until it restarts. Comparing them takes a hundredth of
   * the time that parsing takes, and leaves nothing to the garbage collector.
   */
  answer: (Meaning & { bytes: Buffer }) | null;
  /** How many of its next pings open a connection each: see FRESH_RUN. */
  freshLeft: number;
  /** Whether it is among the first MAX_KEPT targets, in the order in which they came. */
  hasRoom: boolean;
}

/** The connections that stay open between the pings of a link, one for each link at most, and the answers that are known. */
export class KeptConnections {
  readonly #settings: KeepSettings;
  #targets: readonly Target[] = [];
  readonly #byTarget = new Map<string, Kept>();

  constructor(settings: KeepSettings) {
    this.#settings = settings;
  }

  /** Whether a connection to a target that is opened now may be kept after its ping. */
  mayKeep({ id }: Target): boolean {
    const { freshConnectionIntervalMs, refreshIntervalMs } = this.#settings;
    // A connection that no second ping would use is not kept.
    return refreshIntervalMs < freshConnectionIntervalMs && this.#byTarget.get(id)?.hasRoom === true;
  }

  /** Hands out the kept connection to a target; null if there is none to its present address. To keep it further, call `keep`. */
  take(target: Target): Connection | null {
    const kept = this.#byTarget.get(target.id);
    const connection = kept?.connection ?? null;
    if (kept === undefined || connection === null) return null;
    kept.connection = null;
    if (connection.isClosed) return null;
    const { address, port } = connection.target;
    if (address === target.address && port === target.port) return connection;
    connection.close();
    return null;
  }

  /**
   * Whether the next ping must open a new connection instead of using this one: because of its age at `nowMs` (monotonic,
   * FRESH_CONNECTION_INTERVAL), or after a bad ping (FRESH_RUN).
   */
  mustOpenNew({ target, openedMs }: Connection, nowMs: number): boolean {
    const freshLeft = this.#byTarget.get(target.id)?.freshLeft ?? 0;
    return freshLeft > 0 || nowMs - openedMs >= this.#settings.freshConnectionIntervalMs;
  }

  /** Notes whether a ping was bad, so that the next ones open new connections: see FRESH_RUN. */
  noteResult({ id }: Target, { outcome, totalUs, failsOnly, suspect }: Sample): void {
    const kept = this.#byTarget.get(id);
    if (kept === undefined) return;
    // New connections show neither that only open ones fail, nor what our own process caused.
    const isBad = outcome === 'ok' ? this.#isLate(totalUs) : failsOnly !== 'open';
    kept.freshLeft = isBad && !suspect ? FRESH_RUN : Math.max(0, kept.freshLeft - 1);
  }

  /** Keeps a connection, unless the ping over it took so long (`totalUs`) that it was late. */
  keep(connection: Connection, totalUs = 0): void {
    const kept = this.#byTarget.get(connection.target.id);
    connection.user = null;
    if (kept === undefined || !this.mayKeep(connection.target) || this.#isLate(totalUs)) connection.close();
    else kept.connection = connection;
  }

  /** What `bytes` mean, if they are exactly the last good answer of this target; else null. */
  meaningOf({ id }: Target, bytes: Uint8Array): Meaning | null {
    const answer = this.#byTarget.get(id)?.answer;
    return answer?.bytes.equals(bytes) ? answer : null;
  }

  /** Keeps a good answer of a target. `bytes`: the whole answer, which must have come in one piece. */
  keepAnswer({ id }: Target, bytes: Uint8Array, meaning: Meaning): void {
    const kept = this.#byTarget.get(id);
    if (kept?.hasRoom && bytes.length <= MAX_ANSWER_BYTES) kept.answer = { bytes: Buffer.from(bytes), ...meaning };
  }

  /** Keeps connections and answers of these targets only, and closes all others. [] closes all. */
  setTargets(targets: readonly Target[]): void {
    const { added, removed } = listChanges(this.#targets, targets);
    this.#targets = targets;
    const wanted = new Set(added.map(({ id }) => id));
    for (const { id } of removed) {
      if (wanted.has(id)) continue;
      this.#byTarget.get(id)?.connection?.close();
      this.#byTarget.delete(id);
    }
    for (const id of wanted) {
      if (!this.#byTarget.has(id)) {
        this.#byTarget.set(id, { connection: null, answer: null, freshLeft: 0, hasRoom: false });
      }
    }
    let room = MAX_KEPT;
    for (const kept of this.#byTarget.values()) {
      if (room-- <= 0) break;
      kept.hasRoom = true;
    }
  }

  #isLate(totalUs: number): boolean {
    return isSlow(totalUs, this.#settings.slowLinkMs * 1000);
  }
}
