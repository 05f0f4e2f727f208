import { createHash, createPrivateKey, createPublicKey, generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import {
  derBits,
  derInteger,
  derOctets,
  derOid,
  derSequence,
  derSet,
  derText,
  derTime,
  derTrue,
  derValue,
} from './der.ts';

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
