import type { MissingReason } from '../protocol/mesh.ts';
import type { Pod } from '../protocol/pod.ts';
import { noneSkipped, type Skipped } from '../protocol/validators.ts';
import type { Clock } from '../runtime/clock.ts';
import { runSliced, SerialQueue } from '../runtime/concurrency.ts';
import { textOf } from '../runtime/errors.ts';
import type { Response } from '../runtime/http-response.ts';
import { parseJson } from '../runtime/json.ts';
import { errorCodeOf, isOwnFault, networkFaultOf } from '../runtime/network-errors.ts';
import { saysPassive } from '../runtime/node-mode.ts';
import { calledAddress } from '../runtime/pod-address.ts';
import { Exchange, type HttpRequest, MalformedResponseError } from './exchange.ts';

/** Which address of a pod is called. */
export interface Addressing {
  /** IP families in order of preference (IP_VERSIONS). */
  families: readonly (4 | 6)[];
  /** Whether pods are called on the address of their host (USE_HOST_IP). */
  useHostIP: boolean;
  /** Whether pods may have loopback addresses, as in the local cluster. */
  allowLoopback: boolean;
}

/** The IP address to call `pod` on: of the first family in `families` that it has; '' without one. Never a host name. */
export function addressOf(pod: Pod, addressing: Addressing): string {
  const found = addressing.families.map((family) => calledAddress(pod, family, addressing).address);
  return found.find((address) => address !== '') ?? '';
}

export interface PeerClientSettings extends Addressing {
  port: number;
  /** Time limit of one call, ms (CHECK_TIMEOUT). */
  checkTimeoutMs: number;
}

/** When the answer to a call was written. */
export interface Written {
  /** ms since the epoch by our clock: the middle of the call. Ages in the answer count from here. */
  atMs: number;
  /** The most that `atMs` may be wrong by: half of how long the call took. */
  errorMs: number;
}

/** One call of a pod. */
export interface PeerRequest<T> extends HttpRequest {
  /** An answer of more bytes, or with more JSON values, is refused. */
  maxBytes: number;
  maxValues: number;
  /** When the call must have ended, in monotonic ms of the clock. CHECK_TIMEOUT applies in any case. */
  deadlineMs?: number;
  /**
   * Validates the JSON of the answer. It throws an Error that says what is wrong. It leaves out invalid elements of lists, and
   * counts them in `skipped`. If it takes more than a millisecond, it returns a generator that yields in between.
   */
  parse(wire: unknown, skipped: Skipped, written: Written): T | Generator<void, T>;
}

/** The answer of a pod with status 2xx, as `parse` returned it. */
export interface PeerAnswer<T> extends Written {
  value: T;
}

/** A call that ended without a usable response. The message says why, in plain words. */
export class PeerCallError extends Error {
  override readonly name = 'PeerCallError';
  readonly reason: MissingReason;
  /** Whether the pod answered; null = not known: no call was made, our own process ended it, or the pod is passive. */
  readonly hasAnswered: boolean | null;
  /** Whether the pod may run Goldpinger, or an older version of this project: 404, 405, or no JSON. */
  readonly mayBeGoldpinger: boolean;

  /** `wasCalled` false: the pod is not called, because of what it answered before. */
  constructor(reason: MissingReason, message: string, { mayBeGoldpinger = false, wasCalled = true } = {}) {
    super(message);
    this.reason = reason;
    const saysNothing = !wasCalled || ['not-asked', 'no-address', 'passive'].includes(reason);
    this.hasAnswered = saysNothing ? null : reason === 'http-status' || reason === 'malformed';
    this.mayBeGoldpinger = mayBeGoldpinger;
  }
}

/** The most connections to all pods at once: several fan-outs with many silent pods may reach it. Further calls are refused. */
const MAX_CONNECTIONS = 1_024;
/** How long we remember that a pod does not know a path, or is passive. Its container may be replaced by another version. */
const REMEMBERED_MS = 10 * 60_000;
/** The most pods whose unknown paths are remembered, and the most passive pods. */
const MAX_REMEMBERED_PODS = 5_000;
/** The most bytes of all answers that are being read, or wait to be parsed: a tenth of the memory limit that we ship. */
const MAX_BYTES_IN_FLIGHT = 8 * 1024 * 1024;
/** The most pairs of pod and path that are remembered for `isNews`. For further pairs `isNews` is always false. */
const MAX_SKIPS_KNOWN = 1_000;
/** The most bytes that one read from a connection takes. All connections share one buffer of this size. */
const READ_BYTES = 64 * 1024;

/** Called when an answer of a pod has invalid elements. `isNews`: the first such answer of this pod on this path. */
export type OnSkipped = (pod: Pod, path: string, skipped: Skipped, isNews: boolean) => void;

/**
 * Calls other pods over HTTP, on their IP addresses and never by name. Redirects are not followed. A pod may be hostile: the size of
 * its answer is limited, all answers share one limit of memory, and they are parsed one after the other, in time slices.
 */
