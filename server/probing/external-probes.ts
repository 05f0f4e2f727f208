import { constants } from 'node:crypto';
import { lookup } from 'node:dns';
import { lookup as lookupPromise } from 'node:dns/promises';
import { once } from 'node:events';
import { get as getOverHttp, type IncomingMessage } from 'node:http';
import { get as getOverHttps } from 'node:https';
import { connect, type LookupFunction } from 'node:net';
import { NO_SUCH_NAME, type Outcome } from '../protocol/sample.ts';
import type { Clock } from '../runtime/clock.ts';
import { TimeoutError, withTimeout } from '../runtime/deadline.ts';
import { textOf } from '../runtime/errors.ts';
import { withoutCredentials } from '../runtime/host-port.ts';
import { errorCodeOf, isOwnFault, networkFaultOf, networkMessageOf } from '../runtime/network-errors.ts';

/*
 * One probe of one external target. Each function resolves to how it ended. The messages are those of Goldpinger
 * (pkg/goldpinger/probes.go and Go's net package), because its users search for them. User and password of a target are used, but
 * never part of a message. Each function rejects only if our own process lacks something.
 */

/** How a probe ended. `error`: '' after `ok`. */
export interface ProbeEnd {
  outcome: Outcome;
  error: string;
}

const OK: ProbeEnd = { outcome: 'ok', error: '' };

/** The limits of one probe: it is given up after `timeoutMs`, or when `signal` aborts. */
export interface ProbeLimits {
  clock: Clock;
  timeoutMs: number;
  signal: AbortSignal;
}

/** Resolves a host name to all its addresses. Rejects with the error of the system. */
export type Lookup = (host: string) => Promise<readonly unknown[]>;

/** Asks the system's resolver, with /etc/hosts and the search domains, as any other program does. */
export const systemResolver: Lookup = (host) => lookupPromise(host, { all: true });

/** Resolves a host name. One address is a success. A lookup cannot be aborted, and so it has no limits. */
export async function probeDns(host: string, resolve: Lookup): Promise<ProbeEnd> {
  const shown = withoutCredentials(host);
  const noAddress: ProbeEnd = { outcome: 'dns', error: `${shown} ${NO_SUCH_NAME}` };
  try {
    return (await resolve(host)).length > 0 ? OK : noAddress;
  } catch (error) {
    throwOwnFault(error);
    const isUnknown = ['ENOTFOUND', 'ENODATA', 'EAI_NODATA', 'EAI_NONAME'].includes(errorCodeOf(error));
    return isUnknown ? noAddress : { outcome: 'dns', error: `lookup ${shown}: ${textOf(error, 100)}` };
  }
}

/** The services whose names Go knows without a file (`net/lookup.go`), with their ports by IANA. */
const TCP_PORTS: ReadonlyMap<string, number> = new Map([
  ['ftp', 21],
  ['ssh', 22],
  ['telnet', 23],
  ['smtp', 25],
  ['gopher', 70],
  ['http', 80],
  ['pop3', 110],
  ['imap2', 143],
  ['imap3', 220],
  ['https', 443],
  ['submissions', 465],
  ['ftps', 990],
  ['imaps', 993],
  ['pop3s', 995],
]);

/**
 * Reads `host:port` or `[IPv6]:port`; the port may be the name of a service: `host:https`. Returns an error text if it is something
 * else.
 */
export function tcpAddressOf(target: string): { host: string; port: number } | string {
  const [, ipv6, name, number, service = ''] =
    /^(?:\[([0-9A-Fa-f:.%]+)\]|([^:\s/]+)):(?:(\d{1,5})|([A-Za-z][\w-]*))$/.exec(target) ?? [];
  const host = ipv6 ?? name;
  const shown = withoutCredentials(target);
  const port = number === undefined ? TCP_PORTS.get(service.toLowerCase()) : Number(number);
  if (host === undefined || port === 0 || (port ?? 0) > 65_535) return `invalid address: '${shown}'`;
  return port === undefined ? `dial tcp ${shown}: unknown port` : { host, port };
}

/** Connects to `host:port` (see `tcpAddressOf`), and closes the connection. */
export async function probeTcp(target: string, { clock, timeoutMs, signal }: ProbeLimits): Promise<ProbeEnd> {
  const address = tcpAddressOf(target);
  if (typeof address === 'string') return invalidTarget(address);
  const { host, port } = address;
  try {
    await withTimeout(clock, timeoutMs, signal, 'connecting', (abort) => openConnection(host, port, abort));
    return OK;
  } catch (error) {
    return endOf(error, `dial tcp ${withoutCredentials(target)}`, timeoutMs);
  }
}

async function openConnection(host: string, port: number, signal: AbortSignal): Promise<void> {
  const socket = connect({ host, port, signal }).on('error', ignoreError);
  await once(socket, 'connect');
  socket.destroy();
}

/** `once` rejects with the first error. A socket may emit another one afterwards, which nobody waits for. */
function ignoreError(): void {}

/** As many redirects as Go's client follows. */
const MAX_REDIRECTS = 10;
const REDIRECTS = [301, 302, 303, 307, 308];

