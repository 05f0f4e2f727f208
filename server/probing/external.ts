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
 * Only the first MAX_PROBES of all of them are probed.
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
   * REFRESH_INTERVAL: time between the starts of two rounds. With 0 peers are not pinged, but external targets are still probed: see
   * `intervalWithoutPingsMs`.
   */
  refreshIntervalMs: number;
}

interface ExternalDeps {
  clock: Clock;
  lookup?: Lookup;
  onResult(result: ProbeResult): void;
  /** Called in place of `onResult` if our own process lacked something, so that the probe says nothing about its target. */
  onOwnFault(message: string): void;
}

/** The most characters of a target's name in results. A report takes 2048; there may be a number behind the name (`jobsOf`). */
const MAX_NAME = 2040;
/** The most TCP and HTTP probes at once. */
const MAX_CONNECTIONS = 16;
/**
 * The most lookups at once. Each takes one of the four threads of Node's pool until the system's resolver gives up, which
 * may be long after our timeout. Two threads stay free for other work.
 */
const MAX_LOOKUPS = 2;
/** If a lookup waits this long behind lookups that hang, the last result of its name is dropped, because it is too old. */
const MAX_WAIT_MS = 10_000;

/** One target and its probes, of which at most one is under way. */
interface Job {
  target: string;
  timeoutMs: number;
  /** Probes a TCP or HTTP target; null: it cannot be probed yet. */
  probe: (limits: ProbeLimits) => Promise<ProbeEnd> | null;
  result: ProbeResult;
  /** The probe waits for its turn, is under way, or is a lookup that goes on after its timeout (`late`). `none`: no probe. */
  state: 'none' | 'waiting' | 'running' | 'late';
  /** Since when the probe has waited, monotonic ms. */
  waitsSinceMs: number;
}

/**
 * Probes the external targets in rounds, until `stop`. The first round starts at once. A target whose probe has not ended
 * is skipped. A lookup that outlasts its timeout is reported as an error in each round, until it ends; one that waits behind others
 * has no result.
 */
export class ExternalProbes {
  readonly #deps: ExternalDeps;
  readonly #intervalMs: number;
  readonly #jobs: Job[];
  readonly #connections = limiter(MAX_CONNECTIONS);
  readonly #lookups = limiter(MAX_LOOKUPS);
  readonly #stopping = new AbortController();
  #timer: Timer | null = null;

  constructor(settings: ExternalSettings, deps: ExternalDeps) {
    this.#deps = deps;
    this.#intervalMs = intervalWithoutPingsMs(settings.refreshIntervalMs);
    // Each probe that is under way listens to the signal.
    setMaxListeners(MAX_PROBES, this.#stopping.signal);
    this.#jobs = jobsOf(settings);
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
      if (job.result.protocol === 'dns') this.#lookUp(job);
      else if (job.state === 'none') this.#connect(job);
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

  /** The time of a lookup counts from its own start, too. It keeps its turn until it ends, which may be long after its timeout. */
  #lookUp(job: Job): void {
    const { clock, lookup = systemResolver } = this.#deps;
    const { target, timeoutMs } = job;
    if (job.state === 'late') this.#reportTimeout(job, clock.monotonicMs() - timeoutMs);
    if (job.state === 'waiting' && clock.monotonicMs() - job.waitsSinceMs >= MAX_WAIT_MS) {
      job.result = noResult(job.result.protocol, job.result.target, job.result.path);
    }
    if (job.state !== 'none') return;
    void this.#run(job, this.#lookups, async () => {
      const startMs = clock.monotonicMs();
      const lookedUp = probeDns(target, lookup);
      try {
        const end = await withTimeout(clock, timeoutMs, this.#stopping.signal, 'the lookup', () => lookedUp);
        this.#report(job, startMs, end);
      } catch (error) {
        if (isOwnFault(errorCodeOf(error))) return this.#deps.onOwnFault(networkMessageOf(error));
        job.state = 'late';
        this.#reportTimeout(job, startMs);
        await lookedUp.catch(() => {});
      }
    });
  }

  #reportTimeout(job: Job, startMs: number): void {
    const error = `lookup ${job.result.target}: timeout after ${job.timeoutMs} ms`;
    this.#report(job, startMs, { outcome: 'timeout', error });
  }

  /** Runs a probe of a target when its turn comes. Never settles after `stop`. */
  #run(job: Job, limited: Limiter, probe: () => Promise<void>): Promise<void> {
    job.state = 'waiting';
    job.waitsSinceMs = this.#deps.clock.monotonicMs();
    return limited(() => {
      if (this.#stopping.signal.aborted) return new Promise(() => {});
      job.state = 'running';
      return probe().finally(() => (job.state = 'none'));
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

/** One job for each target: paths first, because they are few and must not be left out. */
function jobsOf(settings: ExternalSettings): Job[] {
  const { dnsTimeoutMs, tcpTimeoutMs, httpTimeoutMs } = settings;
  const timeouts: Record<ProbeProtocol, number> = { dns: dnsTimeoutMs, tcp: tcpTimeoutMs, http: httpTimeoutMs };
  const names = new Map<string, number>();
  const jobOf = (protocol: ProbeProtocol, target: string, probe: Job['probe'], path?: Path): Job => {
    const name = withoutCredentials(target).slice(0, MAX_NAME);
    const count = (names.get(`${protocol} ${path} ${name}`) ?? 0) + 1;
    names.set(`${protocol} ${path} ${name}`, count);
    // Targets that differ only in their password have different names, so that each has its own events and series.
    const shown = count === 1 ? name : `${name} (${count})`;
    const result = noResult(protocol, shown, path);
    return { target, timeoutMs: timeouts[protocol], probe, result, state: 'none', waitsSinceMs: 0 };
  };
  return [
    ...pathChecksOf(settings).map(({ path, protocol, target, probe }) => jobOf(protocol, target, probe, path)),
    ...settings.hostsToResolve.map((host) => jobOf('dns', host, () => null)),
    ...settings.tcpTargets.map((target) => jobOf('tcp', target, (limits) => probeTcp(target, limits))),
    ...settings.httpTargets.map((target) => jobOf('http', target, (limits) => probeHttp(target, limits))),
  ].slice(0, MAX_PROBES);
}

/** The result of a target that has not been probed yet: `atMs` is 0. `shown`: its name, without a password. */
function noResult(protocol: ProbeProtocol, shown: string, path?: Path): ProbeResult {
  return { target: shown, protocol, atMs: 0, durationUs: 0, error: '', ...(path && { path }) };
}

/** Runs a piece of work when its turn comes. Settles as the work does. */
type Limiter = (work: () => Promise<void>) => Promise<void>;

/** A semaphore: at most `most` pieces of work are under way at once; the others wait, in the order in which they came. */
function limiter(most: number): Limiter {
  const waiting: (() => void)[] = [];
  let free = most;
  return async (work) => {
    if (free === 0) await new Promise<void>((resolve) => waiting.push(resolve));
    else free -= 1;
    try {
      await work();
    } finally {
      // The place goes to the one that has waited longest.
      const next = waiting.shift();
      if (next === undefined) free += 1;
      else next();
    }
  };
}
