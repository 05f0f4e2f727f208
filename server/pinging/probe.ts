import { connect, isIP, isIPv6, type Socket } from 'node:net';
import type { Outcome, Phase, Sample } from '../contract/outcome.ts';
import { MAX_PING_BYTES, parsePing } from '../contract/ping.ts';
import type { Target } from '../contract/pod.ts';
import type { Clock, Timer } from '../contract/seams.ts';
import type { BusyMeter } from './busy-meter.ts';
import { codeOf, isOwnFault, outcomeOfCode } from './fault.ts';
import { HttpAnswer, type Progress } from './http-answer.ts';
import { failureWords } from './probe-words.ts';
import { Stopwatch } from './stopwatch.ts';

/** How to probe. */
export interface ProbeOptions {
  /** For the whole exchange, from the connection attempt to the end of the answer. */
  timeoutMs: number;
  /** Names us to the peer; without line breaks. */
  userAgent: string;
}

/** What a probe is handed. */
export interface ProbeDeps {
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
      `Host: ${hostPort(this.#target)}`,
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
    const code = codeOf(error);
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
      detail: failureWords(outcome, { peer: hostPort(this.#target), phase, timeoutMs, statusCode, reason }),
      ...more,
    });
  }
}

/** `address:port` with brackets around IPv6, without its zone. */
function hostPort({ address, port }: Target): string {
  return isIPv6(address) ? `[${address.split('%', 1)[0]}]:${port}` : `${address}:${port}`;
}