export class PeerClient {
  readonly #settings: PeerClientSettings;
  readonly #clock: Clock;
  readonly #readBuffer = Buffer.allocUnsafeSlow(READ_BYTES);
  /** By pod uid: the paths that the pod does not know, and until when each is remembered (monotonic ms). */
  readonly #unknownPaths = new Map<string, Map<string, number>>();
  /** By pod uid: until when it is not asked, because it said that it is passive (monotonic ms). */
  readonly #passiveUntilMs = new Map<string, number>();
  readonly #exchanges = new Set<Exchange>();
  /** Bytes of all answers that are being read, or wait to be parsed. */
  #bytes = 0;
  /** Many answers that are parsed at once would run many time slices in a row, and delay our own pings. */
  readonly #parsing = new SerialQueue();
  readonly #onSkipped: OnSkipped;
  /** `UID PATH` of each pod and path for which `isNews` was true. */
  readonly #skipsKnown = new Set<string>();
  #isStopped = false;

  constructor(settings: PeerClientSettings, clock: Clock, onSkipped: OnSkipped = () => {}) {
    this.#settings = settings;
    this.#clock = clock;
    this.#onSkipped = onSkipped;
  }

  /**
   * Sends one request to `pod`, reads the whole answer, and validates it with `request.parse`. Rejects only with a PeerCallError,
   * and without a call if the pod said in the last 10 minutes (`REMEMBERED_MS`) that it is passive, or, for a GET, that it does not
   * know the path.
   */
  async request<T>(pod: Pod, request: PeerRequest<T>): Promise<PeerAnswer<T>> {
    const { path } = request;
    const isGet = request.body === undefined;
    const host = addressOf(pod, this.#settings);
    if (host === '') throw this.#noAddress(pod);
    if ((this.#passiveUntilMs.get(pod.uid) ?? 0) > this.#clock.monotonicMs()) throw passive();
    if (isGet && this.#isUnknown(pod, path)) throw unknownPath(path, false);
    const startMs = this.#clock.monotonicMs();
    const leftMs = Math.ceil((request.deadlineMs ?? Number.POSITIVE_INFINITY) - startMs);
    if (leftMs < 1)
      throw new PeerCallError('not-asked', 'the time limit for calling all pods ended before this pod was called');
    const timeoutMs = Math.min(this.#settings.checkTimeoutMs, leftMs);
    // The bytes count in `#bytes` until the answer is parsed.
    const read = { bytes: 0 };
    try {
      const { status, body } = await this.#exchange(host, request, timeoutMs, read);
      if (isGet && (status === 404 || status === 405)) {
        this.noteUnknownPath(pod, path);
        throw unknownPath(path, true);
      }
      if (status === 503 && saysPassive(body.subarray(0, 1000).toString())) {
        remember(this.#passiveUntilMs, pod.uid, this.#clock.monotonicMs() + REMEMBERED_MS);
        throw passive();
      }
      if (status < 200 || status > 299) {
        throw new PeerCallError('http-status', `it answered ${barePath(path)} with status ${status}`);
      }
      const errorMs = (this.#clock.monotonicMs() - startMs) / 2;
      const written = { atMs: this.#clock.nowMs() - errorMs, errorMs };
      return { ...written, value: await this.#parsing.run(() => this.#parse(pod, request, body, written)) };
    } catch (error) {
      // A pod that gave no valid answer may be restarting with another image, which may know more paths. A call that our own
      // process ended (`not-asked`) says nothing about the pod.
      if (error instanceof PeerCallError && !['http-status', 'passive', 'not-asked'].includes(error.reason))
        this.forgetUnknownPaths(pod);
      throw error;
    } finally {
      this.#bytes -= read.bytes;
    }
  }

  #noAddress(pod: Pod): PeerCallError {
    // It is starting: unlike a wrong family of addresses, that is no fault.
    if (pod.podIPs.length === 0) return new PeerCallError('not-asked', 'it has no address yet');
    const whys = this.#settings.families.map((family) => calledAddress(pod, family, this.#settings).why);
    return new PeerCallError('no-address', `it ${whys.join(' and ')}`);
  }

  /** Remembers that `pod` does not know `path`, so that the next GETs of it are not sent. The query does not matter. */
  noteUnknownPath(pod: Pod, path: string): void {
    const paths = this.#unknownPaths.get(pod.uid) ?? new Map<string, number>();
    paths.set(barePath(path), this.#clock.monotonicMs() + REMEMBERED_MS);
    remember(this.#unknownPaths, pod.uid, paths);
  }

  /** Forgets what `pod` does not know: the next GETs are sent again. */
  forgetUnknownPaths(pod: Pod): void {
    this.#unknownPaths.delete(pod.uid);
  }

  /** The deadline of calls that share CHECK_TIMEOUT from now on, at the latest `deadlineMs` (both monotonic ms). */
  callDeadline(deadlineMs: number): number {
    return Math.min(deadlineMs, this.#clock.monotonicMs() + this.#settings.checkTimeoutMs);
  }

  /** Ends the calls in progress; they and all later calls are rejected with reason `not-asked`. */
  stop(): void {
    this.#isStopped = true;
    for (const exchange of this.#exchanges) exchange.end(stopped());
  }

  #isUnknown({ uid }: Pod, path: string): boolean {
    return (this.#unknownPaths.get(uid)?.get(barePath(path)) ?? 0) > this.#clock.monotonicMs();
  }

  /** Sends a request and reads its response. Adds the bytes that it reads to `read` and to `#bytes`. */
  async #exchange(
    host: string,
    request: PeerRequest<unknown>,
    timeoutMs: number,
    read: { bytes: number },
  ): Promise<Response> {
    if (this.#isStopped) throw stopped();
    if (this.#exchanges.size >= MAX_CONNECTIONS) {
      throw new PeerCallError('not-asked', `this pod has ${MAX_CONNECTIONS} calls of other pods open already`);
    }
    const onBytes = (count: number) => {
      read.bytes += count;
      this.#bytes += count;
      if (this.#bytes > MAX_BYTES_IN_FLIGHT) this.#endLargest();
    };
    const options = {
      host,
      port: this.#settings.port,
      maxBytes: request.maxBytes,
      readBuffer: this.#readBuffer,
      onBytes,
    };
    let exchange: Exchange | null = null;
    const timeout = this.#clock.setTimer(
      () => exchange?.end(new PeerCallError('timeout', `no complete response within ${timeoutMs} ms`)),
      timeoutMs,
    );
    try {
      exchange = new Exchange(request, options);
      this.#exchanges.add(exchange);
      return await exchange.response;
    } catch (error) {
      throw callError(error);
    } finally {
      timeout.cancel();
      if (exchange !== null) this.#exchanges.delete(exchange);
    }
  }

  /** Ends the call whose answer is the longest so far. So a pod that sends too much loses its own call first. */
  #endLargest(): void {
    let largest: Exchange | null = null;
    for (const exchange of this.#exchanges) if (exchange.bytes > (largest?.bytes ?? 0)) largest = exchange;
    const message = `the answers of all pods took more than ${MAX_BYTES_IN_FLIGHT} bytes at once, and its own the most`;
    largest?.end(new PeerCallError('not-asked', message));
  }

  async #parse<T>(pod: Pod, request: PeerRequest<T>, body: Buffer, written: Written): Promise<T> {
    const skipped = noneSkipped();
    try {
      const wire = await runSliced(parseJson(body, request), this.#clock);
      const parsed = request.parse(wire, skipped, written);
      return isGenerator(parsed) ? await runSliced(parsed, this.#clock) : parsed;
    } catch (error) {
      const mayBeGoldpinger = error instanceof SyntaxError;
      const message = `${mayBeGoldpinger ? 'its answer is not JSON: ' : ''}${textOf(error)}`;
      throw new PeerCallError('malformed', message, { mayBeGoldpinger });
    } finally {
      if (skipped.count > 0) this.#tellSkipped(pod, barePath(request.path), skipped);
    }
  }

  #tellSkipped(pod: Pod, path: string, skipped: Skipped): void {
    const key = `${pod.uid} ${path}`;
    const isNews = !this.#skipsKnown.has(key) && this.#skipsKnown.size < MAX_SKIPS_KNOWN;
    if (isNews) this.#skipsKnown.add(key);
    this.#onSkipped(pod, path, skipped, isNews);
  }
}

/** Sets the entry of a pod. If there are too many entries, the one that was added first is dropped. */
function remember<T>(byPod: Map<string, T>, uid: string, value: T): void {
  byPod.set(uid, value);
  const oldest = byPod.keys().next();
  if (byPod.size > MAX_REMEMBERED_PODS && !oldest.done) byPod.delete(oldest.value);
}

function passive(): PeerCallError {
  return new PeerCallError('passive', 'it says that its node is passive');
}

function isGenerator<T>(parsed: T | Generator<void, T>): parsed is Generator<void, T> {
  return typeof parsed === 'object' && parsed !== null && Symbol.iterator in parsed && 'next' in parsed;
}

function stopped(): PeerCallError {
  return new PeerCallError('not-asked', 'this pod is shutting down');
}

function unknownPath(path: string, wasCalled: boolean): PeerCallError {
  const message = `it does not know ${barePath(path)}: it runs Goldpinger or an older version of goldpinger-ts`;
  return new PeerCallError('http-status', message, { mayBeGoldpinger: true, wasCalled });
}

function barePath(path: string): string {
  return path.split('?', 1)[0] ?? path;
}

function callError(error: unknown): PeerCallError {
  if (error instanceof PeerCallError) return error;
  if (error instanceof MalformedResponseError) return new PeerCallError('malformed', error.message);
  const code = errorCodeOf(error);
  // Our own process lacks a resource: that says nothing about the pod.
  if (isOwnFault(code)) return new PeerCallError('not-asked', textOf(error));
  const fault = networkFaultOf(code);
  // Calls are plain HTTP, so `tls` cannot occur; `MissingReason` has no such value.
  return new PeerCallError(fault === 'tls' ? 'unreachable' : fault, textOf(error));
}
