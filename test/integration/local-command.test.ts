import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { build } from 'esbuild';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { freePort, killed, saidBy } from '../support/server-process.ts';
import { isAlive } from '../support/stand-ins.ts';

/** The command in a folder of its own, with the stand-in beside it where the built server would lie. */
let folder: string;
let command: string;
const running = new Set<ChildProcess>();

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'goldpinger-command-'));
  command = join(folder, 'local.cjs');
  await build({
    entryPoints: ['deploy/local/main.ts'],
    outfile: command,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node20',
  });
  copyFileSync('test/fixtures/stand-in-server.cjs', join(folder, 'goldpinger-ts.cjs'));
});
afterEach(async () => {
  for (const child of running) await killed(child);
  running.clear();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Ended {
  code: number;
  stdout: string;
  stderr: string;
}

/** Runs the command to its end. */
function run(...args: string[]): Promise<Ended> {
  return new Promise((resolve) => {
    execFile(process.execPath, [command, ...args], { cwd: folder }, (error, stdout, stderr) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, stdout, stderr });
    });
  });
}

/** Starts a cluster and waits until it says that it is ready. */
async function start(dir: string, ...args: string[]) {
  const port = await freePort();
  const flags = ['--dir', dir, '--port', String(port), '--start-delay', '0', ...args];
  const child = spawn(process.execPath, [command, ...flags], { cwd: folder });
  running.add(child);
  const output = saidBy(child);
  await vi.waitFor(() => expect(output()).toContain('\nready  '), 30_000);
  const pids = async () => {
    const { stdout } = await run('get', 'pods', '--dir', dir, '-o', 'json');
    const { items } = JSON.parse(stdout) as { items: { status: { containerStatuses: { containerID: string }[] } }[] };
    return items.map((pod) => Number(pod.status.containerStatuses[0]?.containerID.split('/').at(-1)));
  };
  return { child, port, pids, output };
}

