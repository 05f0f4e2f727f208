import type { AnnotationStore } from '../events/annotation-store.ts';
import {
  type Annotation,
  type AnnotationRequest,
  type Annotations,
  MAX_ANNOTATIONS,
  MAX_TOMBSTONES,
  parseAnnotationCopiesSliced,
  type WrittenAnnotation,
} from '../protocol/annotation.ts';
import type { Skipped } from '../protocol/validators.ts';
import type { Clock } from '../runtime/clock.ts';
import { waitAtMost } from '../runtime/deadline.ts';
import { BusyError } from '../runtime/errors.ts';
import type { Log } from '../runtime/log.ts';
import { uniqueId } from '../runtime/unique-id.ts';
import type { Broadcast } from './broadcast.ts';

interface MeshAnnotationsDeps {
  clock: Clock;
  log: Log;
  /** 0 <= number < 1. */
  random(): number;
  broadcast: Broadcast;
  own: AnnotationStore;
  /** WRITE_TOKEN. '' = nobody may write, so other pods are not asked either. */
  writeToken: string;
}

/** Where a pod gives its copies (GET) and takes copies (POST). A pod that takes a copy does not pass it on. */
const COPIES_PATH = '/api/v1/own-annotations';
/** The most writes that run at once. */
const MAX_WRITES = 4;
/** How long a write searches for its id, and then waits for other pods, ms: chaos tools give up after a second. */
const FIND_MS = 300;
const TELL_MS = 400;
/** Text and tags of a copy have up to 1140 characters of up to 3 bytes; a copy counts as 20 values, and there is some room. */
const ANSWER_LIMITS = {
  maxBytes: (MAX_ANNOTATIONS + MAX_TOMBSTONES) * 4 * 1024,
  maxValues: 100 + (MAX_ANNOTATIONS + MAX_TOMBSTONES) * 24,
};

/** The annotations of the whole mesh. A write is sent to all pods; a read merges the copies of all pods into our own. */
export class MeshAnnotations {
  readonly #deps: MeshAnnotationsDeps;
  /** How many writes are being sent to other pods, the late ones included. */
  #writes = 0;

  constructor(deps: MeshAnnotationsDeps) {
    this.#deps = deps;
  }

  /** Takes over the copies of up to `pods` other pods. So annotations outlive a rollout, in which every pod starts without any. */
  async catchUp(pods: number): Promise<void> {
    // A path of its own, because queries of one path share a round, and a read asks all pods.
    if (this.#deps.writeToken !== '') await this.#fetch(`${COPIES_PATH}?newcomer`, pods);
  }

  /** Returns all annotations, also those that only other pods had. Rejects as `Broadcast.ask` does. */
  async read(): Promise<Annotations> {
    const { clock, own, writeToken } = this.#deps;
    const { missing } = writeToken === '' ? { missing: [] } : await this.#fetch(COPIES_PATH);
    return { nowMs: clock.nowMs(), missing, annotations: own.all() };
  }

  /** Merges each pod's copies as they arrive, so that memory holds one answer: 1000 pods have half a million copies. */
  #fetch(path: string, most?: number) {
    const { own, broadcast } = this.#deps;
    const parse = function* (wire: unknown, skipped: Skipped) {
      own.merge(yield* parseAnnotationCopiesSliced(wire, skipped));
      return null;
    };
    return broadcast.ask({ path, most, parse, own: () => null, ...ANSWER_LIMITS });
  }

  /**
   * Writes an annotation on all pods; one with the same id is replaced. Resolves within `FIND_MS` + `TELL_MS`. Rejects, and changes
   * nothing, with a BusyError if too many writes or queries are running, and with a ConflictError if there is no room for it.
   */
  async write(request: AnnotationRequest): Promise<WrittenAnnotation> {
    const { clock, log, random } = this.#deps;
    const nowMs = clock.nowMs();
    const id = request.id ?? uniqueId(clock, random);
    const { text, tags } = request;
    const known = request.id === null ? null : await this.#find(request.id);
    const fromMs = request.fromMs ?? known?.fromMs ?? Math.min(nowMs, request.toMs ?? Number.POSITIVE_INFINITY);
    // An end before the beginning becomes the beginning: the writer's clock may be behind, or have whole seconds.
    const toMs = request.toMs === null ? null : Math.max(fromMs, request.toMs);
    const written = await this.#replicate({ id, fromMs, toMs, text, tags, writtenMs: nowMs }, false);
    log.info({ id, text, tags, fromMs, toMs, taken: written.taken }, 'annotation written');
    return written;
  }

  /** Deletes an annotation on all pods; resolves to null if there is none with this id. Rejects as `write` does. */
  async remove(id: string): Promise<WrittenAnnotation | null> {
    const known = await this.#find(id);
    if (known === null) return null;
    const tombstone = { ...known, toMs: null, text: '', tags: [], writtenMs: this.#deps.clock.nowMs() };
    const written = await this.#replicate(tombstone, true);
    this.#deps.log.info({ id, taken: written.taken }, 'annotation deleted');
    return written;
  }

  /** The annotation with this id; other pods are asked if this pod has no copy of it. */
  async #find(id: string): Promise<Annotation | null> {
    const { own, clock } = this.#deps;
    if (own.get(id) === null) await waitAtMost(clock, FIND_MS, this.read());
    return own.get(id);
  }

  /** Keeps a write and sends it to all other pods. Rejects, and changes nothing, as `write` does. */
  async #replicate(annotation: Annotation, deleted: boolean): Promise<WrittenAnnotation> {
    const { own, broadcast, clock, random, writeToken } = this.#deps;
    const { id } = annotation;
    if (this.#writes >= MAX_WRITES) throw new BusyError('too many annotations are being written at once, try again');
    own.write({ ...annotation, revision: uniqueId(clock, random), deleted });
    this.#writes += 1;
    const { parts, missing, ended } = await broadcast.tell({
      path: COPIES_PATH,
      withinMs: TELL_MS,
      headers: { 'content-type': 'application/json', authorization: `Bearer ${writeToken}` },
      body: () => {
        const { format, annotations } = own.copies();
        return JSON.stringify({ format, annotations: annotations.filter((copy) => copy.id === id) });
      },
    });
    void ended.then(() => {
      this.#writes -= 1;
    });
    return { annotation: own.get(id), nowMs: clock.nowMs(), taken: parts.length + 1, missing };
  }
}
