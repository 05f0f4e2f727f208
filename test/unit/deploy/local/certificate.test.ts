import { X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import { expect, it } from 'vitest';
import { makeServerIdentity } from '../../../../deploy/local/certificate.ts';

it('the certificate of the API server is its own authority, for 127.0.0.1 and localhost, for a year, and another one each time', async () => {
  const { certPem, keyPem } = await makeServerIdentity(Date.UTC(2026, 5, 1));
  const server = new X509Certificate(certPem);
  expect([server.ca, server.checkIssued(server), server.verify(server.publicKey)]).toEqual([true, true, true]);
  expect(server.checkIP('127.0.0.1')).toBe('127.0.0.1');
  expect(server.checkHost('localhost')).toBe('localhost');
  expect(server.checkIP('127.0.0.2')).toBeUndefined();
  expect(new Date(server.validTo).toISOString()).toBe('2027-06-01T00:00:00.000Z');
  expect(() => createSecureContext({ cert: certPem, key: keyPem })).not.toThrow();
  const other = new X509Certificate((await makeServerIdentity(Date.UTC(2026, 5, 1))).certPem);
  expect(server.verify(other.publicKey)).toBe(false);
});
