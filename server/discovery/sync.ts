import { isDeepStrictEqual } from 'node:util';
import { type DiscoveryFault, type DiscoveryStatus, intervalWithoutPingsMs, nothingKnown } from '../protocol/pod.ts';
import type { Clock, Timer } from '../runtime/clock.ts';
import { countText } from '../runtime/count-text.ts';
import { pause } from '../runtime/deadline.ts';
import { textOf } from '../runtime/errors.ts';
import type { Log } from '../runtime/log.ts';
import type { Access, LoginSource } from './access.ts';
import { ApiError, asApiError } from './api-error.ts';
import { EmptyGuard } from './empty-guard.ts';
import { listAll } from './list.ts';
import { type PodFacts, readPod } from './pod-reader.ts';
import type { PodStore } from './pod-store.ts';
import type { Session } from './session.ts';
import { Backoff, type Timing } from './timing.ts';
import { type WatchEnd, watch } from './watch.ts';

export interface DiscoverySettings extends LoginSource {
  /** null = the namespace of the service account or of the kubeconfig's context; '' = all namespaces. */
  namespace: string | null;
  labelSelector: string;
  /**
   * Time between two lists where watching is forbidden. A suddenly empty list is believed after twice this time.
   * 0 = 30 s.
   */
  refreshIntervalMs: number;
  /** IGNORE_CORDONED; false by default. */
  ignoreCordoned?: boolean;
  /** How long pods that have left stay in the snapshot. */
  goneRetentionMs: number;
}

export interface SyncDeps {
  clock: Clock;
  log: Log;
  /** 0 <= random() < 1. */
  random: () => number;
  timing: Timing;
  /** Is not closed here. */
  session: Session;
  /** Whether our own pod is among the pods. If it is not, they are listed again every refresh interval. */
  knowsOwnPod(): boolean;
  /** A page of a list has ended, well or badly, or a watch has opened. */
  onRequest(durationMs: number): void;
  /** An attempt has failed. */
  onFault(fault: DiscoveryFault): void;
}

/** Four times as many pods as a DaemonSet has in the largest cluster that Kubernetes supports (5000 nodes). */
export const MAX_PODS = 20_000;

/** At most this many pods that cannot be read are logged. */
const MAX_UNREADABLE = 100;

/** After this many failed watches in a row the status says that changes come by listing. We go on trying to watch. */
const MAX_WATCH_FAILURES = 3;

/** After this many lists in a row that are too old to be watched, the pods are only listed. */
const MAX_EXPIRED = 2;

/** Pods per page. An answer with 1000 pods peaks at 69 MiB of memory; pages of 50 peak at 48 MiB. */
const PAGE_SIZE = 50;

/**
 * The loop of discovery: list the pods, then watch from that version, for ever. After any failure it waits and lists
 * again; meanwhile the pods known so far stay. Where watching does not work it lists every refresh interval.
 *
 * Only this loop decides that the list of pods is old: the status becomes `stale` when requests fail and nothing has been heard
 * for `unheardMs`, so that an API server that restarts alarms nobody. An API server that hangs is noticed within that time, too:
 * watches are short, and between lists that are far apart a small request is sent.
 */
export class Sync {
  readonly #settings: DiscoverySettings;
  readonly #deps: SyncDeps;
  readonly #store: PodStore;
  readonly #onChange: (isBurst: boolean) => void;
  readonly #emptyGuard: EmptyGuard;
  readonly #backoff: Backoff;
  readonly #listIntervalMs: number;
  #status: DiscoveryStatus;
  /** Pods that could not be read, as they were logged. */
  readonly #unreadable = new Set<string>();
  /** Monotonic time before which a forbidden watch is not tried again. */
  #watchFromMs = 0;
  /** Monotonic time of the last list. */
  #listedMs = 0;
  /** Monotonic time when something was last heard from the API server. */
  #heardMs = Number.NEGATIVE_INFINITY;
  /** Ends when the list of pods becomes old. null = no request has failed since something was last heard. */
  #oldTimer: Timer | null = null;
  /** Failures of the watch since it last worked. */
  #watchFailures = 0;
  /** Whether the last watch outlived its lifetime, so that we ended it. */
  #wasOverdue = false;
  /** Watches that were too old since one last worked. */
  #expired = 0;

  /**
   * Puts the pods into `store`. `onChange` is called when pods or status have changed; `isBurst`: more changes may follow
   * within milliseconds.
   */
  constructor(settings: DiscoverySettings, deps: SyncDeps, store: PodStore, onChange: (isBurst: boolean) => void) {
    const { clock, timing } = deps;
    this.#settings = settings;
    this.#deps = deps;
    this.#store = store;
    this.#onChange = onChange;
    this.#status = nothingKnown(settings, clock.nowMs()).status;
    this.#listIntervalMs = Math.max(timing.paceMs, intervalWithoutPingsMs(settings.refreshIntervalMs));
    this.#emptyGuard = new EmptyGuard(2 * this.#listIntervalMs);
    this.#backoff = new Backoff(timing, deps.random);
  }

