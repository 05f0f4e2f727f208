import { isIP } from 'node:net';
import type { Target } from '../protocol/pod.ts';
import { MAX_PING_BYTES, type Outcome, type Phase, parsePing, type Sample } from '../protocol/sample.ts';
import type { Clock } from '../runtime/clock.ts';
import { textOf } from '../runtime/errors.ts';
import { hostPort } from '../runtime/host-port.ts';
import { HttpResponseParser, type Progress, type Response } from '../runtime/http-response.ts';
import { errorCodeOf, isOwnFault, networkMessageOf } from '../runtime/network-errors.ts';
import { Connection, type ConnectionUser } from './connection.ts';
import { Deadlines, type Due } from './deadlines.ts';
import { outcomeOfCode } from './fault.ts';
import { type KeepSettings, KeptConnections } from './kept-connections.ts';
import { type BusyMeter, isSuspect } from './starvation.ts';
import { Stopwatch } from './stopwatch.ts';

interface ProbeOptions extends KeepSettings {
  clock: Clock;
  meter: BusyMeter;
  /** PING_TIMEOUT: timeout of the whole ping, from its start to the end of the response, a second connection included. */
  pingTimeoutMs: number;
  userAgent: string;
}

/** Size of the read buffer that all connections share. An answer to a ping has about 200 bytes. */
const READ_BYTES = 2048;

/**
 * Pings targets. A `Ping` consists of `Attempt`s, each over one connection: mostly one. If the peer has closed an open connection
 * while nobody used it, a second attempt is made over a new one.
 */
export class Prober {
  readonly options: ProbeOptions;
  readonly kept: KeptConnections;
  readonly deadlines: Deadlines;
  readonly #readBuffer = Buffer.allocUnsafe(READ_BYTES);

  constructor(options: ProbeOptions) {
    this.options = options;
    this.kept = new KeptConnections(options);
    this.deadlines = new Deadlines(options.clock);
  }

  /**
   * Pings one target within `pingTimeoutMs`: sends `GET /ping`, and reads the whole response. It uses the open connection to the
   * target, or opens a new one: see `KeptConnections`. If a second attempt is made, the durations count from its start. Calls
   * `onEnd` once, when the connections of the ping are closed or kept.
   */
  probe(target: Target, onEnd: (sample: Sample) => void): void {
    new Ping(this, target, onEnd).start();
  }

  /**
   * Ends all pings under way, at once, and closes all connections. The samples of these pings say nothing about their targets.
   */
  stop(): void {
    this.kept.setTargets([]);
    this.deadlines.cancelAll();
  }

  /** Starts to open a connection. Throws if Node rejects the address. */
  open(target: Target, user: ConnectionUser): Connection {
    return new Connection(target, this.options.clock.monotonicMs(), this.#readBuffer, user);
  }

  /** The text of a ping's request. `isLast`: the peer may close the connection after its answer. */
  request({ address, port }: Target, isLast: boolean): string {
    const close = isLast ? 'Connection: close\r\n' : '';
    return `GET /ping HTTP/1.1\r\nHost: ${hostPort(address, port)}\r\nUser-Agent: ${this.options.userAgent}\r\nAccept: application/json\r\n${close}\r\n`;
  }
}

/**
 * One ping of one target, from its start to its sample, within PING_TIMEOUT; and its witness. There are two kinds of connection: one
 * that is open from an earlier ping, and a new one. If the link has an open connection, and the ping has failed or has no answer
 * after half of PING_TIMEOUT, a second ping (the witness) is sent over the other kind. So a failure says whether only new connections
 * fail, or only open ones (`Sample.failsOnly`). There is no witness once bytes of the answer have come, nor if our own process is at
 * fault.
 */
class Ping implements Due {
  /** When `onDue` is called: after half of PING_TIMEOUT if there may be a witness, and at the end of it. */
  dueMs = 0;
  readonly #prober: Prober;
  readonly #target: Target;
  readonly #stopwatch: Stopwatch;
  readonly #onSample: (sample: Sample) => void;
  #attempt: Attempt;
  /** The open connection to the target, if the ping must use a new one (`mustOpenNew`). The witness uses it. */
  #oldConnection: Connection | null = null;
  #witness: Attempt | null = null;
  /** When the ping must have ended, monotonic ms. */
  #endMs = 0;
  /** The result, while the witness is waited for. */
  #sample: Sample | null = null;
  #isOver = false;

