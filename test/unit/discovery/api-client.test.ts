import { once } from 'node:events';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { afterAll, describe, expect, onTestFinished, test, vi } from 'vitest';
import { ApiClient } from '../../../server/discovery/api-client.ts';
import { readLogin } from '../../../server/discovery/kubeconfig.ts';
import { realClock } from '../../../server/runtime/clock.ts';

// On a machine that may be busy.
vi.setConfig({ testTimeout: 20_000 });

const folder = mkdtempSync(join(tmpdir(), 'access-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const tls = (name: string) => join(import.meta.dirname, '../../fixtures/tls', name);
const pem = (name: string) => readFileSync(tls(name), 'utf8');
const base64 = (name: string) => readFileSync(tls(name)).toString('base64');

/** What an API server receives: headers by name in lower case, the name in the client certificate, the name asked for. */
interface Seen {
  authorization: string | undefined;
  impersonated: Record<string, unknown>;
  client: string;
  server: string;
  /** The host that was asked for through a proxy. */
  proxied: string;
}
let seen: Seen;
let proxied = '';

const answer: RequestListener = ({ headers, socket }, response) => {
  const { getPeerCertificate, servername } = socket as TLSSocket;
  const client = getPeerCertificate?.call(socket)?.subject?.CN;
  const impersonated = Object.fromEntries(Object.entries(headers).filter(([name]) => name.startsWith('impersonate-')));
  const { authorization } = headers;
  seen = { authorization, impersonated, client: String(client ?? ''), server: String(servername || ''), proxied };
  proxied = '';
  response.end();
};

/** Starts a server for all tests; gives its port. */
async function listening(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  afterAll(() => {
    server.close();
    server.closeAllConnections();
  });
  return (server.address() as AddressInfo).port;
}

const options = { key: pem('server-key.pem'), cert: pem('server.pem'), ca: pem('ca.pem'), requestCert: true };
const securePort = await listening(createSecureServer({ ...options, rejectUnauthorized: false }, answer));
// As a proxy, the plain server connects to the secure one, whatever the host.
const proxy = createServer(answer).on('connect', (request, socket) => {
  proxied = request.url ?? '';
  socket.write('HTTP/1.1 200 OK\r\n\r\n');
  socket.pipe(connect(securePort, '127.0.0.1')).pipe(socket);
});
const [plain, secure] = [`http://127.0.0.1:${await listening(proxy)}`, `https://127.0.0.1:${securePort}`];

/** Writes a kubeconfig with one cluster, user and context of a name, and files beside it; gives its path. */
function kubeconfig({
  name = 'a',
  cluster,
  user,
  exec,
  program = exec ? plugin({ token: 'abc' }) : '',
  context,
  more,
  files,
}: Case): string {
  const own = mkdtempSync(join(folder, 'kubeconfig-'));
  const config = {
    clusters: [{ name, cluster: { server: plain, ...cluster } }],
    users: [{ name, user: { ...(exec && { exec: { ...EXEC, ...exec } }), ...user } }],
    contexts: [{ name, context: { cluster: name, user: name, ...context } }],
    'current-context': name,
    ...more,
  };
  write(own, { config: JSON.stringify(config), 'bin/plugin': program, ...files });
  return join(own, 'config');
}

/** Writes files into a folder; null deletes one. Those of the folder bin may be executed. */
function write(own: string, files: Record<string, string | null>): void {
  for (const [name, text] of Object.entries(files)) {
    const path = join(own, name);
    mkdirSync(join(path, '..'), { recursive: true });
    if (text === null) rmSync(path);
    else writeFileSync(path, text);
    if (name.startsWith('bin/')) chmodSync(path, 0o755);
  }
}

/** Writes a service account below a root, as it is mounted in a pod; gives the root. */
function account(files: Record<string, string | null>): string {
  const root = mkdtempSync(join(folder, 'account-'));
  write(join(root, 'var/run/secrets/kubernetes.io/serviceaccount'), files);
  return root;
}

/** Sets the variables that Kubernetes sets in a pod. */
function stubAccount(env: Record<string, string>): void {
  for (const name of Object.keys(IN_CLUSTER)) vi.stubEnv(name, env[name]);
  onTestFinished(() => void vi.unstubAllEnvs());
}

async function ask(client: ApiClient): Promise<Seen> {
  await client.logIn();
  const response = await client.get('/api', {}, 'application/json', AbortSignal.timeout(15_000));
  response.resume();
  return seen;
}

const V1 = 'client.authentication.k8s.io/v1';
/** A credential plugin that prints a status, with a count of its runs and its KUBERNETES_EXEC_INFO in place of RUNS and INFO. */
const plugin = (status: object, apiVersion = V1) => `#!${process.execPath}
const { readFileSync, writeFileSync } = require('node:fs');
const file = __dirname + '/runs';
const runs = (() => { try { return Number(readFileSync(file)) + 1; } catch { return 1; } })();
writeFileSync(file, String(runs));
readFileSync(0);
const info = Buffer.from(process.env.KUBERNETES_EXEC_INFO + process.env.EXTRA + process.argv.slice(2)).toString('base64');
const text = ${JSON.stringify(JSON.stringify({ apiVersion, kind: 'ExecCredential', status }))};
console.log(text.replace('RUNS', runs).replace('INFO', info));
`;
const EXEC = { apiVersion: V1, command: './bin/plugin', interactiveMode: 'Never' };
const ID_TOKEN = `${btoa('{}')}.${btoa(JSON.stringify({ exp: 4_000_000_000 }))}.x`;
/** The token of a plugin that prints its KUBERNETES_EXEC_INFO and what follows. */
const infoOf = (cluster: object | undefined, rest: string) => {
  const info = { kind: 'ExecCredential', apiVersion: V1, spec: { interactive: false, cluster } };
  return btoa(JSON.stringify(info) + rest);
};
const CLIENT = { 'client-certificate-data': base64('client.pem'), 'client-key-data': base64('client-key.pem') };
const CA = { 'certificate-authority-data': base64('ca.pem') };
const api = (fields: object = {}) => ({ server: secure, ...fields });
/** The service account that Kubernetes mounts. */
const ACCOUNT = { namespace: 'theirs\n', token: 'abc\n', 'ca.crt': pem('ca.pem') };
const IN_CLUSTER = { KUBERNETES_SERVICE_HOST: '127.0.0.1', KUBERNETES_SERVICE_PORT: String(securePort) };

type Expected = Partial<Seen> & { namespace?: string };

interface Case {
  /** KUBECONFIG, if it is not that of this case. */
  path?: string;
  name?: string;
  /** Fields of the cluster; its server is the plain one. */
  cluster?: object;
  user?: object;
  context?: object;
  /** Other fields of the kubeconfig. */
  more?: object;
  /** Files beside the kubeconfig. */
  files?: Record<string, string>;
  /** The credential plugin: what `exec` of the user has beside its usual fields, and its text (default: it gives abc). */
  exec?: object;
  program?: string;
  /** Other kubeconfigs that KUBECONFIG names after this one; a text is a path. */
  others?: (Case | string)[];
  /** The pod's service account, and the variables that Kubernetes sets, instead of a kubeconfig. */
  account?: Record<string, string>;
  env?: Record<string, string>;
  /** HTTPS_PROXY. */
  proxy?: string;
  /** What the server receives; or a part of the message of an error of fault `config`; or the fault of another error. */
  expected?: Expected;
  /** The bearer token that it receives. */
  bearer?: string;
  config?: RegExp;
  fault?: string;
  /** The bearer token that it receives after these files have changed. */
  later?: [files: Record<string, string | null>, bearer: string][];
}

/** Field by field, what client-go does with it (k8s.io/client-go: tools/clientcmd, rest, plugin/pkg/client/auth/exec). */
const CASES: Record<string, Record<string, Case>> = {
  server: {
    'is called': { expected: { authorization: undefined } },
    'may have a path and a slash at its end': { cluster: { server: `${plain}/k8s/` }, expected: {} },
    'may lack its scheme: then it is http': { cluster: { server: plain.slice('http://'.length) }, expected: {} },
    'may lack its scheme: then it is https where there is anything about TLS': {
      cluster: { server: secure.slice('https://'.length), 'insecure-skip-tls-verify': true },
      expected: { client: '' },
    },
    'may have its scheme in capitals': { cluster: { server: plain.toUpperCase() }, expected: {} },
    'must be a URL': { cluster: { server: 'not a url' }, config: /URL/ },
    'must be given': { cluster: { server: '' }, config: /names no cluster/ },
  },
  'certificate-authority-data': {
    'is the CA of the server': { cluster: api(CA), expected: { client: '' } },
    'is needed for a CA of its own': { cluster: api(), fault: 'tls' },
  },
  'certificate-authority': {
    'is a file': { cluster: api({ 'certificate-authority': tls('ca.pem') }), expected: { client: '' } },
    'is relative to the kubeconfig': {
      cluster: api({ 'certificate-authority': 'pki/ca.pem' }),
      files: { 'pki/ca.pem': pem('ca.pem') },
      expected: { client: '' },
    },
    'must be there': { cluster: api({ 'certificate-authority': 'missing.pem' }), config: /ENOENT.*missing/ },
    'excludes data': { cluster: api({ ...CA, 'certificate-authority': tls('ca.pem') }), config: /both/ },
  },
  'insecure-skip-tls-verify': {
    'trusts every certificate': { cluster: api({ 'insecure-skip-tls-verify': true }), expected: { client: '' } },
    'excludes a CA': { cluster: api({ ...CA, 'insecure-skip-tls-verify': true }), config: /insecure/ },
  },
  'tls-server-name': {
    'is asked for': {
      cluster: api({ 'insecure-skip-tls-verify': true, 'tls-server-name': 'x.test' }),
      expected: { server: 'x.test' },
    },
    'must be in the certificate': { cluster: api({ ...CA, 'tls-server-name': 'x.test' }), fault: 'tls' },
  },
  'proxy-url': {
    'leads to the server, before the proxy of the environment': {
      cluster: { server: 'https://api.test', 'insecure-skip-tls-verify': true, 'proxy-url': plain },
      proxy: 'http://127.0.0.1:1',
      expected: { proxied: 'api.test:443' },
    },
    'may be missing: then HTTPS_PROXY counts': {
      cluster: { server: 'https://api.test', 'insecure-skip-tls-verify': true },
      proxy: plain,
      expected: { proxied: 'api.test:443' },
    },
    'must answer': { cluster: api({ ...CA, 'proxy-url': 'http://127.0.0.1:1' }), fault: 'refused' },
  },
  'client-certificate-data, client-key-data': {
    'are shown to the server': { cluster: api(CA), user: CLIENT, expected: { client: 'client' } },
    'need each other': {
      user: { 'client-certificate-data': CLIENT['client-certificate-data'] },
      config: /needs a client-key/,
    },
  },
  'client-certificate, client-key': {
    'are files, relative to the kubeconfig': {
      cluster: api(CA),
      user: { 'client-certificate': 'me.pem', 'client-key': 'me-key.pem' },
      files: { 'me.pem': pem('client.pem'), 'me-key.pem': pem('client-key.pem') },
      expected: { client: 'client' },
    },
  },
  token: {
    'is sent': { user: { token: 'abc' }, bearer: 'abc' },
    'must fit into a header': { user: { token: 'a\u0000b' }, config: /./ },
  },
  tokenFile: {
    'is read again for each request; the last token counts while it is missing': {
      user: { tokenFile: 'token' },
      files: { token: 'first\n' },
      bearer: 'first',
      later: [
        [{ token: 'second' }, 'second'],
        [{ token: null }, 'second'],
      ],
    },
    'counts before a token': {
      user: { token: 'abc', tokenFile: 'token' },
      files: { token: 'of-file' },
      bearer: 'of-file',
    },
    'must be there at first': { user: { tokenFile: 'missing' }, config: /ENOENT/ },
  },
  'username, password': {
    'are sent': { user: { username: 'me', password: 'pw' }, expected: { authorization: `Basic ${btoa('me:pw')}` } },
    'exclude a token': { user: { username: 'me', password: 'pw', token: 'abc' }, config: /not both/ },
  },
  exec: {
    'gives a client certificate': {
      cluster: api(CA),
      exec: {},
      program: plugin({ clientCertificateData: pem('client.pem'), clientKeyData: pem('client-key.pem') }),
      expected: { client: 'client', authorization: undefined },
    },
    'gives a token, and runs once without an expiry': {
      exec: {},
      program: plugin({ token: 'RUNS' }),
      bearer: '1',
      later: [[{}, '1']],
    },
    'runs again when its credential has expired': {
      exec: {},
      program: plugin({ token: 'RUNS', expirationTimestamp: '2026-01-01T00:00:00Z' }),
      bearer: '1',
      later: [[{}, '2']],
    },
    'may fail: its complaint is told': {
      exec: {},
      program: '#!/bin/sh\necho log in first >&2; exit 1\n',
      config: /failed: log in first/,
    },
    'must be there': { exec: { command: '/nowhere/plugin' }, config: /ENOENT/ },
    'must print JSON; what it printed instead may be a credential and is not told': {
      exec: { args: ['argument'] },
      program: '#!/bin/sh\necho eyJhbGciOi.secret\n',
      config: /^the credential plugin \S+\/bin\/plugin did not print JSON$/,
    },
    'may end without a complaint: its status is told': {
      exec: { args: ['argument'] },
      program: '#!/bin/sh\nexit 7\n',
      config: /^the credential plugin \S+\/bin\/plugin failed: it ended with code 7$/,
    },
    'must print a credential': { exec: {}, program: plugin({}), config: /neither a token nor a certificate/ },
    'excludes an auth-provider': { exec: {}, user: { 'auth-provider': { name: 'oidc' } }, config: /not both/ },
  },
  'exec.apiVersion': {
    'may be v1beta1': {
      exec: { apiVersion: `${V1}beta1`, interactiveMode: undefined },
      program: plugin({ token: 'abc' }, `${V1}beta1`),
      bearer: 'abc',
    },
    'may not be v1alpha1': { exec: { apiVersion: `${V1}alpha1` }, config: /v1alpha1.*expected/ },
    'is that of the answer': {
      exec: { apiVersion: `${V1}beta1` },
      config: /answered with another apiVersion than \S+v1beta1/,
    },
  },
  'exec.interactiveMode': {
    'must be given in v1, as kubectl demands': {
      exec: { interactiveMode: undefined },
      config: /no interactiveMode, which client.authentication.k8s.io\/v1 requires/,
    },
    'may be IfAvailable': { exec: { interactiveMode: 'IfAvailable' }, bearer: 'abc' },
    'may not be Always: there is no terminal': { exec: { interactiveMode: 'Always' }, config: /terminal/ },
    'may be nothing else': { exec: { interactiveMode: 'never' }, config: /interactiveMode "never"/ },
  },
  'exec.env, exec.args, exec.provideClusterInfo': {
    'are passed on, without the cluster by default': {
      exec: { args: ['x', 'y'], env: [{ name: 'EXTRA', value: 'z' }] },
      program: plugin({ token: 'INFO' }),
      bearer: infoOf(undefined, 'zx,y'),
    },
    'are passed on, with the cluster and its extension': {
      cluster: {
        'tls-server-name': 'x.test',
        extensions: [{ name: 'client.authentication.k8s.io/exec', extension: { audience: 'me' } }],
      },
      exec: { provideClusterInfo: true, env: [{ name: 'EXTRA', value: '' }] },
      program: plugin({ token: 'INFO' }),
      bearer: infoOf({ server: plain, 'tls-server-name': 'x.test', config: { audience: 'me' } }, ''),
    },
  },
  'auth-provider': {
    'gcp is refused, as by client-go since 1.26': {
      user: { 'auth-provider': { name: 'gcp', config: { 'access-token': 'abc' } } },
      config: /auth-provider "gcp" is not supported.*exec/,
    },
    'oidc gives its token while that is valid': {
      user: { 'auth-provider': { name: 'oidc', config: { 'id-token': ID_TOKEN } } },
      bearer: ID_TOKEN,
    },
  },
  'as, as-uid, as-groups, as-user-extra': {
    'ask the server to act as somebody else': {
      user: { token: 'abc', as: 'x', 'as-uid': '7', 'as-groups': ['g', 'h'], 'as-user-extra': { 'k/l': ['v'] } },
      bearer: 'abc',
      expected: {
        impersonated: {
          'impersonate-user': 'x',
          'impersonate-uid': '7',
          'impersonate-group': 'g, h',
          'impersonate-extra-k%2fl': 'v',
        },
      },
    },
    'need the user to act as': { user: { 'as-groups': ['g'] }, config: /need "as"/ },
  },
  namespace: {
    'is that of the context': { context: { namespace: 'mine' }, account: ACCOUNT, expected: { namespace: 'mine' } },
    'is else that of the service account': { account: ACCOUNT, expected: { namespace: 'theirs' } },
    'is else default': { expected: { namespace: 'default' } },
  },
  'current-context, user': {
    'must be there': { more: { 'current-context': 'other' }, config: /no context "other"/ },
    'must be given': { more: { 'current-context': '' }, config: /no context ""/ },
    'may name no user': { context: { user: '' }, expected: { authorization: undefined } },
    'must not name a user that is missing': { context: { user: 'other' }, config: /no user "other"/ },
  },
  'KUBECONFIG with several files': {
    'the first current-context counts, and what it names may be in another file; missing files are skipped': {
      more: { 'current-context': 'b' },
      others: ['/nowhere/config', { name: 'b', context: { namespace: 'second' } }],
      expected: { namespace: 'second' },
    },
    'the first definition of a name counts': {
      user: { token: 'first' },
      others: [{ user: { token: 'second' } }],
      bearer: 'first',
    },
    'a file is relative to the kubeconfig that names it': {
      more: { 'current-context': 'b' },
      files: { token: 'beside the first' },
      others: [{ name: 'b', user: { tokenFile: 'token' }, files: { token: 'beside-the-second' } }],
      bearer: 'beside-the-second',
    },
    'one of them must be there': { path: '/nowhere/config', config: /ENOENT/ },
    'one must be named': { path: '', config: /names no file/ },
    'one that is not valid YAML is not quoted: its line is told': {
      files: { config: 'users:\n- user:\n    token: "secret\n' },
      config: /^the kubeconfig \S+ is not valid YAML: see line 4$/,
    },
  },
  'service account': {
    'has token, CA and namespace': {
      account: ACCOUNT,
      env: IN_CLUSTER,
      bearer: 'abc',
      expected: { namespace: 'theirs' },
      later: [[{ token: 'def' }, 'def']],
    },
    'needs KUBERNETES_SERVICE_HOST': {
      account: ACCOUNT,
      env: { KUBERNETES_SERVICE_PORT: '443' },
      config: /not in a cluster/,
    },
    'needs a token': { account: { 'ca.crt': pem('ca.pem') }, env: IN_CLUSTER, config: /ENOENT/ },
  },
};

describe.each(Object.entries(CASES))('%s', (_field, cases) => {
  test.each(Object.entries(cases))('%s', async (_what, one) => {
    const { env, config = /./, fault = one.config && 'config', later = [] } = one;
    const root = one.account === undefined ? '/nowhere' : account(one.account);
    const first = one.path ?? kubeconfig(one);
    const others = (one.others ?? []).map((other) => (typeof other === 'string' ? other : kubeconfig(other)));
    if (env !== undefined) stubAccount(env);
    const request = async () => {
      const paths = env === undefined ? [first, ...others].join(delimiter) : null;
      const client = new ApiClient(
        { kubeconfig: paths, proxies: { https: one.proxy ?? '', http: '', none: '' }, accountRoot: root },
        realClock,
      );
      onTestFinished(() => client.close());
      return { client, received: await ask(client) };
    };
    if (fault !== undefined) {
      await expect(request()).rejects.toMatchObject({ fault, message: expect.stringMatching(config) });
      return;
    }
    const { client, received } = await request();
    const { namespace = client.namespace, ...expected }: Expected = one.expected ?? {};
    const token = (bearer: string) => ({ authorization: `Bearer ${bearer}` });
    expect(received).toMatchObject({ ...expected, ...(one.bearer && token(one.bearer)) });
    expect(client.namespace).toBe(namespace);
    const own = env === undefined ? join(first, '..') : join(root, 'var/run/secrets/kubernetes.io/serviceaccount');
    for (const [files, next] of later) {
      write(own, files);
      expect(await ask(client)).toMatchObject(token(next));
    }
  });
});

test('service account: an IPv6 address is put into brackets', () => {
  stubAccount({ KUBERNETES_SERVICE_HOST: 'fd00::1', KUBERNETES_SERVICE_PORT: '6443' });
  expect(readLogin({ kubeconfig: null, accountRoot: account(ACCOUNT) }).server).toBe('https://[fd00::1]:6443');
});

test('a request is sent once more if the server closes the kept connection just then', async () => {
  const used = new Set<unknown>();
  let isClosed = false;
  const server = createServer(({ socket }, response) => {
    if (used.has(socket) && !isClosed) {
      isClosed = true;
      socket.destroy();
    } else {
      used.add(socket);
      response.end();
    }
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  const path = kubeconfig({ cluster: { server: `http://127.0.0.1:${port}` } });
  const client = new ApiClient({ kubeconfig: path }, realClock);
  onTestFinished(() => client.close());
  await client.logIn();
  for (let i = 0; i < 100 && !isClosed; i++) {
    const response = await client.get('/api', {}, 'application/json', AbortSignal.timeout(15_000));
    expect(response.statusCode).toBe(200);
    await once(response.resume(), 'close');
  }
  expect([isClosed, used.size]).toEqual([true, 2]);
});
