import { X509Certificate } from 'node:crypto';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSecureContext } from 'node:tls';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { makeServerIdentity } from '../../../../deploy/local/certificate.ts';
import { readKubeconfig, writeKubeconfig } from '../../../../deploy/local/kubeconfig.ts';
import { keepWriteToken, keptWriteToken, lockFolder, pruneLogs } from '../../../../deploy/local/state-folder.ts';

const folder = mkdtempSync(join(tmpdir(), 'goldpinger-credentials-'));
afterAll(() => rmSync(folder, { recursive: true }));

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

  it('is valid for a year, and another one each time', async () => {
    expect(new Date(server.validTo).toISOString()).toBe('2027-06-01T00:00:00.000Z');
    const other = new X509Certificate((await makeServerIdentity(Date.UTC(2026, 5, 1))).caPem);
    expect(server.verify(other.publicKey)).toBe(false);
    expect(other.serialNumber).not.toBe(ca.serialNumber);
  });
});

describe('a kubeconfig', () => {
  it('gives back what was written, and is for its owner alone', () => {
    const path = join(folder, 'deep/er/kubeconfig');
    const word = fc.stringMatching(/^[A-Za-z0-9_-]{1,40}$/);
    fc.assert(
      fc.property(word, fc.string(), (token, caPem) => {
        const access = { url: 'https://127.0.0.1:40000', token, caPem: `${caPem}x` };
        writeKubeconfig(path, access, 'admin', 'default');
        expect(readKubeconfig(path)).toEqual({ ...access, caPem: Buffer.from(access.caPem).toString() });
      }),
      { numRuns: 20 },
    );
    expect(statSync(path).mode & 0o077).toBe(0);
  });

  it('of another cluster is refused', () => {
    const path = join(folder, 'other');
    writeFileSync(path, 'apiVersion: v1\nkind: Config\nclusters:\n- cluster:\n    server: https://example.org\n');
    expect(() => readKubeconfig(path)).toThrow('is not the kubeconfig of a local cluster');
  });
});

describe('the folder of a cluster', () => {
  it('belongs to one process at a time, and to nobody once that has gone', () => {
    const dir = join(folder, 'state');
    const unlock = lockFolder(dir, process.pid);
    expect(() => lockFolder(dir, 1)).toThrow(`another local cluster (process ${process.pid}) uses`);
    unlock();
    // No process has an id like this: Linux ends at 2^22.
    lockFolder(dir, 2 ** 30);
    lockFolder(dir, process.pid)();
  });

  it('keeps the token for writing, for its owner alone', () => {
    const dir = mkdtempSync(join(folder, 'token-'));
    expect(keptWriteToken(dir)).toBe('');
    writeFileSync(join(dir, 'write-token'), 'old', { mode: 0o644 });
    const path = keepWriteToken(dir, 'new');
    expect([keptWriteToken(dir), statSync(path).mode & 0o077]).toEqual(['new', 0]);
  });

  it('keeps the newest hundred logs', () => {
    const logs = mkdtempSync(join(folder, 'logs-'));
    for (let i = 0; i < 103; i++) writeFileSync(join(logs, `${i}.log`), '');
    pruneLogs(logs);
    expect(statSync(join(logs, '102.log')).isFile()).toBe(true);
    const left = Array.from({ length: 103 }, (_, i) => i).filter((i) =>
      statSync(join(logs, `${i}.log`), { throwIfNoEntry: false }),
    );
    expect(left).toHaveLength(100);
  });
});