  constructor(prober: Prober, target: Target, onSample: (sample: Sample) => void) {
    const { clock, meter } = prober.options;
    this.#prober = prober;
    this.#target = target;
    this.#stopwatch = new Stopwatch(clock, meter);
    this.#onSample = onSample;
    this.#attempt = this.#attemptOver(null);
  }

  start(): void {
    const { address } = this.#target;
    if (address === '') this.#finish({ outcome: 'no-address' });
    else if (isIP(address) === 0) this.#finish({ outcome: 'dns', reason: 'not an IP address' });
    else this.#begin();
  }

  #begin(): void {
    const { kept, options, deadlines } = this.#prober;
    const nowMs = options.clock.monotonicMs();
    const old = kept.take(this.#target);
    this.#endMs = nowMs + options.pingTimeoutMs;
    this.#stopwatch.start();
    this.dueMs = old === null ? this.#endMs : nowMs + options.pingTimeoutMs / 2;
    deadlines.add(this, nowMs);
    if (old !== null && !kept.mustOpenNew(old, nowMs)) this.#attempt = this.#attemptOver(old);
    else this.#oldConnection = old;
    this.#attempt.start();
  }

  #attemptOver(kept: Connection | null): Attempt {
    return new Attempt(this.#prober, this.#target, kept, this.#stopwatch, (end) => this.#onEnd(end));
  }

  #onEnd(end: End): void {
    const { isKept, phase } = this.#attempt;
    const wasClosedUnused = isKept && end.outcome === 'reset' && phase !== 'body';
    if (wasClosedUnused) this.#startAgain();
    else this.#finish(end);
  }