  /** The present status. The object is never changed afterwards. */
  get status(): DiscoveryStatus {
    return this.#status;
  }

  /** Runs until `stop` aborts. Never rejects. */
  async run(stop: AbortSignal): Promise<void> {
    const { clock, timing } = this.#deps;
    while (!stop.aborted) {
      try {
        await this.#followChanges(await this.#list(stop), stop);
        await pause(clock, this.#listedMs + timing.paceMs - clock.monotonicMs(), stop);
      } catch (error) {
        if (!stop.aborted) await this.#failed(asApiError(error), stop);
      }
    }
    this.#oldTimer?.cancel();
  }

  /** Lists all pods into the store and returns the version of the list. */
  async #list(stop: AbortSignal): Promise<string> {
    const { clock, log } = this.#deps;
    this.#listedMs = clock.monotonicMs();
    const access = await this.#logIn();
    const { liveCount } = this.#store;
    this.#update({ namespace: this.#settings.namespace ?? access.namespace }, true);
    const { items, resourceVersion, truncated } = await this.#listAll(access, PAGE_SIZE, MAX_PODS, stop);
    if (!this.#emptyGuard.believes(items.length, liveCount, clock.monotonicMs())) {
      throw new ApiError('suspicious-empty', `the list is empty, but ${countText(liveCount)} pods were there before`);
    }
    if (truncated) log.warn({ maxPods: MAX_PODS }, 'too many pods match the label selector: the rest is left out');
    this.#heard(this.#store.replaceAll(items, clock.nowMs()));
    return resourceVersion;
  }

