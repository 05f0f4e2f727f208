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
  /** Fingerprint of `peers`: 16 hexadecimal digits, the same in every process that knows the same uids and IPs. */
  hash: string;
}

/** Makes the table of peers out of the pods that discovery knows. */
export function peerTableOf(pods: readonly Pod[]): PeerTable {
  const byUid = (a: PeerRef, b: PeerRef) => (a.uid < b.uid ? -1 : a.uid > b.uid ? 1 : 0);
  const refsOf = (list: Pod[]) => list.map(refOf).sort(byUid);
  const peers = refsOf(pods.filter((pod) => pod.lifecycle !== 'gone'));
  const gone = refsOf(pods.filter((pod) => pod.lifecycle === 'gone'));
  return { peers, gone, indexOf: new Map(peers.map((peer, i) => [peer.uid, i])), hash: fingerprint(peers) };
}

function refOf({ uid, name, namespace, podIPs }: Pod): PeerRef {
  return { uid, name, namespace, podIP: podIPs[0] ?? '' };
}

/** Two 32-bit FNV-1a hashes from different beginnings; an accident needs 2^32 lists of peers. */
function fingerprint(peers: readonly PeerRef[]): string {
  let high = 0x811c9dc5;
  let low = 0x2f0b4c47;
  for (const { uid, podIP } of peers) {
    const text = `${uid}\n${podIP}\n`;
    for (let i = 0; i < text.length; i++) {
      const unit = text.charCodeAt(i);
      high = Math.imul(high ^ unit, 0x01000193);
      low = Math.imul(low ^ unit ^ (low >>> 15), 0x01000193);
    }
  }
  return [high, low].map((half) => (half >>> 0).toString(16).padStart(8, '0')).join('');
}
