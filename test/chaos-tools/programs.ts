import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { demand } from '../deploy/tools.ts';

const run = promisify(execFile);
const HERE = 'test/chaos-tools';
/** Installed once and kept: an install takes half a minute. */
const FOLDER = resolve('node_modules/.cache/chaos-tools');
const PYTHON = {
  name: 'python3',
  version: ['-c', 'import sys, venv; sys.exit(not (3, 8) <= sys.version_info < (3, 12))'],
  install: 'Python 3.8 to 3.11 with venv, the versions for which PowerfulSeal can be installed',
};

/** Environment in which PowerfulSeal needs no cloud driver. */
export const NO_CLOUD = { PYTHONPATH: resolve(HERE, 'no-cloud') };

/** Installs Chaos Toolkit from PyPI; gives the path of `chaos`. Throws an Error that says how to get Python without it. */
export function chaosToolkit(): Promise<string> {
  return installed('chaostoolkit', 'chaos', []);
}

/** Installs PowerfulSeal 3.1.0, the newest version on PyPI; gives the path of `powerfulseal`. Throws as `chaosToolkit`. */
export function powerfulSeal(): Promise<string> {
  return installed('powerfulseal', 'powerfulseal', ['--no-deps', 'powerfulseal==3.1.0']);
}

async function installed(name: string, program: string, extra: string[]): Promise<string> {
  const folder = join(FOLDER, name);
  const path = join(folder, 'bin', program);
  const isComplete = join(folder, 'complete');
  if (existsSync(isComplete)) return path;
  demand(PYTHON);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(FOLDER, { recursive: true });
  const options = { timeout: 200_000, maxBuffer: 2 ** 26 };
  await run('python3', ['-m', 'venv', folder], options);
  const pip = (...args: string[]) => run('nice', [join(folder, 'bin', 'pip'), 'install', '-q', ...args], options);
  await pip('-r', `${HERE}/${name}.txt`);
  if (extra.length > 0) await pip(...extra);
  writeFileSync(isComplete, '');
  return path;
}
