import type { DiscoverySnapshot, DiscoveryStatus } from '../protocol/pod.ts';
import type { Clock, Log } from '../runtime/clock.ts';
import type { Access } from './access.ts';
import { type ListCall, listAll } from './list.ts';
import { type PodFacts, readPod } from './pod-reader.ts';
import type { PodStore } from './pod-store.ts';
import { ApiError, asApiError, type StatusBook } from './status.ts';
import { Backoff, pause, type Tuning } from './timing.ts';
import { type WatchEnd, watch } from './watch.ts';

/** What the loop works with. */
interface SyncDeps {
  clock: Clock;
  log: Log;
  random: () => number;
  tuning: Tuning;
  settings: { namespace: string | null; labelSelector: string; refreshIntervalMs: number };
  /** `loadAccess` with its arguments filled in; loads the Kubernetes client when first called. */
  loadAccess: () => Promise<Access>;
  store: PodStore;
  status: StatusBook;
  /** The most pods that are listed. */
  maxPods: number;
}

/** What the loop tells. */
interface SyncHooks {
  /** Pods or status changed. `burst`: more may follow within milliseconds, so telling can wait. */
  onChange(burst: boolean): void;
  /** One page of a list took so long, or a watch to open. */
  onRequest(durationMs: number, ok: boolean): void;
  onFault(error: ApiError): void;
}

/** After so many in a report we say that changes come by listing, though we go on trying. */
const MAX_WATCH_FAILURES = 3;

/** Objects a page: 1000 pods in one answer peak at 69 MiB, in pages of 50 at 48. */
const PAGE_SIZE = 50;

/**
 * The loop of discovery: list, then watch from there, for ever. Any failure leads to a pause and a new list; the pods
 * known so far stay. Where watch is forbidden it lists every refresh interval.
 */
export class Sync {
  readonly #deps: SyncDeps;
  readonly #hooks: SyncHooks;
  readonly #backoff: Backoff;
  readonly #empty: EmptyGuard;
  readonly #pollMs: number;
  #access: Access | null = null;
  /** Monotonic time before which a forbidden watch is not tried again. */
  #watchFromMs = 0;
  /** Watches that could not be opened, or sent nonsense, since the last that could. */
  #watchFailures = 0;

  constructor(deps: SyncDeps, hooks: SyncHooks) {
    const { tuning, settings } = deps;
    this.#deps = deps;
    this.#hooks = hooks;
    this.#backoff = new Backoff(tuning.backoffBaseMs, tuning.backoffCapMs, deps.random);
    // REFRESH_INTERVAL 0 means no pinging; the list is wanted all the same.
    this.#pollMs = Math.max(tuning.paceMs, settings.refreshIntervalMs || 30_000);
    this.#empty = new EmptyGuard(2 * this.#pollMs);
  }

  /** The API server as it was last reached; null before and after a failure. */
  get access(): Access | null {
    return this.#access;
  }

  /** Runs until `stop` aborts; never rejects. */
  async run(stop: AbortSignal): Promise<void> {
    while (!stop.aborted) {
      try {
        const { clock, tuning } = this.#deps;
        const startMs = clock.monotonicMs();
        await this.#follow(await this.#list(stop), stop);
        await pause(clock, startMs + tuning.paceMs - clock.monotonicMs(), stop);
      } catch (error) {
        if (!stop.aborted) await this.#fail(asApiError(error), stop);
      }
    }
  }

