import { type DiscoveryFault, type DiscoveryStatus, intervalWithoutPingsMs } from '../protocol/pod.ts';
import type { Clock } from '../runtime/clock.ts';
import { countText } from '../runtime/count-text.ts';
import { pause } from '../runtime/deadline.ts';
import { textOf } from '../runtime/errors.ts';
import type { Log } from '../runtime/log.ts';
import type { ApiClient } from './api-client.ts';
import { ApiError, asApiError } from './api-error.ts';
import { emptyGuard } from './empty-guard.ts';
import type { LoginSource } from './kubeconfig.ts';
import { listAll } from './list.ts';
import { type PodFacts, readPod } from './pod-reader.ts';
import type { PodStore } from './pod-store.ts';
import { StatusKeeper } from './status.ts';
import { Backoff, type Timing } from './timing.ts';
import { type WatchEnd, watch } from './watch.ts';

/** Which pods to discover, and how. */
export interface DiscoverySettings extends LoginSource {
  /** null = the namespace of the service account or of the kubeconfig's context; '' = all namespaces. */
  namespace: string | null;
  labelSelector: string;
  /** Time between two lists where watching is forbidden; 0 = 30 s. */
  refreshIntervalMs: number;
  /** IGNORE_CORDONED; false by default. */
  ignoreCordoned?: boolean;
  /** How long pods that have left stay in the snapshot. */
  goneRetentionMs: number;
}

/** What the loop needs of others, and whom it tells what. */
export interface SyncDeps {
  clock: Clock;
  log: Log;
  /** 0 <= random() < 1. */
  random: () => number;
  timing: Timing;
  /** Is not closed here. */
  client: Pick<ApiClient, keyof ApiClient>;
  /** Ends the loop. */
  stop: AbortSignal;
  /** Whether our own pod is among the pods. If it is not, they are listed again every refresh interval. */
  knowsOwnPod(): boolean;
  /** A page of a list has ended, well or badly, or a watch has opened. */
  onRequest(durationMs: number): void;
  /** An attempt has failed. */
  onFault(fault: DiscoveryFault): void;
}

/** Four times as many pods as a DaemonSet has in the largest cluster that Kubernetes supports (5000 nodes). */
export const MAX_PODS = 20_000;

/** The most pods that cannot be read of which the log has a line each. */
const MAX_LOGGED_PODS = 100;

/** After this many failed watches in a row the status says that changes come by listing. We go on trying to watch. */
const MAX_WATCH_FAILURES = 3;

/** After this many new lists in a row that were too old to start a watch from, the pods are only listed. */
const MAX_EXPIRED_LISTS = 2;

/** Pods per page. An answer with 1000 pods peaks at 69 MiB of memory; pages of 50 peak at 48 MiB. */
const PAGE_SIZE = 50;

/**
 * The loop of discovery: list the pods into the store, then watch from that version, for ever. After any failure it waits and lists
 * again; meanwhile the pods known so far stay. Where watching does not work it lists every refresh interval. An API server that hangs
 * is noticed before `unheardMs` is over: watches are short, and between lists that are far apart a small request is sent.
 */
export class Sync {
  readonly #settings: DiscoverySettings;
  readonly #deps: SyncDeps;
  readonly #stop: AbortSignal;
  readonly #store: PodStore;
  readonly #onChange: (isBurst: boolean) => void;
  readonly #believes: ReturnType<typeof emptyGuard>;
  readonly #backoff: Backoff;
  readonly #listIntervalMs: number;
  readonly #keeper: StatusKeeper;
  /** Name and uid of the pods that could not be read, as they were logged. */
  readonly #unreadable = new Set<string>();
  /** When a forbidden watch is tried again, and when the last list began, monotonic. */
  #watchFromMs = 0;
  #listedMs = 0;
  /** Since a watch last worked: how many failed, and how many new lists were too old to start one from. */
  #watchFailures = 0;
  #expiredLists = 0;
  /** Whether the last watch outlived its lifetime, so that we ended it. */
  #wasOverdue = false;

  /** `onChange` is called when pods or status have changed; `isBurst`: more changes may follow within milliseconds. */
  constructor(settings: DiscoverySettings, deps: SyncDeps, store: PodStore, onChange: (isBurst: boolean) => void) {
    const { clock, log, timing, random } = deps;
    this.#settings = settings;
    this.#deps = deps;
    this.#stop = deps.stop;
    this.#store = store;
    this.#onChange = onChange;
    const podCount = () => store.liveCount;
    this.#keeper = new StatusKeeper(settings, { clock, log, unheardMs: timing.unheardMs, podCount, onChange });
    this.#listIntervalMs = Math.max(timing.paceMs, intervalWithoutPingsMs(settings.refreshIntervalMs));
    this.#believes = emptyGuard(2 * this.#listIntervalMs);
    this.#backoff = new Backoff(timing, random);
  }

  /** The object is never changed afterwards. */
  get status(): DiscoveryStatus {
    return this.#keeper.status;
  }

