import { execFile } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';

const VERSION = 'v3.10.2';
const PACKAGE = `github.com/bloomberg/goldpinger/v3/cmd/goldpinger@${VERSION}`;
/** Goldpinger is built once and kept here. */
const FOLDER = `node_modules/.cache/goldpinger/${VERSION}`;
const BUILD_TIMEOUT_MS = 580_000;

/** The real Goldpinger, or why there is none. */
export type FoundGoldpinger = { path: string } | { path: null; why: string };

/** Runs `go` with these arguments. Rejects with its error if it fails or is missing. */
export type Go = (args: readonly string[], env: Record<string, string>) => Promise<unknown>;

/**
 * Finds the program of the real Goldpinger: the path in `given` (GOLDPINGER_BIN), or one that was built before, or one
 * that Go builds now in `folder`. Never rejects: without it the bench measures ours alone, and says why; the tests with Goldpinger fail.
 */
export async function findGoldpinger(given: string, folder = FOLDER, go: Go = runGo): Promise<FoundGoldpinger> {
  if (given !== '') {
    return existsSync(given) ? { path: given } : { path: null, why: `GOLDPINGER_BIN=${given} does not exist` };
  }
  const path = join(folder, 'goldpinger');
  if (existsSync(path)) return { path };
  try {
    mkdirSync(folder, { recursive: true });
    // GOBIN must be an absolute path.
    await go(['install', PACKAGE], { GOBIN: join(process.cwd(), folder) });
  } catch (error) {
    return { path: null, why: `go install ${PACKAGE}: ${reasonOf(error)}` };
  }
  return existsSync(path) ? { path } : { path: null, why: `go install ${PACKAGE} made no program` };
}

/** Why Go has failed, in one line: it says that last. */
function reasonOf(error: unknown): string {
  const { code, stderr } = error as { code?: unknown; stderr?: unknown };
  if (code === 'ENOENT') return 'Go is not installed';
  const lines = String(stderr ?? error)
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
  return (lines.at(-1) ?? '').slice(0, 300);
}

const runGo: Go = (args, env) => {
  return new Promise((resolve, reject) => {
    const options = { env: { ...process.env, ...env }, timeout: BUILD_TIMEOUT_MS };
    execFile('go', args, options, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else reject(Object.assign(error, { stderr }));
    });
  });
};