  /** Makes the second attempt, over a new connection. */
  #startAgain(): void {
    this.#attempt.connection?.close();
    this.#witness?.close();
    this.#witness = null;
    this.#attempt = this.#attemptOver(null);
    this.#attempt.start();
  }

  onDue(): void {
    if (this.dueMs < this.#endMs) {
      this.dueMs = this.#endMs;
      if (this.#attempt.phase !== 'body') this.#callWitness();
      return;
    }
    this.#prober.deadlines.remove(this);
    // If our own process was busy, this timer runs late, and an answer that has arrived meanwhile is not read yet. One more
    // turn of the loop reads it.
    setImmediate(() => {
      if (!this.#isOver) this.cancel();
    });
  }

  /** Ends the ping with what is known: the sample that waits for the witness, else a timeout. */
  cancel(): void {
    if (this.#sample === null) this.#finish({ outcome: 'timeout' });
    this.#report();
  }

  /** Sends a ping over the other kind of connection, unless there is none: the peer may have closed the old one meanwhile. */
  #callWitness(): void {
    const old = this.#oldConnection;
    const isPossible = this.#attempt.isKept || (old !== null && !old.isClosed);
    if (this.#witness !== null || !isPossible) return;
    this.#witness = new Attempt(this.#prober, this.#target, old, null, () => {
      this.#witness?.close();
      if (this.#sample !== null) this.#report();
    });
    this.#witness.start();
  }

  /** Makes the sample of the present attempt, which has ended so. Reports it, unless the witness must be waited for. */
  #finish({ outcome, reason = '', ownFault = '', bootTimeMs = -1, staysOpen = false }: End): void {
    const attempt = this.#attempt;
    // A ping over an open connection that gets no answer does not show whether the network or the process is silent. The
    // witness shows it: if it could not connect either, and not for our own fault, the timeout is one of the connect phase.
    const isUnconnected = attempt.isKept && this.#witness?.couldNotConnect;
    if (outcome === 'timeout' && attempt.phase === 'first-byte' && isUnconnected) attempt.phase = 'connect';
    const { connectUs, firstByteUs, totalUs, starvedUs } = this.#stopwatch.stop();
    if (attempt.connection !== null) {
      if (staysOpen) this.#prober.kept.keep(attempt.connection, totalUs);
      else attempt.connection.close();
    }
    this.#sample = {
      atMs: this.#prober.options.clock.nowMs(),
      outcome,
      phase: outcome === 'ok' ? null : attempt.phase,
      connectUs,
      firstByteUs,
      totalUs,
      starvedUs,
      suspect: ownFault !== '' || isSuspect(starvedUs, totalUs),
      ownFault,
      failsOnly: '',
      bootTimeMs,
      statusCode: attempt.statusCode,
      detail: outcome === 'ok' ? '' : textOf(this.#detail(outcome, reason), 200),
    };
    const hasAnswerBegun = attempt.phase === 'body';
    if (!hasAnswerBegun && outcome !== 'timeout' && ownFault === '') this.#callWitness();
    if (hasAnswerBegun || this.#witness === null || this.#witness.end !== null) this.#report();
  }

  /** Adds what the witness shows, closes all connections that are not kept, and hands over the sample. */
  #report(): void {
    const sample = this.#sample;
    const witness = this.#witness;
    const old = this.#oldConnection;
    if (sample === null || this.#isOver) return;
    this.#isOver = true;
    this.#prober.deadlines.remove(this);
    witness?.close();
    if (sample.outcome !== 'ok' && witness?.isAnswered) {
      const [fails, works] = this.#attempt.isKept ? (['open', 'a new'] as const) : (['new', 'an open'] as const);
      sample.failsOnly = fails;
      sample.detail = textOf(`${sample.detail}; a ping over ${works} connection was answered`, 200);
    }
    // As long as pings over new connections fail, the old one is kept for the next witness, unless it got no answer itself.
    const staysForWitness = sample.outcome !== 'ok' && (witness === null || witness.isAnswered);
    if (old !== null && staysForWitness) this.#prober.kept.keep(old);
    else old?.close();
    this.#prober.kept.noteResult(this.#target, sample);
    this.#onSample(sample);
  }

  /** The text for people. `reason`: see `End`. */
  #detail(outcome: Exclude<Outcome, 'ok'>, reason: string): string {
    const peer = hostPort(this.#target.address, this.#target.port);
    const { phase, statusCode } = this.#attempt;
    const isInBody = phase === 'body';
    switch (outcome) {
      case 'refused':
        return `connection refused by ${peer}`;
      case 'reset':
        return reason === ''
          ? `connection closed by ${peer} ${isInBody ? 'within its answer' : 'without an answer'}`
          : `connection reset by ${peer} ${isInBody ? 'within its answer' : 'before its answer'} (${reason})`;
      case 'timeout':
        return `timeout after ${this.#prober.options.pingTimeoutMs} ms: ${TIMEOUT_IN[phase](peer)}`;
      case 'unreachable':
        return `${peer} cannot be reached (${reason})`;
      case 'dns':
        return `no such host: ${peer} (${reason})`;
      case 'http-status':
        return `${peer} answered with status ${statusCode}`;
      case 'malformed':
        return `malformed answer from ${peer}: ${reason}`;
      case 'no-address':
        return `the pod ${this.#target.whyNoAddress ?? 'has no address'}`;
    }
  }
}

/** What a timeout in each phase means, as a text for people. */
const TIMEOUT_IN: Record<Phase, (peer: string) => string> = {
  connect: (peer) => `no connection to ${peer}`,
  'first-byte': (peer) => `${peer} accepted the connection, but sent no answer`,
  body: (peer) => `${peer} began to answer, but did not finish`,
};

/** How a ping over one connection ended. */
interface End {
  outcome: Outcome;
  /** The error code of the system, or what is malformed. */
  reason?: string;
  /** As in `Sample`. */
  ownFault?: string;
  bootTimeMs?: number;
  /** Whether the connection can be used again. */
  staysOpen?: boolean;
}

/** A ping over one connection, without a timeout of its own: over `kept`, which is open, or over a new one (null). */
class Attempt implements ConnectionUser {
  phase: Phase = 'connect';
  statusCode = 0;
  connection: Connection | null;
  end: End | null = null;
  /** Whether the connection was open before, and is only lent to this attempt. */
  readonly isKept: boolean;
  readonly #prober: Prober;
  readonly #target: Target;
  readonly #stopwatch: Stopwatch | null;
  readonly #onEnd: (end: End) => void;
  /** Parses the answer; null while nothing has come, or only an answer that is known (`KeptConnections.meaningOf`). */
  #response: HttpResponseParser | null = null;

  /** Calls `onEnd` once, unless the connection is closed before. `stopwatch`: null for a witness. */
  constructor(
    prober: Prober,
    target: Target,
    kept: Connection | null,
    stopwatch: Stopwatch | null,
    onEnd: (end: End) => void,
  ) {
    this.#prober = prober;
    this.#target = target;
    this.connection = kept;
    this.isKept = kept !== null;
    this.#stopwatch = stopwatch;
    this.#onEnd = onEnd;
  }

  start(): void {
    try {
      if (this.connection === null) this.connection = this.#prober.open(this.#target, this);
      else {
        this.phase = 'first-byte';
        this.connection.user = this;
        this.connection.sendAgain();
      }
    } catch (error) {
      this.onError(error);
    }
  }

  /** Whether it has no connection yet, or could get none; false if that is our own fault, which says nothing about the peer. */
  get couldNotConnect(): boolean {
    return this.phase === 'connect' && !this.end?.ownFault;
  }

  /**
   * Whether it has been answered with status 200. Over a connection that was open before, the peer must also keep it open:
   * otherwise the connection cannot be kept for the next witness.
   */
  get isAnswered(): boolean {
    return this.end !== null && this.statusCode === 200 && (!this.isKept || this.end.staysOpen === true);
  }

  /** connect() starts the attempt only in the next turn of the loop. The time counts from the attempt. */
  onAttempt(): void {
    this.#stopwatch?.start();
  }

  onConnect(): void {
    this.phase = 'first-byte';
    this.#stopwatch?.connected();
    const isLast = this.#stopwatch === null || !this.#prober.kept.mayKeep(this.#target);
    this.connection?.send(this.#prober.request(this.#target, isLast));
    this.#stopwatch?.requestSent();
  }

  onBytes(bytes: Uint8Array): void {
    this.#stopwatch?.received();
    const isStart = this.phase === 'first-byte';
    this.phase = 'body';
    const known = isStart ? this.#prober.kept.meaningOf(this.#target, bytes) : null;
    if (known === null) this.#onProgress(this.#parser.push(bytes), isStart ? bytes : null);
    else {
      this.statusCode = 200;
      this.#finish({ outcome: 'ok', bootTimeMs: known.bootTimeMs, staysOpen: known.staysOpen });
    }
  }

  onEnd(): void {
    this.#onProgress(this.#parser.end(), null);
  }

  onError(error: unknown): void {
    const code = errorCodeOf(error);
    const outcome = outcomeOfCode(code);
    if (outcome === 'reset' && this.phase === 'connect') {
      // A reset during the handshake is reported as ECONNREFUSED. So this one came after it, before we noticed the connection.
      this.#stopwatch?.connected();
      this.phase = 'first-byte';
    }
    this.#finish({ outcome, reason: code, ownFault: isOwnFault(code) ? networkMessageOf(error) : '' });
  }

  /** Ends this attempt. Closes its connection, unless that was open before. */
  close(): void {
    if (this.connection === null) return;
    this.connection.user = null;
    if (!this.isKept) this.connection.close();
  }

  get #parser(): HttpResponseParser {
    this.#response ??= new HttpResponseParser(MAX_PING_BYTES);
    return this.#response;
  }

  /** `bytes`: all that has come, if it came in one piece. */
  #onProgress(progress: Progress, bytes: Uint8Array | null): void {
    if (progress.kind === 'cut-short') this.#finish({ outcome: 'reset' });
    if (progress.kind === 'malformed') this.#finish({ outcome: 'malformed', reason: progress.reason });
    if (progress.kind === 'complete') this.#onResponse(progress, bytes);
  }

  #onResponse({ status, body, staysOpen }: Response, bytes: Uint8Array | null): void {
    this.statusCode = status;
    const ping = status === 200 ? parsePing(body.toString('utf8')) : null;
    if (ping === null) this.#finish({ outcome: 'http-status' });
    else if (!ping.ok) this.#finish({ outcome: 'malformed', reason: ping.error });
    else {
      const meaning = { bootTimeMs: ping.bootTimeMs, staysOpen };
      if (bytes !== null) this.#prober.kept.keepAnswer(this.#target, bytes, meaning);
      this.#finish({ outcome: 'ok', ...meaning });
    }
  }

  #finish(end: End): void {
    this.end = end;
    this.#onEnd(end);
  }
}
