import { X509Certificate } from 'node:crypto';
import { createSecureContext } from 'node:tls';
import { describe, expect, it } from 'vitest';
import { makeServerIdentity } from '../../../../deploy/local/certificate.ts';

describe('the identity of the API server', async () => {
  const identity = await makeServerIdentity(Date.UTC(2026, 5, 1));
  const ca = new X509Certificate(identity.caPem);
  const server = new X509Certificate(identity.certPem);

  it('is signed by its authority, for 127.0.0.1 and localhost', () => {
    expect(server.verify(ca.publicKey)).toBe(true);
    expect(server.checkIssued(ca)).toBe(true);
    expect(server.checkIP('127.0.0.1')).toBe('127.0.0.1');
    expect(server.checkHost('localhost')).toBe('localhost');
    expect(server.checkIP('127.0.0.2')).toBeUndefined();
    expect([ca.ca, server.ca]).toEqual([true, false]);
    expect(() => createSecureContext({ cert: identity.certPem, key: identity.keyPem })).not.toThrow();
  });

  it('is valid for a year and is different each time', async () => {
    expect(new Date(server.validTo).toISOString()).toBe('2027-06-01T00:00:00.000Z');
    const other = new X509Certificate((await makeServerIdentity(Date.UTC(2026, 5, 1))).caPem);
    expect(server.verify(other.publicKey)).toBe(false);
    expect(other.serialNumber).not.toBe(ca.serialNumber);
  });
});
