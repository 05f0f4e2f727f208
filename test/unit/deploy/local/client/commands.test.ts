import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { runCommand } from '../../../../../deploy/local/client/commands.ts';
import { writeKubeconfig } from '../../../../../deploy/local/state-folder.ts';

const dir = mkdtempSync(join(tmpdir(), 'goldpinger-commands-'));
afterAll(() => rmSync(dir, { recursive: true }));

it.each(['delete pod/a/b', 'delete pod/', 'delete pod/a pod/b/c', 'get pod/a/b', 'scale deployment/a/b 5'])(
  '%s is refused before anything is done',
  async (line) => {
    writeKubeconfig(join(dir, 'kubeconfig'), { url: 'https://127.0.0.1:1', token: '', caPem: '' }, 'user', 'default');
    const command = runCommand([...line.split(' '), '--dir', dir], { print: () => {}, onStop: () => {} });
    await expect(command).rejects.toThrow('must be KIND/NAME');
  },
);
