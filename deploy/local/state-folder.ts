import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parse, stringify } from 'yaml';
import * as v from '../../server/protocol/validators.ts';

/** Folder of the kubeconfig and the logs unless `--dir` names another one. */
export const DEFAULT_DIR = '.local';
/** The most logs that are kept. Each container of a pod that has gone leaves one behind. */
const MAX_LOGS = 100;
/** The file with the pods' WRITE_TOKEN. */
const TOKEN_FILE = 'write-token';
/** What the folder has only while its cluster runs. */
const WHILE_RUNNING = ['kubeconfig', TOKEN_FILE, 'accounts', 'lock'];

/**
 * Locks a folder for one cluster and removes what an earlier one left there. Returns a function that unlocks it and removes
 * all but the logs. Throws an Error that names the process if a running cluster uses the folder.
 */
export function lockFolder(dir: string, pid: number): () => void {
  mkdirSync(dir, { recursive: true });
  const path = join(dir, 'lock');
  const holder = Number.parseInt(textIn(path), 10) || 0;
  if (holder > 0 && isRunning(holder)) {
    throw new Error(
      `another local cluster (process ${holder}) uses ${dir}: stop it, or use another folder and port: ` +
        `--dir ${dir}-2 --port 8081. If no cluster is running, remove ${path}`,
    );
  }
  const clean = () => {
    for (const name of WHILE_RUNNING) rmSync(join(dir, name), { recursive: true, force: true });
  };
  clean();
  // `wx` fails if another cluster has just created the file.
  writeFileSync(path, `${pid}\n`, { flag: 'wx' });
  rmSync(join(dir, 'pods'), { recursive: true, force: true });
  return clean;
}

/** Writes the pods' WRITE_TOKEN to a file for `npm run local`. Only this user may read it. */
export function keepWriteToken(dir: string, token: string): void {
  writeFileSync(join(dir, TOKEN_FILE), `${token}\n`, { mode: 0o600, flag: 'wx' });
}

/** Reads the token of `keepWriteToken`; '' if there is none. */
export function keptWriteToken(dir: string): string {
  return textIn(join(dir, TOKEN_FILE));
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

function textIn(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return '';
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

/** How a client reaches the API of the cluster: URL, bearer token, and the certificate authority to trust (PEM). */
export interface ApiAccess {
  url: string;
  token: string;
  caPem: string;
}

/** The parts of `writeKubeconfig` that are read again. */
const KUBECONFIG = v.object({
  clusters: v.tuple([
    v.object({
      cluster: v.object({ server: v.string(), 'certificate-authority-data': v.pipe(v.string(), v.base64()) }),
    }),
  ]),
  users: v.tuple([v.object({ user: v.object({ token: v.string() }) })]),
});

/** Writes a kubeconfig for kubectl and client libraries. Only its owner may read it. */
export function writeKubeconfig(path: string, access: ApiAccess, user: string, namespace: string): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const name = 'goldpinger-local';
  const caData = Buffer.from(access.caPem).toString('base64');
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name, cluster: { server: access.url, 'certificate-authority-data': caData } }],
    users: [{ name: user, user: { token: access.token } }],
    contexts: [{ name, context: { cluster: name, user, namespace } }],
    'current-context': name,
  };
  writeFileSync(path, stringify(config, { lineWidth: 0 }), { mode: 0o600 });
}

/** Reads the kubeconfig of a local cluster. Throws an Error if the file cannot be read or has other contents. */
export function readKubeconfig(path: string): ApiAccess {
  const config: unknown = parse(readFileSync(path, 'utf8'));
  if (!v.is(KUBECONFIG, config)) throw new Error(`${path} is not the kubeconfig of a local cluster`);
  const { server: url, 'certificate-authority-data': caData } = config.clusters[0].cluster;
  return { url, token: config.users[0].user.token, caPem: Buffer.from(caData, 'base64').toString() };
}
