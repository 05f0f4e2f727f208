import { setMaxListeners } from 'node:events';
import { intervalWithoutPingsMs } from '../protocol/pod.ts';
import { MAX_PROBES } from '../protocol/pod-report.ts';
import type { Path, ProbeProtocol, ProbeResult } from '../protocol/sample.ts';
import type { Clock, Timer } from '../runtime/clock.ts';
import { withTimeout } from '../runtime/deadline.ts';
import { textOf } from '../runtime/errors.ts';
import { withoutCredentials } from '../runtime/host-port.ts';
import { errorCodeOf, isOwnFault, networkMessageOf } from '../runtime/network-errors.ts';
import {
  type Lookup,
  type ProbeEnd,
  type ProbeLimits,
  probeDns,
  probeHttp,
  probeTcp,
  systemResolver,
} from './external-probes.ts';
import { type PathSettings, pathChecksOf } from './path-checks.ts';

/**
 * The targets outside the mesh, each kind with its timeout, and the checks of paths, whose timeouts are those of their protocol.
 * Those beyond MAX_PROBES are left out.
 */
interface ExternalSettings extends PathSettings {
  hostsToResolve: readonly string[];
  dnsTimeoutMs: number;
  /** `host:port`. */
  tcpTargets: readonly string[];
  tcpTimeoutMs: number;
  /** URLs. */
  httpTargets: readonly string[];
  httpTimeoutMs: number;
  /**
   * REFRESH_INTERVAL: time between the starts of two rounds. 0 means that peers are not pinged; external targets are probed
   * all the same, see `intervalWithoutPingsMs`.
   */
  refreshIntervalMs: number;
}

