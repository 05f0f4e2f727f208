import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import fc from 'fast-check';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { encodeMergedReport, type Mesh } from '../../../../server/protocol/mesh.ts';
import { BatchReader, openEventStream } from '../../../../web/data/stream.ts';
import { meshOf } from '../../../support/feed/scenarios.ts';

function headOf({ reports, ...head }: Mesh, reset: boolean): string {
  return JSON.stringify({ ...head, reset, reportCount: reports.length });
}

function send(
  reader: BatchReader,
  mesh: Mesh,
  reset: boolean,
  changed = mesh.reports.map((report) => report.pod),
): Mesh {
  reader.head(headOf(mesh, reset));
  for (const report of mesh.reports) if (changed.includes(report.pod)) reader.report(encodeMergedReport(report));
  return reader.end();
}

test('a batch that resets is the mesh that was sent', () => {
  const mesh = meshOf({ pods: 7, scenario: 'mixed', windowMs: 60_000 });
  expect(send(new BatchReader(), mesh, true)).toEqual(mesh);
});

test('whichever reports changed, the rest stays', () => {
  const before = meshOf({ pods: 8, scenario: 'healthy' });
  const after = meshOf({ pods: 8, scenario: 'slow-pod', tick: 1 });
  fc.assert(
    fc.property(fc.uniqueArray(fc.integer({ min: 0, max: 7 })), (changed) => {
      const reader = new BatchReader();
      send(reader, before, true);
      const now = send(reader, after, false, changed);
      const want = after.reports.map((report, i) => (changed.includes(i) ? report : before.reports[i]));
      expect(now.reports).toEqual(want);
      expect(now.discovery).toEqual(after.discovery);
    }),
  );
});

test('pods that are as before need no telling, and stay the very same', () => {
  const mesh = meshOf({ pods: 4, scenario: 'healthy' });
  const reader = new BatchReader();
  const before = send(reader, mesh, true);
  reader.head(headOf({ ...mesh, pods: null as unknown as [] }, false));
  expect(reader.end().pods).toBe(before.pods);
  expect(() => new BatchReader().head(headOf({ ...mesh, pods: null as unknown as [] }, true))).toThrow();
});

test('a batch that breaks off changes nothing: the next one counts', () => {
  const mesh = meshOf({ pods: 3, scenario: 'healthy' });
  const reader = new BatchReader();
  reader.head(headOf(mesh, true));
  reader.report(encodeMergedReport(mesh.reports[0]!));
  expect(send(reader, mesh, true)).toEqual(mesh);
});

test('a pod that left loses its report without a word', () => {
  const reader = new BatchReader();
  send(reader, meshOf({ pods: 5, scenario: 'healthy' }), true);
  const after = meshOf({ pods: 5, scenario: 'lifecycles' });
  const now = send(reader, after, false, []);
  expect(now.reports.map((report) => report.pod)).toEqual(after.reports.map((report) => report.pod));
});

const TWO = meshOf({ pods: 2, scenario: 'healthy' });
const REPORT = encodeMergedReport(TWO.reports[0]!);
const REFUSED: [name: string, work: (reader: BatchReader) => void][] = [
  ['not JSON', (reader) => reader.head('<html>')],
  ['no object', (reader) => reader.head('7')],
  ['no count', (reader) => reader.head(headOf(TWO, true).replace('"reportCount":2', '"reportCount":-1'))],
  ['changes to nothing', (reader) => reader.head(headOf(TWO, false))],
  ['a report before the head', (reader) => reader.report(REPORT)],
  ['an end before the head', (reader) => reader.end()],
  ['too few reports', (reader) => send(reader, TWO, true, [0])],
  ['a report twice', (reader) => send(reader, { ...TWO, reports: [TWO.reports[0]!, TWO.reports[0]!] }, true)],
  [
    'too many reports',
    (reader) => send(reader, { ...TWO, reports: TWO.reports.slice(0, 1) }, true) && reader.report(REPORT),
  ],
];
test.each(REFUSED)('%s is refused', (_, work) => expect(() => work(new BatchReader())).toThrow());

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
  let parts = 0;
  const close = openEventStream(url, (type, data) => {
    if (type === 'bytes') parts++;
    else heard.push(`${type} ${data}`);
  });
  return { heard, close, parts: () => parts };
}

/** Answers with a stream of `parts`, each sent once the one before has been sent, and leaves it open. */
const streaming =
  (...parts: (string | Uint8Array)[]) =>
  async (response: ServerResponse) => {
    response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' });
    for (const part of parts) await new Promise<void>((sent) => response.write(part, () => setImmediate(sent)));
  };

test.each([':\n\n', 'event: row\nda'])('%j is told as bytes that have arrived', async (part) => {
  answer = streaming(part);
  const { heard, parts } = hear();
  await soon(() => expect(parts()).toBe(1));
  expect(heard).toEqual([]);
});

test('events are told in their order, wherever the network cuts them; comments are not', async () => {
  const bytes = new TextEncoder().encode('event: head\ndata: {"ä":"→"}\n\n:\n\nevent: row\ndata: 1\n\n');
  answer = streaming(...Array.from(bytes, (byte) => Uint8Array.of(byte)));
  const { heard } = hear();
  await soon(() => expect(heard).toEqual(['head {"ä":"→"}', 'row 1']));
});

test.each(['end', 'destroy'] as const)('a stream that breaks by %s is told as an error, once', async (how) => {
  answer = (response) => void streaming('event: row\ndata: 1\n\n')(response).then(() => response[how]());
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
  const { heard, close } = hear();
  await soon(() => expect(heard).toEqual(['row 1']));
  close();
  say();
  await soon(() => expect(gone).toBe(1));
  expect(heard).toEqual(['row 1']);
});
