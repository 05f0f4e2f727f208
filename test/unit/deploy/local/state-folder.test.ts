import { mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { keepWriteToken, keptWriteToken, lockFolder, pruneLogs } from '../../../../deploy/local/state-folder.ts';

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
    expect(statSync(join(logs, '102.log')).isFile()).toBe(true);
    const left = Array.from({ length: 103 }, (_, i) => i).filter((i) =>
      statSync(join(logs, `${i}.log`), { throwIfNoEntry: false }),
    );
    expect(left).toHaveLength(100);
  });
});
