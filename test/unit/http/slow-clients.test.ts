import { once } from 'node:events';
import { connect } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { type HttpServer, listen } from '../../../server/http/server.ts';
import { stubAnswers } from './answers-stub.ts';

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
      const server = await listen(stubAnswers().answers, '127.0.0.1', 0, { requestMs: 100, checkMs: 10 });
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
