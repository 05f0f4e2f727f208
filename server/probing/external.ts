import { lookup as systemLookup } from 'node:dns/promises';
import { setMaxListeners } from 'node:events';
import { type ClientRequest, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { connect } from 'node:net';
import { MAX_PROBES } from '../protocol/pod-report.ts';
import type { ProbeProtocol, ProbeResult } from '../protocol/sample.ts';
import type { Clock, Timer } from '../runtime/clock.ts';
import { textOf } from '../runtime/errors.ts';
import { errorCodeOf } from '../runtime/network-errors.ts';

/** What is probed outside the mesh. At most 500 targets in all; what is beyond is left out. */
export interface ExternalSettings {
  /** HOSTS_TO_RESOLVE, TCP_TARGETS (`host:port`) and HTTP_TARGETS (URLs), each with the timeout of its kind. */
  dns: { targets: readonly string[]; timeoutMs: number };
  tcp: { targets: readonly string[]; timeoutMs: number };
  http: { targets: readonly string[]; timeoutMs: number };
  /**
   * From one round to the next. 0 means that peers are not pinged; targets are probed all the same, as Goldpinger does
   * then, every 30 s. The first round comes at once.
   */
  intervalMs: number;
}

/** What external probes are handed. */
interface ExternalDeps {
  clock: Clock;
  /** Default: the system's resolver. */
  lookup?: Lookup;
}

/** From one round to the next where no interval is set, ms. */
const DEFAULT_INTERVAL_MS = 30_000;

/** Running external probes. */
export interface External {
  /** The last result of each target, in the order dns, tcp, http, each as configured. */
  results(): ProbeResult[];
  stop(): void;
}

/** The most probes under way at once, of all kinds but dns. */
const MAX_UNDER_WAY = 16;
/**
 * The most lookups under way at once: each takes one of Node's four threads for as long as the system's resolver tries,
 * which may be far longer than our timeout; two stay free for everybody else.
 */
const MAX_LOOKUPS = 2;

interface Job {
  result: ProbeResult;
  timeoutMs: number;
  lane: Lane;
  attempt: Attempt;
  busy: boolean;
}

/** So many attempts at once, the others in line. */
class Lane {
  readonly #most: number;
  readonly #line: (() => Promise<unknown>)[] = [];
  #running = 0;

  constructor(most: number) {
    this.#most = most;
  }

  add(work: () => Promise<unknown>): void {
    this.#line.push(work);
    this.#next();
  }

  clear(): void {
    this.#line.length = 0;
  }

  #next(): void {
    if (this.#running >= this.#most) return;
    const work = this.#line.shift();
    if (work === undefined) return;
    this.#running += 1;
    void work().finally(() => {
      this.#running -= 1;
      this.#next();
    });
  }
}

/**
 * Probes the external targets in rounds, side by side, until stopped. A target never has two probes under way; a lookup
 * that outlasts its timeout is an error at once, and the host is not asked for again before it has ended.
 * `onResult` is called for each result.
 */
export function startExternal(
  settings: ExternalSettings,
  deps: ExternalDeps,
  onResult: (result: ProbeResult) => void,
): External {
  return new ExternalProbes(settings, deps, onResult);
}

class ExternalProbes implements External {
  readonly #clock: Clock;
  readonly #onResult: (result: ProbeResult) => void;
  readonly #intervalMs: number;
  readonly #jobs: Job[];
  readonly #deadlines = new Set<Timer>();
  readonly #lanes = { open: new Lane(MAX_UNDER_WAY), lookups: new Lane(MAX_LOOKUPS) };
  #timer: Timer | null = null;
  readonly #stopping = new AbortController();

  constructor(settings: ExternalSettings, deps: ExternalDeps, onResult: (result: ProbeResult) => void) {
    const { clock, lookup = lookupAll } = deps;
    const { open, lookups } = this.#lanes;
    this.#clock = clock;
    this.#onResult = onResult;
    this.#intervalMs = settings.intervalMs || DEFAULT_INTERVAL_MS;
    // One listener for each attempt under way.
    setMaxListeners(MAX_UNDER_WAY, this.#stopping.signal);
    const jobs = (protocol: ProbeProtocol, lane: Lane, attemptOf: (target: string) => Attempt): Job[] =>
      settings[protocol].targets.map((target) => ({
        result: { target: target.slice(0, 2048), protocol, atMs: 0, durationUs: 0, error: '' },
        ...{ timeoutMs: settings[protocol].timeoutMs, lane, attempt: attemptOf(target), busy: false },
      }));
    this.#jobs = [
      ...jobs('dns', lookups, (host) => () => resolveHost(host, lookup)),
      ...jobs('tcp', open, (target) => tcpAttempt(target, clock)),
      ...jobs('http', open, (target) => httpAttempt(target, clock)),
    ].slice(0, MAX_PROBES);
    if (this.#jobs.length > 0) this.#round();
  }

  results(): ProbeResult[] {
    return this.#jobs.map((job) => job.result);
  }

  stop(): void {
    this.#stopping.abort();
    this.#timer?.cancel();
    for (const deadline of this.#deadlines) deadline.cancel();
    for (const lane of Object.values(this.#lanes)) lane.clear();
  }

  #round(): void {
    for (const job of this.#jobs) {
      if (job.result.protocol === 'dns') this.#lookUp(job);
      else this.#connect(job);
    }
    this.#timer = this.#clock.setTimer(() => this.#round(), this.#intervalMs);
  }

  /** TCP and HTTP end by themselves when their time is up; it counts from their own beginning. */
  #connect(job: Job): void {
    if (job.busy) return;
    job.busy = true;
    job.lane.add(async () => {
      const startMs = this.#clock.monotonicMs();
      const error = await this.#attempt(job);
      job.busy = false;
      this.#finish(job, startMs, error);
    });
  }

  /** A lookup's time counts from when it was wanted: a resolver that hangs must not hide behind the line it causes. */
  #lookUp(job: Job): void {
    const startMs = this.#clock.monotonicMs();
    let told = false;
    const tell = (error: string) => {
      if (told) return;
      told = true;
      deadline.cancel();
      this.#deadlines.delete(deadline);
      this.#finish(job, startMs, error);
    };
    const late = `lookup ${job.result.target}: timeout after ${job.timeoutMs} ms`;
    const deadline = this.#clock.setTimer(() => tell(late), job.timeoutMs);
    this.#deadlines.add(deadline);
    if (job.busy) return;
    job.busy = true;
    job.lane.add(async () => {
      const error = await this.#attempt(job);
      job.busy = false;
      tell(error);
    });
  }

  #attempt(job: Job): Promise<string> {
    return job.attempt(job.timeoutMs, this.#stopping.signal).catch((error) => textOf(error));
  }

  #finish(job: Job, startMs: number, error: string): void {
    if (this.#stopping.signal.aborted) return;
    const durationUs = Math.round((this.#clock.monotonicMs() - startMs) * 1000);
    job.result = { ...job.result, atMs: this.#clock.nowMs(), durationUs, error: error.slice(0, 300) };
    this.#onResult(job.result);
  }
}

/**
 * One attempt, given up after `timeoutMs` or when `signal` is raised: resolves to '' after success, else to the error in
 * words.
 */
type Attempt = (timeoutMs: number, signal: AbortSignal) => Promise<string>;

/** Gives all addresses of a host; rejects with the system's error. */
type Lookup = (host: string) => Promise<readonly unknown[]>;

/** All addresses by the system's resolver, /etc/hosts and search domains included, as any other program sees them. */
const lookupAll: Lookup = (host) => systemLookup(host, { all: true });

/** Attempts to resolve a host name: at least one address is success. A lookup cannot be called off; see `Lookups`. */
async function resolveHost(host: string, lookup: Lookup): Promise<string> {
  try {
    const addresses = await lookup(host);
    return addresses.length > 0 ? '' : `${host} was resolved to 0 ips`;
  } catch (error) {
    const none = ['ENOTFOUND', 'ENODATA', 'EAI_NODATA', 'EAI_NONAME'].includes(errorCodeOf(error));
    return none ? `${host} was resolved to 0 ips` : `lookup ${host}: ${textOf(error, 100)}`;
  }
}

/** Attempts to open a TCP connection to `host:port`. */
function tcpAttempt(target: string, clock: Clock): Attempt {
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
  const code = errorCodeOf(error);
  if (code === 'ECONNREFUSED') return 'connection refused';
  if (code === 'ECONNRESET') return 'connection reset by peer';
  if (code === 'ENOTFOUND') return 'no such host';
  if (code === 'EHOSTUNREACH' || code === 'ENETUNREACH') return 'no route to host';
  return code === '' ? textOf(error, 100) : `${code} ${textOf(error, 100)}`;
}
