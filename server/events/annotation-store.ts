import {
  ANNOTATION_COPIES_FORMAT,
  type Annotation,
  type AnnotationCopies,
  type AnnotationCopy,
  MAX_ANNOTATIONS,
  MAX_TOMBSTONES,
} from '../protocol/annotation.ts';
import { type Clock, wallOffsetMs } from '../runtime/clock.ts';
import { ConflictError } from '../runtime/errors.ts';

/** A write that was made on this pod, before it gets its version. Times are ms since the epoch. */
type AnnotationWrite = Annotation & Pick<AnnotationCopy, 'revision' | 'deleted'>;

/** A copy as it is kept: the fields of `AnnotationCopy`, with monotonic times instead of ages. */
interface Kept extends AnnotationWrite {
  version: number;
}

/**
 * A tombstone (the record of a deletion) is kept this long. If a pod that missed the deletion is cut off for longer, its copy
 * brings the annotation back.
 */
const TOMBSTONE_MS = 24 * 3_600_000;

/**
 * This pod's copies of all annotations. Of two copies of one, that with the higher version wins (see `isNewer`), in whatever order
 * they come. So all pods that have seen the same copies agree. Beyond `MAX_ANNOTATIONS` those that began first are dropped, beyond
 * `MAX_TOMBSTONES` the deletions that were written first.
 */
export class AnnotationStore {
  readonly #clock: Clock;
  readonly #kept = new Map<string, Kept>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Keeps a write that was made on this pod, as the next version of its id. Changes nothing if a write that was requested
   * later has been kept meanwhile. Throws a ConflictError, and changes nothing, if the store is full and the annotation
   * began before all others: it would be dropped at once.
   */
  write(write: AnnotationWrite): void {
    const known = this.#kept.get(write.id);
    const wallMs = wallOffsetMs(this.#clock);
    const kept: Kept = {
      ...write,
      version: (known?.version ?? 0) + 1,
      fromMs: write.fromMs - wallMs,
      toMs: write.toMs === null ? null : write.toMs - wallMs,
      writtenMs: write.writtenMs - wallMs,
    };
    if (known !== undefined && known.writtenMs > kept.writtenMs) return;
    this.#dropOldTombstones();
    const others = [...this.#kept.values()].filter(({ id, deleted }) => !deleted && id !== kept.id);
    const isFull = !kept.deleted && others.length >= MAX_ANNOTATIONS;
    if (isFull && others.every((other) => byBeginning(kept, other) < 0)) {
      throw new ConflictError(`${MAX_ANNOTATIONS} annotations are kept, and this one begins before all of them`);
    }
    this.#kept.set(kept.id, kept);
    this.#dropExcess();
  }

  /** Merges another pod's copies, which were given just now, into our own. */
  merge(copies: readonly AnnotationCopy[]): void {
    const nowMs = this.#clock.monotonicMs();
    for (const { fromAgeMs, toAgeMs, writtenAgeMs, ...copy } of copies) {
      const kept: Kept = {
        ...copy,
        fromMs: nowMs - fromAgeMs,
        toMs: toAgeMs === null ? null : nowMs - toAgeMs,
        writtenMs: nowMs - Math.max(0, writtenAgeMs),
      };
      const known = this.#kept.get(copy.id);
      if (known?.revision === kept.revision) moveTimesBack(known, kept.writtenMs);
      else if (known === undefined || isNewer(kept, known)) this.#kept.set(kept.id, kept);
    }
    this.#dropOldTombstones();
    this.#dropExcess();
  }

  /** All copies, deletions included, for another pod: their ages are those of this moment. */
  copies(): AnnotationCopies {
    const nowMs = this.#clock.monotonicMs();
    const annotations = [...this.#kept.values()].map(({ fromMs, toMs, writtenMs, ...copy }) => ({
      ...copy,
      fromAgeMs: ageMs(nowMs - fromMs),
      toAgeMs: toMs === null ? null : ageMs(nowMs - toMs),
      writtenAgeMs: ageMs(nowMs - writtenMs),
    }));
    return { format: ANNOTATION_COPIES_FORMAT, annotations };
  }

  /** All annotations that are not deleted, in the order in which they began. */
  all(): Annotation[] {
    const living = [...this.#kept.values()].filter(({ deleted }) => !deleted);
    return living.map((kept) => this.#annotationOf(kept)).sort(byBeginning);
  }

  /** The annotation with this id; null if there is none, or if it was deleted. */
  get(id: string): Annotation | null {
    const kept = this.#kept.get(id);
    return kept === undefined || kept.deleted ? null : this.#annotationOf(kept);
  }

  #annotationOf({ id, fromMs, toMs, text, tags, writtenMs }: Kept): Annotation {
    const wallMs = wallOffsetMs(this.#clock);
    return {
      id,
      fromMs: Math.round(fromMs + wallMs),
      toMs: toMs === null ? null : Math.round(toMs + wallMs),
      text,
      tags,
      writtenMs: Math.round(writtenMs + wallMs),
    };
  }

  #dropOldTombstones(): void {
    const nowMs = this.#clock.monotonicMs();
    for (const { id, deleted, writtenMs } of this.#kept.values()) {
      if (deleted && nowMs - writtenMs > TOMBSTONE_MS) this.#kept.delete(id);
    }
  }

  #dropExcess(): void {
    // For speed: a read merges the copies of up to a thousand pods one after the other, and mostly there is nothing to drop.
    if (this.#kept.size <= Math.min(MAX_ANNOTATIONS, MAX_TOMBSTONES)) return;
    const all = [...this.#kept.values()];
    const living = all.filter(({ deleted }) => !deleted).sort(byBeginning);
    const tombstones = all.filter(({ deleted }) => deleted).sort(byWriting);
    const excess = [...living.slice(0, -MAX_ANNOTATIONS), ...tombstones.slice(0, -MAX_TOMBSTONES)];
    for (const { id } of excess) this.#kept.delete(id);
  }
}

/**
 * Moves the times of a write back if another copy of the same write says that it was earlier. Each copy looks younger than it is
 * by the time that its call took, so the earliest time is the most exact.
 */
function moveTimesBack(known: Kept, writtenMs: number): void {
  const byMs = Math.max(0, known.writtenMs - writtenMs);
  known.writtenMs -= byMs;
  known.fromMs -= byMs;
  if (known.toMs !== null) known.toMs -= byMs;
}

/** Whether `copy` replaces the known one. Of equal versions the greater revision wins: no better one, but the same on all pods. */
function isNewer(copy: Kept, known: Kept): boolean {
  return copy.version === known.version ? copy.revision > known.revision : copy.version > known.version;
}

function byBeginning(a: Annotation, b: Annotation): number {
  return a.fromMs - b.fromMs || (a.id < b.id ? -1 : 1);
}

function byWriting(a: Kept, b: Kept): number {
  return a.writtenMs - b.writtenMs || (a.id < b.id ? -1 : 1);
}

/** Whole microseconds, never rounded up: a write must not get older by being handed on and back. */
function ageMs(ms: number): number {
  return Math.floor(ms * 1000) / 1000;
}
