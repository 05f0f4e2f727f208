// Makes dist/goldpinger-ts.cache for dist/start.cjs:
//   node FLAGS deploy/code-cache.cjs [FOLDER]
// It must run on the very Node, and with the very flags, that the server is run with: V8 refuses code of another version or
// with other flags. It starts the server here, with one simulated peer, until that has been listed and pinged, and asks what other
// pods and the kubelet ask of each pod soon after its start. So the cache has that code and no other: what is in it takes memory
// from the start on. If the start fails, there is a warning and no cache: the server needs none.
'use strict';
const { rmSync, mkdtempSync, readFileSync, renameSync, writeFileSync } = require('node:fs');
const { createServer, get } = require('node:http');
const { once } = require('node:events');
const { tmpdir } = require('node:os');
const { join, resolve } = require('node:path');

const { PROGRAM, CACHE, compile, headerOf } = require(join(resolve(process.argv[2] ?? 'dist'), 'start.cjs'));
const DEADLINE_MS = 20_000;
const HOST = '127.0.0.1';

/** Pings that the peer must have answered: on a new connection, and on one that was kept. */
const PINGS = 3;

/** What every pod is asked. */
const PATHS = ['/ping', '/healthz', '/api/v1/departed-pods', '/api/v1/copy?of=self'];

/** A Kubernetes API with one pod. */
function answerApi(request, response) {
  const { pathname, searchParams } = new URL(request.url, `http://${HOST}`);
  response.setHeader('Content-Type', 'application/json');
  if (!pathname.endsWith('/pods')) response.writeHead(403).end('{}');
  else if (searchParams.get('watch') !== null) response.flushHeaders();
  else response.end(JSON.stringify({ kind: 'PodList', metadata: { resourceVersion: '1' }, items: [PEER] }));
}
const PEER = {
  metadata: { name: 'peer', namespace: 'default', uid: 'peer', creationTimestamp: '2026-01-01T00:00:00Z' },
  spec: { nodeName: 'node' },
  status: {
    phase: 'Running',
    hostIP: HOST,
    podIP: HOST,
    podIPs: [{ ip: HOST }],
    conditions: [{ type: 'Ready', status: 'True', lastTransitionTime: '2026-01-01T00:00:00Z' }],
    containerStatuses: [{ restartCount: 0, state: { running: { startedAt: '2026-01-01T00:00:00Z' } } }],
  },
};

/** Listens on a free port and returns it. */
async function portOf(server) {
  await once(server.listen(0, HOST), 'listening');
  return server.address().port;
}

async function freePort() {
  const server = createServer();
  const port = await portOf(server);
  await once(server.close(), 'close');
  return port;
}

/** Resolves when the peer has been pinged often enough; rejects if that takes too long. */
function pinged(peer) {
  return new Promise((done, failed) => {
    let pings = 0;
    setTimeout(failed, DEADLINE_MS, new Error(`the server has not pinged its peer within ${DEADLINE_MS / 1000} s`));
    peer.on('request', (_request, response) => {
      response.setHeader('Content-Type', 'application/json').end('{"boot_time":"2026-01-01T00:00:00.000Z"}');
      pings += 1;
      if (pings === PINGS) done();
    });
  });
}

/** Gets a URL. Resolves when the answer has come. */
function asked(url) {
  return new Promise((done, failed) => {
    get(url, { agent: false }, (answer) => answer.resume().on('end', done)).on('error', failed);
  });
}

async function makeCache() {
  rmSync(CACHE, { force: true });
  const source = readFileSync(PROGRAM);
  // esbuild leaves none. V8's script could not load it.
  if (/\bimport\(/.test(source.toString('latin1'))) throw new Error(`${PROGRAM} has a dynamic import`);
  const [port, peer] = [await freePort(), createServer()];
  const [apiPort, peerPort] = [await portOf(createServer(answerApi)), await portOf(peer)];
  const folder = mkdtempSync(join(tmpdir(), 'goldpinger-code-cache-'));
  const kubeconfig = join(folder, 'kubeconfig');
  const named = (name, fields) => [{ name, ...fields }];
  const config = {
    clusters: named('api', { cluster: { server: `http://${HOST}:${apiPort}` } }),
    users: named('user', { user: {} }),
    contexts: named('context', { context: { cluster: 'api', user: 'user' } }),
    'current-context': 'context',
  };
  writeFileSync(kubeconfig, JSON.stringify(config));
  try {
    for (const name of Object.keys(process.env)) delete process.env[name];
    const settings = { HOST, PORT: String(port), KUBECONFIG: kubeconfig, POD_NAME: 'self', NAMESPACE: 'default' };
    const pinging = { CLIENT_PORT_OVERRIDE: String(peerPort), REFRESH_INTERVAL: '0.2', LOG_LEVEL: 'error' };
    Object.assign(process.env, settings, pinging);
    process.argv.length = 2;
    const { script, run } = compile(source);
    run();
    await pinged(peer);
    for (const path of PATHS) await asked(`http://${HOST}:${port}${path}`);
    const data = script.createCachedData();
    // Whole or not at all.
    writeFileSync(`${CACHE}.new`, Buffer.concat([Buffer.from(headerOf(source, data)), data]));
    renameSync(`${CACHE}.new`, CACHE);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

makeCache().then(
  () => process.exit(0),
  (error) => {
    process.stderr.write(`no code cache, the server starts without one: ${error.message}\n`);
    process.exit(0);
  },
);
