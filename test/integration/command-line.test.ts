import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { afterEach, describe, expect, it, onTestFinished } from 'vitest';
import { eventually } from '../support/eventually.ts';
import { freePort, killed, SERVER_PROGRAM, ServerProcess } from '../support/server-process.ts';

const started: ServerProcess[] = [];
afterEach(() => Promise.all(started.splice(0).map((server) => server.kill())));

function start(env: Record<string, string>, args: string[] = []) {
  const server = new ServerProcess('127.0.0.1', env, { args });
  let stdout = '';
  server.child.stdout?.on('data', (data) => {
    stdout += data;
  });
  started.push(server);
  return { server, stdout: () => stdout };
}

describe('the command', () => {
  it.each([
    [['--help'], /--ping-timeout, PING_TIMEOUT {2}\(300ms\)/],
    [['--version'], /^\d+\.\d+\.\d+\n$/],
    [['--check-node-hash', 'node-1'], /^node-1: bucket 87 \(active when ACTIVE_NODE_PERCENTAGE >= 88\)\n$/],
  ])('%s prints and ends with 0', async (args, text) => {
    const { server, stdout } = start({}, args);
    expect(await server.ended).toBe(0);
    expect(stdout()).toMatch(text);
  });

  it('ends with 1 and one message that names every bad setting', async () => {
    const { server } = start({ PING_TIMEOUT: '300', REFRESH_INTERVAL: 'often', KUBECONFIG: '/nowhere' }, [
      '--prot',
      '9',
    ]);
    expect(await server.ended).toBe(1);
    for (const name of ['PING_TIMEOUT=300', 'REFRESH_INTERVAL=often', 'KUBECONFIG=/nowhere: no such file', '--prot'])
      expect(server.stderr).toContain(name);
  });

  it('answers pings although its log cannot be written, as on a full disk', async () => {
    const port = await freePort();
    const unwritable = openSync('/dev/null', 'r');
    const env = { PATH: process.env['PATH'], HOST: '127.0.0.1', PORT: String(port) };
    const child = spawn(process.execPath, [SERVER_PROGRAM], { env, stdio: ['ignore', unwritable, 'ignore'] });
    closeSync(unwritable);
    onTestFinished(() => killed(child));
    await eventually(async () => expect((await fetch(`http://127.0.0.1:${port}/ping`)).status).toBe(200));
  });

  it('says which address it cannot have, and ends with 1', async () => {
    const { server } = start({ HOST: '203.0.113.1', PORT: '1' });
    expect(await server.ended).toBe(1);
    expect(server.log.at(-1)?.msg).toContain('cannot listen');
  });

  it('serves without any Kubernetes API and says so; it logs its configuration and each deprecated setting once', async () => {
    const { server } = start({ PORT: '18123', KUBECONFIG: '/dev/null', PING_TIMEOUT_MS: '250', ZAP_CONFIG: '/x' });
    await server.listening();
    const [starting, ...more] = server.said('starting');
    expect(starting?.['config']).toMatchObject({ PING_TIMEOUT: '250ms', REFRESH_INTERVAL: 30 });
    expect(more).toEqual([]);
    expect(server.log.filter(({ msg }) => msg.includes('PING_TIMEOUT_MS is deprecated'))).toHaveLength(1);
    expect(server.log.filter(({ msg }) => msg.includes('ZAP_CONFIG is ignored'))).toHaveLength(1);
    expect((await fetch(`${server.url}/healthz`)).status).toBe(200);
    expect((await fetch(`${server.url}/readyz`)).status).toBe(200);
    expect(await server.health()).toBe(418);
    await eventually(async () => {
      const mesh = await server.json<{ discovery: { lastError: { message: string } | null } }>('/api/v1/mesh');
      expect(mesh.discovery.lastError?.message).toContain('/dev/null');
    });
  });

  it('goes on at SIGUSR1 without opening the inspector', async () => {
    const { server } = start({ PORT: '18127', KUBECONFIG: '/dev/null' });
    await server.listening();
    server.child.kill('SIGUSR1');
    expect((await fetch(`${server.url}/ping`)).status).toBe(200);
    server.child.kill('SIGUSR1');
    server.child.kill('SIGTERM');
    await eventually(() => expect(server.log.at(-1)?.msg).toContain('stopping'));
    expect(server.stderr).toBe('');
  });

  it.each(['SIGTERM', 'SIGINT', 'SIGHUP'] as const)('ends with 0 on %s after the grace', async (signal) => {
    const { server } = start({ PORT: '18125', KUBECONFIG: '/dev/null', SHUTDOWN_GRACE: '0' });
    await server.listening();
    server.child.kill(signal);
    expect(await server.ended).toBe(0);
    expect(server.said('stopped')).toHaveLength(1);
  });

  it('ends at once on a second signal', async () => {
    const hurried = start({ PORT: '18126', KUBECONFIG: '/dev/null', SHUTDOWN_GRACE: '10m' }).server;
    await hurried.listening();
    hurried.child.kill('SIGTERM');
    await eventually(async () => expect((await fetch(`${hurried.url}/readyz`)).status).toBe(503));
    expect((await fetch(`${hurried.url}/ping`)).status).toBe(200);
    hurried.child.kill('SIGTERM');
    expect(await hurried.ended).toBe(0);
  });
});
