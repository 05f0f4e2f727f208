import { once } from 'node:events';
import { connect } from 'node:net';
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import type { RouteContext } from '../../../server/http/context.ts';
import { type HttpServer, listen } from '../../../server/http/server.ts';
import { meshOf, stubAnswers } from './answers-stub.ts';

const BEARER = 'Host: x\r\nAuthorization: Bearer sixteen-characters\r\nContent-Type: application/json\r\n';
const servers: HttpServer[] = [];
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close(0)));
});

describe('a client that does not finish its request in time is cut off', () => {
  it.each([
    ['head', 'GET /check HTTP/1.1\r\nHost: x\r\n'],
    ['body', `POST /api/v1/annotations HTTP/1.1\r\n${BEARER}Content-Length: 5\r\n\r\n{`],
  ])(
    'in its %s',
    async (_, bytes) => {
      const server = await listen(stubAnswers().answers, '127.0.0.1', 0, {
        requestMs: 100,
        checkMs: 10,
        stalledMs: 30_000,
      });
      servers.push(server);
      const socket = connect(Number(new URL(server.address).port), '127.0.0.1', () => socket.write(bytes));
      let answer = '';
      socket.on('data', (data) => {
        answer += data;
      });
      await once(socket, 'close');
      expect(answer).toMatch(/^HTTP\/1\.1 408 /);
      // As long as clients have by default: then it would not be these limits that cut it off.
    },
    9_000,
  );
});

it('one that finishes in time is answered', async () => {
  const server = await listen(stubAnswers().answers, '127.0.0.1', 0);
  servers.push(server);
  const socket = connect(Number(new URL(server.address).port), '127.0.0.1', () =>
    socket.write('GET /ping HTTP/1.1\r\n'),
  );
  const [head] = await Promise.all([
    once(socket, 'data').then(([data]) => String(data)),
    once(socket, 'connect').then(() => socket.write('Host: x\r\n\r\n')),
  ]);
  expect(head).toMatch(/^HTTP\/1\.1 200 /);
  socket.destroy();
});

describe('a client that stops reading its answer is cut off', () => {
  /** More than the socket buffers of both ends hold. */
  const LARGE = 'x'.repeat(16 * 2 ** 20);

  /** Asks for `path`, reads the first bytes and no more. */
  async function readBegin(path: string, overrides: Partial<RouteContext>) {
    const stub = stubAnswers(overrides);
    const server = await listen(stub.answers, '127.0.0.1', 0, { requestMs: 10_000, checkMs: 1_000, stalledMs: 100 });
    servers.push(server);
    const socket = connect(Number(new URL(server.address).port), '127.0.0.1');
    onTestFinished(() => void socket.destroy());
    socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`);
    await once(socket, 'readable');
    return stub.clock;
  }

  it('on a live stream, although heartbeats are due', async () => {
    const mesh = meshOf(['a', 'b']);
    const large = { ...mesh, pods: mesh.pods.map((pod) => ({ ...pod, labels: LARGE })) };
    const clock = await readBegin('/api/v1/stream', { collect: async () => large });
    expect(clock.pending).toBeGreaterThan(0);
    // The server forgets the stream, and with it every timer.
    const isForgotten = async () => {
      await clock.advance(5_000);
      expect(clock.pending).toBe(0);
    };
    await vi.waitFor(isForgotten, { timeout: 9_000, interval: 10 });
  }, 10_000);

  it('on any other answer', async () => {
    let isOver = false;
    await readBegin('/check_all', {
      *checkAll() {
        try {
          for (;;) yield LARGE;
        } finally {
          isOver = true;
        }
      },
    });
    await vi.waitFor(() => expect(isOver).toBe(true), { timeout: 9_000, interval: 10 });
  }, 10_000);
});
