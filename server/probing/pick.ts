import { hash32 } from '../runtime/hash.ts';

/**
 * Picks the peers that a pod pings under PING_NUMBER (`count`). `self` is the pod's own uid, `peers` are all pods that can
 * be pinged. Returns uids. With `count` 0, or with no more peers than `count`, these are all peers, the pod itself included.
 *
 * All pods lie on a ring, in the order of the hashes of their uids, and a pod pings the `count` pods that follow it. Every
 * pod can work this out alone. With n pods that know the same list:
 *
 * - each pod pings exactly `min(count, n - 1)` others and is pinged by exactly as many. (Plain rendezvous hashing, where
 *   each pod takes the peers with the best scores, would leave one pod in twenty without a ping at count 3.)
 * - a pod that joins or leaves changes at most `3 * count` links: `count` from it, `count` to it, and `count` that replace
 *   those or are replaced by them.
 * - who pings whom does not depend on names, nodes or zones.
 *
 * A pod that is not in the list, because it does not know itself or has no address yet, adds one ping to those it pings.
 */
export function pickPeers(self: string, peers: readonly { uid: string }[], count: number): string[] {
  const uids = new Set(peers.map((peer) => peer.uid));
  if (count <= 0 || count >= uids.size) return [...uids];
  const ring = [...uids.add(self)].map((uid) => ({ uid, hash: hash32(uid) }));
  ring.sort((a, b) => a.hash - b.hash || (a.uid < b.uid ? -1 : 1));
  const own = ring.findIndex((place) => place.uid === self);
  return [...ring.slice(own + 1), ...ring.slice(0, own)].slice(0, count).map((place) => place.uid);
}
