import { once } from 'node:events';
import { Agent, type IncomingMessage, request as openRequest } from 'node:http';
import { isIP } from 'node:net';
import type { MissingReason } from '../protocol/mesh.ts';
import type { Pod } from '../protocol/pod.ts';
import type { Clock } from '../runtime/clock.ts';
import { textOf } from '../runtime/errors.ts';
import { errorCodeOf, isOwnFault, networkFaultOf } from '../runtime/network-errors.ts';
import { type Addressing, addressOf, whyNoAddress } from './address.ts';

/** How pods are called. */
export interface PeerClientSettings extends Addressing {
  /** The port that pods are called on (CLIENT_PORT_OVERRIDE). */
  port: number;
  /** Time limit of one call, ms (CHECK_TIMEOUT). */
  checkTimeoutMs: number;
}

/** One call of a pod. */
export interface PeerRequest {
  method: 'GET' | 'POST' | 'DELETE';
  /** Path and query. */
  path: string;
  headers?: Record<string, string>;
  /** Request body; none by default. */
  body?: string;
  /** A longer response body is refused. */
  maxBytes: number;
  /** When the call must have ended, in monotonic ms of the clock. CHECK_TIMEOUT applies in any case. */
  deadlineMs?: number;
}

/** The whole body of a response with status 2xx. */
export interface PeerResponse {
  body: string;
  /** Half the call's duration, ms. The response was written at the middle of the call, give or take this much. */
  errorMs: number;
}

/** A call that ended without a usable response. The message says why, in plain words. */
export class PeerCallError extends Error {
  override readonly name = 'PeerCallError';
  readonly reason: MissingReason;
  /** Whether the pod does not know the path (404 or 405): it runs Goldpinger, or an older version of this project. */
  readonly isUnknownPath: boolean;

  constructor(reason: MissingReason, message: string, isUnknownPath = false) {
    super(message);
    this.reason = reason;
    this.isUnknownPath = isUnknownPath;
  }
}

/** The longest response head, bytes. The same as Node's default; set here because it limits what a hostile pod can send. */
const MAX_HEADER_BYTES = 16_384;
/** The most connections to all pods at once. Further calls wait for one, and their time limit runs. */
const MAX_CONNECTIONS = 1_024;
/** How long a path that a pod does not know is not requested again. Then it is, because the container may have been replaced. */
const UNKNOWN_PATH_MS = 10 * 60_000;
/** The most pods whose unknown paths are remembered. Beyond that, the entry that was made first is dropped. */
const MAX_REMEMBERED_PODS = 5_000;

/**
 * Calls other pods over HTTP. All calls to other pods go through one instance, with one set of limits.
 * A pod is called on its IP address and never by name. Redirects are not followed.
 */
export class PeerClient {
  readonly #settings: PeerClientSettings;
  readonly #clock: Clock;
  /** One connection per call: kept connections would be as many open sockets as there are pods. */
  readonly #agent = new Agent({ keepAlive: false, maxTotalSockets: MAX_CONNECTIONS });
  /** By pod uid: the paths that the pod does not know, and until when each is remembered (monotonic ms). */
  readonly #unknownPaths = new Map<string, Map<string, number>>();
  /** One for each call in progress, to end it. */
  readonly #aborters = new Set<AbortController>();
  #isStopped = false;

  constructor(settings: PeerClientSettings, clock: Clock) {
    this.#settings = settings;
    this.#clock = clock;
  }

