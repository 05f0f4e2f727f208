import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { readKubeconfig, writeKubeconfig } from '../../../../deploy/local/state-folder.ts';

const folder = mkdtempSync(join(tmpdir(), 'goldpinger-credentials-'));
afterAll(() => rmSync(folder, { recursive: true }));

describe('a kubeconfig', () => {
  it('is read as it was written, and readable only by its owner', () => {
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

  it('of another cluster is rejected', () => {
    const path = join(folder, 'other');
    writeFileSync(path, 'apiVersion: v1\nkind: Config\nclusters:\n- cluster:\n    server: https://example.org\n');
    expect(() => readKubeconfig(path)).toThrow('is not the kubeconfig of a local cluster');
  });
});
