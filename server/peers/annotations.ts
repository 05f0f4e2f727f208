import {
  type Annotation,
  type AnnotationCopies,
  type AnnotationCopy,
  type AnnotationDraft,
  type AnnotationRequest,
  type Annotations,
  parseAnnotationCopies,
  type WrittenAnnotation,
} from '../protocol/annotation.ts';
import type { Clock, Log, Timer } from '../runtime/clock.ts';
import { BusyError } from '../runtime/errors.ts';
import type { Broadcast, BroadcastResult } from './broadcast.ts';

/** Our own copies, as `journal` keeps them. */
interface OwnAnnotations {
  write(draft: AnnotationDraft): void;
  take(copies: readonly AnnotationCopy[]): boolean;
  copies(): AnnotationCopies;
  all(): Annotation[];
  get(id: string): Annotation | null;
}

/** What annotations need of the other parts; `random` gives 0 <= x < 1. */
interface AnnotationsDeps {
  clock: Clock;
  log: Log;
  random: () => number;
  askAll: Broadcast;
  own: OwnAnnotations;
  /** What other pods want to see before they take a copy; not the WRITE_TOKEN: a stranger may be among them. */
  podToken: string;
}

/** The path on which pods give each other copies. What comes in there is not handed on. */
const COPIES_PATH = '/api/v1/own-annotations';
/** An answer is kept this long. */
const KEEP_MS = 1000;
/** The most writes under way at once. */
const MAX_WRITES = 4;
/** 500 copies of the longest text, all of it escaped. */
const MAX_COPIES_BYTES = 4 * 1024 * 1024;

/** A pod that starts asks this many others for their copies, after this long, again until one has answered. */
const NEWCOMER = { asked: 3, afterMs: 2000, tries: 5 };

/** The annotations of the whole mesh: every pod has a copy of each, and whoever is asked merges them. */
export class MeshAnnotations {
  readonly #deps: AnnotationsDeps;
  #writes = 0;
  #catchingUp: Timer | null = null;
  #isStopped = false;

  constructor(deps: AnnotationsDeps) {
    this.#deps = deps;
  }

  /**
   * Soon asks a few others for what was written before we started: when pods are replaced one after the other, what they
   * know must go on. To be called once other pods are known; further calls do nothing.
   */
  catchUp(): void {
    this.#catchingUp ??= this.#catchUpLater(NEWCOMER.tries);
  }

  /** Ends what is waiting. */
  stop(): void {
    this.#isStopped = true;
    this.#catchingUp?.cancel();
  }

  #catchUpLater(tries: number): Timer {
    const ask = async () => {
      const { parts } = await this.#gather(`${COPIES_PATH}?newcomer`, NEWCOMER.asked);
      if (parts.length < 2) throw new Error('none of them has answered');
    };
    return this.#deps.clock.setTimer(() => {
      ask().catch(() => {
        if (tries > 1 && !this.#isStopped) this.#catchingUp = this.#catchUpLater(tries - 1);
      });
    }, NEWCOMER.afterMs);
  }

  /** All annotations. What others have and we have not is ours from now on. Rejects as `AskAll.ask`. */
  async read(): Promise<Annotations> {
    const { missing } = await this.#gather(COPIES_PATH, Number.POSITIVE_INFINITY);
    return { nowMs: this.#deps.clock.nowMs(), missing, annotations: this.#deps.own.all() };
  }

  /** Takes each pod's copies as they come in: those of 1000 pods at once would be half a million. */
  #gather(path: string, most: number): Promise<BroadcastResult<null>> {
    const { own, askAll } = this.#deps;
    const limits = { most, keepMs: KEEP_MS, maxBytes: MAX_COPIES_BYTES };
    const parse = (wire: unknown) => {
      own.take(parseAnnotationCopies(wire).annotations);
      return null;
    };
    return askAll.ask({ path, parse, own: () => null, ...limits });
  }

  /**
   * Writes one, here and on all other pods; of an id that exists, in its place. Rejects with a BusyError, and with a
   * ConflictError if there is no room for it; then nothing has changed.
   */
  async write(wish: AnnotationRequest): Promise<WrittenAnnotation> {
    const nowMs = this.#deps.clock.nowMs();
    const id = wish.id ?? this.#newName();
    const known = wish.id === null ? null : await this.#find(wish.id);
    const { text, tags, toMs } = wish;
    const fromMs = wish.fromMs ?? Math.min(known?.fromMs ?? nowMs, toMs ?? Number.POSITIVE_INFINITY);
    // As ages now: looking for it may have taken seconds.
    const ageOf = (ms: number) => this.#deps.clock.nowMs() - ms;
    const toAgeMs = toMs === null ? null : ageOf(toMs);
    const times = { fromAgeMs: ageOf(fromMs), toAgeMs, writtenAgeMs: ageOf(nowMs) };
    const written = await this.#spread({ id, revision: this.#newName(), ...times, text, tags, deleted: false });
    this.#deps.log.info({ id, text, tags, fromMs, toMs, taken: written.taken }, 'annotation written');
    return written;
  }

  /** Takes one back, here and on all other pods; null if there is none. Rejects as `write`. */
  async remove(id: string): Promise<WrittenAnnotation | null> {
    const known = await this.#find(id);
    if (known === null) return null;
    // The place of its time stays taken, so that a pod that missed this does not bring it back.
    const times = { fromAgeMs: this.#deps.clock.nowMs() - known.fromMs, toAgeMs: null, writtenAgeMs: 0 };
    const written = await this.#spread({ id, revision: this.#newName(), ...times, text: '', tags: [], deleted: true });
    this.#deps.log.info({ id, taken: written.taken }, 'annotation removed');
    return written;
  }

  async #find(id: string): Promise<Annotation | null> {
    const known = this.#deps.own.get(id);
    if (known !== null) return known;
    await this.read();
    return this.#deps.own.get(id);
  }

  async #spread(draft: AnnotationDraft): Promise<WrittenAnnotation> {
    if (this.#writes >= MAX_WRITES) throw new BusyError('too many annotations are being written at once, try again');
    this.#writes += 1;
    try {
      return await this.#tellAll(draft);
    } finally {
      this.#writes -= 1;
    }
  }

  async #tellAll(draft: AnnotationDraft): Promise<WrittenAnnotation> {
    const { own, askAll, clock, podToken } = this.#deps;
    own.write(draft);
    const { parts, missing } = await askAll.tell({
      method: 'POST',
      path: COPIES_PATH,
      headers: { 'content-type': 'application/json', authorization: `Bearer ${podToken}` },
      // Ages as they are when each pod is told: the last may be told seconds later.
      body: () => {
        const { format, annotations } = own.copies();
        return JSON.stringify({ format, annotations: annotations.filter(({ id }) => id === draft.id) });
      },
    });
    return { annotation: own.get(draft.id), nowMs: clock.nowMs(), taken: parts.length + 1, missing };
  }

  #newName(): string {
    const { clock, random } = this.#deps;
    return `${clock.nowMs().toString(36)}-${Math.floor(random() * 2 ** 40).toString(36)}`.replace(/[^\w-]/g, '');
  }
}
