import { type PeerRef, peersHashOf } from '../protocol/pod.ts';
import type { PodReport } from '../protocol/pod-report.ts';

/** A table of peers and its hash. */
export interface PeersTable {
  hash: string;
  peers: PeerRef[];
}

/** The most different tables that are kept. Pods whose table is not kept send it again. */
const MAX_TABLES = 16;

/**
 * Keeps the tables of peers of past reports, so that 1000 pods that know the same peers need not send them 1000 times (3 ms and
 * 110 kB each). A table whose hash is wrong is not kept, so it can spoil its sender's report only.
 */
export class PeerTables {
  readonly #tables = new Map<string, PeerRef[]>();
  /** By uid of the pod: the hash of the table that it last answered with, and the hash of our own table at that time. */
  readonly #byPod = new Map<string, { hash: string; ownHash: string }>();
  /** By hash of a table: how many answers of this collection had it. */
  readonly #votes = new Map<string, number>();

  /** The number of tables that are kept; for tests. */
  get size(): number {
    return this.#tables.size;
  }

  /**
   * The table to offer to pod `uid`: the one it last answered with, if our own table has not changed since; else the one
   * that most of the others have answered with, because a change reaches all pods at about the same time; else our own.
   */
  offer(uid: string, own: PeersTable | null): PeersTable | null {
    const last = this.#byPod.get(uid);
    if (last !== undefined && last.ownHash === own?.hash) return this.#kept(last.hash) ?? own;
    let best = own;
    let votes = this.#votes.get(own?.hash ?? '') ?? 0;
    for (const [hash, count] of this.#votes) {
      const table = count > votes ? this.#kept(hash) : null;
      if (table === null) continue;
      best = table;
      votes = count;
    }
    return best;
  }

  /** Keeps the table of pod `uid`'s report, and returns the copy that all reports with this table share. */
  keep(
    uid: string,
    { peersHash: hash, peers: sent }: Pick<PodReport, 'peersHash' | 'peers'>,
    own: PeersTable | null,
  ): PeerRef[] {
    const peers = sent ?? [];
    const shared = own?.hash === hash ? own.peers : this.#tables.get(hash);
    if (peers !== shared && peersHashOf(peers) !== hash) {
      this.#byPod.delete(uid);
      return peers;
    }
    if (own?.hash === hash) this.#byPod.delete(uid);
    else this.#byPod.set(uid, { hash, ownHash: own?.hash ?? '' });
    if (this.#votes.size < MAX_TABLES || this.#votes.has(hash)) this.#votes.set(hash, (this.#votes.get(hash) ?? 0) + 1);
    if (shared !== undefined) return sameUids(shared, peers) ? shared : peers;
    this.#tables.set(hash, peers);
    const oldest = this.#tables.keys().next();
    if (this.#tables.size > MAX_TABLES && !oldest.done) this.#tables.delete(oldest.value);
    return peers;
  }

  /** Begins a collection of the pods `uids`: forgets other pods, and which tables were common before. */
  begin(uids: ReadonlySet<string>): void {
    for (const uid of this.#byPod.keys()) if (!uids.has(uid)) this.#byPod.delete(uid);
    this.#votes.clear();
  }

  #kept(hash: string): PeersTable | null {
    const peers = this.#tables.get(hash);
    if (peers === undefined) return null;
    this.#tables.delete(hash);
    this.#tables.set(hash, peers);
    return { hash, peers };
  }
}

/** Whether two tables with the same hash are equal: a hostile pod can make another table with the same hash. */
function sameUids(a: readonly PeerRef[], b: readonly PeerRef[]): boolean {
  return a === b || (a.length === b.length && a.every((peer, i) => peer.uid === b[i]?.uid));
}
