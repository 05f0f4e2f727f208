import type { DiscoveryFault, DiscoverySnapshot } from '../protocol/pod.ts';
import type { Clock, Log, Timer } from '../runtime/clock.ts';
import { PodStore } from './pod-store.ts';
import { ApiError, StatusBook } from './status.ts';
import { Sync } from './sync.ts';
import { DEFAULT_TUNING, type Tuning } from './timing.ts';
import { listZones, ZoneKeeper } from './zones.ts';

/** What is to be discovered. */
export interface DiscoverySettings {
  /** Path of a kubeconfig; null = the pod's service account. */
  kubeconfig: string | null;
  /** null = the service account's or the kubeconfig context's; '' = all. */
  namespace: string | null;
  labelSelector: string;
  /** Between two lists where watch is forbidden; half of what it takes to believe a suddenly empty list. 0 = 30 s. */
  refreshIntervalMs: number;
  /** How long pods that left stay in the snapshot. */
  goneRetentionMs: number;
}

/** What discovery works with. `random` gives 0 <= x < 1. */
interface DiscoveryDeps {
  clock: Clock;
  log: Log;
  random: () => number;
  /** Times other than production's, for tests. */
  tuning?: Partial<Tuning>;
}

/** What discovery tells. */
interface DiscoveryHooks {
  /** Pods or status changed. Not called for a younger `lastGoodMs` alone: `snapshot()` has it. */
  onChange(snapshot: DiscoverySnapshot): void;
  /** Every list request (one page of pods) that ended, answered or not, and every watch that was opened. */
  onRequest(durationMs: number, ok: boolean): void;
  /** Every failed attempt, once. */
  onFault(fault: DiscoveryFault): void;
}

/** Discovery that runs. */
export interface Discovery {
  snapshot(): DiscoverySnapshot;
  /** Ends every request, watch and timer; no hook is called afterwards. */
  stop(): Promise<void>;
}

/** More pods than one cluster can run on 5000 nodes with one pod each, four times over. */
const MAX_PODS = 20_000;
const MAX_GONE = 1_000;

/**
 * Begins to discover pods and returns at once: it never throws and never waits for the API server. Until the first list
 * has come the snapshot is empty and its phase `waiting`.
 */
export function startDiscovery(settings: DiscoverySettings, deps: DiscoveryDeps, hooks: DiscoveryHooks): Discovery {
  const { clock, log, random } = deps;
  const tuning = { ...DEFAULT_TUNING, ...deps.tuning };
  const stopping = new AbortController();
  const status = new StatusBook(settings.namespace ?? '', settings.labelSelector, clock.nowMs());
  const store = new PodStore({ goneRetentionMs: settings.goneRetentionMs, maxPods: MAX_PODS, maxGone: MAX_GONE });
  const snapshot = () => ({ pods: store.pods(), status: status.now });

  const announcer = announceOn(clock, tuning.coalesceMs, store, () => {
    const current = snapshot();
    zones.see(current.pods.map((pod) => pod.node));
    hooks.onChange(current);
  });
  // Loaded late: the Kubernetes client takes longer to load than all the rest, and the HTTP port shall not wait for it.
  const loadAccess = async () => (await import('./access.ts')).loadAccess(settings.kubeconfig, tuning.accountRoot);
  const sync = new Sync(
    { clock, log, random, tuning, settings, loadAccess, store, status, maxPods: MAX_PODS },
    {
      onChange: (burst) => announcer.announce(burst),
      onRequest: (durationMs, ok) => hooks.onRequest(durationMs, ok),
      onFault: (error) => hooks.onFault(error.fault),
    },
  );
  const listNodes = async () => {
    if (sync.access === null) throw new ApiError('unreachable', 'the API server is away');
    return listZones(sync.access, clock, tuning.listTimeoutMs, stopping.signal);
  };
  const zones = new ZoneKeeper({ clock, log, random, tuning, list: listNodes }, (found) => {
    if (store.setZones(found)) announcer.announce(true);
  });
  const running = sync.run(stopping.signal);

  return {
    snapshot,
    async stop() {
      announcer.stop();
      stopping.abort(new Error('stopped'));
      await Promise.all([running, zones.stop()]);
    },
  };
}

interface Announcer {
  /** Tells now, or, in a burst, once after `coalesceMs`. */
  announce(burst: boolean): void;
  stop(): void;
}

/** Calls `tell` after changes, many at once, and whenever a pod that left has been forgotten. */
function announceOn(clock: Clock, coalesceMs: number, store: PodStore, tell: () => void): Announcer {
  let pending: Timer | null = null;
  let expiry: Timer | null = null;
  let stopped = false;

  const now = () => {
    pending?.cancel();
    pending = null;
    if (stopped) return;
    tell();
    awaitExpiry();
  };
  const awaitExpiry = () => {
    expiry?.cancel();
    const nextMs = store.nextExpiryMs();
    expiry = stopped || !Number.isFinite(nextMs) ? null : clock.setTimer(expire, nextMs - clock.nowMs());
  };
  // A timer may fire a little early: then nothing has expired yet.
  const expire = () => (store.expire(clock.nowMs()) ? now() : awaitExpiry());
  return {
    announce(burst) {
      if (!burst) return now();
      if (!stopped) pending ??= clock.setTimer(now, coalesceMs);
    },
    stop() {
      stopped = true;
      pending?.cancel();
      expiry?.cancel();
    },
  };
}
