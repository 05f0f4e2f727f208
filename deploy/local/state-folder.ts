import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const MAX_LOGS = 100;
const TOKEN_FILE = 'write-token';

/**
 * Takes a folder for one cluster: a second one that wants the same folder is told who has it. Gives a function that
 * gives it back. Logs of an earlier cluster are removed. Throws an Error that says what is in the way.
 */
export function lockFolder(dir: string, pid: number): () => void {
  mkdirSync(dir, { recursive: true });
  const path = join(dir, 'lock');
  const holder = readHolder(path);
  if (holder > 0 && isRunning(holder)) {
    throw new Error(
      `another local cluster (process ${holder}) uses ${dir}: end it, or take another folder and port: ` +
        `--dir ${dir}-2 --port 8081. If no cluster runs, remove ${path}`,
    );
  }
  rmSync(path, { force: true });
  // `wx` fails if another start has come between.
  writeFileSync(path, `${pid}\n`, { flag: 'wx' });
  rmSync(join(dir, 'pods'), { recursive: true, force: true });
  rmSync(join(dir, 'accounts'), { recursive: true, force: true });
  return () => rmSync(path, { force: true });
}

/** Keeps the token that pods take for writing where `npm run local` finds it, for this user alone. */
export function keepWriteToken(dir: string, token: string): string {
  const path = join(dir, TOKEN_FILE);
  // A file of an earlier cluster may be for others to read: `mode` counts for new ones only.
  rmSync(path, { force: true });
  writeFileSync(path, `${token}\n`, { mode: 0o600 });
  return path;
}

/** The token that `keepWriteToken` kept; '' if there is none. */
export function keptWriteToken(dir: string): string {
  try {
    return readFileSync(join(dir, TOKEN_FILE), 'utf8').trim();
  } catch {
    return '';
  }
}

/** Removes the oldest logs of a folder beyond the newest 100: pods come and go for as long as the cluster runs. */
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
