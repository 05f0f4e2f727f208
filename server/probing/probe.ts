import { connect, isIP, type Socket } from 'node:net';
import type { Target } from '../protocol/pod.ts';
import { MAX_PING_BYTES, type Outcome, type Phase, parsePing, type Sample } from '../protocol/sample.ts';
import { hostPort } from '../runtime/address.ts';
import type { Clock, Timer } from '../runtime/clock.ts';
import { textOf } from '../runtime/errors.ts';
import { errorCodeOf, isOwnFault, networkMessageOf } from '../runtime/network-errors.ts';
import { outcomeOfCode } from './fault.ts';
import { HttpResponseParser, type Progress } from './http-response.ts';
import { type BusyMeter, isSuspect } from './starvation.ts';

/** How to probe. */
interface ProbeOptions {
  clock: Clock;
  meter: BusyMeter;
  /** Timeout of the whole exchange, from the connection attempt to the end of the response. */
  timeoutMs: number;
  /** The User-Agent header, without line breaks. */
  userAgent: string;
}

/**
 * Probes one target within `timeoutMs`: a new TCP connection, `GET /ping`, and the whole response. Never rejects. When it
 * resolves, socket and timer are gone.
 */
export function probe(target: Target, options: ProbeOptions): Promise<Sample> {
  return new Promise((resolve) => new Exchange(target, options, resolve).start());
}

const READ_BYTES = 2048;
const HOST_NAME = /^[A-Za-z0-9._-]{1,253}$/;

/** One exchange with one peer. The first end that is noticed counts. Whatever comes later is ignored. */
class Exchange {
  readonly #target: Target;
  readonly #options: ProbeOptions;
  readonly #stopwatch: Stopwatch;
  readonly #resolve: (sample: Sample) => void;
  readonly #response = new HttpResponseParser(MAX_PING_BYTES);
  #socket: Socket | null = null;
  #deadline: Timer | null = null;
  #hasEnded = false;
  #phase: Phase = 'connect';
  #statusCode = 0;

  constructor(target: Target, options: ProbeOptions, resolve: (sample: Sample) => void) {
    this.#target = target;
    this.#options = options;
    this.#stopwatch = new Stopwatch(options.clock, options.meter);
    this.#resolve = resolve;
  }

  start(): void {
    const { address } = this.#target;
    if (address === '') this.#finish('no-address');
    else if (isIP(address) === 0 && !HOST_NAME.test(address)) this.#finish('dns', { reason: 'not a host name' });
    else this.#open();
  }

  #open(): void {
    this.#stopwatch.start();
    // If our own process was busy, the timer runs late, and before an answer that has arrived meanwhile is read. One more
    // turn of the loop lets the answer be read.
    const onTimeout = () => setImmediate(() => this.#finish('timeout'));
    this.#deadline = this.#options.clock.setTimer(onTimeout, this.#options.timeoutMs);
    try {
      this.#connect();
    } catch (error) {
      this.#onError(error);
    }
  }

  #connect(): void {
    const { address, port, family } = this.#target;
    const socket = connect({
      host: address,
      port,
      family,
      noDelay: true,
      autoSelectFamily: false,
      onread: {
        buffer: Buffer.allocUnsafe(READ_BYTES),
        callback: (count: number, bytes: Uint8Array) => {
          this.#onBytes(bytes.subarray(0, count));
          return true;
        },
      },
    });
    // connect() starts the attempt only in the next turn of the loop. The time counts from the attempt.
    socket.on('connectionAttempt', () => this.#hasEnded || this.#stopwatch.start());
    socket.on('connect', () => this.#sendRequest(socket));
    socket.on('error', (error) => this.#onError(error));
    socket.on('end', () => this.#onClose());
    socket.on('close', () => this.#onClose());
    this.#socket = socket;
  }

  #sendRequest(socket: Socket): void {
    if (this.#hasEnded) return;
    this.#stopwatch.connected();
    this.#phase = 'first-byte';
    const lines = [
      'GET /ping HTTP/1.1',
      `Host: ${hostPort(this.#target.address, this.#target.port)}`,
      `User-Agent: ${this.#options.userAgent}`,
      'Accept: application/json',
      'Connection: close',
    ];
    socket.write(`${lines.join('\r\n')}\r\n\r\n`, 'latin1');
    this.#stopwatch.requestSent();
  }

  #onBytes(bytes: Uint8Array): void {
    if (this.#hasEnded) return;
    this.#stopwatch.received();
    this.#phase = 'body';
    this.#onProgress(this.#response.push(bytes));
  }

  #onClose(): void {
    if (!this.#hasEnded) this.#onProgress(this.#response.end());
  }

  #onProgress(progress: Progress): void {
    if (progress.kind === 'cut-short') this.#finish('reset');
    if (progress.kind === 'malformed') this.#finish('malformed', { reason: progress.reason });
    if (progress.kind === 'complete') this.#onResponse(progress.status, progress.body);
  }

  #onResponse(status: number, body: Buffer): void {
    this.#statusCode = status;
    const ping = status === 200 ? parsePing(body.toString('utf8')) : null;
    if (ping === null) this.#finish('http-status');
    else if (ping.ok) this.#finish('ok', { bootTimeMs: ping.bootTimeMs });
    else this.#finish('malformed', { reason: ping.error });
  }

  #onError(error: unknown): void {
    if (this.#hasEnded) return;
    const code = errorCodeOf(error);
    const outcome = outcomeOfCode(code);
    if (outcome === 'reset' && this.#phase === 'connect') {
      // A reset during the handshake is reported as ECONNREFUSED. So this one came after it, before we noticed the connection.
      this.#stopwatch.connected();
      this.#phase = 'first-byte';
    }
    this.#finish(outcome, { reason: code, ownFault: isOwnFault(code) ? networkMessageOf(error) : '' });
  }

  /**
   * `reason`: the error code of the system, or what is malformed. `ownFault`: as in `Sample`.
   */
  #finish(outcome: Outcome, { reason = '', bootTimeMs = -1, ownFault = '' } = {}): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    const times = this.#stopwatch.stop();
    const { starvedUs, totalUs } = times;
    this.#deadline?.cancel();
    this.#socket?.destroy();
    this.#resolve({
      atMs: this.#options.clock.nowMs(),
      outcome,
      phase: outcome === 'ok' ? null : this.#phase,
      ...times,
      suspect: ownFault !== '' || isSuspect(starvedUs, totalUs),
      ownFault,
      bootTimeMs,
      statusCode: this.#statusCode,
      detail: textOf(this.#detail(outcome, reason), 200),
    });
  }

