import { connect, isIP, type Socket } from 'node:net';
import type { Target } from '../protocol/pod.ts';
import { MAX_PING_BYTES, type Outcome, type Phase, parsePing, type Sample } from '../protocol/sample.ts';
import { hostPort } from '../runtime/address.ts';
import type { Clock, Timer } from '../runtime/clock.ts';
import { textOf } from '../runtime/errors.ts';
import { errorCodeOf, isOwnFault } from '../runtime/network-errors.ts';
import { outcomeOfCode } from './fault.ts';
import { HttpAnswer, type Progress } from './http-response.ts';
import { type BusyMeter, isSuspect } from './starvation.ts';

/** How to probe. */
interface ProbeOptions {
  /** For the whole exchange, from the connection attempt to the end of the answer. */
  timeoutMs: number;
  /** Names us to the peer; without line breaks. */
  userAgent: string;
}

/** What a probe is handed. */
interface ProbeDeps {
  clock: Clock;
  meter: BusyMeter;
}

const READ_BYTES = 2048;
const HOST = /^[A-Za-z0-9._-]{1,253}$/;

/**
 * Probes one target: a fresh TCP connection, `GET /ping`, and the whole answer, within `timeoutMs`. Always resolves,
 * never rejects, and leaves neither socket nor timer behind.
 */
export function probe(target: Target, options: ProbeOptions, deps: ProbeDeps): Promise<Sample> {
  return new Promise((resolve) => new Exchange(target, options, deps, resolve).start());
}

/** One exchange with one peer. The first end that is noticed counts; whatever comes after it is ignored. */
class Exchange {
  readonly #target: Target;
  readonly #options: ProbeOptions;
  readonly #clock: Clock;
  readonly #watch: Stopwatch;
  readonly #resolve: (sample: Sample) => void;
  readonly #answer = new HttpAnswer(MAX_PING_BYTES);
  #socket: Socket | null = null;
  #deadline: Timer | null = null;
  #done = false;
  #phase: Phase = 'connect';
  #statusCode = 0;

  constructor(target: Target, options: ProbeOptions, deps: ProbeDeps, resolve: (sample: Sample) => void) {
    this.#target = target;
    this.#options = options;
    this.#clock = deps.clock;
    this.#watch = new Stopwatch(deps.clock, deps.meter);
    this.#resolve = resolve;
  }

  start(): void {
    const { address } = this.#target;
    if (address === '') this.#finish('no-address', '');
    else if (isIP(address) === 0 && !HOST.test(address)) this.#finish('dns', 'not a host name');
    else this.#open();
  }

  #open(): void {
    this.#watch.start();
    // A timer that runs late, after our own process was busy, runs before the answer that arrived meanwhile is read:
    // one turn of the loop is granted to read it.
    const expire = () => setImmediate(() => this.#finish('timeout', ''));
    this.#deadline = this.#clock.setTimer(expire, this.#options.timeoutMs);
    try {
      this.#socket = this.#connect();
    } catch (error) {
      this.#fail(error);
    }
  }

