/*
 * The datagram of the UDP probe, as Goldpinger sends it: big-endian, bytes 0-3 the magic "GPNG", 4-7 the number of the datagram in
 * its cycle, 8-15 a stamp, then zeros. A listener sends it back unchanged. Goldpinger's stamp is the send time in ns since the
 * epoch. Of ours only the upper 32 bits are that time; the lower 32 are random, so that nobody can make up an answer.
 */

/** "GPNG". */
const MAGIC = 0x4750_4e47;

/** The least and the most bytes of a datagram. */
export const MIN_DATAGRAM_BYTES = 16;
export const MAX_DATAGRAM_BYTES = 1500;

/** What a datagram says. */
export interface Datagram {
  /** 0 for the first datagram of a cycle. */
  sequence: number;
  /** Both halves of the stamp, 32 bits each. */
  stampHigh: number;
  stampLow: number;
}

/** The first half of the stamp of a datagram that is sent at `nowMs` (ms since the epoch). */
export function stampHighOf(nowMs: number): number {
  return Math.floor((nowMs * 1e6) / 2 ** 32) >>> 0;
}

/** Writes a datagram of `size` bytes, `MIN_DATAGRAM_BYTES` or more. */
export function writeDatagram({ sequence, stampHigh, stampLow }: Datagram, size: number): Buffer {
  const bytes = Buffer.alloc(size);
  bytes.writeUInt32BE(MAGIC, 0);
  bytes.writeUInt32BE(sequence, 4);
  bytes.writeUInt32BE(stampHigh, 8);
  bytes.writeUInt32BE(stampLow, 12);
  return bytes;
}

/** Whether bytes are a datagram of the UDP probe. */
export function isDatagram(bytes: Buffer): boolean {
  const { length } = bytes;
  return length >= MIN_DATAGRAM_BYTES && length <= MAX_DATAGRAM_BYTES && bytes.readUInt32BE(0) === MAGIC;
}

/** Reads a datagram; null if the bytes are not one. */
export function readDatagram(bytes: Buffer): Datagram | null {
  if (!isDatagram(bytes)) return null;
  return { sequence: bytes.readUInt32BE(4), stampHigh: bytes.readUInt32BE(8), stampLow: bytes.readUInt32BE(12) };
}
