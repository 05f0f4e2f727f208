import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { ApiClient } from '../../../server/discovery/api-client.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { writeKubeconfig } from '../../support/kube-api.ts';

// Real processes on a machine that may be busy.
vi.setConfig({ testTimeout: 20_000 });

/**
 * A plugin that ignores SIGTERM and starts a process that does so, too. Each of them keeps a connection to the test open. The
 * plugin prints a credential when the test sends it something.
 */
const PLUGIN = `#!${process.execPath}
const { spawn } = require('node:child_process');
process.on('SIGTERM', () => {});
const socket = require('node:net').connect(Number(process.env.PORT), '127.0.0.1');
const isChild = process.argv.includes('child');
if (!isChild) spawn(process.execPath, [__filename, 'child'], { stdio: 'inherit' });
socket.once('data', () => {
  const status = { token: 'abc' };
  const credential = { apiVersion: 'client.authentication.k8s.io/v1', kind: 'ExecCredential', status };
  if (!isChild) console.log(JSON.stringify(credential));
  process.exit();
});
`;

let folder: string;
let server: Server;
/** Connections of processes that run. */
let open: Set<Socket>;
let started: number;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'plugin-'));
  [open, started] = [new Set(), 0];
  server = createServer((socket) => {
    started += 1;
    open.add(socket);
    socket.on('error', () => {}).once('close', () => open.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});

afterEach(() => {
  server.close();
  for (const socket of open) socket.destroy();
  rmSync(folder, { recursive: true, force: true });
});

/** ApiClient by a kubeconfig with the plugin. */
function clientWithPlugin(clock: FakeClock) {
  const command = join(folder, 'plugin');
  writeFileSync(command, PLUGIN, { mode: 0o755 });
  const exec = {
    apiVersion: 'client.authentication.k8s.io/v1',
    interactiveMode: 'Never',
    command,
    args: ['--password=secret'],
    env: [{ name: 'PORT', value: String((server.address() as AddressInfo).port) }],
  };
  const kubeconfig = writeKubeconfig(join(folder, 'config'), { server: 'http://127.0.0.1:1' }, { exec });
  const client = new ApiClient({ kubeconfig }, clock);
  onTestFinished(() => client.close());
  return { client, command };
}

const until = <T>(check: () => T) => vi.waitFor(check, { timeout: 15_000, interval: 5 });

describe('a credential plugin', () => {
  test('that does not end is killed after 60 s with all that it has started; its arguments are not told', async () => {
    const clock = new FakeClock();
    const { client, command } = clientWithPlugin(clock);
    const failure = client.logIn().catch((error: unknown) => error);
    await until(() => expect(open.size).toBe(2));
    await clock.advance(59_999);
    expect(open.size).toBe(2);
    await clock.advance(1);
    expect(await failure).toMatchObject({
      fault: 'config',
      message: `the credential plugin ${command} did not end within 60 s and was killed`,
    });
    await until(() => expect(open.size).toBe(0));
    expect(clock.pending).toBe(0);
  });

  test('is killed when the client is closed, and does not run again', async () => {
    const { client } = clientWithPlugin(new FakeClock());
    const failure = client.logIn().catch((error: unknown) => error);
    await until(() => expect(open.size).toBe(2));
    client.close();
    expect(await failure).toMatchObject({ message: expect.stringMatching('is no longer needed and was killed') });
    await until(() => expect(open.size).toBe(0));
    await expect(client.logIn()).rejects.toMatchObject({ fault: 'unreachable', message: 'stopped' });
    expect(started).toBe(2);
  });

  test('runs once for all who wait for it', async () => {
    const { client } = clientWithPlugin(new FakeClock());
    const logins = Promise.all([client.logIn(), client.logIn()]);
    await until(() => expect(open.size).toBe(2));
    for (const socket of open) socket.write('go on');
    await logins;
    await client.logIn();
    expect(started).toBe(2);
  });
});
