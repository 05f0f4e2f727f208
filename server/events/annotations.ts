import { createHmac, timingSafeEqual } from 'node:crypto';
import {
  ANNOTATION_COPIES_FORMAT,
  type Annotation,
  type AnnotationCopies,
  type AnnotationCopy,
  type AnnotationDraft,
  MAX_ANNOTATIONS,
} from '../protocol/annotation.ts';
import type { Clock, Log } from '../runtime/clock.ts';
import { ConflictError } from '../runtime/errors.ts';

/** What copies are kept with; `token`: the WRITE_TOKEN, '' = nothing is taken from others. */
interface AnnotationBookDeps {
  clock: Clock;
  log: Log;
  token: string;
}

/**
 * A copy's age may lead so far from the moment that is sealed: clocks differ, and pods stand still. So far, and no
 * farther, whoever hands on a copy can shift it.
 */
const MAX_SHIFT_MS = 600_000;

/** A copy as it is kept: by monotonic time instead of ages. */
interface Kept {
  id: string;
  revision: string;
  generation: number;
  /** By the writer's clock. */
  wroteMs: number;
  fromMs: number;
  toMs: number | null;
  writtenMs: number;
  text: string;
  tags: string[];
  deleted: boolean;
  seal: string;
}

/** This pod's copies of all annotations, at most `MAX_ANNOTATIONS`; those that began first make room. */
export class AnnotationStore {
  readonly #deps: AnnotationBookDeps;
  readonly #clock: Clock;
  readonly #kept = new Map<string, Kept>();
  #hasTold = false;

  constructor(deps: AnnotationBookDeps) {
    this.#deps = deps;
    this.#clock = deps.clock;
  }

  /**
   * Keeps a write that was made here, and seals it. Throws a ConflictError, and changes nothing, if it began before all
   * that are kept and there is no room: it would make room at once.
   */
  write(draft: AnnotationDraft): void {
    const known = this.#kept.get(draft.id);
    const wroteMs = Math.max(0, Math.round(this.#clock.nowMs() - draft.writtenAgeMs));
    const write = { ...draft, generation: (known?.generation ?? 0) + 1, wroteMs };
    const kept = this.#keptOf({ ...write, seal: sealOf(write, this.#deps.token) });
    // Somebody else has written it while we looked for it.
    if (known !== undefined && known.writtenMs > kept.writtenMs) return;
    const isFull = this.#kept.size >= MAX_ANNOTATIONS && known === undefined;
    if (isFull && [...this.#kept.values()].every((other) => byBeginning(kept, other) < 0)) {
      throw new ConflictError(`${MAX_ANNOTATIONS} annotations are kept, and this one would begin before all of them`);
    }
    this.#kept.set(kept.id, kept);
    this.#makeRoom();
  }

  /**
   * Takes sealed copies. Of two writes with one id the one of the higher generation stays, so that nobody can bring back
   * what was replaced or taken back by handing on the copy of then; of the same write the earlier time, because a pod that
   * stood still when it was told believes it to be later. Their way here counts as after they were given: so no time is
   * ever too early, and pods that correct each other come to rest. Gives whether any was news.
   */
  take(copies: readonly AnnotationCopy[]): boolean {
    let isNews = false;
    for (const copy of copies) {
      const known = this.#kept.get(copy.id);
      if (known?.revision === copy.revision && known.seal === copy.seal) {
        // Here the sealed moment makes nothing older: our own clock may have been set since we took it.
        const mostMs = this.#sealedAgeMs(known.wroteMs) + MAX_SHIFT_MS;
        correct(known, this.#clock.monotonicMs() - Math.min(copy.writtenAgeMs, mostMs));
        continue;
      }
      const kept = this.#keptOf(copy);
      if (known !== undefined && !isLater(kept, known)) continue;
      if (!isSealed(copy, copy.seal, this.#deps.token)) {
        // A pod with our token has none such: what else it gave is not worth our time.
        this.#tell(copy.id);
        break;
      }
      this.#kept.set(kept.id, kept);
      isNews = true;
    }
    this.#makeRoom();
    return isNews;
  }

  #keptOf({ fromAgeMs, toAgeMs, writtenAgeMs, ...copy }: AnnotationCopy): Kept {
    const writtenMs = this.#writtenMs(writtenAgeMs, copy.wroteMs);
    const laterMs = (ageMs: number) => writtenMs + writtenAgeMs - ageMs;
    return { ...copy, fromMs: laterMs(fromAgeMs), toMs: toAgeMs === null ? null : laterMs(toAgeMs), writtenMs };
  }

  /**
   * When a copy was written, monotonic: as its age says, as far as that can be by the moment that is sealed. Nobody has
   * written in the future: such a write could not be replaced.
   */
  #writtenMs(ageMs: number, wroteMs: number): number {
    const sealedAgeMs = this.#sealedAgeMs(wroteMs);
    const possibleMs = Math.min(Math.max(ageMs, sealedAgeMs - MAX_SHIFT_MS), sealedAgeMs + MAX_SHIFT_MS);
    return this.#clock.monotonicMs() - Math.max(0, possibleMs);
  }

  /** How long ago a write was as our clock and the writer's have it. */
  #sealedAgeMs(wroteMs: number): number {
    return this.#clock.nowMs() - wroteMs;
  }

  #tell(id: string): void {
    if (this.#hasTold) return;
    this.#hasTold = true;
    const why = this.#deps.token === '' ? 'there is no WRITE_TOKEN' : 'the WRITE_TOKEN was another, or it is forged';
    this.#deps.log.debug({ id }, `ignored copies of annotations, and will without saying so again: ${why}`);
  }

  /** Our copies, as they are given to other pods. */
  copies(): AnnotationCopies {
    const nowMs = this.#clock.monotonicMs();
    const annotations = [...this.#kept.values()].map(({ fromMs, toMs, writtenMs, ...copy }) => ({
      ...copy,
      fromAgeMs: ageOf(nowMs - fromMs),
      toAgeMs: toMs === null ? null : ageOf(nowMs - toMs),
      writtenAgeMs: ageOf(nowMs - writtenMs),
    }));
    return { format: ANNOTATION_COPIES_FORMAT, annotations };
  }