  /** What happened, for people; '' after `ok`. */
  #detail(outcome: Outcome, reason: string): string {
    const peer = hostPort(this.#target.address, this.#target.port);
    const isInBody = this.#phase === 'body';
    switch (outcome) {
      case 'ok':
        return '';
      case 'refused':
        return `connection refused by ${peer}`;
      case 'reset':
        return reason === ''
          ? `connection closed by ${peer} ${isInBody ? 'within its answer' : 'without an answer'}`
          : `connection reset by ${peer} ${isInBody ? 'within its answer' : 'before its answer'} (${reason})`;
      case 'timeout':
        return `timeout after ${this.#options.timeoutMs} ms: ${TIMEOUT_IN[this.#phase](peer)}`;
      case 'unreachable':
        return `${peer} cannot be reached (${reason})`;
      case 'dns':
        return `no such host: ${peer} (${reason})`;
      case 'http-status':
        return `${peer} answered with status ${this.#statusCode}`;
      case 'malformed':
        return `malformed answer from ${peer}: ${reason}`;
      case 'no-address':
        return `the pod ${this.#target.whyNoAddress ?? 'has no address'}`;
    }
  }
}

const TIMEOUT_IN: Record<Phase, (peer: string) => string> = {
  connect: (peer) => `no connection to ${peer}`,
  'first-byte': (peer) => `${peer} accepted the connection, but sent no answer`,
  body: (peer) => `${peer} began to answer, but did not finish`,
};

/** Measures one exchange phase by phase, and how late our own process noticed the ends of the phases. */
class Stopwatch {
  readonly #clock: Clock;
  readonly #meter: BusyMeter;
  #startUs = -1;
  #connectedUs = -1;
  #firstByteUs = -1;
  #busyAtStartUs = 0;
  #queuedAtStartUs = 0;
  #lateUs = 0;

  constructor(clock: Clock, meter: BusyMeter) {
    this.#clock = clock;
    this.#meter = meter;
  }

  /** The exchange starts now. A second call replaces the start by a more accurate one. */
  start(): void {
    if (this.#startUs < 0) this.#queuedAtStartUs = this.#meter.queuedUs();
    this.#meter.mark();
    this.#busyAtStartUs = this.#meter.busyUs;
    this.#startUs = this.#nowUs();
  }

  /** The connection is established. */
  connected(): void {
    this.#connectedUs = this.#nowUs();
  }

  /** The request has been sent. The meter is read here and not in `connected`, so that it does not delay the request. */
  requestSent(): void {
    this.#lateUs = this.#meter.mark();
  }

  /**
   * Bytes have come. The meter is not read: how late we notice the first byte moves time from one phase to another, but
   * does not lengthen the exchange.
   */
  received(): void {
    if (this.#firstByteUs < 0) this.#firstByteUs = this.#nowUs();
  }

  /** The exchange ends now. A duration is -1 if its phase was not reached, or if the exchange never started. */
  stop(): Pick<Sample, 'connectUs' | 'firstByteUs' | 'totalUs' | 'starvedUs'> {
    if (this.#startUs < 0) return { connectUs: -1, firstByteUs: -1, totalUs: -1, starvedUs: 0 };
    const totalUs = this.#nowUs() - this.#startUs;
    const lateUs = this.#lateUs + this.#meter.mark();
    const busyUs = this.#meter.busyUs - this.#busyAtStartUs;
    // An exchange so short that it cannot be suspect is most of them. For it the kernel need not be asked.
    const queuedUs = isSuspect(totalUs, totalUs) ? this.#meter.queuedUs() - this.#queuedAtStartUs : 0;
    return {
      connectUs: this.#connectedUs < 0 ? -1 : this.#connectedUs - this.#startUs,
      firstByteUs: this.#firstByteUs < 0 ? -1 : this.#firstByteUs - this.#connectedUs,
      totalUs,
      starvedUs: Math.max(0, Math.min(Math.min(busyUs, lateUs) + queuedUs, totalUs)),
    };
  }

  #nowUs(): number {
    return this.#clock.monotonicMs() * 1000;
  }
}
