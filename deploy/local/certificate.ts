import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, randomBytes, sign } from 'node:crypto';

/**
 * The few ASN.1 types that an X.509 certificate is made of, in DER (ITU-T X.690). Each function gives one whole
 * encoded value: tag, length, content.
 */

/** A value with any tag: the building block of the others. */
function derValue(tag: number, ...parts: Uint8Array[]): Buffer {
  const content = Buffer.concat(parts);
  return Buffer.concat([Buffer.from([tag]), derLength(content.length), content]);
}

/** SEQUENCE of already encoded values. */
function derSequence(...parts: Uint8Array[]): Buffer {
  return derValue(0x30, ...parts);
}

/** SET with one already encoded value. */
function derSet(part: Uint8Array): Buffer {
  return derValue(0x31, part);
}

/** A positive INTEGER, given by its big-endian bytes. */
export function derInteger(bytes: Uint8Array): Buffer {
  const first = bytes[0] ?? 0;
  return first >= 0x80 ? derValue(0x02, Buffer.from([0]), bytes) : derValue(0x02, bytes);
}

/** BOOLEAN true; DER leaves false out wherever it is the default. */
function derTrue(): Buffer {
  return derValue(0x01, Buffer.from([0xff]));
}

/** OCTET STRING. */
export function derOctets(bytes: Uint8Array): Buffer {
  return derValue(0x04, bytes);
}

/** BIT STRING whose last byte has `unusedBits` bits of no meaning. */
function derBits(bytes: Uint8Array, unusedBits = 0): Buffer {
  return derValue(0x03, Buffer.from([unusedBits]), bytes);
}

/** UTF8String. */
function derText(text: string): Buffer {
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

/** What the API server needs to speak TLS, and what its clients need to trust it; all PEM. */
export interface ServerIdentity {
  /** The authority that clients are to trust; its key is thrown away at once, so it can sign nothing else. */
  caPem: string;
  certPem: string;
  keyPem: string;
}

const DAY_MS = 86_400_000;
const ECDSA_WITH_SHA256 = '1.2.840.10045.4.3.2';

/**
 * Makes an authority and a certificate for 127.0.0.1 and localhost, valid for a year. kubectl sends its token only over
 * TLS (client-go reads the user's credentials "only if we are secure"), and Node can sign but not make a certificate.
 * The extensions are those that strict verifiers (Python 3.13, OpenSSL's x509_strict) ask for by RFC 5280.
 */
export function makeServerIdentity(nowMs: number): ServerIdentity {
  const ca = newKey();
  const server = newKey();
  const certify = (name: string, of: typeof ca, extensions: Buffer[]) =>
    certificate({ name, issuer: 'goldpinger local cluster', spki: of.spki, signKeyPem: ca.keyPem, nowMs, extensions });
  const authorityKeyId = extension('2.5.29.35', derSequence(derValue(0x80, keyId(ca.spki))));
  const caCert = certify('goldpinger local cluster', ca, [
    extension('2.5.29.19', derSequence(derTrue()), true),
    extension('2.5.29.15', derBits(Buffer.from([0x06]), 1), true), // keyCertSign, cRLSign
    extension('2.5.29.14', derOctets(keyId(ca.spki))),
    authorityKeyId,
  ]);
  const serverCert = certify('localhost', server, [
    extension('2.5.29.19', derSequence(), true),
    extension('2.5.29.15', derBits(Buffer.from([0x80]), 7), true), // digitalSignature
    extension('2.5.29.37', derSequence(derOid('1.3.6.1.5.5.7.3.1'))), // serverAuth
    extension(
      '2.5.29.17',
      derSequence(derValue(0x87, Buffer.from([127, 0, 0, 1])), derValue(0x82, Buffer.from('localhost'))),
    ),
    extension('2.5.29.14', derOctets(keyId(server.spki))),
    authorityKeyId,
  ]);
  return { caPem: pem(caCert), certPem: pem(serverCert), keyPem: server.keyPem };
}

interface CertificateParts {
  name: string;
  issuer: string;
  spki: Buffer;
  signKeyPem: string;
  nowMs: number;
  extensions: Buffer[];
}

function certificate(parts: CertificateParts): Buffer {
  const algorithm = derSequence(derOid(ECDSA_WITH_SHA256));
  const serial = randomBytes(16);
  serial[0] = ((serial[0] ?? 0) & 0x7f) | 0x40;
  const body = derSequence(
    derValue(0xa0, derInteger(Buffer.from([2]))), // version 3
    derInteger(serial),
    algorithm,
    commonName(parts.issuer),
    derSequence(derTime(parts.nowMs - DAY_MS), derTime(parts.nowMs + 365 * DAY_MS)),
    commonName(parts.name),
    parts.spki,
    derValue(0xa3, derSequence(...parts.extensions)),
  );
  return derSequence(body, algorithm, derBits(sign('sha256', body, createPrivateKey(parts.signKeyPem))));
}

function newKey(): { keyPem: string; spki: Buffer } {
  const { privateKey, publicKey } = generateKeyPairSync('ec', {
    namedCurve: 'P-256',
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  });
  return { keyPem: privateKey, spki: createPublicKey(publicKey).export({ type: 'spki', format: 'der' }) };
}

/** RFC 5280, 4.2.1.2: any value that names the key will do; a hash of the whole key info is one. */
function keyId(spki: Buffer): Buffer {
  return createHash('sha1').update(spki).digest();
}

function commonName(name: string): Buffer {
  return derSequence(derSet(derSequence(derOid('2.5.4.3'), derText(name))));
}

function extension(oid: string, value: Buffer, critical = false): Buffer {
  return critical ? derSequence(derOid(oid), derTrue(), derOctets(value)) : derSequence(derOid(oid), derOctets(value));
}

function pem(der: Buffer): string {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}
