/**
 * A duration in 16 bits: a 4-bit exponent over a 12-bit mantissa, as a float without sign. Whole numbers below 8192 are
 * exact, beyond them the error is at most 1 in 8192 (0.012 %), the largest is 8190 * 2^14 (134 s in us, 37 h in ms).
 * That keeps a matrix of 1000 pods at 14 bytes a link, and is finer than any clock we read.
 */

/** "There is no such figure": not connected, never probed. */
export const NONE16 = 0xffff;

/** The largest duration that fits, in the unit it was packed in. */
export const MAX16 = 8190 * 2 ** 14;

/** Packs a duration (any unit, >= 0); negative or not a number gives `NONE16`, too large gives the largest. */
export function pack16(duration: number): number {
  if (!(duration >= 0)) return NONE16;
  const whole = Math.round(Math.min(duration, MAX16));
  if (whole < 4096) return whole;
  let exponent = Math.max(1, 20 - Math.clz32(whole));
  let mantissa = Math.round(whole / 2 ** (exponent - 1));
  if (mantissa > 8191) {
    exponent += 1;
    mantissa = 4096;
  }
  const packed = (exponent << 12) | (mantissa - 4096);
  return packed >= NONE16 ? NONE16 - 1 : packed;
}

/** Gives back what `pack16` packed; -1 for `NONE16`. */
export function unpack16(packed: number): number {
  if (packed === NONE16) return -1;
  const exponent = packed >> 12;
  const mantissa = packed & 0xfff;
  // A shift: the largest has 27 bits, and a power takes ten times as long.
  return exponent === 0 ? mantissa : (mantissa + 4096) << (exponent - 1);
}

/** What newer browsers have; TypeScript does not know it yet. */
interface Base64Bytes {
  setFromBase64?(text: string): { read: number; written: number };
}

/** Base64 of the bytes of a typed array (little-endian, as every platform that Node and browsers run on). */
export function toBase64(array: Uint8Array | Uint16Array): string {
  const { buffer, byteOffset, byteLength } = array;
  // Node's own way takes a tenth of the time, and a matrix of 1000 pods is 10 000 columns.
  if (typeof Buffer === 'function') return Buffer.from(buffer, byteOffset, byteLength).toString('base64');
  const bytes = new Uint8Array(buffer, byteOffset, byteLength);
  let binary = '';
  for (let i = 0; i < bytes.length; i += 8192) binary += String.fromCharCode(...bytes.subarray(i, i + 8192));
  return btoa(binary);
}

/** Writes the bytes of a base64 text into `bytes`. Throws a RangeError unless it decodes to exactly as many. */
export function readBase64(text: string, bytes: Uint8Array): void {
  const quads = Math.ceil(bytes.length / 3);
  const missing = quads * 3 - bytes.length;
  const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0;
  if (text.length !== quads * 4 || padding !== missing || decodeInto(text, bytes) !== bytes.length) {
    throw new RangeError(`${text.length} characters that are not ${bytes.length} bytes in base64`);
  }
}

/** Decodes by the fastest way there is; gives how many bytes there were, -1 where it is not base64. */
function decodeInto(text: string, bytes: Uint8Array & Base64Bytes): number {
  try {
    if (bytes.setFromBase64 !== undefined) {
      const { read, written } = bytes.setFromBase64(text);
      return read === text.length ? written : -1;
    }
    // Skips what is no base64, and so comes to fewer bytes.
    if (typeof Buffer === 'function') {
      return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).write(text, 'base64');
    }
    const binary = atob(text);
    for (let i = 0; i < bytes.length; i++) bytes[i] = binary.charCodeAt(i);
    return binary.length;
  } catch {
    return -1;
  }
}
