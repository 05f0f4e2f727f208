import { setMaxListeners } from 'node:events';
import { Agent, type IncomingMessage, request as open } from 'node:http';
import { isIP } from 'node:net';
import { type GoldpingerCheck, parseGoldpingerCheck } from '../protocol/goldpinger.ts';
import { type AgeRange, type LinkHistory, parseLinkHistory } from '../protocol/history.ts';
import type { MissingReason } from '../protocol/mesh.ts';
import type { Pod } from '../protocol/pod.ts';
import { POD_REPORT_FORMAT, type PodReport, parsePodReport } from '../protocol/pod-report.ts';
import { type LinkSamples, parseLinkSamples } from '../protocol/sample.ts';
import type { Clock } from '../runtime/clock.ts';
import { textOf } from '../runtime/errors.ts';
import { errorCodeOf, networkFaultOf } from '../runtime/network-errors.ts';
import { type Addressing, addressOf } from './address.ts';
import type { PeersTable } from './mesh.ts';

/** One GET of a peer. */
interface PeerGet {
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
interface PeerCall extends PeerGet {
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

/** Peers are called over plain HTTP, so a code of TLS is as unexpected as an unknown one. */
function reasonOf(error: Error): MissingReason {
  const fault = networkFaultOf(errorCodeOf(error));
  return fault === 'tls' ? 'unreachable' : fault;
}

/** Sends one GET and reads the whole answer; as `peerCall`. */
function peerGet(request: PeerGet, clock: Clock, agent: Agent): Promise<PeerAnswer> {
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

/** One question for a report. */
export interface ReportRequest {
  /** Who is asked: remembered for what it speaks. */
  uid: string;
  host: string;
  port: number;
  /** Window of the statistics wanted, ms; 0 = none. */
  windowMs: number;
  /** The time range of the past that is wanted; null = now. */
  past: AgeRange | null;
  /** For everything, a second question to `/check` included. */
  timeoutMs: number;
  /** The table of peers that the answer may leave out. */
  known: PeersTable | null;
  signal: AbortSignal;
}

/** What asking came to: a report in our format, one in Goldpinger's, or none and why. */
export type ReportResponse =
  | { kind: 'report'; report: PodReport }
  | { kind: 'check'; check: GoldpingerCheck }
  | { kind: 'missing'; reason: MissingReason; detail: string };

/** Asks one peer for its report. Never rejects: a peer that answers badly is an answer too. */
export type ReportClient = (ask: ReportRequest) => Promise<ReportResponse>;

/** The longest report that is read: 1000 links with figures take 40 kB, a Go pod's `/check` of 1000 200 kB. */
const MAX_REPORT_BYTES = 8 * 1024 * 1024;
/** How long a peer that only speaks Goldpinger is spared our format. */
const GOLDPINGER_MS = 10 * 60_000;
/** The most such peers remembered; beyond it the oldest are tried again. */
const MAX_REMEMBERED = 5_000;

const NO_PAST: ReportResponse = {
  kind: 'missing',
  reason: 'no-history',
  detail: 'it speaks as Goldpinger does, which keeps no past',
};

/**
 * Asks peers over HTTP: `/api/v1/pod-report`, and Goldpinger's `/check` where that does not exist or is not our format.
 * Which peers speak Goldpinger only is remembered for 10 minutes or until they fail once (they may restart as ours).
 */
export function createReportClient(clock: Clock): { fetchReport: ReportClient; close(): void } {
  // A connection a question: kept ones would be as many open sockets as there are pods.
  const agent = new Agent({ keepAlive: false });
  const goldpingers = new Map<string, number>();

  const ask = async (request: ReportRequest): Promise<ReportResponse> => {
    const startMs = clock.monotonicMs();
    const left = () => Math.max(1, Math.ceil(request.timeoutMs - (clock.monotonicMs() - startMs)));
    const send = (path: string) =>
      peerGet({ ...request, path, timeoutMs: left(), maxBytes: MAX_REPORT_BYTES }, clock, agent);
    const until = goldpingers.get(request.uid) ?? Number.NEGATIVE_INFINITY;
    // Goldpinger has no past, and its view of now is not what was asked for.
    if (request.past !== null && until > startMs) return NO_PAST;
    if (until <= startMs) {
      const answer = readReport(await send(reportPath(request)), request.known);
      if (answer !== null) return answer;
      if (request.past !== null) return NO_PAST;
    }
    const answer = readCheck(await send('/check'));
    goldpingers.delete(request.uid);
    if (answer.kind === 'check') {
      const oldest = goldpingers.keys().next();
      if (goldpingers.size >= MAX_REMEMBERED && !oldest.done) goldpingers.delete(oldest.value);
      goldpingers.set(request.uid, until > startMs ? until : startMs + GOLDPINGER_MS);
    }
    return answer;
  };

  return {
    fetchReport: async (request) => {
      try {
        return await ask(request);
      } catch (error) {
        goldpingers.delete(request.uid);
        const reason = error instanceof PeerCallError ? error.reason : 'malformed';
        return { kind: 'missing', reason, detail: textOf(error) };
      }
    },
    close: () => agent.destroy(),
  };
}

function reportPath({ known, windowMs, past }: ReportRequest): string {
  const query = new URLSearchParams();
  if (past !== null) {
    query.set('fromAge', String(Math.round(past.fromAgeMs)));
    query.set('toAge', String(Math.round(past.toAgeMs)));
  }
  if (known !== null) query.set('peers', known.hash);
  if (windowMs > 0) query.set('window', String(windowMs));
  return query.size === 0 ? '/api/v1/pod-report' : `/api/v1/pod-report?${query}`;
}

/** A report in our format, or what is wrong with it; null if the peer may only know `/check`. Throws on a bad report. */
function readReport({ status, body }: PeerAnswer, known: PeersTable | null): ReportResponse | null {
  if (status === 404 || status === 405) return null;
  if (status !== 200)
    return { kind: 'missing', reason: 'http-status', detail: `status ${status} from /api/v1/pod-report` };
  const wire = jsonOf(body);
  if ((wire as { format?: unknown } | null)?.format !== POD_REPORT_FORMAT) return null;
  return { kind: 'report', report: parsePodReport(wire, known) };
}

/** Goldpinger's answer, or what is wrong with it. Throws on a bad one. */
function readCheck({ status, body }: PeerAnswer): ReportResponse {
  if (status !== 200) return { kind: 'missing', reason: 'http-status', detail: `status ${status} from /check` };
  return { kind: 'check', check: parseGoldpingerCheck(jsonOf(body)) };
}

function jsonOf(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}

/** Asks pods about one of their links. */
export interface LinkClient {
  /** The samples that `from` has of its link to pod `toUid`. Never rejects: `error` says why there are none. */
  fetchLinkSamples(from: Pod, toUid: string): Promise<LinkSamples>;
  /** The past of that link in steps of `stepMs`, times by our clock. Never rejects, as above. */
  fetchLinkHistory(from: Pod, toUid: string, range: AgeRange, stepMs: number): Promise<LinkHistory>;
  /** Ends questions in flight. */
  stop(): void;
}

/** How pods are called, and how long one may take (CHECK_TIMEOUT). */
interface LinkAskerSettings extends Addressing {
  port: number;
  checkTimeoutMs: number;
}

/** 512 samples take 60 kB, 720 steps 140 kB. */
const MAX_BYTES = 256 * 1024;
/** The most questions at once. */
const MAX_IN_FLIGHT = 16;

/** Makes an asker that calls `/api/v1/samples` and `/api/v1/pod-history` of other pods. */
export function createLinkClient(settings: LinkAskerSettings, clock: Clock): LinkClient {
  const agent = new Agent({ keepAlive: false });
  const stopping = new AbortController();
  setMaxListeners(MAX_IN_FLIGHT, stopping.signal);
  let inFlight = 0;

  const ask = async <T>(from: Pod, path: string, parse: (wire: unknown) => T): Promise<T> => {
    if (inFlight >= MAX_IN_FLIGHT) throw new Error('too many links are asked for at once, try again');
    inFlight += 1;
    try {
      const { port, checkTimeoutMs: timeoutMs } = settings;
      const host = addressOf(from, settings);
      const request = { host, port, path, timeoutMs, maxBytes: MAX_BYTES, signal: stopping.signal };
      const { status, body } = await peerGet(request, clock, agent);
      if (status === 404 || status === 405) throw new Error('the pod keeps no samples: it may be a Goldpinger');
      if (status !== 200) throw new Error(`the pod answered with status ${status}`);
      return parse(JSON.parse(body));
    } finally {
      inFlight -= 1;
    }
  };
  const why = (from: Pod, error: unknown) => `no samples from ${from.name}: ${textOf(error)}`.slice(0, 400);

  return {
    fetchLinkSamples: async (from, toUid) => {
      // Whatever the answer claims to be, it is what this pod says of this link.
      const link = { from: from.uid, to: toUid };
      try {
        const path = `/api/v1/samples?${new URLSearchParams({ to: toUid })}`;
        return { ...(await ask(from, path, parseLinkSamples)), ...link };
      } catch (error) {
        return { ...link, nowMs: clock.nowMs(), error: why(from, error), samples: [] };
      }
    },
    fetchLinkHistory: async (from, toUid, { fromAgeMs, toAgeMs }, stepMs) => {
      const link = { from: from.uid, to: toUid };
      try {
        const query = { fromAge: String(fromAgeMs), toAge: String(toAgeMs), step: String(stepMs), to: toUid };
        const told = await ask(from, `/api/v1/pod-history?${new URLSearchParams(query)}`, parseLinkHistory);
        // Its ages are right, its clock need not be.
        const apartMs = clock.nowMs() - told.nowMs;
        const steps = told.steps.map((step) => ({ ...step, atMs: Math.round(step.atMs + apartMs) }));
        return { ...told, ...link, nowMs: told.nowMs + apartMs, steps };
      } catch (error) {
        return { ...link, nowMs: clock.nowMs(), error: why(from, error), resolutionMs: 0, steps: [] };
      }
    },
    stop: () => {
      stopping.abort();
      agent.destroy();
    },
  };
}