/** How the HTTP probe of a path differs from that of an external target. */
export interface HttpOptions {
  /** Finds the address of a host, in place of the system's resolver. */
  lookup?: LookupFunction;
  /** The statuses that are a success. Default: 200 alone. */
  accepted?: readonly number[];
}

/**
 * Sends a GET to a URL. Status 200 is a success, after redirects, which Goldpinger's client follows too. The timeout holds
 * for all of them together. Certificates are not verified, and only the heads of the answers are read.
 */
export async function probeHttp(
  target: string,
  { clock, timeoutMs, signal }: ProbeLimits,
  { lookup: find = lookup, accepted = [200] }: HttpOptions = {},
): Promise<ProbeEnd> {
  const shown = withoutCredentials(target);
  if (!URL.canParse(target)) return invalidTarget(`invalid url: '${shown}'`);
  const url = new URL(target);
  const schemeError = checkScheme(url);
  if (schemeError !== '') return invalidTarget(schemeError);
  try {
    const status = await withTimeout(clock, timeoutMs, signal, 'the request', (abort) =>
      followRedirects(url, find, abort),
    );
    const error = `${shown} returned non-200 resp: ${status}`;
    return accepted.includes(status) ? OK : { outcome: 'http-status', error };
  } catch (error) {
    return endOf(error, `Get "${shown}"`, timeoutMs);
  }
}

/** Returns the status of the first answer that is not a redirect. Rejects if a redirect cannot be followed. */
async function followRedirects(start: URL, find: LookupFunction, signal: AbortSignal): Promise<number> {
  let url = start;
  for (let count = 1; ; count++) {
    const { status, location } = await getHead(url, find, signal);
    if (location === undefined || !REDIRECTS.includes(status)) return status;
    if (count >= MAX_REDIRECTS) throw new Error(`stopped after ${MAX_REDIRECTS} redirects`);
    url = new URL(location, url);
    const schemeError = checkScheme(url);
    if (schemeError !== '') throw new Error(schemeError);
  }
}

/**
 * External targets often have certificates that nobody else knows, or old TLS (no RFC 5746, small keys). Only whether they can be
 * reached counts, and Go's client connects to them.
 */
const ANY_TLS = {
  rejectUnauthorized: false,
  secureOptions: constants.SSL_OP_LEGACY_SERVER_CONNECT,
  ciphers: 'DEFAULT:@SECLEVEL=0',
};

/** Accepts heads whose lines end without CR, as Go's client does: small servers and scripts send them. */
const ANY_HTTP = { insecureHTTPParser: true };

/** The most bytes of one head that are read, so that many long ones at once fit into memory. Node's default is 16 KiB. */
const MAX_HEAD_BYTES = 256 * 1024;

/** Sends a GET on a connection of its own and closes it after the head of the answer. Rejects also if Node rejects the URL. */
async function getHead(
  url: URL,
  find: LookupFunction,
  signal: AbortSignal,
): Promise<{ status: number; location: string | undefined }> {
  const send = url.protocol === 'https:' ? getOverHttps : getOverHttp;
  const headers = { 'User-Agent': 'goldpinger-ts' };
  const options = {
    agent: false,
    headers,
    maxHeaderSize: MAX_HEAD_BYTES,
    lookup: find,
    signal,
    ...ANY_HTTP,
    ...ANY_TLS,
  };
  const request = send(url, options).on('error', ignoreError);
  const [response]: IncomingMessage[] = await once(request, 'response');
  request.destroy();
  return { status: response?.statusCode ?? 0, location: response?.headers.location };
}

/** An error text if the scheme is not http or https; else ''. */
function checkScheme({ protocol }: URL): string {
  const isHttp = protocol === 'http:' || protocol === 'https:';
  return isHttp ? '' : `invalid url scheme: '${protocol.slice(0, -1)}' in address`;
}

/** The end of a probe whose target cannot be called, because it is no valid address. */
function invalidTarget(error: string): ProbeEnd {
  return { outcome: 'no-address', error };
}

/** The end of a probe that failed with `error`. Throws it if it says nothing about the target. */
function endOf(error: unknown, what: string, timeoutMs: number): ProbeEnd {
  throwOwnFault(error);
  const code = errorCodeOf(error);
  const fault = networkFaultOf(code);
  const isMalformed = fault === 'tls' || code === '';
  const outcome = error instanceof TimeoutError ? 'timeout' : isMalformed ? 'malformed' : fault;
  return { outcome, error: `${what}: ${messageOf(error, timeoutMs)}` };
}

/** The message of a failed connection or request, as Go writes it. */
function messageOf(error: unknown, timeoutMs: number): string {
  if (error instanceof TimeoutError) return `timeout after ${timeoutMs} ms`;
  const code = errorCodeOf(error);
  if (code === 'ECONNREFUSED') return 'connection refused';
  if (code === 'ECONNRESET') return 'connection reset by peer';
  if (code === 'ENOTFOUND') return 'no such host';
  if (code === 'EHOSTUNREACH' || code === 'ENETUNREACH') return 'no route to host';
  const message = networkMessageOf(error).slice(0, 100);
  return code === '' || message.startsWith('TLS: ') ? message : `${code} ${message}`;
}

/** Throws the error if our own process lacks something: then it says nothing about the target. */
function throwOwnFault(error: unknown): void {
  if (isOwnFault(errorCodeOf(error))) throw error;
}