describe('npm start', () => {
  it('shows the URL, the kubeconfig and the changes of pods, and ends without a trace', async () => {
    const { child, port, pids, output } = await start('one', '--pods', '2', '--env', 'LINGER_MS=50');
    expect(output()).toContain(`ready  http://127.0.0.1:${port}/`);
    expect(output()).toContain('kubectl --kubeconfig one/kubeconfig get pods -w');
    const [, name] = /delete pod (\S+) --grace-period=0 --force/.exec(output()) ?? [];
    expect(readFileSync(join(folder, 'one/write-token'), 'utf8')).toMatch(/^[\w-]{32}\n$/);
    const before = await pids();
    expect(before).toHaveLength(2);
    expect(before.every(isAlive)).toBe(true);

    const deleted = await run('delete', 'pod', name ?? '', '--dir', 'one', '--force');
    expect(deleted).toEqual({ code: 0, stdout: `pod "${name}" deleted\n`, stderr: '' });
    await eventually(() => expect(output()).toMatch(new RegExp(`\\d\\d:\\d\\d:\\d\\d  ${name}  Gone`)));
    await eventually(() => expect(output().match(/ {2}Ready {15}/g)).toHaveLength(3));
    const after = await pids();

    child.kill('SIGINT');
    const [code] = await once(child, 'exit');
    expect(code).toBe(0);
    expect([...before, ...after].filter(isAlive)).toEqual([]);
    expect(existsSync(join(folder, 'one/kubeconfig'))).toBe(false);
    expect(existsSync(join(folder, 'one/write-token'))).toBe(false);
    expect(existsSync(join(folder, 'one/lock'))).toBe(false);
  });

  it('leaves no process behind after SIGKILL or a second signal, and starts again in the same folder', async () => {
    for (const end of ['SIGKILL', 'twice']) {
      const { child, pids } = await start('two', '--pods', '2', '--env', 'IGNORE_TERM=1');
      const alive = await pids();
      expect(alive.every(isAlive)).toBe(true);
      child.kill(end === 'SIGKILL' ? 'SIGKILL' : 'SIGTERM');
      if (end === 'twice') child.kill('SIGINT');
      const [code] = await once(child, 'exit');
      // 128 + the signal that came second; the stand-in ignores the first one, so an orderly end would take longer.
      if (end === 'twice') {
        expect([130, 143]).toContain(code);
        expect(readdirSync(join(folder, 'two'))).toEqual(['pods']);
      }
      await vi.waitFor(() => expect(alive.filter(isAlive)).toEqual([]), 10_000);
    }
  });

  it('ends when npm has ended, which does not pass SIGHUP on', async () => {
    const port = String(await freePort());
    const script = `"${process.execPath}" "${command}" --dir hup --start-delay 0 --port ${port} & wait`;
    const env = { ...process.env, npm_lifecycle_event: 'start' };
    const npm = spawn('sh', ['-c', script], { cwd: folder, env, stdio: 'ignore' });
    running.add(npm);
    const lock = join(folder, 'hup/lock');
    await vi.waitFor(() => expect(existsSync(join(folder, 'hup/kubeconfig'))).toBe(true), 30_000);
    const pid = Number(readFileSync(lock, 'utf8'));
    npm.kill('SIGHUP');
    await vi.waitFor(() => expect([existsSync(lock), isAlive(pid)]).toEqual([false, false]), 10_000);
  });

  it('refuses a second cluster in its folder, and gives another folder other addresses', async () => {
    const { pids } = await start('three', '--pods', '1');
    const refused = await run('--dir', 'three', '--port', String(await freePort()));
    expect(refused.code).toBe(1);
    expect(refused.stderr).toMatch(/another local cluster \(process \d+\) uses three: .*--dir three-2 --port 8081/);
    const other = await start('four', '--pods', '1');
    expect(other.output()).toMatch(/Ready {15}127\.\d+\.\d+\.2 /);
    expect([...(await pids()), ...(await other.pids())].every(isAlive)).toBe(true);
  });

  it('tells what is wrong and exits with 1', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await once(taken, 'listening');
    const { port } = taken.address() as { port: number };
    expect(await run('--dir', 'five', '--port', String(port))).toMatchObject({
      code: 1,
      stderr: `port ${port} of 127.0.0.1 is in use by another program: stop it, or use --port ${port + 1}\n`,
    });
    taken.close();
    expect(existsSync(join(folder, 'five/lock'))).toBe(false);
    expect(await run('nonsense')).toEqual({ code: 1, stdout: '', stderr: 'unknown command: nonsense\nSee --help.\n' });
    expect(await run('--pods', '0', '--bogus')).toMatchObject({ code: 1, stderr: expect.stringContaining('--bogus') });
    expect(await run('get', 'pods', '--dir', 'five')).toMatchObject({
      code: 1,
      stderr: 'no local cluster is running (there is no five/kubeconfig): start one with: npm start\n',
    });
    const help = await run('--help');
    expect(help).toMatchObject({ code: 0, stderr: '' });
    for (const flag of ['--pods', '--interval', '--port', '--pod-port', '--env', '--dir'])
      expect(help.stdout).toContain(flag);
    for (const words of ['help', 'get --help', 'delete pod -h', 'toxic --help', '--pods x -h']) {
      expect(await run(...words.split(' '))).toEqual(help);
    }
  });
});

