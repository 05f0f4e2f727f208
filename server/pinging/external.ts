import { setMaxListeners } from 'node:events';
import { textOf } from '../contract/errors.ts';
import type { ProbeProtocol, ProbeResult } from '../contract/probe.ts';
import { MAX_PROBES } from '../contract/row.ts';
import type { Clock, Timer } from '../contract/seams.ts';
import { type Attempt, httpAttempt, type Lookup, lookupAll, resolveHost, tcpAttempt } from './external-probes.ts';

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
export interface ExternalDeps {
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
