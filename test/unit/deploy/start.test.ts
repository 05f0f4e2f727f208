import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';

const folder = mkdtempSync(join(tmpdir(), 'goldpinger-start-'));
const program = join(folder, 'goldpinger-ts.cjs');
const cache = join(folder, 'goldpinger-ts.cache');
copyFileSync('deploy/start.cjs', join(folder, 'start.cjs'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const SERVER = `#!/usr/bin/env node
'use strict';
const { basename } = require('node:path');
console.log('started', basename(__filename), basename(process.argv[1]), process.argv.slice(2).join(), 'µ');
`;
const STARTED = 'started goldpinger-ts.cjs goldpinger-ts.cjs --one,--two µ';

/** Compiles what is there, and writes the cache that fits to it. */
const MAKE = `
  const { CACHE, PROGRAM, compile, headerOf } = require('./start.cjs');
  const fs = require('node:fs');
  const source = fs.readFileSync(PROGRAM);
  const data = compile(source).script.createCachedData();
  fs.writeFileSync(CACHE, Buffer.concat([Buffer.from(headerOf(source, data)), data]));
`;
/** Prints what becomes of the cache: unused, refused by V8, or used. */
const TELL = `
  const { PROGRAM, compile, readCache } = require('./start.cjs');
  const source = require('node:fs').readFileSync(PROGRAM);
  const data = readCache(source);
  const { script } = compile(source, data);
  console.log(data === undefined ? 'unused' : script.cachedDataRejected ? 'refused' : 'used');
`;

function node(...args: string[]): string {
  const { stdout, stderr } = spawnSync(process.execPath, args, { cwd: folder, encoding: 'utf8', env: {} });
  return (stdout + stderr).trim();
}

/** Changes one byte of a file. */
function damage(path: string, at: number): void {
  const bytes = readFileSync(path);
  const i = at < 0 ? bytes.length + at : at;
  bytes[i] = (bytes[i] ?? 0) ^ 1;
  writeFileSync(path, bytes);
}

beforeEach(() => {
  writeFileSync(program, SERVER);
  expect(node('-e', MAKE)).toBe('');
});

describe('deploy/start.cjs', () => {
  it.each<[string, string, () => void]>([
    ['used if it fits', 'used', () => {}],
    ['not needed', 'unused', () => rmSync(cache)],
    ['unused if it is empty', 'unused', () => writeFileSync(cache, '')],
    ['unused if it was cut off', 'unused', () => writeFileSync(cache, readFileSync(cache).subarray(0, -10))],
    ['unused if its data are damaged', 'unused', () => damage(cache, -20)],
    ['unused if its first line is damaged', 'unused', () => damage(cache, 16)],
    [
      'unused if it is of another server of the same length',
      'unused',
      () => {
        writeFileSync(program, SERVER.replace("'started'", "'startle'"));
      },
    ],
  ])('starts the server whatever the cache, which is %s', (_name, becomes, change) => {
    change();
    expect(node('-e', TELL)).toBe(becomes);
    expect(node('start.cjs', '--one', '--two')).toBe(
      STARTED.replace('started', /start\w+/.exec(readFileSync(program, 'utf8'))![0]),
    );
  });

  it('starts the server if V8 refuses the cache, because Node runs with other flags', () => {
    expect(node('--optimize-for-size', '-e', TELL)).toBe('refused');
    expect(node('--optimize-for-size', 'start.cjs', '--one', '--two')).toBe(STARTED);
  });

  it('leaves the lines of the server where they are, as a stack trace tells', () => {
    writeFileSync(program, `#!/usr/bin/env node\n\nthrow new Error('line 3');\n`);
    expect(node('start.cjs')).toMatch(/goldpinger-ts\.cjs:3\b[\s\S]*Error: line 3/);
  });
});
