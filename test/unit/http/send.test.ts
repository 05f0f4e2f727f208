import { EventEmitter } from 'node:events';
import type { ServerResponse } from 'node:http';
import { connect } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { pacedWriter, sendPieces } from '../../../server/http/send.ts';
import { soon, startLoopbackPeer } from '../../support/loopback-peer.ts';

it('writing at the pace of a reader has one listener each, however often it waits, and writes nothing to one that has gone or to whom the answer has ended', async () => {
  const written: unknown[] = [];
  const write = (piece: unknown) => written.push(piece) < 0;
  // As under `compression`, every listener is kept.
  const res = Object.assign(new EventEmitter(), { destroyed: false, writableEnded: false, write, off: () => res });
  const paced = pacedWriter(res as unknown as ServerResponse);
  for (let i = 0; i < 50; i++) {
    const writing = paced('a');
    res.emit('drain');
    await writing;
  }
  for (const over of ['destroyed', 'writableEnded'] as const) {
    res[over] = true;
    await paced('b');
    res[over] = false;
  }
  expect(written).toEqual(Array(50).fill('a'));
  expect([res.listenerCount('drain'), res.listenerCount('close')]).toEqual([1, 1]);
});

describe('sending pieces', () => {
  /** Sends to a real client. */
  async function received(pieces: Iterable<string>): Promise<string> {
    const { port } = await startLoopbackPeer((_req, res) => void sendPieces(res, pieces));
    return (await fetch(`http://127.0.0.1:${port}`)).text();
  }

  it('arrives whole, whatever the lengths of the pieces, and wherever a character of several bytes is cut', async () => {
    const lengths = fc.oneof(fc.nat(9), fc.nat(200_000), fc.integer({ min: 65_530, max: 65_540 }));
    const piece = fc.tuple(lengths, fc.constantFrom('a', 'é', '漢', '🏓')).map(([length, char]) => char.repeat(length));
    await fc.assert(
      fc.asyncProperty(fc.array(piece, { maxLength: 6 }), async (pieces) => {
        const text = await received(pieces);
        expect(text === pieces.join('')).toBe(true);
      }),
      { numRuns: 30 },
    );
  });

  it('ends when the client has gone, and makes no further pieces', async () => {
    let made = 0;
    const endless = function* () {
      for (;;) {
        made += 1;
        yield 'x'.repeat(10_000);
      }
    };
    const sent = vi.fn();
    const { port } = await startLoopbackPeer((_req, res) => void sendPieces(res, endless()).then(sent));
    const client = connect(port, '127.0.0.1');
    client.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    client.once('data', () => client.destroy());
    await soon(() => expect(sent).toHaveBeenCalled());
    const madeByThen = made;
    await new Promise((resolve) => setImmediate(resolve));
    expect(made).toBe(madeByThen);
  });
});
