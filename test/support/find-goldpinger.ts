import { execFile } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';

const VERSION = 'v3.10.2';
const PACKAGE = `github.com/bloomberg/goldpinger/v3/cmd/goldpinger@${VERSION}`;
/** Goldpinger is built once and kept here. */
const FOLDER = `node_modules/.cache/goldpinger/${VERSION}`;
const BUILD_TIMEOUT_MS = 580_000;

/**
 * Gives the path of the real Goldpinger: `given` (GOLDPINGER_BIN), or one that was built before, or one that Go builds now here.
 * Rejects with an Error that says why there is none: the bench measures ours alone then, and the tests with Goldpinger
 * fail.
 */
export async function findGoldpinger(given: string): Promise<string> {
  if (given !== '' && !existsSync(given)) throw new Error(`GOLDPINGER_BIN=${given} does not exist`);
  if (given !== '') return given;
  const path = join(FOLDER, 'goldpinger');
  if (existsSync(path)) return path;
  mkdirSync(FOLDER, { recursive: true });
  try {
    // GOBIN must be an absolute path.
    const env = { ...process.env, GOBIN: resolve(FOLDER) };
    await promisify(execFile)('go', ['install', PACKAGE], { env, timeout: BUILD_TIMEOUT_MS });
  } catch (error) {
    throw new Error(`go install ${PACKAGE}: ${reasonOf(error)}`, { cause: error });
  }
  return path;
}

/** Why Go has failed, in one line: it says that last. */
function reasonOf(error: unknown): string {
  const { code, stderr } = error as { code?: unknown; stderr?: unknown };
  if (code === 'ENOENT') return 'Go is not installed';
  const lines = String(stderr ?? error)
    .split('\n')
    .filter((line) => line.trim() !== '');
  return (lines.at(-1) ?? '').trim().slice(0, 300);
}
