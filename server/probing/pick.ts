/**
 * Which peers a pod pings under PING_NUMBER, as uids; `self` is its own uid, `peers` are all pods that can be pinged.
 *
 * Every pod scores every peer by hashes, without asking anyone: the score is how far clockwise the peer's hash lies from
 * the pod's own, and the `count` nearest are picked. (Scores that are independent of each other, as in plain rendezvous
 * hashing, would leave one pod in twenty unwatched at count 3; these cannot.) With n pods that know the same list:
 *
 * - each pod pings exactly `min(count, n - 1)` others, and each is pinged by exactly as many;
 * - a pod that joins or leaves changes at most `3 * count` pairs: `count` of its own, `count` towards it, and `count`
 *   that take their place or give way;
 * - who watches whom has nothing to do with names, nodes or zones.
 *
 * A pod that is not in the list (it does not know itself, or has no address yet) adds one to those it pings.
 * `count` 0, or at least the number of peers, is everybody, oneself included.
 */
export function pickPeers(self: string, peers: readonly { uid: string }[], count: number): string[] {
  const uids = new Set(peers.map((peer) => peer.uid));
  if (count <= 0 || count >= uids.size) return [...uids];
  const ring = [...uids.add(self)].map((uid) => ({ uid, hash: hash32(uid) }));
  ring.sort((a, b) => a.hash - b.hash || (a.uid < b.uid ? -1 : 1));
  const own = ring.findIndex((place) => place.uid === self);
  return [...ring.slice(own + 1), ...ring.slice(0, own)].slice(0, count).map((place) => place.uid);
}

/** FNV-1a over UTF-16 units, finished as MurmurHash3 does, so that texts that differ little lie far apart. */
function hash32(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