  /** Never rejects. */
  async run(): Promise<void> {
    const { clock, timing } = this.#deps;
    while (!this.#stop.aborted) {
      try {
        const version = await this.#listPods();
        await this.#waitForNextList(version);
        await pause(clock, this.#listedMs + timing.paceMs - clock.monotonicMs(), this.#stop);
      } catch (error) {
        if (!this.#stop.aborted) await this.#listFailed(asApiError(error));
      }
    }
    this.#keeper.stop();
  }

  /** Lists all pods into the store and returns the version of the list. */
  async #listPods(): Promise<string> {
    const { clock, log, client } = this.#deps;
    this.#listedMs = clock.monotonicMs();
    await this.#logIn();
    const { liveCount } = this.#store;
    this.#keeper.set({ namespace: this.#settings.namespace ?? client.namespace }, true);
    const { items, resourceVersion, truncated } = await this.#requestList(PAGE_SIZE, MAX_PODS);
    if (!this.#believes(items.length, liveCount, clock.monotonicMs())) {
      throw new ApiError('suspicious-empty', `the list is empty, but ${countText(liveCount)} pods were there before`);
    }
    if (truncated) log.warn({ maxPods: MAX_PODS }, 'too many pods match the label selector: the rest is left out');
    this.#keeper.heard(this.#store.replaceAll(items, clock.nowMs()));
    return resourceVersion;
  }

  /** Watches, or only waits, until the pods are to be listed again. Rejects if the API server is not heard any more. */
  async #waitForNextList(version: string): Promise<void> {
    if (this.#deps.clock.monotonicMs() < this.#watchFromMs) return this.#waitOneInterval();
    try {
      await this.#watchFrom(version);
    } catch (error) {
      if (this.#stop.aborted) return;
      if (!this.#keeper.isSynced) throw error;
      await this.#watchFailed(asApiError(error));
    }
  }

  /** Watches, each time from where the last watch ended, until the pods are to be listed. Rejects if a watch fails. */
  async #watchFrom(listVersion: string): Promise<void> {
    const { clock, random, timing } = this.#deps;
    let version = listVersion;
    for (let isFirst = true; !this.#stop.aborted; isFirst = false) {
      if (this.#arePodsMissing() && clock.monotonicMs() - this.#listedMs >= this.#listIntervalMs) return;
      await this.#logIn();
      // The list became stale during the login. A new list tells sooner than a watch what has changed.
      if (!this.#keeper.isSynced) return;
      const startMs = clock.monotonicMs();
      const end = await this.#watch(version, startMs);
      if (end.why === 'expired') {
        if (isFirst) this.#expiredLists += 1;
        if (this.#expiredLists < MAX_EXPIRED_LISTS) return;
        throw new ApiError('server-error', 'the list was too old to start a watch from', 410);
      }
      version = end.resourceVersion;
      // For example a load balancer that resets idle connections before the bookmark comes.
      if (end.why === 'broken' && this.#keeper.silentMs >= timing.checkMs) return;
      // When an API server restarts, the connections of all pods break at once. They reconnect at random times within `paceMs`.
      const spreadMs = end.why === 'broken' ? random() * timing.paceMs : 0;
      await pause(clock, startMs + timing.paceMs - clock.monotonicMs() + spreadMs, this.#stop);
    }
  }

  /** Runs one watch to its end. Rejects with an `ApiError` if the watch did not work. */
  async #watch(resourceVersion: string, startMs: number): Promise<WatchEnd> {
    const { clock, timing, client, onRequest } = this.#deps;
    const { watchLifetimeMs } = timing;
    const call = {
      ...this.#podsQuery(),
      resourceVersion,
      lifetimeMs: this.#arePodsMissing() ? Math.min(watchLifetimeMs, this.#listIntervalMs) : watchLifetimeMs,
      openTimeoutMs: timing.requestTimeoutMs,
      slackMs: timing.watchSlackMs,
    };
    let hadEvent = false;
    for await (const event of watch(client, clock, call, this.#stop)) {
      if (event.type === 'opened') {
        onRequest(event.durationMs);
        // Opening a watch proves nothing. But if the server never ends watches, it is the only sign of life in a quiet cluster.
        if (this.#wasOverdue) this.#keeper.heard();
      } else if (event.type === 'end') {
        if (event.why === 'expired') return event;
        if (!hadEvent && clock.monotonicMs() - startMs < timing.paceMs) break;
        this.#watchWorks();
        this.#wasOverdue = event.why === 'overdue';
        // The server sends all that has changed before it ends a watch.
        if (event.why === 'closed') this.#noteCurrent();
        return event;
      } else {
        if (event.type !== 'bookmark') this.#takePod(event.object, event.type === 'deleted');
        if (!hadEvent) this.#watchWorks();
        hadEvent = true;
        this.#noteCurrent();
      }
    }
    // For example a proxy that lets no stream through. If this counted as a watch, no change would ever be seen.
    throw new ApiError('reset', 'the watch ended at once');
  }

  /** Whether we know no pod at all, or not our own. Then the pods are listed every interval, although the watch works. */
  #arePodsMissing(): boolean {
    return this.#store.liveCount === 0 || !this.#deps.knowsOwnPod();
  }

  /** Takes note that the store has all news of the API server. */
  #noteCurrent(): void {
    this.#store.confirm(this.#deps.clock.nowMs());
    this.#keeper.heard();
  }

  #watchWorks(): void {
    this.#watchFailures = 0;
    this.#expiredLists = 0;
    this.#backoff.reset();
    this.#keeper.set({ mode: 'watch' });
  }

  /**
   * The list succeeded, but the watch did not. Only a new list shows what was missed: it comes at once after the first failure, after a
   * wait from the second on, and every refresh interval from MAX_WATCH_FAILURES on.
   */
  async #watchFailed(error: ApiError): Promise<void> {
    const { clock, log, timing, client, onFault } = this.#deps;
    // 403 comes from RBAC, 405 from a proxy that lets no streams through.
    if (error.status === 403 || error.status === 405) {
      this.#watchFromMs = clock.monotonicMs() + timing.forbiddenRetryMs;
      return this.#listInstead('watching pods is forbidden: they are listed every refresh interval instead', error);
    }
    client.drop(error.fault);
    this.#watchFailures += 1;
    onFault(error.fault);
    const fields = { fault: error.fault, error: error.message };
    if (this.#watchFailures >= MAX_WATCH_FAILURES || error.status === 410) {
      return this.#listInstead('the pods are listed, not watched', error);
    }
    if (this.#watchFailures === 1) return log.info(fields, 'the watch of the pods failed: they are listed again');
    log.debug(fields, 'the watch of the pods failed again');
    await pause(clock, this.#backoff.nextMs(error), this.#stop);
  }

  async #listInstead(message: string, { fault, message: error }: ApiError): Promise<void> {
    if (this.status.mode === 'watch') this.#deps.log.info({ fault, error, listEveryMs: this.#listIntervalMs }, message);
    this.#keeper.set({ mode: 'list' });
    return this.#waitOneInterval();
  }

  /** Waits until one refresh interval (a twentieth longer at most) after the last list. Rejects if the API server does not answer. */
  async #waitOneInterval(): Promise<void> {
    const { clock, random, timing } = this.#deps;
    this.#backoff.reset();
    const endMs = this.#listedMs + this.#listIntervalMs * (1 + random() / 20);
    for (;;) {
      const leftMs = endMs - clock.monotonicMs();
      await pause(clock, Math.min(leftMs, timing.checkMs), this.#stop);
      if (this.#stop.aborted || leftMs <= timing.checkMs) return;
      // Asks for one pod, and keeps none, to see whether the API server still answers.
      await this.#logIn();
      await this.#requestList(1, 0);
      this.#keeper.heard();
    }
  }

  /** The pods could not be listed, or the API server was not heard any more. Waits until the next attempt. */
  async #listFailed(error: ApiError): Promise<void> {
    const { clock, log, client, onFault } = this.#deps;
    client.drop(error.fault);
    const delayMs = this.#backoff.nextMs(error);
    const fields = { fault: error.fault, error: error.message, retryInMs: Math.round(delayMs) };
    const { attempts, lastError } = this.status;
    // Silence sets an error before any attempt has failed, and logs nothing.
    if (attempts > 0 && lastError?.fault === error.fault) log.debug(fields, 'the pods still cannot be listed');
    else log.warn(fields, 'the pods cannot be listed from the Kubernetes API');
    onFault(error.fault);
    this.#keeper.failed(error, delayMs);
    await pause(clock, delayMs, this.#stop);
    this.#keeper.attemptStarts();
  }

  /** Makes sure that the credentials are valid, which may take a minute. */
  async #logIn(): Promise<void> {
    this.#keeper.isLoggingIn = true;
    try {
      await this.#deps.client.logIn();
    } finally {
      this.#keeper.isLoggingIn = false;
    }
  }

  #requestList(pageSize: number, maxItems: number) {
    const { clock, client, timing, onRequest } = this.#deps;
    const read = (item: unknown) => {
      this.#keeper.heardPart();
      return this.#readPod(item);
    };
    const accept = 'application/json';
    const limits = { pageSize, maxItems, pageTimeoutMs: timing.requestTimeoutMs };
    return listAll(client, clock, { ...this.#podsQuery(), ...limits, accept, read, onRequest }, this.#stop);
  }

  /** Which pods to list or watch. */
  #podsQuery(): { path: string; query: Record<string, string> } {
    const { namespace } = this.status;
    const path = namespace === '' ? '/api/v1/pods' : `/api/v1/namespaces/${encodeURIComponent(namespace)}/pods`;
    return { path, query: { labelSelector: this.#settings.labelSelector } };
  }

  #takePod(object: unknown, isDeleted: boolean): void {
    const pod = this.#readPod(object);
    if (pod === null) return;
    const nowMs = this.#deps.clock.nowMs();
    if (isDeleted ? this.#store.remove(pod, nowMs) : this.#store.put(pod, nowMs)) this.#onChange(true);
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
      if (this.#unreadable.has(key) || this.#unreadable.size >= MAX_LOGGED_PODS) return null;
      this.#unreadable.add(key);
      this.#deps.log.warn({ pod: key, error: message }, 'a pod cannot be read and is left out');
      return null;
    }
  }
}
