import { EventEmitter } from 'node:events';
import type { ServerResponse } from 'node:http';
import { connect } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { pacedWriter, sendPieces } from '../../../server/http/send.ts';
import { startLoopbackPeer } from '../../support/loopback-peer.ts';

/** The part of a response that is written to. It has no room, and as under `compression` keeps every listener. */
function response(destroyed = false) {
  const written: unknown[] = [];
  const write = (piece: unknown) => written.push(piece) < 0;
  const res = Object.assign(new EventEmitter(), { destroyed, write, off: () => res });
  return { res: res as unknown as ServerResponse & EventEmitter, written };
}

describe('writing at the pace of a reader', () => {
  it('waits until it has read, or has gone', async () => {
    for (const event of ['drain', 'close']) {
      const { res, written } = response();
      let isDone = false;
      const writing = pacedWriter(res)('a').then(() => {
        isDone = true;
      });
      await Promise.resolve();
      expect([written, isDone]).toEqual([['a'], false]);
      res.emit(event);
      await writing;
    }
  });

  it('has one listener each, however often it waits', async () => {
    const { res, written } = response();
    const write = pacedWriter(res);
    for (let i = 0; i < 50; i++) {
      const writing = write('a');
      res.emit('drain');
      await writing;
    }
    expect(written).toHaveLength(50);
    expect([res.listenerCount('drain'), res.listenerCount('close')]).toEqual([1, 1]);
  });

  it('writes nothing to one that has gone already', async () => {
    const { res, written } = response(true);
    await pacedWriter(res)('a');
    expect(written).toEqual([]);
  });
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
    let end: () => void = () => {};
    const sent = new Promise<void>((resolve) => {
      end = resolve;
    });
    const { port } = await startLoopbackPeer((_req, res) => void sendPieces(res, endless()).then(end));
    const client = connect(port, '127.0.0.1');
    client.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    client.once('data', () => client.destroy());
    await sent;
    const madeByThen = made;
    await new Promise((resolve) => setImmediate(resolve));
    expect(made).toBe(madeByThen);
  });
});
