import type { DiscoveryFault, DiscoverySnapshot } from '../protocol/pod.ts';
import type { Clock, Log, Timer } from '../runtime/clock.ts';
import { ApiError } from './api-error.ts';
import { PodStore } from './pod-store.ts';
import { StatusTracker } from './status.ts';
import { Sync } from './sync.ts';
import { DEFAULT_TIMING, type Timing } from './timing.ts';
import { listZones, ZoneKeeper } from './zones.ts';

/** What to discover. */
export interface DiscoverySettings {
  /** Path of a kubeconfig; null = use the service account of the pod. */
  kubeconfig: string | null;
  /** null = the namespace of the service account or of the kubeconfig's context; '' = all namespaces. */
  namespace: string | null;
  labelSelector: string;
  /**
   * Time between two lists where watching is forbidden. A suddenly empty list is believed after twice this time.
   * 0 = 30 s.
   */
  refreshIntervalMs: number;
  /** How long pods that have left stay in the snapshot. */
  goneRetentionMs: number;
}

/** What discovery works with. */
interface DiscoveryDeps {
  clock: Clock;
  log: Log;
  /** 0 <= random() < 1. */
  random: () => number;
  /** Other times than those of production, for tests. */
  timing?: Partial<Timing>;
  /** Put before the paths of the service account, for tests. */
  accountRoot?: string;
}

/** What discovery calls. */
interface DiscoveryHooks {
  /** Pods or status have changed. A newer `lastGoodMs` alone does not count; `snapshot()` has it. */
  onChange(snapshot: DiscoverySnapshot): void;
  /** A page of a list has ended, well or badly, or a watch has opened. */
  onRequest(durationMs: number): void;
  /** An attempt has failed. */
  onFault(fault: DiscoveryFault): void;
}

/** Running discovery. */
export interface Discovery {
  snapshot(): DiscoverySnapshot;
  /** Ends every request, watch and timer. No hook is called afterwards. */
  stop(): Promise<void>;
}

/** Four times as many pods as a DaemonSet has in the largest cluster that Kubernetes supports (5000 nodes). */
const MAX_PODS = 20_000;
const MAX_GONE = 1_000;

/**
 * Starts to discover pods and returns at once: it never throws and never waits for the API server. Until the first list
 * has come, the snapshot is empty and its phase is `waiting`.
 */
export function startDiscovery(settings: DiscoverySettings, deps: DiscoveryDeps, hooks: DiscoveryHooks): Discovery {
  const { clock, log, random, accountRoot } = deps;
  const timing = { ...DEFAULT_TIMING, ...deps.timing };
  const stopping = new AbortController();
  const status = new StatusTracker(settings, clock.nowMs());
  const store = new PodStore({ goneRetentionMs: settings.goneRetentionMs, maxPods: MAX_PODS, maxGone: MAX_GONE });
  const snapshot = () => ({ pods: store.pods(), status: status.now });

  let pendingChange: Timer | null = null;
  let nextExpiry: Timer | null = null;
  const announce = () => {
    pendingChange?.cancel();
    pendingChange = null;
    const current = snapshot();
    zones.setNodes(current.pods.map((pod) => pod.node));
    hooks.onChange(current);
    scheduleExpiry();
  };
  // Has the store forget departed pods, each when its retention ends.
  const scheduleExpiry = () => {
    nextExpiry?.cancel();
    const nextMs = store.nextExpiryMs();
    if (stopping.signal.aborted || nextMs === Number.POSITIVE_INFINITY) return;
    nextExpiry = clock.setTimer(() => {
      // A timer may fire a little early. Then no retention has ended yet.
      if (store.expire(clock.nowMs())) announce();
      else scheduleExpiry();
    }, nextMs - clock.nowMs());
  };
  // Changes of a burst are announced together.
  const onChange = (isBurst: boolean) => {
    if (stopping.signal.aborted) return;
    if (isBurst) pendingChange ??= clock.setTimer(announce, timing.coalesceMs);
    else announce();
  };

  const sync = new Sync({
    clock,
    log,
    random,
    timing,
    settings,
    // The Kubernetes client takes longer to load than all the rest together. The HTTP port must not wait for it.
    loadAccess: async () => (await import('./access.ts')).loadAccess(settings.kubeconfig, accountRoot),
    store,
    status,
    maxPods: MAX_PODS,
    onChange,
    onRequest: hooks.onRequest,
    onFault: (error) => hooks.onFault(error.fault),
  });
  const zones = new ZoneKeeper({
    clock,
    log,
    random,
    timing,
    list: async () => {
      if (sync.access === null) throw new ApiError('unreachable', 'the API server is not reachable at present');
      return listZones(sync.access, clock, timing.requestTimeoutMs, stopping.signal);
    },
    onZones: (found) => {
      if (store.setZones(found)) onChange(true);
    },
  });
  const running = sync.run(stopping.signal);

  return {
    snapshot,
    async stop() {
      stopping.abort(new Error('stopped'));
      pendingChange?.cancel();
      nextExpiry?.cancel();
      await Promise.all([running, zones.stop()]);
    },
  };
}
