import type { Target } from '../protocol/pod.ts';

/** What the bytes of an answer to a ping mean, all of them together. */
interface KnownAnswer {
  bytes: Buffer;
  bootTimeMs: number;
  /** Whether the connection can be used for another ping. */
  staysOpen: boolean;
}

/** The answers of this many targets are kept, so that they take 0.3 MiB at most. The answers of others are parsed each time. */
const MAX_ANSWERS = 256;
/** Those of our pods and of Goldpinger's have 200. */
const MAX_BYTES = 512;

/**
 * The last good answer of each target. A pod answers each ping with the same bytes until it restarts. To compare them takes
 * a hundredth of the time of parsing them, and makes no garbage.
 */
export class KnownAnswers {
  readonly #byTarget = new Map<string, KnownAnswer>();

  /** What exactly these bytes mean as the whole answer of a target; null if its last answer was another one. */
  find({ id }: Target, bytes: Uint8Array): KnownAnswer | null {
    const known = this.#byTarget.get(id);
    return known?.bytes.equals(bytes) ? known : null;
  }

  /** Keeps a good answer, which came in one piece: the bytes and what they mean. */
  keep({ id }: Target, bytes: Uint8Array, meaning: Omit<KnownAnswer, 'bytes'>): void {
    if (bytes.length > MAX_BYTES || (this.#byTarget.size >= MAX_ANSWERS && !this.#byTarget.has(id))) return;
    this.#byTarget.set(id, { bytes: Buffer.from(bytes), ...meaning });
  }

  /** Forgets the answers of all other targets. */
  setTargets(targets: readonly Target[]): void {
    const wanted = new Set(targets.map(({ id }) => id));
    for (const id of this.#byTarget.keys()) if (!wanted.has(id)) this.#byTarget.delete(id);
  }
}
