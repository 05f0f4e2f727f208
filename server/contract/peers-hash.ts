import type { PeerRef } from './row.ts';

/**
 * Fingerprint of a table of peers in the order of the table: 16 hexadecimal digits, the same in every process that knows
 * the same uids and IPs. Two 32-bit FNV-1a hashes from different beginnings; an accident needs 2^32 lists of peers.
 */
export function peersHashOf(peers: readonly PeerRef[]): string {
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
