/**
 * The few ASN.1 types that an X.509 certificate is made of, in DER (ITU-T X.690). Each function gives one whole
 * encoded value: tag, length, content.
 */

/** A value with any tag: the building block of the others. */
export function derValue(tag: number, ...parts: Uint8Array[]): Buffer {
  const content = Buffer.concat(parts);
  return Buffer.concat([Buffer.from([tag]), derLength(content.length), content]);
}

/** SEQUENCE of already encoded values. */
export function derSequence(...parts: Uint8Array[]): Buffer {
  return derValue(0x30, ...parts);
}

/** SET with one already encoded value. */
export function derSet(part: Uint8Array): Buffer {
  return derValue(0x31, part);
}

/** A positive INTEGER, given by its big-endian bytes. */
export function derInteger(bytes: Uint8Array): Buffer {
  const first = bytes[0] ?? 0;
  return first >= 0x80 ? derValue(0x02, Buffer.from([0]), bytes) : derValue(0x02, bytes);
}

/** BOOLEAN true; DER leaves false out wherever it is the default. */
export function derTrue(): Buffer {
  return derValue(0x01, Buffer.from([0xff]));
}

/** OCTET STRING. */
export function derOctets(bytes: Uint8Array): Buffer {
  return derValue(0x04, bytes);
}

/** BIT STRING whose last byte has `unusedBits` bits of no meaning. */
export function derBits(bytes: Uint8Array, unusedBits = 0): Buffer {
  return derValue(0x03, Buffer.from([unusedBits]), bytes);
}

/** UTF8String. */
export function derText(text: string): Buffer {
  return derValue(0x0c, Buffer.from(text, 'utf8'));
}

/** UTCTime, to the second; right for the years 1950 to 2049 (RFC 5280, 4.1.2.5.1). */
export function derTime(atMs: number): Buffer {
  const digits = new Date(atMs).toISOString().replace(/\D/g, '').slice(2, 14);
  return derValue(0x17, Buffer.from(`${digits}Z`, 'ascii'));
}

/** OBJECT IDENTIFIER in dotted notation. */
export function derOid(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  const bytes = [first * 40 + second];
  for (const arc of rest) {
    const groups = [arc & 0x7f];
    for (let left = arc >>> 7; left > 0; left >>>= 7) groups.unshift((left & 0x7f) | 0x80);
    bytes.push(...groups);
  }
  return derValue(0x06, Buffer.from(bytes));
}

function derLength(length: number): Buffer {
  if (length < 0x80) return Buffer.from([length]);
  const bytes: number[] = [];
  for (let left = length; left > 0; left >>>= 8) bytes.unshift(left & 0xff);
  return Buffer.from([0x80 | bytes.length, ...bytes]);
}
