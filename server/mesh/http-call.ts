import { type Agent, type IncomingMessage, request as open } from 'node:http';
import { isIP } from 'node:net';
import { textOf } from '../contract/errors.ts';
import type { MissingReason } from '../contract/mesh.ts';
import type { Clock } from '../contract/seams.ts';

/** One GET of a peer. */
export interface PeerGet {
  /** A literal IP: peers are never resolved by name. */
  host: string;
  port: number;
  path: string;
  /** For the whole exchange, from the connection attempt to the last byte. */
  timeoutMs: number;
  /** A longer body is refused. */
  maxBytes: number;
  /** Ends the exchange early, as `not-asked`. */
  signal: AbortSignal;
}

/** A call that also sends something. */
export interface PeerCall extends PeerGet {
  method: 'GET' | 'POST' | 'DELETE';
  headers: Record<string, string>;
  /** What is sent; '' = nothing. */
  body: string;
}

/** What came back, whatever the status. */
export interface PeerAnswer {
  status: number;
  body: string;
}

/** A call that came to no whole answer. The message says in words what happened. */
export class PeerCallError extends Error {
  override readonly name = 'PeerCallError';
  readonly reason: MissingReason;

  constructor(reason: MissingReason, detail: string) {
    super(detail);
    this.reason = reason;
  }
}

/** System errors (errno names of Linux) and Node's own, by what they mean to us. `HPE_` is the HTTP parser's. */
const REASONS: Record<string, MissingReason> = {
  ECONNREFUSED: 'refused',
  ECONNRESET: 'reset',
  EPIPE: 'reset',
  ETIMEDOUT: 'timeout',
  EHOSTUNREACH: 'unreachable',
  ENETUNREACH: 'unreachable',
  EHOSTDOWN: 'unreachable',
  ENETDOWN: 'unreachable',
  EADDRNOTAVAIL: 'unreachable',
  EINVAL: 'unreachable',
  ENOTFOUND: 'dns',
  EAI_AGAIN: 'dns',
};

function reasonOf(error: Error): MissingReason {
  const { code = '' } = error as NodeJS.ErrnoException;
  return REASONS[code] ?? (code.startsWith('HPE_') ? 'malformed' : 'reset');
}

/** Sends one GET and reads the whole answer; as `peerCall`. */
export function peerGet(request: PeerGet, clock: Clock, agent: Agent): Promise<PeerAnswer> {
  return peerCall({ ...request, method: 'GET', headers: {}, body: '' }, clock, agent);
}

/**
 * Sends one request and reads the whole answer, both within `timeoutMs`. Redirects are not followed.
 * Rejects with a PeerCallError only.
 */
export function peerCall(request: PeerCall, clock: Clock, agent: Agent): Promise<PeerAnswer> {
  const { host, port, path, timeoutMs, maxBytes, signal, method, body } = request;
  if (isIP(host) === 0) return Promise.reject(new PeerCallError('no-address', 'the pod has no address'));
  if (signal.aborted) return Promise.reject(new PeerCallError('not-asked', 'the collection ended first'));
  return new Promise((resolve, reject) => {
    const length = body === '' ? {} : { 'content-length': String(Buffer.byteLength(body)) };
    const headers = { accept: 'application/json', ...request.headers, ...length };
    const call = open({ host, port, path, agent, method, headers });
    const fail = (reason: MissingReason, detail: string) => end(() => reject(new PeerCallError(reason, detail)));
    const abort = () => fail('not-asked', 'the collection ended first');
    const deadline = clock.setTimer(() => fail('timeout', `no whole answer within ${timeoutMs} ms`), timeoutMs);
    let ended = false;
    const end = (settle: () => void) => {
      if (ended) return;
      ended = true;
      deadline.cancel();
      signal.removeEventListener('abort', abort);
      settle();
      call.destroy();
    };
    signal.addEventListener('abort', abort, { once: true });
    call.on('error', (error) => fail(reasonOf(error), textOf(error)));
    call.on('response', (response) => {
      response.on('error', (error) => fail(reasonOf(error), textOf(error)));
      readBody(response, maxBytes, {
        whole: (answer) => end(() => resolve({ status: response.statusCode ?? 0, body: answer })),
        tooLong: () => fail('malformed', `the answer is longer than ${maxBytes} bytes`),
        cut: () => fail('reset', 'the answer ended early'),
      });
    });
    call.end(body);
  });
}

interface BodyEnd {
  whole(body: string): void;
  tooLong(): void;
  cut(): void;
}

function readBody(response: IncomingMessage, maxBytes: number, end: BodyEnd): void {
  const chunks: Buffer[] = [];
  let length = 0;
  response.on('data', (chunk: Buffer) => {
    length += chunk.length;
    if (length > maxBytes) end.tooLong();
    else chunks.push(chunk);
  });
  response.on('end', () => (response.complete ? end.whole(Buffer.concat(chunks).toString('utf8')) : end.cut()));
  response.on('close', () => end.cut());
}
