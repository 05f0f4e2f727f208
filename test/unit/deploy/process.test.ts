import { execFileSync } from 'node:child_process';
import { chmodSync, cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import PROCESS from '../../../deploy/process.json';

const folder = mkdtempSync(join(tmpdir(), 'goldpinger-process-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('a server that runs with the flags and variables of deploy/process.json', () => {
  it('is that of the image', () => {
    const dockerfile = readFileSync('deploy/Dockerfile', 'utf8');
    const [, entrypoint = ''] = /^ENTRYPOINT (.*)$/m.exec(dockerfile) ?? [];
    expect(JSON.parse(entrypoint).slice(1, -1)).toEqual(PROCESS.nodeFlags);
    for (const [name, value] of Object.entries(PROCESS.env)) expect(dockerfile).toContain(`    ${name}=${value}`);
  });

  it('is that of the npm command, which is linked from another folder and gets its arguments as they are', () => {
    const started = `module.exports.start = () => console.log(JSON.stringify({
      env: process.env, flags: process.execArgv, args: process.argv.slice(2) }));`;
    for (const name of ['deploy', 'dist', 'bin']) mkdirSync(join(folder, name));
    const command = join(folder, 'deploy/command.cjs');
    cpSync('deploy/command.cjs', command);
    chmodSync(command, 0o755);
    writeFileSync(join(folder, 'dist/start.cjs'), started);
    symlinkSync(command, join(folder, 'bin/goldpinger-ts'));
    const env = { PATH: process.env['PATH'] ?? '', OTHER: 'kept' };
    const args = ['--host', "it's $HOME", ''];
    const told = JSON.parse(execFileSync(join(folder, 'bin/goldpinger-ts'), args, { env, encoding: 'utf8' }));
    expect(told).toMatchObject({ env: { ...PROCESS.env, OTHER: 'kept' }, flags: PROCESS.nodeFlags, args });
  });
});
