import { lookup as systemLookup } from 'node:dns/promises';
import { type ClientRequest, request as requestHttp } from 'node:http';
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

/** As many redirects as Go's client follows. */
const MAX_REDIRECTS = 10;
const REDIRECTS = [301, 302, 303, 307, 308];

/**
 * Attempts a GET: status 200 is success, in the end: redirects are followed, as Goldpinger's client does, all within the
 * one timeout. Certificates are not verified, and of each answer only the head is read.
 */
export function httpAttempt(target: string, clock: Clock): Attempt {
  const url = URL.canParse(target) ? new URL(target) : null;
  if (url === null) return () => Promise.resolve(`invalid url: '${target}'`);
  const scheme = wrongScheme(url);
  if (scheme !== '') return () => Promise.resolve(scheme);
  return (timeoutMs, signal) =>
    new Promise((resolve) => {
      let call: ClientRequest | null = null;
      let status = '';
      const end = once(clock, timeoutMs, signal, (error) => {
        call?.destroy();
        resolve(error === '' ? status : `Get "${target}": ${error}`);
      });
      const ask = (at: URL, redirects: number) => {
        const mine = getHead(at);
        call?.destroy();
        call = mine;
        // What was left behind for a redirect has no news any more.
        mine.on('error', (error) => mine === call && end(socketWords(error)));
        mine.once('response', ({ statusCode = 0, headers: { location } }) => {
          if (REDIRECTS.includes(statusCode) && location !== undefined) {
            guarded(() => ask(nextOf(location, at, redirects + 1), redirects + 1));
            return;
          }
          if (statusCode !== 200) status = `${target} returned non-200 resp: ${statusCode}`;
          end('');
        });
      };
      // Whoever answers may write anything, an address that Node refuses included.
      const guarded = (work: () => void) => {
        try {
          work();
        } catch (error) {
          end(socketWords(error));
        }
      };
      guarded(() => ask(url, 0));
    });
}

/** Where a redirect leads, the `count`th of an attempt. Throws if it is not to be followed. */
function nextOf(location: string, from: URL, count: number): URL {
  if (count >= MAX_REDIRECTS) throw new Error(`stopped after ${MAX_REDIRECTS} redirects`);
  const next = new URL(location, from);
  const scheme = wrongScheme(next);
  if (scheme !== '') throw new Error(scheme);
  return next;
}

/** Why a URL cannot be asked, in Goldpinger's words; '' if it can. */
function wrongScheme({ protocol }: URL): string {
  return protocol === 'http:' || protocol === 'https:'
    ? ''
    : `invalid url scheme: '${protocol.slice(0, -1)}' in address`;
}

/** Sends a GET on a connection of its own. */
function getHead(url: URL): ClientRequest {
  const request = url.protocol === 'https:' ? requestHttps : requestHttp;
  // What answers is outside our mesh and often has a certificate of its own making: reaching it is what counts.
  const call = request(url, { agent: false, rejectUnauthorized: false, headers: { 'User-Agent': 'goldpinger-ts' } });
  call.end();
  return call;
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
