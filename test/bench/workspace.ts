import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LOOP_WATCH } from './loop-watch.ts';

/** A folder for the files that the server is started with. */
export interface Workspace {
  loopWatchPath: string;
  /** Writes a kubeconfig for that API server; gives its path. */
  kubeconfig(apiUrl: string): Promise<string>;
  remove(): Promise<void>;
}

/** Makes the folder below the system's temporary one. */
export async function createWorkspace(): Promise<Workspace> {
  const folder = await mkdtemp(join(tmpdir(), 'goldpinger-bench-'));
  const loopWatchPath = join(folder, 'loop-watch.cjs');
  await writeFile(loopWatchPath, LOOP_WATCH);
  return {
    loopWatchPath,
    async kubeconfig(apiUrl) {
      const path = join(folder, 'kubeconfig.json');
      await writeFile(
        path,
        JSON.stringify({
          apiVersion: 'v1',
          kind: 'Config',
          clusters: [{ name: 'bench', cluster: { server: apiUrl } }],
          users: [{ name: 'bench', user: { token: 'bench' } }],
          contexts: [{ name: 'bench', context: { cluster: 'bench', user: 'bench', namespace: 'default' } }],
          'current-context': 'bench',
        }),
      );
      return path;
    },
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}
