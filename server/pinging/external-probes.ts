import { lookup as systemLookup } from 'node:dns/promises';
import { request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { connect } from 'node:net';
import { textOf } from '../contract/errors.ts';
import type { Clock } from '../contract/seams.ts';
import { codeOf } from './fault.ts';

/**
 * One attempt, given up after `timeoutMs` or when `signal` is raised: resolves to '' after success, else to the error in
 * words.
 */
export type Attempt = (timeoutMs: number, signal: AbortSignal) => Promise<string>;

/** Gives all addresses of a host; rejects with the system's error. */
export type Lookup = (host: string) => Promise<readonly unknown[]>;

/** All addresses by the system's resolver, /etc/hosts and search domains included, as any other program sees them. */
export const lookupAll: Lookup = (host) => systemLookup(host, { all: true });

/** Attempts to resolve a host name: at least one address is success. A lookup cannot be called off; see `Lookups`. */
export async function resolveHost(host: string, lookup: Lookup): Promise<string> {
  try {
    const addresses = await lookup(host);
    return addresses.length > 0 ? '' : `${host} was resolved to 0 ips`;
  } catch (error) {
    const none = ['ENOTFOUND', 'ENODATA', 'EAI_NODATA', 'EAI_NONAME'].includes(codeOf(error));
    return none ? `${host} was resolved to 0 ips` : `lookup ${host}: ${textOf(error, 100)}`;
  }
}

/** Attempts to open a TCP connection to `host:port`. */
export function tcpAttempt(target: string, clock: Clock): Attempt {
  const place = /^(?:\[([0-9A-Fa-f:.%]+)\]|([^:\s/]+)):(\d{1,5})$/.exec(target);
  const host = place?.[1] ?? place?.[2];
  const port = Number(place?.[3]);
  if (host === undefined || port < 1 || port > 65_535) return () => Promise.resolve(`invalid address: '${target}'`);
  return (timeoutMs, signal) =>
    new Promise((resolve) => {
      const socket = connect({ host, port });
      const end = once(clock, timeoutMs, signal, (error) => {
        socket.destroy();
        resolve(error === '' ? '' : `dial tcp ${target}: ${error}`);
      });
      socket.once('connect', () => end(''));
      socket.on('error', (error) => end(socketWords(error)));
    });
}

/**
 * Attempts a GET: status 200 is success. Certificates are not verified, redirects not followed, and of the answer only
 * the head is read.
 */
export function httpAttempt(target: string, clock: Clock): Attempt {
  const url = URL.canParse(target) ? new URL(target) : null;
  const scheme = url?.protocol ?? '';
  if (url === null) return () => Promise.resolve(`invalid url: '${target}'`);
  if (scheme !== 'http:' && scheme !== 'https:') {
    return () => Promise.resolve(`invalid url scheme: '${scheme.slice(0, -1)}' in address`);
  }
  const request = scheme === 'https:' ? requestHttps : requestHttp;
  return (timeoutMs, signal) =>
    new Promise((resolve) => {
      // What answers is outside our mesh and often has a certificate of its own making: reaching it is what counts.
      const call = request(url, {
        agent: false,
        rejectUnauthorized: false,
        headers: { 'User-Agent': 'goldpinger-ts' },
      });
      const end = once(clock, timeoutMs, signal, (error) => {
        call.destroy();
        resolve(error === '' ? status : `Get "${target}": ${error}`);
      });
      let status = '';
      call.once('response', ({ statusCode }) => {
        status = statusCode === 200 ? '' : `${target} returned non-200 resp: ${statusCode ?? 0}`;
        end('');
      });
      call.on('error', (error) => end(socketWords(error)));
      call.end();
    });
}

/** A function whose first call, or else the timeout or the signal, ends an attempt; it leaves nothing behind. */
function once(clock: Clock, timeoutMs: number, signal: AbortSignal, finish: (error: string) => void) {
  const end = (error: string) => {
    timer.cancel();
    signal.removeEventListener('abort', stop);
    finish(error);
  };
  const stop = () => end('stopped');
  const timer = clock.setTimer(() => end(`timeout after ${timeoutMs} ms`), timeoutMs);
  signal.addEventListener('abort', stop);
  return end;
}

/** An error of a socket in the words that Goldpinger's readers know. */
function socketWords(error: unknown): string {
  const code = codeOf(error);
  if (code === 'ECONNREFUSED') return 'connection refused';
  if (code === 'ECONNRESET') return 'connection reset by peer';
  if (code === 'ENOTFOUND') return 'no such host';
  if (code === 'EHOSTUNREACH' || code === 'ENETUNREACH') return 'no route to host';
  return code === '' ? textOf(error, 100) : `${code} ${textOf(error, 100)}`;
}
