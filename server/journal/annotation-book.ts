import {
  ANNOTATION_COPIES_FORMAT,
  type Annotation,
  type AnnotationCopies,
  type AnnotationCopy,
  MAX_ANNOTATIONS,
} from '../contract/annotation.ts';
import type { Clock } from '../contract/seams.ts';

/** A copy as it is kept: by monotonic time instead of ages. */
interface Kept {
  id: string;
  revision: string;
  fromMs: number;
  toMs: number | null;
  writtenMs: number;
  text: string;
  tags: string[];
  deleted: boolean;
}

/** This pod's copies of all annotations, at most `MAX_ANNOTATIONS`; those that began first make room. */
export class AnnotationBook {
  readonly #clock: Clock;
  readonly #kept = new Map<string, Kept>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /**
   * Takes copies that were given `agoMs` ago. Of two writes with one id the later stays; another copy of the same write
   * changes nothing, so that times do not wander. Gives whether any was news.
   */
  take(copies: readonly AnnotationCopy[], agoMs = 0): boolean {
    let isNews = false;
    const givenMs = this.#clock.monotonicMs() - agoMs;
    for (const { fromAgeMs, toAgeMs, writtenAgeMs, ...copy } of copies) {
      const toMs = toAgeMs === null ? null : givenMs - toAgeMs;
      // Nobody has written in the future: such a write could not be replaced.
      const writtenMs = Math.min(givenMs - writtenAgeMs, this.#clock.monotonicMs());
      const kept: Kept = { ...copy, fromMs: givenMs - fromAgeMs, toMs, writtenMs };
      const known = this.#kept.get(copy.id);
      if (known !== undefined && !isLater(kept, known)) continue;
      this.#kept.set(copy.id, kept);
      isNews = true;
    }
    this.#makeRoom();
    return isNews;
  }

  /** Our copies, as they are given to other pods. */
  copies(): AnnotationCopies {
    const nowMs = this.#clock.monotonicMs();
    const annotations = [...this.#kept.values()].map(({ fromMs, toMs, writtenMs, ...copy }) => ({
      ...copy,
      fromAgeMs: round(nowMs - fromMs),
      toAgeMs: toMs === null ? null : round(nowMs - toMs),
      writtenAgeMs: round(nowMs - writtenMs),
    }));
    return { format: ANNOTATION_COPIES_FORMAT, annotations };
  }

  /** All that have not been taken back, in order of their beginning. */
  all(): Annotation[] {
    const annotations = [...this.#kept.values()].filter(({ deleted }) => !deleted).map((kept) => this.#shown(kept));
    return annotations.sort((a, b) => a.fromMs - b.fromMs || (a.id < b.id ? -1 : 1));
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
    const oldest = [...this.#kept.values()].sort((a, b) => a.fromMs - b.fromMs || (a.id < b.id ? -1 : 1));
    for (const { id } of oldest.slice(0, this.#kept.size - MAX_ANNOTATIONS)) this.#kept.delete(id);
  }
}

function isLater(copy: Kept, known: Kept): boolean {
  if (copy.revision === known.revision) return false;
  return copy.writtenMs > known.writtenMs || (copy.writtenMs === known.writtenMs && copy.revision > known.revision);
}

function round(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}
