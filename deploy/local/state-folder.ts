import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Folder of the kubeconfig and the logs unless `--dir` names another one. */
export const DEFAULT_DIR = '.local';
const MAX_LOGS = 100;
const TOKEN_FILE = 'write-token';

/**
 * Locks a folder for one cluster and removes the logs of an earlier one. Returns a function that unlocks it. Throws an
 * Error that names the process if a running cluster uses the folder.
 */
export function lockFolder(dir: string, pid: number): () => void {
  mkdirSync(dir, { recursive: true });
  const path = join(dir, 'lock');
  const holder = readHolder(path);
  if (holder > 0 && isRunning(holder)) {
    throw new Error(
      `another local cluster (process ${holder}) uses ${dir}: stop it, or use another folder and port: ` +
        `--dir ${dir}-2 --port 8081. If no cluster is running, remove ${path}`,
    );
  }
  rmSync(path, { force: true });
  // `wx` fails if another cluster has just created the file.
  writeFileSync(path, `${pid}\n`, { flag: 'wx' });
  rmSync(join(dir, 'pods'), { recursive: true, force: true });
  rmSync(join(dir, 'accounts'), { recursive: true, force: true });
  return () => rmSync(path, { force: true });
}

/** Writes the pods' WRITE_TOKEN to a file for `npm run local`. Only this user may read it. Returns the path. */
export function keepWriteToken(dir: string, token: string): string {
  const path = join(dir, TOKEN_FILE);
  // `mode` applies only to new files, and others may be allowed to read an old one.
  rmSync(path, { force: true });
  writeFileSync(path, `${token}\n`, { mode: 0o600 });
  return path;
}

/** Reads the token of `keepWriteToken`; '' if there is none. */
export function keptWriteToken(dir: string): string {
  try {
    return readFileSync(join(dir, TOKEN_FILE), 'utf8').trim();
  } catch {
    return '';
  }
}

/** Removes all but the newest MAX_LOGS logs of a folder, because a running cluster keeps making new ones. */
export function pruneLogs(folder: string): void {
  const names = readdirSync(folder);
  if (names.length <= MAX_LOGS) return;
  const byAge = names
    .map((name) => ({ path: join(folder, name), atMs: statSync(join(folder, name)).mtimeMs }))
    .sort((a, b) => a.atMs - b.atMs);
  for (const { path } of byAge.slice(0, names.length - MAX_LOGS)) rmSync(path, { force: true });
}

function readHolder(path: string): number {
  try {
    return Number.parseInt(readFileSync(path, 'utf8'), 10) || 0;
  } catch {
    return 0;
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