  /** Lists all pods into the store and gives the version of that list. */
  async #list(stop: AbortSignal): Promise<string> {
    const { clock, settings, store, status, tuning, maxPods } = this.#deps;
    this.#access ??= await this.#deps.loadAccess();
    const lastGoodMs = status.now.lastGoodMs;
    if (status.namespace(settings.namespace ?? this.#access.namespace)) this.#hooks.onChange(true);
    const call: ListCall = {
      path: this.#path(),
      query: { labelSelector: settings.labelSelector },
      accept: 'application/json',
      pageSize: PAGE_SIZE,
      maxItems: maxPods,
      pageTimeoutMs: tuning.listTimeoutMs,
    };
    const listed = await listAll(this.#access, clock, call, readPod, stop, this.#hooks.onRequest);
    if (!this.#empty.believes(listed.items.length, store.liveCount, clock.monotonicMs())) {
      throw new ApiError('suspicious-empty', `the list is empty while ${store.liveCount} live peers are known`);
    }
    if (listed.truncated) this.#deps.log.warn({ maxPods }, 'more pods match than we can know');
    this.#good(store.replaceAll(listed.items, clock.nowMs(), lastGoodMs), false);
    return listed.resourceVersion;
  }

  /** Follows changes until only a new list helps. */
  async #follow(resourceVersion: string, stop: AbortSignal): Promise<void> {
    const { clock, random, tuning } = this.#deps;
    if (clock.monotonicMs() < this.#watchFromMs) return this.#poll(stop);
    let version = resourceVersion;
    while (!stop.aborted) {
      const startMs = clock.monotonicMs();
      let end: WatchEnd;
      try {
        end = await this.#watch(version, startMs, stop);
      } catch (error) {
        if (stop.aborted) return;
        return this.#unwatched(asApiError(error), stop);
      }
      if (end.why === 'expired') return;
      version = end.resourceVersion;
      // Connections break for all pods at once when an API server restarts: come back spread over a pace.
      const spreadMs = end.why === 'broken' ? random() * tuning.paceMs : 0;
      await pause(clock, startMs + tuning.paceMs - clock.monotonicMs() + spreadMs, stop);
    }
  }

  async #watch(resourceVersion: string, startMs: number, stop: AbortSignal): Promise<WatchEnd> {
    const { clock, random, settings, store, tuning } = this.#deps;
    this.#access ??= await this.#deps.loadAccess();
    const call = {
      path: this.#path(),
      query: { labelSelector: settings.labelSelector },
      resourceVersion,
      lifetimeMs: tuning.watchLifetimeMs * (1 + random()),
      openTimeoutMs: tuning.listTimeoutMs,
      silenceMs: tuning.watchSilenceMs,
    };
    const told = (change: (facts: PodFacts, nowMs: number) => boolean) => (object: unknown) => {
      if (change(readPod(object), clock.nowMs())) this.#hooks.onChange(true);
    };
    let heard = false;
    const hooks = {
      // With a watch that lasts there is hardly another call whose time could be told: one every 5 to 10 minutes.
      onOpen: (durationMs: number) => {
        this.#hooks.onRequest(durationMs, true);
        this.#good(false, false);
      },
      onLife: () => {
        if (!heard) this.#watching();
        heard = true;
        this.#good(false, true);
      },
      onPut: told((facts, nowMs) => store.put(facts, nowMs)),
      onRemove: told((facts, nowMs) => store.remove(facts, nowMs)),
    };
    const end = await watch(this.#access, clock, call, hooks, stop);
    if (end.why === 'expired') return end;
    // E.g. a proxy that lets no stream through: taken for a watch, it would hide every change.
    if (!heard && clock.monotonicMs() - startMs < tuning.paceMs) throw new ApiError('reset', 'the watch ended at once');
    this.#watching();
    return end;
  }

  async #poll(stop: AbortSignal): Promise<void> {
    this.#backoff.reset();
    await pause(this.#deps.clock, this.#pollMs * (1 + this.#deps.random() / 20), stop);
  }

  /** A watch has proved to work. */
  #watching(): void {
    this.#watchFailures = 0;
    this.#backoff.reset();
    if (this.#deps.status.mode('watch')) this.#hooks.onChange(false);
  }

  /**
   * No watch could be had after a good list. Whether that list is stale now, only another list can say: the first
   * comes at once, further ones after growing waits.
   */
  async #unwatched(error: ApiError, stop: AbortSignal): Promise<void> {
    const { clock, log, status, tuning } = this.#deps;
    if (isForbiddenWatch(error)) {
      this.#watchFromMs = clock.monotonicMs() + tuning.watchRetryMs;
      this.#listInstead('watching pods is forbidden: listing them every refresh interval instead', error);
      return this.#poll(stop);
    }
    this.#access = null;
    this.#watchFailures += 1;
    this.#hooks.onFault(error);
    if (this.#watchFailures === 1) {
      log.info({ fault: error.fault, error: error.message }, 'the watch on pods has failed: listing them again');
      return;
    }
    if (this.#watchFailures === MAX_WATCH_FAILURES) this.#listInstead('pods cannot be watched: listing them', error);
    log.debug({ fault: error.fault, error: error.message, status: status.now.phase }, 'the watch on pods fails again');
    await pause(clock, Math.max(this.#backoff.next(), error.retryAfterMs), stop);
  }

  #listInstead(message: string, error: ApiError): void {
    const { log, status } = this.#deps;
    if (!status.mode('list')) return;
    log.info({ fault: error.fault, error: error.message, listEveryMs: this.#pollMs }, message);
    this.#hooks.onChange(false);
  }

  #path(): string {
    const namespace = this.#deps.status.now.namespace;
    return namespace === '' ? '/api/v1/pods' : `/api/v1/namespaces/${encodeURIComponent(namespace)}/pods`;
  }

  #good(changed: boolean, burst: boolean): void {
    const { clock, log, status, store } = this.#deps;
    const before = status.now;
    if (!status.good(clock.nowMs()) && !changed) return;
    if (before.phase !== 'synced') {
      const awayMs = before.lastGoodMs === 0 ? 0 : clock.nowMs() - before.lastGoodMs;
      log.info({ pods: store.liveCount, awayMs, attempts: before.attempts }, 'the pod list is current');
    }
    this.#hooks.onChange(burst);
  }

  async #fail(error: ApiError, stop: AbortSignal): Promise<void> {
    const { clock, log, status } = this.#deps;
    // The kubeconfig, the token or the certificates may have been replaced: read them again.
    this.#access = null;
    const delayMs = Math.max(this.#backoff.next(), error.retryAfterMs);
    const fields = { fault: error.fault, error: error.message, retryInMs: Math.round(delayMs) };
    if (status.fault === error.fault) log.debug(fields, 'the Kubernetes API is still not answering as it should');
    else log.warn(fields, 'the pod list cannot be had from the Kubernetes API');
    const nowMs = clock.nowMs();
    status.failed(error, nowMs, nowMs + delayMs);
    this.#hooks.onFault(error);
    this.#hooks.onChange(false);
    await pause(clock, delayMs, stop);
    status.trying();
  }
}

/** 403 comes from RBAC, 405 from a proxy that does not let streams through. */
function isForbiddenWatch(error: ApiError): boolean {
  return error.status === 403 || error.status === 405;
}

/** How many successive empty lists it takes, at least. */
const CONFIRMATIONS = 3;

/**
 * Whether an empty list is to be believed. While we know live peers, an API server that lists none is more likely
 * confused (restored from a backup, behind a wrong proxy, a selector typed wrong) than right, and believing it would stop
 * all pinging. It is believed once three successive lists were empty and the first of them is `confirmMs` old.
 * With nobody known, as at start-up, an empty list is just that.
 */
export class EmptyGuard {
  readonly #confirmMs: number;
  #answers = 0;
  #firstMs = 0;

  /** `confirmMs`: two refresh intervals. */
  constructor(confirmMs: number) {
    this.#confirmMs = confirmMs;
  }

  /** Takes a list's length, the number of live peers known and the monotonic time; true if the list is to be believed. */
  believes(listed: number, knownLive: number, monotonicMs: number): boolean {
    if (listed > 0 || knownLive === 0) {
      this.#answers = 0;
      return true;
    }
    if (this.#answers === 0) this.#firstMs = monotonicMs;
    this.#answers += 1;
    if (this.#answers < CONFIRMATIONS || monotonicMs - this.#firstMs < this.#confirmMs) return false;
    this.#answers = 0;
    return true;
  }
}

/** What is known of the pods before discovery has begun, at `nowMs` (ms since the epoch). */
export function nothingKnown(
  { namespace, labelSelector }: Pick<DiscoveryStatus, 'namespace' | 'labelSelector'>,
  nowMs: number,
): DiscoverySnapshot {
  return {
    pods: [],
    status: {
      phase: 'waiting',
      sinceMs: nowMs,
      mode: 'watch',
      lastGoodMs: 0,
      attempts: 0,
      nextAttemptMs: 0,
      lastError: null,
      namespace,
      labelSelector,
    },
  };
}
