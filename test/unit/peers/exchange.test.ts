import { type RequestListener, STATUS_CODES } from 'node:http';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { Exchange, type HttpRequest } from '../../../server/peers/exchange.ts';
import { startLoopbackPeer } from '../../support/loopback-peer.ts';

/** Starts an exchange with a peer that answers like this. */
async function exchangeWith(answer: RequestListener, request: HttpRequest = { path: '/x' }) {
  const { host, port } = await startLoopbackPeer(answer);
  return new Exchange(request, { host, port, maxBytes: 100_000, readBuffer: Buffer.alloc(1_000), onBytes: () => {} });
}

describe('an exchange', () => {
  it('sends method, path, headers and body, and asks the pod to close the connection', async () => {
    let got: unknown[] = [];
    const answer: RequestListener = async (req, res) => {
      got = [req.method, req.url, req.headers, await text(req)];
      res.end('{}');
    };
    const headers = { authorization: 'Bearer \u00e9' };
    const exchange = await exchangeWith(answer, { path: '/y', headers, body: '"\u00e9\u{1f3d3}"' });
    expect((await exchange.response).status).toBe(200);
    const host = expect.stringMatching(/^127\.0\.0\.1:\d+$/);
    const sent = { host, accept: 'application/json', connection: 'close', ...headers, 'content-length': '8' };
    expect(got).toEqual(['POST', '/y', sent, '"\u00e9\u{1f3d3}"']);
  });

  it.each([200, 202, 204, 301, 404, 503])('reads the body only of a success and of a 503: %i', async (status) => {
    const body = 'x'.repeat(5_000);
    const exchange = await exchangeWith((_, res) => res.writeHead(status).end(body));
    const response = await exchange.response;
    expect(response.status).toBe(status);
    const hasBody = (status < 300 && status !== 204) || status === 503;
    expect(response.body.toString(), STATUS_CODES[status]).toBe(hasBody ? body : '');
  });
});
