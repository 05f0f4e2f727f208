import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { type Access, loadAccess } from '../../../server/discovery/access.ts';

// On a machine that may be busy.
vi.setConfig({ testTimeout: 20_000 });

const folder = mkdtempSync(join(tmpdir(), 'access-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const tls = (name: string) => join(import.meta.dirname, '../../fixtures/tls', name);
const pem = (name: string) => readFileSync(tls(name), 'utf8');
const base64 = (name: string) => readFileSync(tls(name)).toString('base64');

/** What the API servers of the test have received last. */
let seen: { headers: IncomingHttpHeaders; client: string; server: string };
/** The host that was asked for through the plain server as a proxy. */
let proxied = '';
let plain = '';
let secure = '';

beforeAll(async () => {
  const onRequest = (request: Parameters<NonNullable<Parameters<typeof createServer>[1]>>[0]) => {
    const socket = request.socket as TLSSocket;
    const client = socket.getPeerCertificate?.()?.subject?.CN;
    const server = socket.servername;
    seen = { headers: request.headers, client: String(client ?? ''), server: String(server || '') };
  };
  const options = { key: pem('server-key.pem'), cert: pem('server.pem'), ca: pem('ca.pem'), requestCert: true };
  const servers = [
    createServer((request, response) => {
      onRequest(request);
      response.end();
    }),
    createSecureServer({ ...options, rejectUnauthorized: false }, (request, response) => {
      onRequest(request);
      response.end();
    }),
  ];
  const ports = await Promise.all(
    servers.map(async (server) => {
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
      return (server.address() as AddressInfo).port;
    }),
  );
  // As a proxy, the plain server connects to the other one, whatever the host.
  servers[0]?.on('connect', (request, socket) => {
    proxied = request.url ?? '';
    socket.write('HTTP/1.1 200 OK\r\n\r\n');
    socket.pipe(connect(ports[1] ?? 0, '127.0.0.1')).pipe(socket);
  });
  [plain, secure] = [`http://127.0.0.1:${ports[0]}`, `https://127.0.0.1:${ports[1]}`];
  return () => {
    for (const server of servers) {
      server.close();
      server.closeAllConnections();
    }
  };
});

interface Parts {
  cluster?: object;
  user?: object;
  /** null = the context names no user. */
  userName?: string | null;
  namespace?: string;
  current?: string;
}

/** Writes a kubeconfig whose only cluster, user and context have this name. */
function kubeconfig(name: string, { cluster, user = {}, userName = name, namespace, current = name }: Parts = {}) {
  const path = join(mkdtempSync(join(folder, 'kubeconfig-')), 'config');
  const config = {
    clusters: [{ name, cluster: { server: plain, ...cluster } }],
    users: [{ name, user }],
    contexts: [{ name, context: { cluster: name, namespace, ...(userName === null ? {} : { user: userName }) } }],
    'current-context': current,
  };
  writeFileSync(path, JSON.stringify(config));
  return path;
}

/** Writes a file beside a kubeconfig. */
function beside(path: string, name: string, text: string, mode = 0o644) {
  writeFileSync(join(path, '..', name), text);
  chmodSync(join(path, '..', name), mode);
}

async function ask(access: Access) {
  onTestFinished(() => access.close());
  const response = await access.open('/api', {}, 'application/json', AbortSignal.timeout(15_000));
  response.resume();
  return seen;
}

/** A credential plugin that prints a credential with its own KUBERNETES_EXEC_INFO as token. */
const PLUGIN = `#!${process.execPath}
const token = Buffer.from(process.env.KUBERNETES_EXEC_INFO + '|' + process.env.EXTRA).toString('base64');
console.log(JSON.stringify({ apiVersion: 'client.authentication.k8s.io/v1', kind: 'ExecCredential', status: { token } }));
`;
const v1 = 'client.authentication.k8s.io/v1';
const infoOf = (headers: IncomingHttpHeaders) =>
  Buffer.from(String(headers.authorization).replace('Bearer ', ''), 'base64').toString('utf8');

describe('a user is authenticated as by client-go', () => {
  test.each<[string, object, Record<string, string | undefined>]>([
    ['by a token', { token: 'abc' }, { authorization: 'Bearer abc' }],
    ['by a tokenFile relative to the kubeconfig', { tokenFile: 'token' }, { authorization: 'Bearer of-file' }],
    ['by a tokenFile before a token', { token: 'abc', tokenFile: 'token' }, { authorization: 'Bearer of-file' }],
    ['by user and password', { username: 'me', password: 'pw' }, { authorization: `Basic ${btoa('me:pw')}` }],
    ['not at all', {}, {}],
    [
      'as somebody else',
      { token: 'abc', as: 'x', 'as-uid': '7', 'as-groups': ['g', 'h'], 'as-user-extra': { 'k/l': ['v'] } },
      {
        'impersonate-user': 'x',
        'impersonate-uid': '7',
        'impersonate-group': 'g, h',
        'impersonate-extra-k%2fl': 'v',
        authorization: 'Bearer abc',
      },
    ],
  ])('%s', async (_how, user, headers) => {
    const path = kubeconfig('a', { user });
    beside(path, 'token', 'of-file\n');
    const received = (await ask(loadAccess(path))).headers;
    expect(received).toMatchObject(headers);
    expect(received.authorization).toBe(headers['authorization']);
  });

  test('by a tokenFile that is read again for each request; the last one counts while it is missing', async () => {
    const path = kubeconfig('a', { user: { tokenFile: 'token' } });
    beside(path, 'token', 'first');
    const access = loadAccess(path);
    expect((await ask(access)).headers.authorization).toBe('Bearer first');
    beside(path, 'token', 'second');
    expect((await ask(access)).headers.authorization).toBe('Bearer second');
    rmSync(join(path, '..', 'token'));
    expect((await ask(access)).headers.authorization).toBe('Bearer second');
  });

  test.each([
    ['without', {}, {}],
    ['with', { provideClusterInfo: true }, { server: '', 'tls-server-name': 'api.test', config: { audience: 'me' } }],
  ])('by a plugin beside the kubeconfig, %s information about the cluster', async (_how, more, expected) => {
    const exec = { apiVersion: v1, command: './plugin', env: [{ name: 'EXTRA', value: 'x' }], ...more };
    const extension = { name: 'client.authentication.k8s.io/exec', extension: { audience: 'me' } };
    const path = kubeconfig('a', {
      user: { exec },
      cluster: { 'tls-server-name': 'api.test', extensions: [extension] },
    });
    beside(path, 'plugin', PLUGIN, 0o755);
    const [info = '', extra] = infoOf((await ask(loadAccess(path))).headers).split('|');
    const cluster = 'server' in expected ? { cluster: { ...expected, server: plain } } : {};
    expect(extra).toBe('x');
    expect(JSON.parse(info)).toEqual({
      kind: 'ExecCredential',
      apiVersion: v1,
      spec: { interactive: false, ...cluster },
    });
  });
});

test('a plugin may give a client certificate instead of a token', async () => {
  const status = { clientCertificateData: pem('client.pem'), clientKeyData: pem('client-key.pem') };
  const credential = { apiVersion: v1, kind: 'ExecCredential', status };
  const cluster = { server: secure, 'insecure-skip-tls-verify': true };
  const path = kubeconfig('a', { cluster, user: { exec: { apiVersion: v1, command: './plugin' } } });
  beside(path, 'plugin', `#!${process.execPath}\nconsole.log(${JSON.stringify(JSON.stringify(credential))});\n`, 0o755);
  expect(await ask(loadAccess(path))).toMatchObject({ client: expect.stringMatching(/./) });
});

describe('a cluster is reached as by client-go', () => {
  const ca = { 'certificate-authority-data': base64('ca.pem') };

  test.each<[string, object, object, Partial<typeof seen> | string]>([
    ['with the CA of its data', ca, {}, { client: '' }],
    ['with the CA of its file', { 'certificate-authority': tls('ca.pem') }, {}, { client: '' }],
    ['with the data rather than the file', { ...ca, 'certificate-authority': '/nowhere' }, {}, { client: '' }],
    ['unverified', { 'insecure-skip-tls-verify': true }, {}, { client: '' }],
    ['by another name', { 'insecure-skip-tls-verify': true, 'tls-server-name': 'x.test' }, {}, { server: 'x.test' }],
    [
      'with a client certificate',
      ca,
      { 'client-certificate-data': base64('client.pem'), 'client-key-data': base64('client-key.pem') },
      { client: expect.stringMatching(/./) },
    ],
    [
      'with the files of a client certificate',
      ca,
      { 'client-certificate': tls('client.pem'), 'client-key': tls('client-key.pem') },
      { client: expect.stringMatching(/./) },
    ],
    ['not without its CA', {}, {}, 'tls'],
    ['not by another name that its certificate lacks', { ...ca, 'tls-server-name': 'x.test' }, {}, 'tls'],
    ['not through a proxy that is away', { ...ca, 'proxy-url': 'http://127.0.0.1:1' }, {}, 'refused'],
  ])('%s', async (_how, cluster, user, expected) => {
    for (const userName of ['a', null]) {
      if (userName === null && Object.keys(user).length > 0) continue;
      const access = loadAccess(kubeconfig('a', { cluster: { server: secure, ...cluster }, user, userName }));
      if (typeof expected === 'string') await expect(ask(access)).rejects.toMatchObject({ fault: expected });
      else expect(await ask(access)).toMatchObject(expected);
    }
  });

  test.each([
    ['of the cluster', () => ({ 'proxy-url': plain }), 'http://127.0.0.1:1'],
    ['of the environment', () => ({}), ''],
  ])('through the proxy %s', async (_whose, cluster, other) => {
    proxied = '';
    const path = kubeconfig('a', {
      cluster: { server: 'https://api.test', 'insecure-skip-tls-verify': true, ...cluster() },
    });
    const access = loadAccess(path, '', { https: other || plain, http: '', none: '' });
    expect((await ask(access)).headers.host).toBe('api.test');
    expect(proxied).toBe('api.test:443');
  });
});

describe('the service account of a pod', () => {
  /** A root below which a service account is mounted. */
  function account(namespace: string) {
    const root = mkdtempSync(join(folder, 'account-'));
    const mount = join(root, 'var/run/secrets/kubernetes.io/serviceaccount');
    mkdirSync(mount, { recursive: true });
    for (const [name, text] of Object.entries({ namespace, token: 'abc\n', 'ca.crt': pem('ca.pem') })) {
      writeFileSync(join(mount, name), text);
    }
    return root;
  }

  test('names token, CA and namespace', async () => {
    const { hostname, port } = new URL(secure);
    vi.stubEnv('KUBERNETES_SERVICE_HOST', hostname);
    vi.stubEnv('KUBERNETES_SERVICE_PORT', port);
    onTestFinished(() => void vi.unstubAllEnvs());
    const access = loadAccess(null, account('monitoring\n'));
    expect(access.namespace).toBe('monitoring');
    expect((await ask(access)).headers.authorization).toBe('Bearer abc');
  });

  test('gives its namespace to a context without one, which is default outside of a cluster', () => {
    expect(loadAccess(kubeconfig('a', { namespace: 'mine' }), account('theirs')).namespace).toBe('mine');
    expect(loadAccess(kubeconfig('a'), account('theirs\n')).namespace).toBe('theirs');
    expect(loadAccess(kubeconfig('a'), '/nowhere').namespace).toBe('default');
  });
});

describe('several kubeconfigs', () => {
  test('are joined: the first current context counts, and what it names may be in another file', () => {
    const first = kubeconfig('a', { namespace: 'first', current: 'b' });
    const second = kubeconfig('b', { namespace: 'second' });
    expect(loadAccess([first, '/nowhere/config', second].join(delimiter)).namespace).toBe('second');
  });

  test('may define a name twice, and the first definition counts', () => {
    const [first, second] = [kubeconfig('a', { namespace: 'first' }), kubeconfig('a', { namespace: 'second' })];
    expect(loadAccess([first, second].join(delimiter)).namespace).toBe('first');
  });
});

describe('the fault is config for', () => {
  test.each([
    ['a file that does not exist', () => '/nowhere/config'],
    ['no path at all', () => ''],
    ['a context that does not exist', () => kubeconfig('a', { current: 'other' })],
    ['a user that does not exist', () => kubeconfig('a', { userName: 'other' })],
    ['a server that is not a URL', () => kubeconfig('a', { cluster: { server: 'not a url' } })],
    [
      'a CA that is not to be used',
      () => kubeconfig('a', { cluster: { 'insecure-skip-tls-verify': true, 'certificate-authority': 'x' } }),
    ],
    ['a plugin that needs a terminal', () => kubeconfig('a', { user: { exec: { interactiveMode: 'Always' } } })],
  ])('%s', (_what, path) => expect(() => loadAccess(path())).toThrow(expect.objectContaining({ fault: 'config' })));

  test.each([
    ['a plugin that fails', { exec: { apiVersion: v1, command: '/nowhere/plugin' } }, /ENOENT/],
    ['a token that no header may contain', { token: 'a\u0000b' }, /./],
    ['a token file that is missing from the start', { tokenFile: 'missing' }, /ENOENT/],
  ])('%s', async (_what, user, message) => {
    const asked = ask(loadAccess(kubeconfig('a', { user })));
    await expect(asked).rejects.toMatchObject({ fault: 'config', message: expect.stringMatching(message) });
  });
});
