import { isDeepStrictEqual } from 'node:util';
import { type DiscoveryStatus, nothingKnown } from '../protocol/pod.ts';
import type { Clock, Timer } from '../runtime/clock.ts';
import type { Log } from '../runtime/log.ts';
import type { ApiError } from './api-error.ts';

interface StatusDeps {
  clock: Clock;
  log: Log;
  unheardMs: number;
  /** The number of pods that have not left, for the log. */
  podCount(): number;
  /** The status or the pods have changed. `isBurst`: more changes may follow within milliseconds. */
  onChange(isBurst: boolean): void;
}

/** Our process stood still if a timer is later than this, ms. Then it gets as much time again to read what has come meanwhile. */
const STOOD_STILL_MS = 1_000;

/**
 * Keeps the `DiscoveryStatus`. The list of pods is stale once the API server was not heard for `unheardMs`. So an API server that
 * restarts alarms nobody.
 */
export class StatusKeeper {
  readonly #deps: StatusDeps;
  #status: DiscoveryStatus;
  /** When the API server was last heard, monotonic ms. */
  #heardMs: number;
  /** When the list of pods was last up to date, monotonic ms. Parts of a list that has not ended do not make it so. */
  #goodMs = Number.NEGATIVE_INFINITY;
  #silence: Timer;
  /** Whether a login has not ended. */
  isLoggingIn = false;

  constructor(settings: { namespace: string | null; labelSelector: string }, deps: StatusDeps) {
    this.#deps = deps;
    this.#status = nothingKnown(settings, deps.clock.nowMs()).status;
    this.#heardMs = deps.clock.monotonicMs();
    this.#silence = this.#checkAfter(deps.unheardMs);
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

  /** Sets fields of the status, and announces it if any has changed. `isBurst`: see `StatusDeps.onChange`. */
  set(fields: Partial<DiscoveryStatus>, isBurst = false): void {
    const before = this.#status;
    this.#status = { ...before, ...fields };
    if (!isDeepStrictEqual(this.#status, before)) this.#deps.onChange(isBurst);
  }

  /** The API server has sent a part of a list. */
  heardPart(): void {
    this.#heardMs = this.#deps.clock.monotonicMs();
  }

  /** The API server has sent news, or has shown that it answers. A newer `lastGoodMs` alone is not announced. */
  heard(havePodsChanged = false): void {
    const { clock, log, podCount, onChange } = this.#deps;
    const { sinceMs, lastGoodMs, attempts } = this.#status;
    const nowMs = clock.nowMs();
    const wasSynced = this.isSynced;
    this.heardPart();
    this.#goodMs = this.#heardMs;
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

  /** An attempt has failed, and the next one starts after `delayMs`. */
  failed({ fault, message }: Pick<ApiError, 'fault' | 'message'>, delayMs: number): void {
    const { clock, unheardMs } = this.#deps;
    const atMs = clock.nowMs();
    const attempts = this.#status.attempts + 1;
    const failure = { attempts, nextAttemptMs: atMs + delayMs, lastError: { fault, message, atMs } };
    this.set({ ...failure, ...(clock.monotonicMs() - this.#goodMs >= unheardMs && this.#stale()) });
  }

  /** The next attempt starts. Only its result is announced. */
  attemptStarts(): void {
    this.#status = { ...this.#status, nextAttemptMs: 0 };
  }

  stop(): void {
    this.#silence.cancel();
  }

  /** Looks again and again, first after `waitMs`, whether the API server was heard lately. */
  #checkAfter(waitMs: number): Timer {
    const { clock, unheardMs } = this.#deps;
    const dueMs = clock.monotonicMs() + waitMs;
    return clock.setTimer(() => {
      let leftMs = unheardMs - this.silentMs;
      if (clock.monotonicMs() - dueMs > STOOD_STILL_MS) leftMs = STOOD_STILL_MS;
      if (leftMs <= 0) this.#becomeStale();
      this.#silence = this.#checkAfter(leftMs > 0 ? leftMs : unheardMs);
    }, waitMs);
  }

  /** Nothing was heard for `unheardMs`. */
  #becomeStale(): void {
    const { clock, unheardMs } = this.#deps;
    const message = this.isLoggingIn
      ? 'the credential plugin has not given a credential yet'
      : `nothing was heard from the API server for ${unheardMs / 1000} s`;
    const lastError = this.#status.lastError ?? { fault: 'timeout', message, atMs: clock.nowMs() };
    this.set({ lastError, ...this.#stale() });
  }

  /** Before the first list the phase stays `waiting`. */
  #stale(): Partial<DiscoveryStatus> {
    return this.isSynced ? { phase: 'stale', sinceMs: this.#deps.clock.nowMs() } : {};
  }
}
