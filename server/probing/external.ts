import { setMaxListeners } from 'node:events';
import { MAX_PROBES } from '../protocol/pod-report.ts';
import type { ProbeProtocol, ProbeResult } from '../protocol/sample.ts';
import type { Clock, Timer } from '../runtime/clock.ts';
import { textOf } from '../runtime/errors.ts';
import { type Lookup, probeDns, probeHttp, probeTcp, systemResolver } from './external-probes.ts';

/** The targets outside the mesh. Those beyond MAX_PROBES are left out. */
export interface ExternalSettings {
  /** HOSTS_TO_RESOLVE, TCP_TARGETS (`host:port`) and HTTP_TARGETS (URLs), each with the timeout of its kind. */
  dns: { targets: readonly string[]; timeoutMs: number };
  tcp: { targets: readonly string[]; timeoutMs: number };
  http: { targets: readonly string[]; timeoutMs: number };
  /**
   * Time between the starts of two rounds. 0 means that peers are not pinged; external targets are then probed every 30 s,
   * as Goldpinger does.
   */
  intervalMs: number;
}

/** What external probes work with. */
interface ExternalDeps {
  clock: Clock;
  /** Default: the system's resolver. */
  lookup?: Lookup;
  /** Called with each result. */
  onResult(result: ProbeResult): void;
}

const DEFAULT_INTERVAL_MS = 30_000;
/** The most TCP and HTTP probes at once. */
const MAX_CONNECTIONS = 16;
/**
 * The most lookups at once. Each takes one of the four threads of Node's pool until the system's resolver gives up, which
 * may be long after our timeout. Two threads stay free for other work.
 */
const MAX_LOOKUPS = 2;

/** One target. */
interface Job {
  target: string;
  timeoutMs: number;
  result: ProbeResult;
  /** Whether a probe of the target waits or is under way. There is never a second one. */
  isBusy: boolean;
}

/**
 * Probes the external targets in rounds, until `stop`. The first round starts at once. A target whose probe has not ended
 * is skipped. A lookup that outlasts its timeout is reported as an error in each round, until it ends.
 */
export class ExternalProbes {
  readonly #deps: ExternalDeps;
  readonly #intervalMs: number;
  readonly #jobs: Job[];
  readonly #connections = new Semaphore(MAX_CONNECTIONS);
  readonly #lookups = new Semaphore(MAX_LOOKUPS);
  readonly #lookupDeadlines = new Set<Timer>();
  readonly #stopping = new AbortController();
  #timer: Timer | null = null;

  constructor(settings: ExternalSettings, deps: ExternalDeps) {
    this.#deps = deps;
    this.#intervalMs = settings.intervalMs || DEFAULT_INTERVAL_MS;
    // Each probe that is under way listens to the signal.
    setMaxListeners(MAX_CONNECTIONS, this.#stopping.signal);
    const jobsOf = (protocol: ProbeProtocol): Job[] =>
      settings[protocol].targets.map((target) => ({
        target,
        timeoutMs: settings[protocol].timeoutMs,
        result: { target: target.slice(0, 2048), protocol, atMs: 0, durationUs: 0, error: '' },
        isBusy: false,
      }));
    this.#jobs = [...jobsOf('dns'), ...jobsOf('tcp'), ...jobsOf('http')].slice(0, MAX_PROBES);
    if (this.#jobs.length > 0) this.#startRound();
  }

  /** The last result of each target, in the order dns, tcp, http, each in the order of its setting. */
  results(): ProbeResult[] {
    return this.#jobs.map((job) => job.result);
  }

  /** Ends all probes and timers. `onResult` is not called afterwards. */
  stop(): void {
    this.#stopping.abort();
    this.#timer?.cancel();
    for (const deadline of this.#lookupDeadlines) deadline.cancel();
  }

  #startRound(): void {
    for (const job of this.#jobs) {
      if (job.result.protocol === 'dns') this.#lookUp(job);
      else this.#connect(job);
    }
    this.#timer = this.#deps.clock.setTimer(() => this.#startRound(), this.#intervalMs);
  }

  /** The time of a TCP or HTTP probe counts from its own start, after it has waited for its turn. */
  #connect(job: Job): void {
    if (job.isBusy) return;
    job.isBusy = true;
    const { clock } = this.#deps;
    const { target, timeoutMs } = job;
    const { signal } = this.#stopping;
    const probe = job.result.protocol === 'tcp' ? probeTcp : probeHttp;
    this.#connections.run(async () => {
      const startMs = clock.monotonicMs();
      const error = signal.aborted ? '' : await probe(target, { clock, timeoutMs, signal });
      job.isBusy = false;
      this.#report(job, startMs, error);
    });
  }

  /** The time of a lookup counts from the round: lookups that wait for one that hangs time out as well. */
  #lookUp(job: Job): void {
    const { clock, lookup = systemResolver } = this.#deps;
    const startMs = clock.monotonicMs();
    let isReported = false;
    const report = (error: string) => {
      if (isReported) return;
      isReported = true;
      deadline.cancel();
      this.#lookupDeadlines.delete(deadline);
      this.#report(job, startMs, error);
    };
    const timeoutError = `lookup ${job.result.target}: timeout after ${job.timeoutMs} ms`;
    const deadline = clock.setTimer(() => report(timeoutError), job.timeoutMs);
    this.#lookupDeadlines.add(deadline);
    if (job.isBusy) return;
    job.isBusy = true;
    this.#lookups.run(async () => {
      const error = this.#stopping.signal.aborted ? '' : await probeDns(job.target, lookup);
      job.isBusy = false;
      report(error);
    });
  }

  #report(job: Job, startMs: number, error: string): void {
    if (this.#stopping.signal.aborted) return;
    const { clock, onResult } = this.#deps;
    const durationUs = Math.round((clock.monotonicMs() - startMs) * 1000);
    job.result = { ...job.result, atMs: clock.nowMs(), durationUs, error: textOf(error) };
    onResult(job.result);
  }
}

/** Runs at most `permits` pieces of work at once. Others wait, in order. */
class Semaphore {
  #permits: number;
  readonly #waiting: (() => Promise<void>)[] = [];

  constructor(permits: number) {
    this.#permits = permits;
  }

  /** `work` must not reject. */
  run(work: () => Promise<void>): void {
    this.#waiting.push(work);
    this.#startNext();
  }

  #startNext(): void {
    if (this.#permits === 0) return;
    const work = this.#waiting.shift();
    if (work === undefined) return;
    this.#permits -= 1;
    void work().finally(() => {
      this.#permits += 1;
      this.#startNext();
    });
  }
}
