import { peersHashOf } from '../contract/peers-hash.ts';
import type { Pod } from '../contract/pod.ts';
import type { PeerRef } from '../contract/row.ts';

/** The peers of a row, and where each is among them. */
export interface PeerTable {
  /** All that are not gone, sorted by uid. */
  peers: PeerRef[];
  /** Those that are gone, sorted by uid. */
  gone: PeerRef[];
  /** Index by uid in `peers`. */
  indexOf: ReadonlyMap<string, number>;
  /** Fingerprint of `peers`. */
  hash: string;
}

/** Makes the table of peers out of the pods that discovery knows. */
export function peerTableOf(pods: readonly Pod[]): PeerTable {
  const byUid = (a: PeerRef, b: PeerRef) => (a.uid < b.uid ? -1 : a.uid > b.uid ? 1 : 0);
  const refsOf = (list: Pod[]) => list.map(refOf).sort(byUid);
  const peers = refsOf(pods.filter((pod) => pod.lifecycle !== 'gone'));
  const gone = refsOf(pods.filter((pod) => pod.lifecycle === 'gone'));
  return { peers, gone, indexOf: new Map(peers.map((peer, i) => [peer.uid, i])), hash: peersHashOf(peers) };
}

function refOf({ uid, name, namespace, podIPs }: Pod): PeerRef {
  return { uid, name, namespace, podIP: podIPs[0] ?? '' };
}
