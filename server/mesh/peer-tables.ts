import { createHash } from 'node:crypto';
import type { PeerRef, Row } from '../contract/row.ts';

/** A table of peers and the fingerprint under which the pod that sent it knows it. */
export interface PeersTable {
  hash: string;
  peers: PeerRef[];
}

/** The most different tables kept: more only means that peers send theirs again. */
const MAX_TABLES = 16;

interface Remembered {
  hash: string;
  digest: string;
  /** Our own fingerprint when the peer last answered. */
  ownHash: string;
}

/**
 * The tables of peers that rows came with, so that 1000 pods that know the same peers need not say so 1000 times.
 * Equal tables are kept once, found by their content: the fingerprint a peer claims counts for that peer alone, so
 * that a lying one garbles only its own row.
 */
export class PeerTables {
  readonly #tables = new Map<string, PeerRef[]>();
  readonly #byPod = new Map<string, Remembered>();

  /** Kept tables; for tests of the bound. */
  get size(): number {
    return this.#tables.size;
  }

  /** The table to offer to pod `uid`: our own, or the one it last answered with if it differed from the same own one. */
  offer(uid: string, own: PeersTable | null): PeersTable | null {
    const last = this.#byPod.get(uid);
    if (last === undefined || last.ownHash !== (own?.hash ?? '')) return own;
    const peers = this.#tables.get(last.digest);
    if (peers === undefined) return own;
    this.#touch(last.digest, peers);
    return { hash: last.hash, peers };
  }

  /** Takes the table of pod `uid`'s row; gives the shared copy of it. `own` as in `offer`. */
  keep(uid: string, row: Pick<Row, 'peersHash' | 'peers'>, own: PeersTable | null): PeerRef[] {
    const peers = row.peers ?? [];
    if (peers === own?.peers) {
      this.#byPod.delete(uid);
      return peers;
    }
    const last = this.#byPod.get(uid);
    const offered = last && this.#tables.get(last.digest);
    const digest = last && offered === peers ? last.digest : digestOf(peers);
    const shared = this.#tables.get(digest) ?? peers;
    this.#touch(digest, shared);
    this.#byPod.set(uid, { hash: row.peersHash, digest, ownHash: own?.hash ?? '' });
    return shared;
  }

  /** Forgets pods other than `uids`. */
  retain(uids: ReadonlySet<string>): void {
    for (const uid of this.#byPod.keys()) if (!uids.has(uid)) this.#byPod.delete(uid);
  }

  #touch(digest: string, peers: PeerRef[]): void {
    this.#tables.delete(digest);
    this.#tables.set(digest, peers);
    const oldest = this.#tables.keys().next();
    if (this.#tables.size > MAX_TABLES && !oldest.done) this.#tables.delete(oldest.value);
  }
}

function digestOf(peers: readonly PeerRef[]): string {
  const digest = createHash('sha256');
  for (const peer of peers) digest.update(JSON.stringify([peer.uid, peer.name, peer.namespace, peer.podIP]));
  return digest.digest('base64');
}
