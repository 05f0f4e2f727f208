import { Server, Socket } from 'node:net';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { listen } from '../../../server/http/server.ts';
import { stubContext } from '../../support/route-context.ts';
import { dial, serve } from './serve.ts';

/** Sends raw bytes and gives everything that comes back. */
async function raw(url: string, bytes: string): Promise<string> {
  const { received, ended } = await dial(url, bytes);
  await ended();
  return received();
}

const BEARER = 'Host: localhost\r\nAuthorization: Bearer sixteen-characters\r\nContent-Type: application/json\r\n';

it.each(['0.0.0.0', '::', '[::]', '0'])('HOST=%s listens on both families', async (host) => {
  const { server } = await serve({ env: { HOST: host } });
  for (const own of ['127.0.0.1', '[::1]']) {
    expect((await fetch(`http://${own}:${new URL(server.address).port}/ping`)).status).toBe(200);
  }
});

it('lets the system hold as many connections as it may, so that in a flood pings do not time out; closes those that their clients have reset', async () => {
  const listening = vi.spyOn(Server.prototype, 'listen');
  onTestFinished(() => listening.mockRestore());
  await serve();
  expect(listening.mock.calls[0]?.[0]).toMatchObject({ backlog: 4096 });
  // It has no address any more, so Node does not ask about it.
  const socket = new Socket();
  (listening.mock.contexts[0] as Server).emit('connection', socket);
  expect(socket.destroyed).toBe(true);
});

it('takes 64 KiB of headers and as much of a query; refuses more, and broken requests, without going down', async () => {
  const { url } = await serve();
  const statusOf = async (path: string) => (await fetch(url + path)).status;
  expect(await statusOf(`/healthz?${'x'.repeat(65_536)}`)).toBe(200);
  expect(await statusOf(`/check?${'x'.repeat(80_000)}`)).toBe(414);
  expect(await statusOf(`/${'x'.repeat(999)}`)).toBe(404);
  expect(await statusOf(`/${'x'.repeat(1_000)}`)).toBe(414);
  const head = 'GET /ping HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n';
  expect(await raw(url, 'NONSENSE\r\n\r\n')).toContain('400');
  expect(await raw(url, `${head}X: ${'y'.repeat(150_000)}\r\n\r\n`)).toContain('431');
  expect(await raw(url, `${head}Cookie: ${'y'.repeat(65_536)}\r\n\r\n`)).toContain('200 OK');
});

it('reads 4000 characters of a header Accept, because more would block the event loop', async () => {
  const { url } = await serve();
  const statusOf = async (accept: string) => (await fetch(`${url}/check`, { headers: { accept } })).status;
  expect(await statusOf(`${'a/b,'.repeat(990)}*/*`)).toBe(200);
  expect(await statusOf(`${'a/b,'.repeat(1_000)}*/*`)).toBe(406);
});

describe('the express application', () => {
  /** Serves a stub whose folder of the page, which only the making of the application reads, is told by `pageDir`. */
  const serveWith = async (pageDir: () => string) => {
    const stub = stubContext();
    Object.defineProperty(stub.context, 'pageDir', { get: pageDir });
    const server = await listen(stub.context);
    onTestFinished(() => server.close(0));
    return { ...stub, url: server.address };
  };

  it('is made by the first request that needs it, not by pings, and once for all', async () => {
    const pageDir = vi.fn(() => 'test/fixtures/page');
    const { url } = await serveWith(pageDir);
    expect((await fetch(`${url}/ping`)).status).toBe(200);
    expect(pageDir).not.toHaveBeenCalled();
    const answers = await Promise.all(['/healthz', '/check', '/'].map((path) => fetch(url + path)));
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200]);
    const reads = pageDir.mock.calls.length;
    expect(reads).toBeGreaterThan(0);
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
    expect(pageDir).toHaveBeenCalledTimes(reads);
  });

  it('answers 500 and logs why if it cannot be made; pings are answered all the same', async () => {
    const { url, errors } = await serveWith(() => {
      throw new Error('no such folder');
    });
    expect((await fetch(`${url}/healthz`)).status).toBe(500);
    expect(errors).toEqual(['the HTTP application cannot be loaded']);
    expect((await fetch(`${url}/ping`)).status).toBe(200);
  });
});

it.each([
  ...['localhost', '127.0.0.1:8080', '127.9.9.9', '[::1]:80', 'LocalHost:1', 'pod.localhost'].map((host) => [
    host,
    200,
  ]),
  // A web page of another site may have pointed such a name at it.
  ...['evil.example', '127.0.0.1.evil.example', 'localhost.evil.example', '10.0.0.1', '127.1', ''].map((it) => [
    it,
    403,
  ]),
] as const)('a server on a loopback address, asked by the name %j, answers %i', async (host, status) => {
  const { url } = await serve();
  const answer = await raw(url, `GET /ping HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
  expect(answer).toContain(`HTTP/1.1 ${status} `);
});

it.each([
  ['head', 'GET /check HTTP/1.1\r\nHost: localhost\r\n'],
  ['body', `POST /api/v1/annotations HTTP/1.1\r\n${BEARER}Content-Length: 5\r\n\r\n{`],
])(
  'a client that does not finish its %s in time is cut off',
  async (_, bytes) => {
    const { url } = await serve({}, { requestMs: 100, checkMs: 10, stalledMs: 30_000 });
    expect(await raw(url, bytes)).toMatch(/^HTTP\/1\.1 408 /);
    // As long as clients have by default: then it would not be these limits that cut it off.
  },
  9_000,
);

it('a client that stops reading its answer is cut off', async () => {
  let isOver = false;
  function* check() {
    try {
      // More than the socket buffers of both ends hold.
      for (;;) yield 'x'.repeat(16 * 2 ** 20);
    } finally {
      isOver = true;
    }
  }
  const { url } = await serve({ monitor: { check } }, { requestMs: 10_000, checkMs: 1_000, stalledMs: 100 });
  const { socket } = await dial(url, 'GET /check HTTP/1.1\r\nHost: localhost\r\n\r\n');
  socket.pause();
  await vi.waitFor(() => expect(isOver).toBe(true), { timeout: 9_000, interval: 10 });
}, 10_000);