  /** All that have not been taken back, in order of their beginning. */
  all(): Annotation[] {
    const annotations = [...this.#kept.values()].filter(({ deleted }) => !deleted).map((kept) => this.#shown(kept));
    return annotations.sort(byBeginning);
  }

  /** One of them; null if there is none. */
  get(id: string): Annotation | null {
    const kept = this.#kept.get(id);
    return kept === undefined || kept.deleted ? null : this.#shown(kept);
  }

  #shown({ id, fromMs, toMs, text, tags, writtenMs }: Kept): Annotation {
    const wallMs = this.#clock.nowMs() - this.#clock.monotonicMs();
    const wall = (ms: number) => Math.round(ms + wallMs);
    return {
      id,
      fromMs: wall(fromMs),
      toMs: toMs === null ? null : wall(toMs),
      text,
      tags,
      writtenMs: wall(writtenMs),
    };
  }

  #makeRoom(): void {
    if (this.#kept.size <= MAX_ANNOTATIONS) return;
    const oldest = [...this.#kept.values()].sort(byBeginning);
    for (const { id } of oldest.slice(0, this.#kept.size - MAX_ANNOTATIONS)) this.#kept.delete(id);
  }
}

/** Moves all times of a write by as much as it was written earlier than we believed. */
function correct(known: Kept, writtenMs: number): void {
  const lateMs = known.writtenMs - writtenMs;
  if (!(lateMs > 0)) return;
  known.writtenMs -= lateMs;
  known.fromMs -= lateMs;
  if (known.toMs !== null) known.toMs -= lateMs;
}

function isLater(copy: Kept, known: Kept): boolean {
  if (copy.revision === known.revision) return false;
  if (copy.generation !== known.generation) return copy.generation > known.generation;
  return copy.writtenMs > known.writtenMs || (copy.writtenMs === known.writtenMs && copy.revision > known.revision);
}

function byBeginning(a: Pick<Kept, 'fromMs' | 'id'>, b: Pick<Kept, 'fromMs' | 'id'>): number {
  return a.fromMs - b.fromMs || (a.id < b.id ? -1 : 1);
}

/** Cut to a microsecond, never rounded up: a write must not get older by being handed on. */
function ageOf(ms: number): number {
  return Math.floor(ms * 1000) / 1000;
}

/** Sealing and showing begin differently, so that neither can stand for the other. */
const SEAL_CONTEXT = 'goldpinger-ts/annotations/2 seal';
const POD_CONTEXT = 'goldpinger-ts/annotations/2 pods';

/** A write with all that is sealed. */
type Sealed = Omit<AnnotationCopy, 'seal'>;

/**
 * The seal of a write, 43 characters of base64url: HMAC-SHA256 by the WRITE_TOKEN over all of it but its age, which
 * grows from pod to pod; of that, when it was written by the writer's clock. How long it lasted and how long before the
 * write it began are in it, in whole ms: ages are handed on with parts of a microsecond less.
 */
export function sealOf(write: Sealed, token: string): string {
  const { id, revision, generation, wroteMs, text, tags, deleted, fromAgeMs, toAgeMs, writtenAgeMs } = write;
  const beforeMs = Math.round(fromAgeMs - writtenAgeMs);
  const lastedMs = toAgeMs === null ? null : Math.round(fromAgeMs - toAgeMs);
  const what = [id, revision, generation, wroteMs, text, tags, deleted, beforeMs, lastedMs];
  return createHmac('sha256', token)
    .update(JSON.stringify([SEAL_CONTEXT, ...what]))
    .digest('base64url');
}

/** Whether `seal` is that of a write by somebody with `token`, compared in constant time; never without a token. */
export function isSealed(copy: Sealed, seal: string, token: string): boolean {
  if (token === '') return false;
  const [expected, given] = [Buffer.from(sealOf(copy, token)), Buffer.from(seal)];
  return given.length === expected.length && timingSafeEqual(given, expected);
}

/**
 * What pods show each other when they hand on copies; '' without a WRITE_TOKEN. The token does not follow from it: a
 * stranger with the pods' label is called like any other, and must not get to know what writes.
 */
export function podTokenOf(token: string): string {
  return token === '' ? '' : createHmac('sha256', token).update(POD_CONTEXT).digest('base64url');
}
