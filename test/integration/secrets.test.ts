import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { SETTINGS, type Setting } from '../../server/config/settings.ts';
import { eventually } from '../support/eventually.ts';
import { startLoopbackPeer } from '../support/loopback-peer.ts';
import { ServerProcess } from '../support/server-process.ts';
import { StubMesh } from '../support/stub-mesh.ts';

const SECRET = 's3cr3t-of-the-target';
const USER = 'u5er-of-the-target';

/** Every path that can be read, from the description that the server itself gives of them. */
async function pathsOf(server: ServerProcess): Promise<string[]> {
  const { paths } = await server.json<{ paths: Record<string, { get?: unknown }> }>('/swagger.json');
  const fixed = ['/api/v1/stream', '/api/v1/verdict', '/api/v1/samples', '/api/v1/link', '/api/v1/link-history'];
  const readable = Object.entries(paths).flatMap(([path, { get }]) => (get === undefined ? [] : [path]));
  return [
    ...readable.filter((path) => !fixed.includes(path)),
    ...['/', '/api/v1/verdict?expect=failed%3D0', '/api/v1/report?format=html', '/api/v1/report?format=markdown'],
    '/api/v1/verdict?expect=nonsense',
    '/api/v1/nothing',
  ];
}

/** The first bytes of the live stream, which contain the whole mesh. */
async function streamText(server: ServerProcess): Promise<string> {
  const abort = new AbortController();
  const response = await fetch(`${server.url}/api/v1/stream`, { signal: abort.signal });
  const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
  let text = '';
  for (let chunk = await reader.read(); !chunk.done; chunk = await reader.read()) {
    text += chunk.value;
    if (text.includes('"probes"')) break;
  }
  abort.abort();
  return text;
}

/** The settings that are secret as a whole. */
const secretVariables = Object.values(SETTINGS)
  .filter((setting: Setting<unknown>) => setting.secret === 'all')
  .map(({ variable }) => variable);

it('tokens, and user and password of an external target, are in no answer, log line, metric or list of processes', async () => {
  const authorizations = new Set<string | undefined>();
  const target = await startLoopbackPeer(({ url, headers }, response) => {
    authorizations.add(headers.authorization);
    response.writeHead(url === '/ok' ? 200 : 500).end();
  });
  const mesh = await StubMesh.forTest();
  mesh.addPod(1);
  mesh.addPod(2);
  const asker = await mesh.serve(2);
  const of = (path: string) => `http://${USER}:${SECRET}@127.0.0.1:${target.port}${path}`;
  const http = [of('/ok'), of('/fails'), `https://${USER}:${SECRET}@127.0.0.1:1/`, `http://${USER}:${SECRET}@[`];
  // A second process gets the same by flags: those are in the list of processes.
  const server = await mesh.serve(
    1,
    {
      LOG_LEVEL: 'debug',
      HTTP_TARGETS_TIMEOUT: '3s',
      TCP_TARGETS: `${USER}:${SECRET}@127.0.0.1:1`,
      HOSTS_TO_RESOLVE: `${USER}:${SECRET}@localhost`,
      ...Object.fromEntries(secretVariables.map((variable) => [variable, SECRET])),
    },
    {
      args: [
        ...http.flatMap((url) => ['--http-targets', url]),
        ...['--path-checks', 'ingress,service', '--path-ingress-url', of('/fails'), '--path-service-url', of('/fails')],
      ],
    },
  );

  await eventually(async () => {
    const { probeResults } = await server.json<{ probeResults: object }>('/check');
    expect(Object.keys(probeResults)).toHaveLength(6);
    const events = await asker.text('/api/v1/events');
    expect(events.split('probe-failed').length - 1).toBeGreaterThanOrEqual(5);
    expect(await asker.text('/api/v1/findings')).toContain('path-service');
  });
  expect(authorizations).toEqual(new Set([`Basic ${btoa(`${USER}:${SECRET}`)}`]));

  const texts = new Map<string, string>();
  for (const [name, one] of Object.entries({ server, asker })) {
    for (const path of await pathsOf(one)) texts.set(`${name} ${path}`, await one.text(path));
    texts.set(`${name} stream`, await streamText(one));
    texts.set(`${name} log`, JSON.stringify(one.log) + one.stderr);
  }
  const accept = { accept: 'application/openmetrics-text' };
  texts.set('OpenMetrics', await (await fetch(`${server.url}/metrics`, { headers: accept })).text());
  texts.set('list of processes', readFileSync(`/proc/${server.child.pid}/cmdline`, 'utf8'));

  const telling = [...texts].filter(([, text]) => text.includes(SECRET) || text.includes(USER)).map(([name]) => name);
  expect(telling).toEqual([]);
  // The search would be worth nothing where the targets are not shown at all.
  for (const name of [
    'server /check',
    'asker /check_all',
    'asker /api/v1/mesh',
    'asker stream',
    'server log',
    'OpenMetrics',
  ]) {
    expect(texts.get(name), name).toContain(`127.0.0.1:${target.port}/fails`);
  }
  expect(texts.get('asker /api/v1/events')).toContain(`127.0.0.1:${target.port}/fails`);
});

it('a start that fails because of another setting does not tell user and password', async () => {
  const server = new ServerProcess('127.0.0.1', {
    PORT: 'none',
    HTTP_TARGETS: Array.from({ length: 491 }, (_, i) => `http://${USER}:${SECRET}@h${i}/`).join(' '),
  });
  expect(await server.ended).toBe(1);
  expect(server.stderr).toContain('HTTP_TARGETS=http://h0/');
  expect(server.stderr).not.toMatch(new RegExp(`${SECRET}|${USER}`));
});