describe('npm run local', () => {
  it('gets, scales, deletes and reads logs of the running cluster', async () => {
    await start('six', '--pods', '2');
    const local = (...args: string[]) => run(...args, '--dir', 'six');
    const lines = async (...args: string[]) => (await local(...args)).stdout.trim().split('\n');
    const [head, ...rows] = await lines('get', 'pods', '-o', 'wide');
    expect(head?.split(/ {2,}/)).toEqual(
      expect.arrayContaining(['NAME', 'READY', 'STATUS', 'RESTARTS', 'AGE', 'IP', 'NODE']),
    );
    expect(rows).toHaveLength(2);
    const [name = '', ready, status, , , ip] = rows[0]?.split(/ {2,}/) ?? [];
    expect([ready, status]).toEqual(['1/1', 'Running']);
    expect(await lines('get', `pod/${name}`)).toHaveLength(2);
    expect((await local('logs', name)).stdout).toBe(`listening on ${ip}:8080\n`);
    expect((await local('scale', '3')).stdout).toBe('deployment "goldpinger" scaled to 3\n');
    await vi.waitFor(async () => expect(await lines('get', 'pods')).toHaveLength(4), 20_000);
    const asKubectl = await local('scale', 'deployment', 'goldpinger', '--replicas=3');
    expect(asKubectl.stdout).toBe('deployment "goldpinger" scaled to 3\n');

    for (const [args, message] of [
      [['get', 'pod', 'nope'], 'pod "nope" not found'],
      [['get', 'widgets'], 'this cluster has no widgets'],
      [['delete', 'pod', 'nope'], 'Error from server: pods "nope" not found'],
      [['delete', 'pods'], 'delete pods needs a name'],
      [['scale', 'many'], 'scale needs a number of pods'],
      [['scale', 'nope', '--replicas', '2'], 'Error from server: deployments.apps "nope" not found'],
      [['scale', '999'], 'Error from server: Deployment "goldpinger" is invalid'],
      [['apply', '-f', '/dev/zero'], '/dev/zero has more than 1048576 bytes'],
      [['apply', '-f', '/'], 'EISDIR'],
      [['apply', '-f', '/proc/version'], 'this is not a Kubernetes object'],
      [['logs', 'nope'], 'Error from server: pods "nope" not found'],
    ] as const) {
      const { code, stderr } = await local(...args);
      expect({ args, code, told: stderr.includes(message) || stderr }).toEqual({ args, code: 1, told: true });
    }

    // Half of the pods, as experiment 1b kills them: in either of the two ways in which kubectl names several.
    const names = (await lines('get', 'pods')).slice(1).map((line) => line.split(' ')[0] ?? '');
    expect(await lines('delete', 'pod', ...names.slice(0, 2), '--force')).toEqual(
      names.slice(0, 2).map((one) => `pod "${one}" deleted`),
    );
    expect(await lines('delete', `pod/${names[2]}`, 'service/goldpinger')).toEqual([
      `pod "${names[2]}" deleted`,
      'service "goldpinger" deleted',
    ]);
  });

  it('a command whose connection is reset says so and fails, also where fetch never ends', async () => {
    await start('eight');
    const resetting = createServer((socket) => socket.on('error', () => {}).resetAndDestroy());
    const port = await new Promise<number>((resolve) => {
      resetting.listen(0, '127.0.0.1', () => resolve((resetting.address() as AddressInfo).port));
    });
    // On Node 20 about one in four waits for ever.
    const tries = Array.from({ length: 24 }, () => run('toxic', '--dir', 'eight', '-h', `127.0.0.1:${port}`, 'list'));
    const stderr = `no Toxiproxy API answers at http://127.0.0.1:${port}\n`;
    expect(await Promise.all(tries)).toEqual(tries.map(() => ({ code: 1, stdout: '', stderr })));
    resetting.close();
  });

  it('get -w shows changes until a signal ends it, and exits with 0', async () => {
    const { output } = await start('seven', '--pods', '1');
    const [, name = ''] = /delete pod (\S+) --force --dir seven\n/.exec(output()) ?? [];
    const watching = spawn(process.execPath, [command, 'get', 'pods', '-w', '--dir', 'seven'], { cwd: folder });
    running.add(watching);
    const shown = saidBy(watching);
    await vi.waitFor(() => expect(shown()).toContain(name), 10_000);
    await run('delete', 'pod', name, '--force', '--dir', 'seven');
    await vi.waitFor(() => expect(shown()).toMatch(/ContainerCreating[\s\S]*1\/1/), 10_000);
    watching.kill('SIGINT');
    expect(await once(watching, 'exit')).toEqual([0, null]);
  });
});
