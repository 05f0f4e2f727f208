import type { MissingPart } from '../contract/event.ts';
import type { Pod } from '../contract/pod.ts';

/** One question for all pods. */
export interface Question<T> {
  /** Path and query. Questions with the same path at the same time are one. */
  path: string;
  /**
   * Validates an answer's JSON, as soon as it is here; it was given `errorMs` ago. Throws an Error that says what is wrong,
   * or rejects with one where it takes its time.
   */
  parse(wire: unknown, errorMs: number): T | Promise<T>;
  /** Our own part. */
  own(): T | Promise<T>;
  /** How long an answer is kept for those who ask the same right after; at most `MAX_KEEP_MS` of ask-all.ts. */
  keepMs: number;
  /** A longer answer of one pod is refused. */
  maxBytes: number;
  /** Only so many pods are asked, ready ones, from a random one on; all by default. Goes with a path of its own. */
  most?: number;
}

/** Something told to all other pods; their answers say whether they took it. */
export interface Message {
  method: 'POST' | 'DELETE';
  path: string;
  headers: Record<string, string>;
  /** Made for each pod when its turn comes: ages in it are those of that moment. */
  body(): string;
}

/** One pod's part. */
export interface PodPart<T> {
  /** null: our own part, while we do not know which pod we are (then we may be among those asked, too). */
  pod: Pod | null;
  value: T;
  /** When it answered, ms since the epoch by our clock: half way between question and answer. Its ages count from here. */
  atMs: number;
  /** The most that `atMs` may be wrong by: half of how long asking took. */
  errorMs: number;
}

/** What all pods told, in the order of discovery, our own part first, and who did not tell. */
export interface AllParts<T> {
  parts: PodPart<T>[];
  missing: MissingPart[];
  /** When the last part came in, ms since the epoch by our clock. */
  atMs: number;
}
