import { type PeerRef, peersHashOf } from '../protocol/pod.ts';
import type { PodReport } from '../protocol/pod-report.ts';

/** A table of peers and its fingerprint. */
export interface PeersTable {
  hash: string;
  peers: PeerRef[];
}

/** The most different tables kept: more only means that peers send theirs again. */
const MAX_TABLES = 16;

/**
 * The tables of peers that reports came with, so that 1000 pods that know the same peers need not say so 1000 times: 3 ms
 * and 110 kB each. Only a table that bears its fingerprint rightly is kept, so a false one garbles its sender's report only.
 */
export class PeerTables {
  readonly #tables = new Map<string, PeerRef[]>();
  /** What each pod last answered with, and what our own fingerprint was then. */
  readonly #byPod = new Map<string, { hash: string; ownHash: string }>();
  /** How many answers of this collection had which table. */
  readonly #votes = new Map<string, number>();

  /** Kept tables; for tests of the bound. */
  get size(): number {
    return this.#tables.size;
  }

  /**
   * The table to offer to pod `uid`: the one it last answered with, if nothing has changed here since; else the one
   * that most of the others have answered with, as news reaches everybody at about the same time; else our own.
   */
  offer(uid: string, own: PeersTable | null): PeersTable | null {
    const last = this.#byPod.get(uid);
    if (last !== undefined && last.ownHash === own?.hash) return this.#kept(last.hash) ?? own;
    let [best, votes] = [own, this.#votes.get(own?.hash ?? '') ?? 0];
    for (const [hash, count] of this.#votes) {
      const table = count > votes ? this.#kept(hash) : null;
      if (table !== null) [best, votes] = [table, count];
    }
    return best;
  }

  /** Takes the table of pod `uid`'s report; gives the shared copy of it. `own` as in `offer`. */
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

  /** Begins a collection among the pods `uids`: forgets others, and what tables were common before. */
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

/** Whether two tables of one fingerprint are one: fingerprints are no proof against malice. */
function sameUids(a: readonly PeerRef[], b: readonly PeerRef[]): boolean {
  return a === b || (a.length === b.length && a.every((peer, i) => peer.uid === b[i]?.uid));
}