/** What external probes work with. */
interface ExternalDeps {
  clock: Clock;
  /** Default: the system's resolver. */
  lookup?: Lookup;
  /** Called with each result. */
  onResult(result: ProbeResult): void;
  /** Called in place of `onResult` if our own process lacked something, so that the probe says nothing about its target. */
  onOwnFault(message: string): void;
}

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
  /** Probes a TCP or HTTP target; null: it cannot be probed yet. */
  probe: (limits: ProbeLimits) => Promise<ProbeEnd> | null;
  result: ProbeResult;
  /** Whether a probe of the target waits or is under way. There is never a second one. */
  isBusy: boolean;
  /** Whether the lookup that is under way has been reported as an error. */
  isLate: boolean;
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
  readonly #stopping = new AbortController();
  #timer: Timer | null = null;

  constructor(settings: ExternalSettings, deps: ExternalDeps) {
    this.#deps = deps;
    this.#intervalMs = intervalWithoutPingsMs(settings.refreshIntervalMs);
    // Each probe that is under way listens to the signal.
    setMaxListeners(MAX_PROBES, this.#stopping.signal);
    const { dnsTimeoutMs, tcpTimeoutMs, httpTimeoutMs } = settings;
    const timeouts: Record<ProbeProtocol, number> = { dns: dnsTimeoutMs, tcp: tcpTimeoutMs, http: httpTimeoutMs };
    const jobOf = (protocol: ProbeProtocol, target: string, probe: Job['probe'], path?: Path): Job => {
      const shown = withoutCredentials(target).slice(0, 2048);
      const result = { target: shown, protocol, atMs: 0, durationUs: 0, error: '', ...(path && { path }) };
      return { target, timeoutMs: timeouts[protocol], probe, result, isBusy: false, isLate: false };
    };
    // Paths first: they are few, and never left out.
    this.#jobs = [
      ...pathChecksOf(settings).map(({ path, protocol, target, probe }) => jobOf(protocol, target, probe, path)),
      ...settings.hostsToResolve.map((host) => jobOf('dns', host, () => null)),
      ...settings.tcpTargets.map((target) => jobOf('tcp', target, (limits) => probeTcp(target, limits))),
      ...settings.httpTargets.map((target) => jobOf('http', target, (limits) => probeHttp(target, limits))),
    ].slice(0, MAX_PROBES);
    if (this.#jobs.length > 0) this.#startRound();
  }

  /** The last result of each target, in the order paths, dns, tcp, http, each in the order of its setting. */
  results(): ProbeResult[] {
    return this.#jobs.map((job) => job.result);
  }

  /** Ends all probes and timers. `onResult` is not called afterwards. */
  stop(): void {
    this.#stopping.abort();
    this.#timer?.cancel();
  }

  #startRound(): void {
    for (const job of this.#jobs) {
      if (job.result.protocol === 'dns') void this.#lookUp(job);
      else if (!job.isBusy) this.#connect(job);
    }
    this.#timer = this.#deps.clock.setTimer(() => this.#startRound(), this.#intervalMs);
  }

  /** The time of a TCP or HTTP probe counts from its own start, after it has waited for its turn. */
  #connect(job: Job): void {
    const { clock } = this.#deps;
    const { timeoutMs } = job;
    const { signal } = this.#stopping;
    void this.#run(job, this.#connections, async () => {
      const startMs = clock.monotonicMs();
      const end = await job.probe({ clock, timeoutMs, signal });
      if (end !== null) this.#report(job, startMs, end);
    }).catch((error) => this.#deps.onOwnFault(networkMessageOf(error)));
  }

  /** The time of a lookup counts from the round: lookups that wait for one that hangs time out as well. */
  async #lookUp(job: Job): Promise<void> {
    const { clock, lookup = systemResolver } = this.#deps;
    const { target, timeoutMs } = job;
    const wasBusy = job.isBusy;
    // It still has time, and will be reported.
    if (wasBusy && !job.isLate) return;
    const startMs = clock.monotonicMs();
    // The end of a lookup that an earlier round has reported as an error is not waited for.
    const lookUp = () =>
      wasBusy ? new Promise<ProbeEnd>(() => {}) : this.#run(job, this.#lookups, () => probeDns(target, lookup));
    const timeoutError = `lookup ${job.result.target}: timeout after ${timeoutMs} ms`;
    try {
      this.#report(job, startMs, await withTimeout(clock, timeoutMs, this.#stopping.signal, 'the lookup', lookUp));
    } catch (error) {
      if (isOwnFault(errorCodeOf(error))) return this.#deps.onOwnFault(networkMessageOf(error));
      if (wasBusy && !job.isBusy) return;
      job.isLate = true;
      this.#report(job, startMs, { outcome: 'timeout', error: timeoutError });
    }
  }

  /** Runs a probe of a target when its turn comes. Never settles after `stop`. */
  #run<T>(job: Job, semaphore: Semaphore, probe: () => Promise<T>): Promise<T> {
    job.isBusy = true;
    job.isLate = false;
    return semaphore.run(() => {
      return this.#stopping.signal.aborted ? new Promise<T>(() => {}) : probe().finally(() => (job.isBusy = false));
    });
  }

  #report(job: Job, startMs: number, { outcome, error }: ProbeEnd): void {
    if (this.#stopping.signal.aborted) return;
    const { clock, onResult } = this.#deps;
    const durationUs = Math.round((clock.monotonicMs() - startMs) * 1000);
    const before = job.result;
    const atMs = clock.nowMs();
    const isAsBefore = before.atMs > 0 && (before.error === '') === (error === '');
    const sinceMs = isAsBefore ? (before.sinceMs ?? atMs) : atMs;
    job.result = { ...before, atMs, durationUs, error: textOf(error), outcome, sinceMs };
    onResult(job.result);
  }
}

/** Runs at most `permits` pieces of work at once. Others wait, in order. */
class Semaphore {
  #permits: number;
  readonly #waiting: (() => void)[] = [];

  constructor(permits: number) {
    this.#permits = permits;
  }

  /** Settles as `work` does. */
  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#permits === 0) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#permits -= 1;
    try {
      return await work();
    } finally {
      // The permit goes to whoever waits for longest.
      const next = this.#waiting.shift();
      if (next === undefined) this.#permits += 1;
      else next();
    }
  }
}
