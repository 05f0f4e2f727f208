import type { DiscoverySnapshot } from '../protocol/pod.ts';
import { type Timer, toMonotonicMs } from '../runtime/clock.ts';
import { ApiClient } from './api-client.ts';
import { listNodes, NodeKeeper } from './nodes.ts';
import { PodStore } from './pod-store.ts';
import { type DiscoverySettings, MAX_PODS, Sync, type SyncDeps } from './sync.ts';
import { DEFAULT_TIMING, type Timing } from './timing.ts';

interface DiscoveryDeps extends Omit<SyncDeps, 'timing' | 'client' | 'stop'> {
  /** Other times and another API server than those of production, for tests. */
  timing?: Partial<Timing>;
  client?: SyncDeps['client'];
  /** Pods or status have changed. A newer `lastGoodMs` alone does not count; `snapshot()` has it. */
  onChange(snapshot: DiscoverySnapshot): void;
}

/** The most departed pods in a snapshot. Beyond it, those that left first are forgotten. */
const MAX_GONE = 1_000;

/**
 * Discovers pods from its construction until `stop`. It never throws and never waits for the API server. Until the first
 * list has come, the snapshot is empty and its phase is `waiting`.
 */
export class Discovery {
  readonly #deps: DiscoveryDeps;
  readonly #timing: Timing;
  readonly #stopping = new AbortController();
  readonly #store: PodStore;
  readonly #nodes: NodeKeeper;
  readonly #client: SyncDeps['client'];
  readonly #sync: Sync;
  readonly #running: Promise<void>;
  #pendingChange: Timer | null = null;
  #nextExpiry: Timer | null = null;

  constructor(settings: DiscoverySettings, deps: DiscoveryDeps) {
    this.#deps = deps;
    this.#timing = { ...DEFAULT_TIMING, ...deps.timing };
    this.#store = new PodStore({
      ...settings,
      maxPods: MAX_PODS,
      maxGone: MAX_GONE,
      toMonotonicMs: (wallMs) => toMonotonicMs(wallMs, deps.clock),
    });
    this.#client = deps.client ?? new ApiClient(settings, deps.clock);
    const syncDeps = { ...deps, timing: this.#timing, client: this.#client, stop: this.#stopping.signal };
    this.#sync = new Sync(settings, syncDeps, this.#store, (isBurst) => this.#onChange(isBurst));
    this.#nodes = new NodeKeeper({
      ...syncDeps,
      list: async (selector) => {
        // Only discovery of pods tries a failed login again.
        if (this.#client.hasLogin) await this.#client.logIn();
        return listNodes(this.#client, deps.clock, selector, this.#timing.requestTimeoutMs, this.#stopping.signal);
      },
      store: this.#store,
      onChange: () => this.#onChange(true),
    });
    this.#running = this.#sync.run();
  }

  snapshot(): DiscoverySnapshot {
    return { pods: this.#store.pods(), status: this.#sync.status };
  }

  /** Ends every request, watch and timer. Nothing is announced afterwards. */
  async stop(): Promise<void> {
    this.#stopping.abort(new Error('stopped'));
    this.#client.close();
    this.#pendingChange?.cancel();
    this.#nextExpiry?.cancel();
    await Promise.all([this.#running, this.#nodes.stop()]);
  }

  /** Changes of a burst (`isBurst`: more may follow within milliseconds) are announced together. */
  #onChange(isBurst: boolean): void {
    if (this.#stopping.signal.aborted) return;
    if (isBurst) this.#pendingChange ??= this.#deps.clock.setTimer(() => this.#announce(), this.#timing.coalesceMs);
    else this.#announce();
  }

  #announce(): void {
    this.#pendingChange?.cancel();
    this.#pendingChange = null;
    const snapshot = this.snapshot();
    this.#nodes.setPods(snapshot.pods);
    this.#deps.onChange(snapshot);
    this.#scheduleExpiry();
  }

  /** Has the store forget departed pods, each when its retention ends. */
  #scheduleExpiry(): void {
    const { clock } = this.#deps;
    this.#nextExpiry?.cancel();
    const nextMs = this.#store.nextExpiryMs();
    if (this.#stopping.signal.aborted || nextMs === Number.POSITIVE_INFINITY) return;
    this.#nextExpiry = clock.setTimer(() => {
      // A timer may come a little early. Then no retention has ended yet.
      if (this.#store.expire(clock.monotonicMs())) this.#announce();
      else this.#scheduleExpiry();
    }, nextMs - clock.monotonicMs());
  }
}
