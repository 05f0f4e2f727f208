import 'reflect-metadata'; // @peculiar/x509 needs this polyfill, loaded before it.
import {
  AuthorityKeyIdentifierExtension,
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509CertificateGenerator,
} from '@peculiar/x509';

/** What the API server needs to speak TLS, and what its clients need to trust it; all PEM. */
export interface ServerIdentity {
  /** The certificate authority that clients must trust. Its private key is not kept, so it can sign nothing else. */
  caPem: string;
  certPem: string;
  keyPem: string;
}

const DAY_MS = 86_400_000;
const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };

/**
 * Makes a certificate authority and a server certificate for 127.0.0.1 and localhost, valid for one year from `nowMs`
 * (ms since the epoch). kubectl sends its token only over TLS, so the local API needs one. The key identifier and usage
 * extensions are those that strict verifiers (Python 3.13, OpenSSL's x509_strict) demand according to RFC 5280.
 */
export async function makeServerIdentity(nowMs: number): Promise<ServerIdentity> {
  const caKeys = await newKeys();
  const serverKeys = await newKeys();
  const issuer = 'CN=goldpinger local cluster';
  const validity = { notBefore: new Date(nowMs - DAY_MS), notAfter: new Date(nowMs + 365 * DAY_MS) };
  const authorityKeyId = await AuthorityKeyIdentifierExtension.create(caKeys.publicKey);
  const ca = await X509CertificateGenerator.createSelfSigned({
    ...validity,
    name: issuer,
    keys: caKeys,
    signingAlgorithm: ALGORITHM,
    extensions: [
      new BasicConstraintsExtension(true, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign, true),
      await SubjectKeyIdentifierExtension.create(caKeys.publicKey),
      authorityKeyId,
    ],
  });
  const server = await X509CertificateGenerator.create({
    ...validity,
    subject: 'CN=localhost',
    issuer,
    publicKey: serverKeys.publicKey,
    signingKey: caKeys.privateKey,
    signingAlgorithm: ALGORITHM,
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
      new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth]),
      new SubjectAlternativeNameExtension([
        { type: 'ip', value: '127.0.0.1' },
        { type: 'dns', value: 'localhost' },
      ]),
      await SubjectKeyIdentifierExtension.create(serverKeys.publicKey),
      authorityKeyId,
    ],
  });
  const key = await crypto.subtle.exportKey('pkcs8', serverKeys.privateKey);
  const keyPem = `-----BEGIN PRIVATE KEY-----\n${Buffer.from(key).toString('base64')}\n-----END PRIVATE KEY-----\n`;
  return { caPem: ca.toString('pem'), certPem: server.toString('pem'), keyPem };
}

async function newKeys(): Promise<CryptoKeyPair> {
  return (await crypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify'])) as CryptoKeyPair;
}
