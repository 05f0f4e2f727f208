import type { Target } from '../contract/pod.ts';
import type { Track } from './history.ts';

/** A link that is no longer probed and of which only buckets are left. */
export interface DepartedLink {
  target: Target;
  ring: null;
  track: Track;
  /** Since when it is no longer probed, monotonic. */
  leftMs: number;
}

/** Beyond this many, those that left first are forgotten. */
const MOST = 2_000;

/** The links of departed pods, for as long as their past is kept. */
export class Departed {
  readonly #windowMs: number;
  readonly #links = new Map<string, DepartedLink>();

  constructor(windowMs: number) {
    this.#windowMs = windowMs;
  }

  /** How many there are. */
  get size(): number {
    return this.#links.size;
  }

  /** Adds one that left last of all. */
  add(target: Target, track: Track, leftMs: number): void {
    this.#links.delete(target.id);
    this.#links.set(target.id, { target, ring: null, track, leftMs });
    const oldest = this.#links.keys().next();
    if (this.#links.size > MOST && !oldest.done) this.#links.delete(oldest.value);
  }

  /** Gives the past of a link that is probed again, and forgets it here; null if there is none. */
  take(id: string): Track | null {
    const track = this.#links.get(id)?.track ?? null;
    this.#links.delete(id);
    return track;
  }

  /** All, those that left first at first; of those beyond the window nothing. */
  all(nowMs: number): Iterable<DepartedLink> {
    for (const [id, { leftMs }] of this.#links) {
      if (leftMs >= nowMs - this.#windowMs) break;
      this.#links.delete(id);
    }
    return this.#links.values();
  }
}
