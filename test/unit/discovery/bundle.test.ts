import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
// @ts-expect-error a build script, without types
import { slimKubernetesClient } from '../../../deploy/slim-bundle.mjs';
import { KubeApi } from '../../support/kube-api.ts';

// Each test starts a process, on a machine that may be busy.
vi.setConfig({ testTimeout: 30_000 });

const run = promisify(execFile);
const fixture = (name: string) => join(import.meta.dirname, '../../fixtures/tls', name);
const pem = (name: string) => readFileSync(fixture(name), 'utf8');
const ca = { 'certificate-authority': fixture('ca.pem') };

/** Asks for the pods, with the kubeconfig or the account root of its arguments, and prints the status or the error. */
const ASK = `
  import { ApiClient } from './server/discovery/api-client.ts';
  import { realClock } from './server/runtime/clock.ts';
  const [kubeconfig, accountRoot] = process.argv.slice(2);
  const client = new ApiClient({ kubeconfig: kubeconfig || null, accountRoot }, realClock);
  client.logIn()
    .then(() => client.get('/api/v1/namespaces/' + client.namespace + '/pods', {}, 'application/json', AbortSignal.timeout(15000)))
    .then(({ statusCode }) => ({ statusCode }), ({ fault, message }) => ({ fault, message }))
    .then((answer) => console.log(JSON.stringify(answer)))
    .finally(() => client.close());
`;

let folder = '';
let stub: KubeApi;

/** Bundles a file or a text as the build does. */
async function bundle(
  outfile: string,
  source: { entryPoints: string[] } | { stdin: { contents: string; resolveDir: string } },
) {
  const options = { bundle: true, platform: 'node', format: 'cjs', target: 'node20', outfile } as const;
  return build({ ...options, ...source, plugins: [slimKubernetesClient()], metafile: true });
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'bundle-'));
  stub = await KubeApi.start({ token: 'secret', tls: { key: pem('server-key.pem'), cert: pem('server.pem') } });
  await bundle(join(folder, 'ask.cjs'), { stdin: { contents: ASK, resolveDir: process.cwd() } });
}, 60_000);

afterAll(async () => {
  await stub.close();
  rmSync(folder, { recursive: true, force: true });
});

/** Runs the bundled program with a kubeconfig or a service account, and returns what it found. */
async function ask(kubeconfig: string, account = '', env: Record<string, string> = {}): Promise<unknown> {
  const options = { env: { ...process.env, ...env }, timeout: 20_000 };
  return JSON.parse((await run(process.execPath, [join(folder, 'ask.cjs'), kubeconfig, account], options)).stdout);
}

const found = { statusCode: 200 };

describe('the slimmed client logs in', () => {
  test('by the service account of its pod, in its namespace, with a line break after the token', async () => {
    const account = join(folder, 'var/run/secrets/kubernetes.io/serviceaccount');
    mkdirSync(account, { recursive: true });
    writeFileSync(join(account, 'ca.crt'), pem('ca.pem'));
    writeFileSync(join(account, 'token'), 'secret\n');
    writeFileSync(join(account, 'namespace'), 'default\n');
    const env = { KUBERNETES_SERVICE_HOST: '127.0.0.1', KUBERNETES_SERVICE_PORT: String(stub.port) };
    expect(await ask('', folder, env)).toEqual(found);
  });

  test('by OpenID Connect, up to the request to the issuer (needs openid-client)', async () => {
    const expired = `${btoa('{}')}.${btoa(JSON.stringify({ exp: 1 }))}.x`;
    const config = {
      'id-token': expired,
      'client-id': 'me',
      'refresh-token': 'x',
      'idp-issuer-url': 'https://127.0.0.1:1',
    };
    const user = { 'auth-provider': { name: 'oidc', config } };
    const error = await ask(stub.writeKubeconfig(join(folder, 'oidc'), { cluster: ca, user }));
    expect(error).toMatchObject({ fault: 'config', message: expect.stringContaining('fetch failed') });
  });

  test('through a SOCKS proxy, up to the connection to it (needs socks-proxy-agent)', async () => {
    const cluster = { ...ca, 'proxy-url': 'socks5://127.0.0.1:1' };
    const error = await ask(stub.writeKubeconfig(join(folder, 'socks'), { cluster }));
    expect(error).toMatchObject({ fault: 'unreachable', message: expect.stringContaining('ECONNREFUSED') });
  });
});

describe('the slimmed bundle', () => {
  test('has neither the generated API classes nor the charset tables', async () => {
    const { metafile } = await bundle(join(folder, 'sizes.cjs'), { entryPoints: ['server/discovery/api-client.ts'] });
    const inputs = Object.keys(metafile.inputs);
    expect(inputs.some((path) => path.includes('client-node/dist/config.js'))).toBe(true);
    expect(
      inputs.filter((path) => /gen\/(models|apis)\/|node_modules\/(whatwg-url|tr46|jsonpath-plus)\//.test(path)),
    ).toEqual([]);
  });

  test("has pino without its thread, and pino's log is the same", async () => {
    const contents = `
      const { pino } = require('pino');
      const loaded = () => process.moduleLoadList.includes('NativeModule worker_threads');
      pino({ base: null, timestamp: false }).info({ isThreadLoaded: loaded() }, 'listening');
    `;
    const { metafile } = await bundle(join(folder, 'log.cjs'), { stdin: { contents, resolveDir: process.cwd() } });
    expect(Object.keys(metafile.inputs).filter((path) => path.includes('node_modules/thread-stream/'))).toEqual([]);
    const { stdout } = await run(process.execPath, [join(folder, 'log.cjs')]);
    expect(stdout).toBe('{"level":30,"isThreadLoaded":false,"msg":"listening"}\n');
  });

  test('decodes request bodies in the charsets of the web, and rejects other charsets', async () => {
    const contents = `
      const { Readable } = require('node:stream');
      const read = require('raw-body');
      const body = (bytes, encoding) => read(Readable.from([Buffer.from(bytes)]), { encoding }).catch((error) => error.type);
      Promise.all([body([0xc3, 0xa9], 'utf-8'), body([0xe9], 'iso-8859-1'), body([0xe9], 'klingon')])
        .then((texts) => console.log(JSON.stringify(texts)));
    `;
    await bundle(join(folder, 'body.cjs'), { stdin: { contents, resolveDir: process.cwd() } });
    const { stdout } = await run(process.execPath, [join(folder, 'body.cjs')]);
    expect(JSON.parse(stdout)).toEqual(['é', 'é', 'encoding.unsupported']);
  });
});