  /** Asks for one pod only, to see whether the API server still answers. */
  async #check(stop: AbortSignal): Promise<void> {
    await this.#listAll(await this.#logIn(), 1, 0, stop);
    this.#heard();
  }

  #listAll(access: Access, pageSize: number, maxItems: number, stop: AbortSignal) {
    const { clock, onRequest } = this.#deps;
    const read = (item: unknown) => this.#readPod(item);
    const accept = 'application/json';
    const limits = { pageSize, maxItems, pageTimeoutMs: this.#timeoutMs() };
    return listAll(access, clock, { ...this.#call(), ...limits, accept, read, onRequest }, stop);
  }

  /** Timeout of a request. While the list is up to date, a hanging API server must be noticed within `unheardMs`. */
  #timeoutMs(): number {
    const { timing } = this.#deps;
    if (this.#status.phase !== 'synced') return timing.requestTimeoutMs;
    return Math.min(timing.requestTimeoutMs, Math.max(timing.minTimeoutMs, this.#leftMs()));
  }

  /** How long the list of pods stays up to date if nothing is heard, ms. */
  #leftMs(): number {
    const { clock, timing } = this.#deps;
    return this.#heardMs + timing.unheardMs - clock.monotonicMs();
  }

  /** Reads a pod. One that cannot be read is left out, counted, and logged once: it costs the others nothing. */
  #readPod(object: unknown): PodFacts | null {
    try {
      return readPod(object);
    } catch (error) {
      const { fault, message } = asApiError(error);
      const { name = '', uid = '' } = Object(Object(object).metadata) as { name?: unknown; uid?: unknown };
      const key = textOf(`${name} ${uid}`, 80);
      this.#deps.onFault(fault);
      if (this.#unreadable.has(key) || this.#unreadable.size >= MAX_UNREADABLE) return null;
      this.#unreadable.add(key);
      this.#deps.log.warn({ pod: key, error: message }, 'a pod cannot be read and is left out');
      return null;
    }
  }

  /** Keeps the pods current from a version on, until they have to be listed again. Rejects if nothing is heard any more. */
  async #followChanges(resourceVersion: string, stop: AbortSignal): Promise<void> {
    const { clock, random, timing } = this.#deps;
    if (clock.monotonicMs() < this.#watchFromMs) return this.#waitForNextList(stop);
    let version = resourceVersion;
    while (!stop.aborted) {
      if (this.#isSomebodyMissing() && clock.monotonicMs() - this.#listedMs >= this.#listIntervalMs) return;
      let startMs: number;
      let end: WatchEnd;
      try {
        const access = await this.#logIn();
        // The list became old during the login. A new list tells sooner than a watch what has changed.
        if (this.#status.phase !== 'synced') return;
        startMs = clock.monotonicMs();
        end = await this.#watch(access, version, startMs, stop);
      } catch (error) {
        if (stop.aborted) return;
        if (this.#leftMs() <= 0) throw error;
        return this.#watchFailed(asApiError(error), stop);
      }
      if (end.why === 'expired') {
        this.#expired += 1;
        if (version !== resourceVersion || this.#expired < MAX_EXPIRED) return;
        return this.#watchFailed(new ApiError('server-error', 'the list was too old to start a watch from', 410), stop);
      }
      version = end.resourceVersion;
      // For example a load balancer that resets idle connections before the bookmark comes. Only a list tells whether there is
      // news.
      if (end.why === 'broken' && clock.monotonicMs() - this.#heardMs >= timing.checkMs) return;
      // When an API server restarts, the connections of all pods break at once. They reconnect at random times within `paceMs`.
      const spreadMs = end.why === 'broken' ? random() * timing.paceMs : 0;
      await pause(clock, startMs + timing.paceMs - clock.monotonicMs() + spreadMs, stop);
    }
  }

  /** Whether nobody is there, or our own pod is not: then the pods are listed every interval, although the watch works. */
  #isSomebodyMissing(): boolean {
    return this.#store.liveCount === 0 || !this.#deps.knowsOwnPod();
  }

  /** Runs one watch to its end. Rejects with an `ApiError` if the watch did not work. */
  async #watch(access: Access, resourceVersion: string, startMs: number, stop: AbortSignal): Promise<WatchEnd> {
    const { clock, timing, onRequest } = this.#deps;
    const { watchLifetimeMs } = timing;
    const call = {
      ...this.#call(),
      resourceVersion,
      lifetimeMs: this.#isSomebodyMissing() ? Math.min(watchLifetimeMs, this.#listIntervalMs) : watchLifetimeMs,
      openTimeoutMs: this.#timeoutMs(),
      slackMs: timing.watchSlackMs,
    };
    let hadEvent = false;
    for await (const event of watch(access, clock, call, stop)) {
      if (event.type === 'opened') {
        onRequest(event.durationMs);
        // Opening a watch usually proves nothing. But if the server never ends watches, this is the only sign of life in a quiet
        // cluster.
        if (this.#wasOverdue) this.#heard();
      } else if (event.type === 'end') {
        if (event.why === 'expired') return event;
        if (!hadEvent && clock.monotonicMs() - startMs < timing.paceMs) break;
        this.#watchWorks();
        this.#wasOverdue = event.why === 'overdue';
        if (event.why === 'closed') this.#heard();
        return event;
      } else {
        if (event.type !== 'bookmark') this.#takePod(event.object, event.type === 'deleted');
        if (!hadEvent) this.#watchWorks();
        hadEvent = true;
        this.#store.agree(clock.nowMs());
        this.#heard();
      }
    }
    // For example a proxy that lets no stream through. If this counted as a watch, no change would ever be seen.
    throw new ApiError('reset', 'the watch ended at once');
  }

  #takePod(object: unknown, isDeleted: boolean): void {
    const pod = this.#readPod(object);
    if (pod === null) return;
    const nowMs = this.#deps.clock.nowMs();
    if (isDeleted ? this.#store.remove(pod, nowMs) : this.#store.put(pod, nowMs)) this.#onChange(true);
  }

  #watchWorks(): void {
    this.#watchFailures = 0;
    this.#expired = 0;
    this.#backoff.reset();
    this.#update({ mode: 'watch' });
  }

  /**
   * The list succeeded, but the watch did not. Only listing again shows what was missed: after the
   * first failure it comes at once, then after a wait, and in the end every refresh interval.
   */
  async #watchFailed(error: ApiError, stop: AbortSignal): Promise<void> {
    const { clock, log, timing, onFault } = this.#deps;
    // 403 comes from RBAC, 405 from a proxy that lets no streams through.
    if (error.status === 403 || error.status === 405) {
      this.#watchFromMs = clock.monotonicMs() + timing.forbiddenRetryMs;
      return this.#listInstead(
        'watching pods is forbidden: they are listed every refresh interval instead',
        error,
        stop,
      );
    }
    this.#deps.session.drop(error.fault);
    this.#watchFailures += 1;
    onFault(error.fault);
    const fields = { fault: error.fault, error: error.message };
    if (this.#watchFailures >= MAX_WATCH_FAILURES || error.status === 410) {
      return this.#listInstead('the pods are listed, not watched', error, stop);
    }
    if (this.#watchFailures === 1) return log.info(fields, 'the watch of the pods failed: they are listed again');
    log.debug(fields, 'the watch of the pods failed again');
    await pause(clock, this.#backoff.nextMs(error), stop);
  }

  async #listInstead(message: string, { fault, message: error }: ApiError, stop: AbortSignal): Promise<void> {
    if (this.#status.mode === 'watch')
      this.#deps.log.info({ fault, error, listEveryMs: this.#listIntervalMs }, message);
    this.#update({ mode: 'list' });
    return this.#waitForNextList(stop);
  }

  /** Waits one refresh interval. Rejects if the API server does not answer any more. */
  async #waitForNextList(stop: AbortSignal): Promise<void> {
    const { clock, random, timing } = this.#deps;
    this.#backoff.reset();
    const endMs = this.#listedMs + this.#listIntervalMs * (1 + random() / 20);
    for (;;) {
      const leftMs = endMs - clock.monotonicMs();
      await pause(clock, Math.min(leftMs, timing.checkMs), stop);
      if (stop.aborted || leftMs <= timing.checkMs) return;
      await this.#check(stop);
    }
  }

  /** Gives access to the API server. Announces if the login takes so long that the list of pods becomes old. */
  async #logIn(): Promise<Access> {
    const { clock, timing, session } = this.#deps;
    const slowMs = this.#status.phase === 'synced' ? this.#leftMs() : timing.unheardMs;
    const slow = clock.setTimer(() => {
      const message = 'the credential plugin has not given a credential yet';
      this.#becomeOld({ lastError: { fault: 'timeout', message, atMs: clock.nowMs() } });
    }, slowMs);
    try {
      return await session.open();
    } finally {
      slow.cancel();
    }
  }

  /** Which pods to list or watch. */
  #call(): { path: string; query: Record<string, string> } {
    const { namespace } = this.#status;
    const path = namespace === '' ? '/api/v1/pods' : `/api/v1/namespaces/${encodeURIComponent(namespace)}/pods`;
    return { path, query: { labelSelector: this.#settings.labelSelector } };
  }

  /** Changes the status, and announces that if anything is different. */
  #update(change: Partial<DiscoveryStatus>, isBurst = false): void {
    const before = this.#status;
    this.#status = { ...before, ...change };
    if (!isDeepStrictEqual(this.#status, before)) this.#onChange(isBurst);
  }

  /** The API server has sent news, or has shown that there are none. */
  #heard(podsChanged = false): void {
    const { clock, log } = this.#deps;
    const { phase, sinceMs, lastGoodMs, attempts } = this.#status;
    const nowMs = clock.nowMs();
    const isNews = phase !== 'synced';
    this.#heardMs = clock.monotonicMs();
    this.#oldTimer?.cancel();
    this.#oldTimer = null;
    this.#status = {
      ...this.#status,
      phase: 'synced',
      sinceMs: isNews ? nowMs : sinceMs,
      lastGoodMs: nowMs,
      attempts: 0,
      nextAttemptMs: 0,
      lastError: null,
    };
    if (isNews) {
      const fields = { pods: this.#store.liveCount, awayMs: lastGoodMs === 0 ? 0 : nowMs - lastGoodMs, attempts };
      log.info(fields, 'the pod list is up to date');
    }
    // A newer `lastGoodMs` alone is not announced.
    if (isNews || podsChanged) this.#onChange(false);
  }

  /** Nothing has been heard for `unheardMs`, and requests fail, or do not end. */
  #becomeOld(change: Partial<DiscoveryStatus> = {}): void {
    const isNews = this.#status.phase === 'synced';
    this.#update({ ...change, ...(isNews && { phase: 'stale', sinceMs: this.#deps.clock.nowMs() }) });
  }

  /** The pods could not be listed, or nothing was heard any more. Waits until the next attempt. */
  async #failed(error: ApiError, stop: AbortSignal): Promise<void> {
    const { clock, log, onFault } = this.#deps;
    this.#deps.session.drop(error.fault);
    const delayMs = this.#backoff.nextMs(error);
    const fields = { fault: error.fault, error: error.message, retryInMs: Math.round(delayMs) };
    if (this.#status.lastError?.fault === error.fault) log.debug(fields, 'the pods still cannot be listed');
    else log.warn(fields, 'the pods cannot be listed from the Kubernetes API');
    const nowMs = clock.nowMs();
    const leftMs = this.#leftMs();
    onFault(error.fault);
    const change = {
      attempts: this.#status.attempts + 1,
      nextAttemptMs: nowMs + delayMs,
      lastError: { fault: error.fault, message: error.message, atMs: nowMs },
    };
    if (leftMs <= 0) this.#becomeOld(change);
    else {
      this.#update(change);
      this.#oldTimer ??= clock.setTimer(() => this.#becomeOld(), leftMs);
    }
    await pause(clock, delayMs, stop);
    this.#status = { ...this.#status, nextAttemptMs: 0 };
  }
}
