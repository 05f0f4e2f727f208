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
  return exponent === 0 ? mantissa : (mantissa + 4096) * 2 ** (exponent - 1);
}

/** Base64 of the bytes of a typed array (little-endian, as every platform that Node and browsers run on). */
export function toBase64(array: Uint8Array | Uint16Array): string {
  const bytes = new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
  let binary = '';
  for (let i = 0; i < bytes.length; i += 8192) binary += String.fromCharCode(...bytes.subarray(i, i + 8192));
  return btoa(binary);
}

/** The bytes of a base64 text. Throws a RangeError unless it decodes to exactly `length` bytes. */
export function fromBase64(text: string, length: number): Uint8Array {
  if (text.length > Math.ceil(length / 3) * 4) throw new RangeError(`more than ${length} bytes of base64`);
  let binary: string;
  try {
    binary = atob(text);
  } catch {
    throw new RangeError('not base64');
  }
  if (binary.length !== length) throw new RangeError(`${binary.length} bytes of base64 where ${length} belong`);
  const bytes = new Uint8Array(length);
  for (let i = 0; i < length; i++) bytes[i] = binary.charCodeAt(i);
  return bytes;
}