  #connect(): Socket {
    const buffer = Buffer.allocUnsafe(READ_BYTES);
    const onread = { buffer, callback: (count: number, bytes: Uint8Array) => this.#read(bytes.subarray(0, count)) };
    const { address: host, port, family } = this.#target;
    const socket = connect({ host, port, family, noDelay: true, autoSelectFamily: false, onread });
    // connect() itself only asks for a connection on the loop's next turn: time counts from the real attempt.
    socket.on('connectionAttempt', () => this.#done || this.#watch.start());
    socket.on('connect', () => this.#send(socket));
    socket.on('error', (error) => this.#fail(error));
    socket.on('end', () => this.#closed());
    socket.on('close', () => this.#closed());
    return socket;
  }

  #send(socket: Socket): void {
    if (this.#done) return;
    this.#watch.connected();
    this.#phase = 'first-byte';
    const lines = [
      'GET /ping HTTP/1.1',
      `Host: ${hostPort(this.#target.address, this.#target.port)}`,
      `User-Agent: ${this.#options.userAgent}`,
      'Accept: application/json',
      'Connection: close',
    ];
    socket.write(`${lines.join('\r\n')}\r\n\r\n`, 'latin1');
    this.#watch.asked();
  }

  #read(bytes: Uint8Array): boolean {
    if (this.#done) return true;
    this.#watch.received();
    this.#phase = 'body';
    this.#judge(this.#answer.push(bytes));
    return true;
  }

  #closed(): void {
    if (!this.#done) this.#judge(this.#answer.end() ?? { kind: 'cut' });
  }

  #judge(progress: Progress | { kind: 'cut' }): void {
    if (progress.kind === 'cut') this.#finish('reset', '');
    if (progress.kind === 'malformed') this.#finish('malformed', progress.why);
    if (progress.kind !== 'answer') return;
    this.#statusCode = progress.status;
    const ping = progress.status === 200 ? parsePing(progress.body.toString('utf8')) : null;
    if (ping === null) this.#finish('http-status', '');
    else if (ping.ok) this.#finish('ok', '', { bootTimeMs: ping.bootTimeMs });
    else this.#finish('malformed', ping.error);
  }

  #fail(error: unknown): void {
    if (this.#done) return;
    const code = errorCodeOf(error);
    const outcome = outcomeOfCode(code);
    if (outcome === 'reset' && this.#phase === 'connect') {
      // A reset in answer to the handshake is told as ECONNREFUSED; so this one came just after it, before we looked.
      this.#watch.connected();
      this.#phase = 'first-byte';
    }
    // What our own process lacks says nothing of the link.
    this.#finish(outcome, code, isOwnFault(code) ? { suspect: true } : {});
  }

  #finish(outcome: Outcome, reason: string, more: Partial<Sample> = {}): void {
    if (this.#done) return;
    this.#done = true;
    const figures = this.#watch.stop();
    this.#deadline?.cancel();
    this.#socket?.destroy();
    const [phase, statusCode] = [this.#phase, this.#statusCode];
    const { timeoutMs } = this.#options;
    this.#resolve({
      atMs: this.#clock.nowMs(),
      outcome,
      phase: outcome === 'ok' ? null : phase,
      ...figures,
      bootTimeMs: -1,
      statusCode,
      detail: failureWords(outcome, {
        peer: hostPort(this.#target.address, this.#target.port),
        phase,
        timeoutMs,
        statusCode,
        reason,
      }),
      ...more,
    });
  }
}

/** The figures of a sample that a stopwatch gives. */
type Figures = Pick<Sample, 'connectUs' | 'firstByteUs' | 'totalUs' | 'starvedUs' | 'suspect'>;

/** Times one exchange, phase by phase, and keeps count of how late our own process noticed each end. */
class Stopwatch {
  readonly #clock: Clock;
  readonly #meter: BusyMeter;
  #startUs = -1;
  #connectedUs = -1;
  #firstByteUs = -1;
  #busyAtStartUs = 0;
  #lateUs = 0;

  constructor(clock: Clock, meter: BusyMeter) {
    this.#clock = clock;
    this.#meter = meter;
  }

  /** The exchange begins now; may be called again for a truer beginning. */
  start(): void {
    this.#meter.mark();
    this.#busyAtStartUs = this.#meter.busyUs;
    this.#startUs = this.#nowUs();
  }

  /** The connection is there. */
  connected(): void {
    this.#connectedUs = this.#nowUs();
  }

  /** What follows upon the connection is done; apart from `connected`, so that the meter does not hold up the request. */
  asked(): void {
    this.#lateUs = this.#meter.mark();
  }

  /** Bytes have come. How late the first ones were noticed moves time between phases only, so it is not counted. */
  received(): void {
    if (this.#firstByteUs < 0) this.#firstByteUs = this.#nowUs();
  }

  /** The exchange ends now. Durations are -1 where it did not get that far. */
  stop(): Figures {
    if (this.#startUs < 0) return { connectUs: -1, firstByteUs: -1, totalUs: -1, starvedUs: 0, suspect: false };
    const totalUs = this.#nowUs() - this.#startUs;
    const lateUs = this.#lateUs + this.#meter.mark();
    const starvedUs = Math.max(0, Math.min(this.#meter.busyUs - this.#busyAtStartUs, lateUs, totalUs));
    return {
      connectUs: this.#connectedUs < 0 ? -1 : this.#connectedUs - this.#startUs,
      firstByteUs: this.#firstByteUs < 0 ? -1 : this.#firstByteUs - this.#connectedUs,
      totalUs,
      starvedUs,
      suspect: isSuspect(starvedUs, totalUs),
    };
  }

  #nowUs(): number {
    return this.#clock.monotonicMs() * 1000;
  }
}

/** What is known of a probe's failure beyond its outcome. */
interface FailureFacts {
  /** `address:port`. */
  peer: string;
  phase: Phase;
  timeoutMs: number;
  statusCode: number;
  /** Error code of the system, or what is malformed, in words; '' if neither. */
  reason: string;
}

const TIMEOUT_IN: Record<Phase, (peer: string) => string> = {
  connect: (peer) => `no connection to ${peer}`,
  'first-byte': (peer) => `${peer} took the connection, but sent no answer`,
  body: (peer) => `${peer} began to answer, but did not finish`,
};

/** A failed probe in words, at most 200 characters, for `Sample.detail`. */
function failureWords(outcome: Outcome, facts: FailureFacts): string {
  return textOf(words(outcome, facts), 200);
}

function words(outcome: Outcome, { peer, phase, timeoutMs, statusCode, reason }: FailureFacts): string {
  switch (outcome) {
    case 'ok':
      return '';
    case 'refused':
      return `connection refused by ${peer}`;
    case 'reset':
      return reason === ''
        ? `connection closed by ${peer} ${phase === 'body' ? 'within its answer' : 'without an answer'}`
        : `connection reset by ${peer} ${phase === 'body' ? 'within its answer' : 'before its answer'} (${reason})`;
    case 'timeout':
      return `timeout after ${timeoutMs} ms: ${TIMEOUT_IN[phase](peer)}`;
    case 'unreachable':
      return `no way to reach ${peer} (${reason})`;
    case 'dns':
      return `no such host: ${peer} (${reason})`;
    case 'http-status':
      return `${peer} answered with status ${statusCode}`;
    case 'malformed':
      return `malformed answer from ${peer}: ${reason}`;
    case 'no-address':
      return 'the pod has no address in this IP family';
  }
}
