import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import {
  keepWriteToken,
  keptWriteToken,
  lockFolder,
  pruneLogs,
  readKubeconfig,
  writeKubeconfig,
} from '../../../../deploy/local/state-folder.ts';

const folder = mkdtempSync(join(tmpdir(), 'goldpinger-credentials-'));
afterAll(() => rmSync(folder, { recursive: true }));

describe('the folder of a cluster', () => {
  it('is locked by one process at a time, and free when that process has ended', () => {
    const dir = join(folder, 'state');
    const unlock = lockFolder(dir, process.pid);
    expect(() => lockFolder(dir, 1)).toThrow(`another local cluster (process ${process.pid}) uses`);
    unlock();
    // No process has an id like this: Linux ends at 2^22.
    lockFolder(dir, 2 ** 30);
    lockFolder(dir, process.pid)();
  });

  it('keeps the write token, readable only by its owner', () => {
    const dir = mkdtempSync(join(folder, 'token-'));
    expect(keptWriteToken(dir)).toBe('');
    writeFileSync(join(dir, 'write-token'), 'old', { mode: 0o644 });
    const release = lockFolder(dir, process.pid);
    keepWriteToken(dir, 'new');
    expect([keptWriteToken(dir), statSync(join(dir, 'write-token')).mode & 0o077]).toEqual(['new', 0]);
    release();
    expect(readdirSync(dir)).toEqual([]);
  });

  it('keeps the newest hundred logs', () => {
    const logs = mkdtempSync(join(folder, 'logs-'));
    for (let i = 0; i < 103; i++) writeFileSync(join(logs, `${i}.log`), '');
    pruneLogs(logs);
    expect(readdirSync(logs)).toHaveLength(100);
    expect(readdirSync(logs)).toContain('102.log');
  });
});

describe('a kubeconfig', () => {
  it('is read as it was written, and readable only by its owner', () => {
    const path = join(folder, 'deep/er/kubeconfig');
    // YAML would read this token as a number.
    const access = { url: 'https://127.0.0.1:40000', token: '0123', caPem: 'a certificate\n' };
    writeKubeconfig(path, access, 'admin', 'default');
    expect(readKubeconfig(path)).toEqual(access);
    expect(statSync(path).mode & 0o077).toBe(0);
  });

  it('of another cluster is rejected', () => {
    const path = join(folder, 'other');
    writeFileSync(path, 'apiVersion: v1\nkind: Config\nclusters:\n- cluster:\n    server: https://example.org\n');
    expect(() => readKubeconfig(path)).toThrow('is not the kubeconfig of a local cluster');
  });
});
