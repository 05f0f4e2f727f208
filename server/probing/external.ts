import { setMaxListeners } from 'node:events';
import { intervalWithoutPingsMs } from '../protocol/pod.ts';
import { MAX_PROBES } from '../protocol/pod-report.ts';
import type { Path, ProbeProtocol, ProbeResult } from '../protocol/sample.ts';
import type { Clock, Timer } from '../runtime/clock.ts';
import { TimeoutError, withTimeout } from '../runtime/deadline.ts';
import { textOf } from '../runtime/errors.ts';
import { withoutCredentials } from '../runtime/host-port.ts';
import { networkMessageOf } from '../runtime/network-errors.ts';
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

/** The most characters of a target's name in results, without the number that `jobsOf` may add. A report takes 2048 with it. */
const MAX_NAME = 2040;
/** The most TCP and HTTP probes at once. */
const MAX_CONNECTIONS = 16;
/**
 * The most lookups at once, as many as libuv runs (half of the threads of its pool). A further one would wait there while its timeout
 * runs. A lookup takes its thread until the system's resolver gives up, which may be long after our timeout.
 */
const MAX_LOOKUPS = 2;
/** If a lookup waits this long behind others that hang, the last result of its name is dropped, because it is too old. */
const MAX_WAIT_MS = 10_000;

/** One target and its probes, of which at most one is under way. */
interface Job {
  timeoutMs: number;
  /** Probes the target; null: it cannot be probed yet. Lookups do not end at their timeout. */
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
    this.#jobs = jobsOf(settings, deps.lookup ?? systemResolver);
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
    const nowMs = this.#deps.clock.monotonicMs();
    for (const job of this.#jobs) {
      if (job.state === 'late') this.#reportTimeout(job, nowMs - job.timeoutMs);
      if (job.state === 'waiting' && isLookup(job) && nowMs - job.waitsSinceMs >= MAX_WAIT_MS)
        job.result = noResult(job.result.protocol, job.result.target, job.result.path);
      if (job.state === 'none') void this.#probe(job);
    }
    this.#timer = this.#deps.clock.setTimer(() => this.#startRound(), this.#intervalMs);
  }

  /** Probes a target when its turn comes; its timeout begins then. A lookup keeps its turn until it ends, also after its timeout. */
  #probe(job: Job): Promise<void> {
    const { clock, onOwnFault } = this.#deps;
    const { signal } = this.#stopping;
    const { timeoutMs } = job;
    job.state = 'waiting';
    job.waitsSinceMs = clock.monotonicMs();
    return (isLookup(job) ? this.#lookups : this.#connections)(async () => {
      if (signal.aborted) return;
      job.state = 'running';
      const startMs = clock.monotonicMs();
      const probed = Promise.resolve(job.probe({ clock, timeoutMs, signal }));
      try {
        const end = isLookup(job) ? withTimeout(clock, timeoutMs, signal, 'the lookup', () => probed) : probed;
        this.#report(job, startMs, await end);
      } catch (error) {
        if (error instanceof TimeoutError) {
          job.state = 'late';
          this.#reportTimeout(job, startMs);
          await probed.catch(() => {});
        } else if (!signal.aborted) onOwnFault(networkMessageOf(error));
      }
      job.state = 'none';
    });
  }

  #reportTimeout(job: Job, startMs: number): void {
    const error = `lookup ${job.result.target}: timeout after ${job.timeoutMs} ms`;
    this.#report(job, startMs, { outcome: 'timeout', error });
  }

  #report(job: Job, startMs: number, end: ProbeEnd | null): void {
    if (end === null || this.#stopping.signal.aborted) return;
    const { outcome, error } = end;
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

function isLookup({ result }: Job): boolean {
  return result.protocol === 'dns';
}

/** One job for each target: paths first, because they are few and must not be left out. */
function jobsOf(settings: ExternalSettings, lookup: Lookup): Job[] {
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
    return { timeoutMs: timeouts[protocol], probe, result, state: 'none', waitsSinceMs: 0 };
  };
  return [
    ...pathChecksOf(settings, lookup).map(({ path, protocol, target, probe }) => jobOf(protocol, target, probe, path)),
    ...settings.hostsToResolve.map((host) => jobOf('dns', host, () => probeDns(host, lookup))),
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
