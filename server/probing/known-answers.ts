import type { Target } from '../protocol/pod.ts';

/** A whole answer to a ping, and what it means. */
interface KnownAnswer {
  bytes: Buffer;
  bootTimeMs: number;
  /** Whether the connection can be used for another ping. */
  staysOpen: boolean;
}

/** The answers of at most this many targets are kept: 0.3 MiB. The answers of others are parsed each time. */
const MAX_ANSWERS = 256;
/** Longer answers are not kept. The answers of our pods and of Goldpinger have about 200 bytes. */
const MAX_BYTES = 512;

/**
 * The last good answer of each target. A pod answers each ping with the same bytes until it restarts. Comparing them takes a
 * hundredth of the time that parsing takes, and leaves nothing to the garbage collector.
 */
export class KnownAnswers {
  readonly #byTarget = new Map<string, KnownAnswer>();

  /** What `bytes` mean, if they are exactly the answer that is kept of this target; else null. */
  find({ id }: Target, bytes: Uint8Array): KnownAnswer | null {
    const known = this.#byTarget.get(id);
    return known?.bytes.equals(bytes) ? known : null;
  }

  /** Keeps a good answer of a target. `bytes`: the whole answer, which must have come in one piece. */
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