  /**
   * Sends one request to `pod` and reads the whole response. Rejects only with a PeerCallError: the pod has no address,
   * the time is over, the connection failed, the status is not 2xx, the body is too long, or `stop` was called.
   * A GET of a path that the pod did not know in the last 10 minutes is rejected without a call.
   */
  async request(pod: Pod, request: PeerRequest): Promise<PeerResponse> {
    const { method, path } = request;
    const host = addressOf(pod, this.#settings);
    if (isIP(host) === 0) {
      const { reason, detail } = whyNoAddress(pod);
      throw new PeerCallError(reason, detail);
    }
    if (method === 'GET' && this.#isUnknown(pod, path)) throw unknownPath(path);
    const startMs = this.#clock.monotonicMs();
    const leftMs = Math.ceil((request.deadlineMs ?? Number.POSITIVE_INFINITY) - startMs);
    if (leftMs < 1)
      throw new PeerCallError('not-asked', 'the time limit for calling all pods ended before this pod was called');
    try {
      const { status, body } = await this.#exchange(host, request, Math.min(this.#settings.checkTimeoutMs, leftMs));
      if (method === 'GET' && (status === 404 || status === 405)) {
        this.noteUnknownPath(pod, path);
        throw unknownPath(path);
      }
      if (status < 200 || status > 299) {
        throw new PeerCallError('http-status', `it answered ${barePath(path)} with status ${status}`);
      }
      return { body, errorMs: (this.#clock.monotonicMs() - startMs) / 2 };
    } catch (error) {
      // A pod that failed may be restarting, with another image.
      if (error instanceof PeerCallError && error.reason !== 'http-status') this.forgetUnknownPaths(pod);
      throw error;
    }
  }

  /** Remembers that `pod` does not know `path`, so that the next GETs of it are not sent. The query does not matter. */
  noteUnknownPath(pod: Pod, path: string): void {
    const paths = this.#unknownPaths.get(pod.uid) ?? new Map<string, number>();
    paths.set(barePath(path), this.#clock.monotonicMs() + UNKNOWN_PATH_MS);
    this.#unknownPaths.set(pod.uid, paths);
    const oldest = this.#unknownPaths.keys().next();
    if (this.#unknownPaths.size > MAX_REMEMBERED_PODS && !oldest.done) this.#unknownPaths.delete(oldest.value);
  }

  /** Forgets what `pod` does not know: the next GETs are sent again. */
  forgetUnknownPaths(pod: Pod): void {
    this.#unknownPaths.delete(pod.uid);
  }

  /** The earlier of `deadlineMs` and the end of CHECK_TIMEOUT from now on, monotonic ms: for calls that share one time limit. */
  callDeadline(deadlineMs: number): number {
    return Math.min(deadlineMs, this.#clock.monotonicMs() + this.#settings.checkTimeoutMs);
  }

  /** Ends the calls in progress; they and all later calls are rejected with reason `not-asked`. */
  stop(): void {
    this.#isStopped = true;
    for (const call of this.#aborters) call.abort(stopped());
    this.#agent.destroy();
  }

  #isUnknown(pod: Pod, path: string): boolean {
    const untilMs = this.#unknownPaths.get(pod.uid)?.get(barePath(path));
    return untilMs !== undefined && untilMs > this.#clock.monotonicMs();
  }

  async #exchange(
    host: string,
    { method, path, headers, body = '', maxBytes }: PeerRequest,
    timeoutMs: number,
  ): Promise<{ status: number; body: string }> {
    if (this.#isStopped) throw stopped();
    const end = new AbortController();
    const timeout = this.#clock.setTimer(
      () => end.abort(new PeerCallError('timeout', `no complete response within ${timeoutMs} ms`)),
      timeoutMs,
    );
    this.#aborters.add(end);
    const call = openRequest({
      host,
      port: this.#settings.port,
      path,
      method,
      agent: this.#agent,
      maxHeaderSize: MAX_HEADER_BYTES,
      signal: end.signal,
      headers: {
        accept: 'application/json',
        ...headers,
        ...(body === '' ? {} : { 'content-length': Buffer.byteLength(body) }),
      },
    });
    // This also handles errors after the response began: the code that reads the body would see only 'aborted'.
    call.on('error', (error) => end.abort(networkError(error)));
    try {
      call.end(body);
      const [response] = (await once(call, 'response')) as [IncomingMessage];
      return { status: response.statusCode ?? 0, body: await readBody(response, maxBytes) };
    } catch (error) {
      if (end.signal.aborted) throw end.signal.reason;
      throw error instanceof PeerCallError ? error : networkError(error);
    } finally {
      timeout.cancel();
      this.#aborters.delete(end);
      call.destroy();
    }
  }
}

function stopped(): PeerCallError {
  return new PeerCallError('not-asked', 'this pod is shutting down');
}

function unknownPath(path: string): PeerCallError {
  const message = `it does not know ${barePath(path)}: it runs Goldpinger or an older version of goldpinger-ts`;
  return new PeerCallError('http-status', message, true);
}

function barePath(path: string): string {
  return path.split('?', 1)[0] ?? path;
}

async function readBody(response: IncomingMessage, maxBytes: number): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of response) {
    length += chunk.length;
    if (length > maxBytes) throw new PeerCallError('malformed', `the response is longer than ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function networkError(error: unknown): PeerCallError {
  const code = errorCodeOf(error);
  // Our own process lacks a resource: that says nothing about the pod.
  if (isOwnFault(code)) return new PeerCallError('not-asked', textOf(error));
  const fault = networkFaultOf(code);
  // Calls are plain HTTP, so `tls` cannot occur; `MissingReason` has no such value.
  return new PeerCallError(fault === 'tls' ? 'unreachable' : fault, textOf(error));
}
