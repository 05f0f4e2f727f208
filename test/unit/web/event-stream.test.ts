import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { openEventStream } from '../../../web/data/stream.ts';

const soon = (condition: () => unknown) => vi.waitFor(condition, { timeout: 10_000, interval: 5 });

let answer: (response: ServerResponse) => void;
let gone = 0;
const server = createServer((request, response) => {
  expect(request.headers.accept).toBe('text/event-stream');
  response.on('close', () => gone++);
  answer(response);
});
let url = '';

beforeEach(async () => {
  gone = 0;
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
});

afterEach(async () => {
  server.closeAllConnections();
  await new Promise((done) => server.close(done));
});

function hear() {
  const heard: string[] = [];
  const stream = openEventStream(url);
  for (const type of ['head', 'row', 'error']) {
    stream.addEventListener(type, ({ data }) => heard.push(`${type} ${data}`));
  }
  return { heard, stream };
}

/** Answers with a stream of `parts`, each sent once the one before has been sent, and leaves it open. */
const streaming =
  (...parts: (string | Uint8Array)[]) =>
  async (response: ServerResponse) => {
    response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' });
    for (const part of parts) await new Promise<void>((sent) => response.write(part, () => setImmediate(sent)));
  };

test('events are told in their order, wherever the network cuts them; comments are not', async () => {
  const bytes = new TextEncoder().encode('event: head\ndata: {"ä":"→"}\n\n:\n\nevent: row\ndata: 1\n\n');
  answer = streaming(...Array.from(bytes, (byte) => Uint8Array.of(byte)));
  const { heard } = hear();
  await soon(() => expect(heard).toEqual(['head {"ä":"→"}', 'row 1']));
});

test('many events at once are told one by one', async () => {
  const rows = Array.from({ length: 500 }, (_, i) => `event: row\ndata: ${i}${'x'.repeat(2000)}\n\n`);
  answer = streaming(rows.join(''), 'event: row\ndata: cut off');
  const { heard } = hear();
  await soon(() => expect(heard).toHaveLength(500));
  expect(heard.map((line) => Number.parseInt(line.slice(4), 10))).toEqual(rows.map((_, i) => i));
});

test.each([
  [
    'ends',
    (response: ServerResponse) => void streaming('event: row\ndata: 1\n\n')(response).then(() => response.end()),
  ],
  [
    'breaks',
    (response: ServerResponse) => void streaming('event: row\ndata: 1\n\n')(response).then(() => response.destroy()),
  ],
])('one that %s is told as an error, once', async (_, how) => {
  answer = how;
  const { heard } = hear();
  await soon(() => expect(heard).toEqual(['row 1', 'error ']));
});

test.each([
  ['503', { status: 503, type: 'text/event-stream' }],
  ['a login page', { status: 200, type: 'text/html' }],
])('%s is no stream', async (_, { status, type }) => {
  answer = (response) => response.writeHead(status, { 'content-type': type }).end('event: row\ndata: 1\n\n');
  const { heard } = hear();
  await soon(() => expect(heard).toEqual(['error ']));
});

test('nobody there is an error', async () => {
  await new Promise((done) => server.close(done));
  const { heard } = hear();
  await soon(() => expect(heard).toEqual(['error ']));
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
});

test('a line without an end is given up, not kept', async () => {
  const part = 'x'.repeat(1024 * 1024);
  answer = streaming('data: ', ...Array(20).fill(part));
  const { heard } = hear();
  await soon(() => expect(heard).toEqual(['error ']));
  await soon(() => expect(gone).toBe(1));
});

test('one that is closed says nothing any more, and its connection ends', async () => {
  let say = () => {};
  answer = (response) => {
    void streaming('event: row\ndata: 1\n\n')(response);
    say = () => response.write('event: row\ndata: 2\n\n');
  };
  const { heard, stream } = hear();
  await soon(() => expect(heard).toEqual(['row 1']));
  stream.close();
  say();
  await soon(() => expect(gone).toBe(1));
  expect(heard).toEqual(['row 1']);
});
