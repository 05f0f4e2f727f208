import { isDeepStrictEqual } from 'node:util';
import { type DiscoveryStatus, nothingKnown } from '../protocol/pod.ts';
import type { Clock, Timer } from '../runtime/clock.ts';
import type { Log } from '../runtime/log.ts';

interface StatusDeps {
  clock: Clock;
  log: Log;
  /** See `Timing.unheardMs`. */
  unheardMs: number;
  /** The number of pods that have not left, for the log. */
  podCount(): number;
  /** The status or the pods have changed. `isBurst`: more changes may follow within milliseconds. */
  onChange(isBurst: boolean): void;
}

/**
 * Keeps the `DiscoveryStatus`. The list of pods is stale when requests fail, or a login does not end, and the API server was not
 * heard for `unheardMs`. So an API server that restarts alarms nobody.
 */
export class StatusKeeper {
  readonly #deps: StatusDeps;
  #status: DiscoveryStatus;
  /** When the API server was last heard, monotonic ms. */
  #heardMs = Number.NEGATIVE_INFINITY;
  /** Makes the list stale when `freshForMs` is over. null: no request has failed since the API server was last heard. */
  #staleTimer: Timer | null = null;

  constructor(settings: { namespace: string | null; labelSelector: string }, deps: StatusDeps) {
    this.#deps = deps;
    this.#status = nothingKnown(settings, deps.clock.nowMs()).status;
  }

  /** The object is never changed afterwards. */
  get status(): DiscoveryStatus {
    return this.#status;
  }

  /** Whether the list of pods is up to date. */
  get isSynced(): boolean {
    return this.#status.phase === 'synced';
  }

  /** How long the API server has not been heard, ms. */
  get silentMs(): number {
    return this.#deps.clock.monotonicMs() - this.#heardMs;
  }

  /** How long the list of pods stays up to date if the API server is not heard any more, ms. Not positive once it is stale. */
  get freshForMs(): number {
    return this.#deps.unheardMs - this.silentMs;
  }

  /** Sets fields of the status, and announces it if any has changed. `isBurst`: as of `StatusDeps.onChange`. */
  set(fields: Partial<DiscoveryStatus>, isBurst = false): void {
    const before = this.#status;
    this.#status = { ...before, ...fields };
    if (!isDeepStrictEqual(this.#status, before)) this.#deps.onChange(isBurst);
  }

  /** The API server has sent news, or has shown that there are none. A newer `lastGoodMs` alone is not announced. */
  heard(havePodsChanged = false): void {
    const { clock, log, podCount, onChange } = this.#deps;
    const { sinceMs, lastGoodMs, attempts } = this.#status;
    const nowMs = clock.nowMs();
    const wasSynced = this.isSynced;
    this.#heardMs = clock.monotonicMs();
    this.stop();
    this.#status = {
      ...this.#status,
      phase: 'synced',
      sinceMs: wasSynced ? sinceMs : nowMs,
      lastGoodMs: nowMs,
      attempts: 0,
      nextAttemptMs: 0,
      lastError: null,
    };
    if (!wasSynced) {
      const awayMs = lastGoodMs === 0 ? 0 : nowMs - lastGoodMs;
      log.info({ pods: podCount(), awayMs, attempts }, 'the pod list is up to date');
    }
    if (!wasSynced || havePodsChanged) onChange(false);
  }

  /** An attempt has failed, and the next one starts after `delayMs`. The list becomes stale now, or when `freshForMs` is over. */
  failed(
    { fault, message }: Pick<NonNullable<DiscoveryStatus['lastError']>, 'fault' | 'message'>,
    delayMs: number,
  ): void {
    const { clock } = this.#deps;
    const nowMs = clock.nowMs();
    const { freshForMs } = this;
    const attempts = this.#status.attempts + 1;
    const failure = { attempts, nextAttemptMs: nowMs + delayMs, lastError: { fault, message, atMs: nowMs } };
    if (freshForMs <= 0) this.becomeStale(failure);
    else {
      this.set(failure);
      this.#staleTimer ??= clock.setTimer(() => this.becomeStale(), freshForMs);
    }
  }

  /** The next attempt starts. Only its result is announced. */
  attemptStarts(): void {
    this.#status = { ...this.#status, nextAttemptMs: 0 };
  }

  /** Sets `fields`, and makes the list stale if it was up to date. Before the first list the phase stays `waiting`. */
  becomeStale(fields: Partial<DiscoveryStatus> = {}): void {
    const change = this.isSynced ? { phase: 'stale' as const, sinceMs: this.#deps.clock.nowMs() } : {};
    this.set({ ...fields, ...change });
  }

  /** Cancels the timer. */
  stop(): void {
    this.#staleTimer?.cancel();
    this.#staleTimer = null;
  }
}
