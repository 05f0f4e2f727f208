import type { Clock } from '../contract/seams.ts';

/** How long a pod that does not know a path is spared it: it may be replaced in place by one that does. */
const SPARED_MS = 10 * 60_000;
/** The most that is remembered; beyond it the oldest are asked again. */
const MAX_REMEMBERED = 5_000;

/** Remembers for 10 minutes which pods do not know which paths: in a mesh of Goldpingers each would be asked for nothing. */
export class PathMemory {
  readonly #clock: Clock;
  readonly #untilMs = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Notes that pod `uid` does not know `path`. */
  add(uid: string, path: string): void {
    const oldest = this.#untilMs.keys().next();
    if (this.#untilMs.size >= MAX_REMEMBERED && !oldest.done) this.#untilMs.delete(oldest.value);
    this.#untilMs.set(keyOf(uid, path), this.#clock.monotonicMs() + SPARED_MS);
  }

  /** Whether pod `uid` is to be spared `path`. */
  has(uid: string, path: string): boolean {
    const key = keyOf(uid, path);
    const untilMs = this.#untilMs.get(key);
    if (untilMs === undefined || untilMs > this.#clock.monotonicMs()) return untilMs !== undefined;
    this.#untilMs.delete(key);
    return false;
  }
}

/** The query does not matter: whoever does not know the path knows it with no query. */
function keyOf(uid: string, path: string): string {
  return `${uid} ${path.split('?', 1)[0]}`;
}
