import fc from 'fast-check';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { HttpResponseParser, type Progress } from '../../../server/runtime/http-response.ts';

const LIMIT = 1000;

/** Parses `text`, cut at the given places. If it is incomplete, the connection closes. */
function parse(text: string, cuts: number[] = []): Progress {
  const parser = new HttpResponseParser(LIMIT);
  const places = [...new Set(cuts.map((cut) => cut % (text.length + 1)))].sort((a, b) => a - b);
  let from = 0;
  for (const to of [...places, text.length]) {
    const progress = parser.push(Buffer.from(text.slice(from, to), 'latin1'));
    if (progress.kind !== 'incomplete') return progress;
    from = to;
  }
  return parser.end();
}

/** The same without Buffers, for comparison. */
function plain(progress: Progress): unknown {
  return progress.kind === 'complete' ? [progress.status, progress.body.toString('latin1')] : progress;
}

const chunked = (...chunks: string[]) =>
  `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${chunks
    .map((chunk) => `${chunk.length.toString(16)}\r\n${chunk}\r\n`)
    .join('')}0\r\n\r\n`;

it('that comes in one-byte pieces is not copied with each of them', () => {
  const allocated = vi.spyOn(Buffer, 'allocUnsafe');
  onTestFinished(() => allocated.mockRestore());
  const body = 'x'.repeat(20_000);
  const parser = new HttpResponseParser(body.length);
  const answer = Buffer.from(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
  let progress: Progress = { kind: 'incomplete' };
  for (let i = 0; i < answer.length; i++) progress = parser.push(answer.subarray(i, i + 1));
  expect(plain(progress)).toEqual([200, body]);
  expect(allocated.mock.calls.reduce((sum, [size]) => sum + size, 0)).toBeLessThan(100_000);
});

describe('an HTTP response', () => {
  it.each([
    ['with a length', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi', [200, 'hi']],
    ['without a body', 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n', [200, '']],
    ['without a reason phrase', 'HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nhi', [200, 'hi']],
    ['with the same length twice', 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\ncontent-length: 2\r\n\r\nhi', [200, 'hi']],
    ['that ends with the connection', 'HTTP/1.0 200 OK\r\n\r\nhi', [200, 'hi']],
    ['in chunks', chunked('h', 'i'), [200, 'hi']],
    [
      'after interim responses',
      'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n',
      [204, ''],
    ],
    ['without its body if the status is not 200', 'HTTP/1.1 503 Busy\r\nContent-Length: 99999\r\n\r\n', [503, '']],
  ])('is read %s', (_what, text, expected) => {
    expect(plain(parse(text))).toEqual(expected);
  });

  it.each([
    ['HTTP/2 200 OK\r\n\r\n', 'not an HTTP/1 answer'],
    ['HTTX', 'not an HTTP/1 answer'],
    ['HTTP/1.1 20 OK\r\n\r\n', 'no valid status line'],
    ['HTTP/1.1  200 OK\r\n\r\n', 'no valid status line'],
    ['HTTP/1.1 600 Odd\r\n\r\n', 'no valid status line'],
    ['HTTP/1.1 200 OK\r\nName : value\r\n\r\n', 'an invalid header field'],
    ['HTTP/1.1 200 OK\r\nA: b\r\n folded\r\n\r\n', 'an invalid header field'],
    ['HTTP/1.1 200 OK\r\nA: b\u0000\r\n\r\n', 'an invalid header field'],
    [`HTTP/1.1 200 OK\r\n${'A: b\r\n'.repeat(101)}\r\n`, 'more than 100 header fields'],
    ['HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n', 'an invalid Content-Length'],
    ['HTTP/1.1 200 OK\r\nContent-Length: 1, 1\r\n\r\n', 'an invalid Content-Length'],
    ['HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n', 'a body of more than 1000 bytes'],
    ['HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n', 'an unknown transfer encoding'],
    ['HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n', 'an unknown transfer encoding'],
    [chunked('x'.repeat(600), 'y'.repeat(600)), 'a body of more than 1000 bytes'],
    ['HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n', 'a chunk without its end'],
    ['HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n', 'an invalid chunk size'],
    [chunked(...'x'.repeat(200)), 'too many small chunks'],
    [`${chunked().slice(0, -2)}${'a:b\r\n'.repeat(101)}\r\n`, 'more than 100 trailers'],
    [`HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${'0'.repeat(300)}`, 'a chunk line that is too long'],
    [`HTTP/1.1 200 OK\r\n\r\n${'x'.repeat(1001)}`, 'a body of more than 1000 bytes'],
    ['HTTP/1.1 101 Switching Protocols\r\n\r\n', 'an unexpected answer 101'],
  ])('%.60j is malformed', (text, reason) => {
    expect(parse(text)).toEqual({ kind: 'malformed', reason });
  });

  const partial = 'HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nhi';
  it.each(['', 'HTTP', 'HTTP/1.1 200 OK\r\nA: b', partial, chunked('h').slice(0, -2)])(
    '%j is cut short if the connection closes then',
    (text) => expect(parse(text)).toEqual({ kind: 'cut-short' }),
  );

  it('is parsed alike however the network cuts it', () => {
    const body = fc.string({ unit: 'grapheme-ascii', minLength: 1, maxLength: 200 });
    const text = fc.oneof(
      body.map((it) => `HTTP/1.1 200 OK\r\nServer: x\r\nContent-Length: ${it.length}\r\n\r\n${it}`),
      fc.array(body, { maxLength: 4 }).map((it) => chunked(...it)),
      fc.string({ maxLength: 60 }).map((it) => `HTTP/1.1 ${it}\r\n\r\n`),
    );
    fc.assert(
      fc.property(text, fc.array(fc.nat(), { maxLength: 10 }), (it, cuts) => {
        expect(plain(parse(it, cuts))).toEqual(plain(parse(it)));
      }),
    );
  });

  it('is given up after a bounded number of bytes', () => {
    const parser = new HttpResponseParser(LIMIT);
    const endless = Buffer.from('HTTP/1.1 100 Continue\r\nX: y\r\n\r\n');
    let pushed = 0;
    while (parser.push(endless).kind === 'incomplete') pushed += endless.length;
    expect(pushed).toBeLessThan(200_000);
  });
});
