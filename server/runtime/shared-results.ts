import type { Clock, Timer } from './clock.ts';
import { BusyError } from './errors.ts';

/**
 * Results of work that several clients ask for. Those who ask for the same key while the work is under way share it, and
 * those who ask soon after get the result that was kept.
 */
export class SharedResults<T> {
  readonly #clock: Clock;
  readonly #maxRunning: number;
  readonly #busyMessage: string;
  readonly #running = new Map<string, Promise<T>>();
  readonly #kept = new Map<string, { result: T; expiry: Timer }>();
  #isStopped = false;

  /** At most `maxRunning` different keys are worked on at once; others are rejected with a BusyError and `busyMessage`. */
  constructor(clock: Clock, maxRunning: number, busyMessage: string) {
    this.#clock = clock;
    this.#maxRunning = maxRunning;
    this.#busyMessage = busyMessage;
  }

  /**
   * Gives the result of `work`, which is done only if nobody else has asked for this key. The newest `maxKept` results are kept, for
   * `keepMs`, which is called after the work. Rejects also with a BusyError if too much work is under way or after `stop`.
   */
  async get(key: string, work: () => Promise<T>, keepMs: () => number, maxKept: number): Promise<T> {
    const shared = this.#kept.get(key)?.result ?? this.#running.get(key);
    if (shared !== undefined) return shared;
    this.assertRunning();
    if (this.#running.size >= this.#maxRunning) throw new BusyError(this.#busyMessage);
    // Before the work, because results may be large: `maxKept` of them and the new one would be in memory at once.
    this.#makeRoom(maxKept);
    const running = work();
    this.#running.set(key, running);
    try {
      const result = await running;
      if (!this.#isStopped) this.#keep(key, result, keepMs(), maxKept);
      return result;
    } finally {
      this.#running.delete(key);
    }
  }

  /** Throws a BusyError after `stop`. */
  assertRunning(): void {
    if (this.#isStopped) throw new BusyError('this pod is shutting down');
  }

  /** Forgets all results. Work that is under way goes on, as it does if those who asked have gone. */
  stop(): void {
    this.#isStopped = true;
    for (const key of [...this.#kept.keys()]) this.#drop(key);
  }

  #keep(key: string, result: T, keepMs: number, maxKept: number): void {
    if (keepMs <= 0) return;
    this.#makeRoom(maxKept);
    this.#kept.set(key, { result, expiry: this.#clock.setTimer(() => this.#drop(key), keepMs) });
  }

  #makeRoom(maxKept: number): void {
    for (const oldest of [...this.#kept.keys()]) if (this.#kept.size >= maxKept) this.#drop(oldest);
  }

  #drop(key: string): void {
    this.#kept.get(key)?.expiry.cancel();
    this.#kept.delete(key);
  }
}
