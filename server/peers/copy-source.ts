import { type CopyAnswer, type CopyCursor, type CopyPart, NO_CURSOR } from '../protocol/copy.ts';
import type { Journal } from '../protocol/event.ts';
import { MAX_EVENTS } from '../protocol/event.ts';
import { MAX_PAST_MS } from '../protocol/history.ts';
import type { DiscoverySnapshot } from '../protocol/pod.ts';
import type { Clock } from '../runtime/clock.ts';
import { keepersOf } from './keeper.ts';

/** What the answers are made of. */
interface CopySourceDeps {
  clock: Clock;
  snapshot(): DiscoverySnapshot;
  /** Our own pod's uid; '' if unknown. */
  selfUid(): string;
  /** What is new in our own results. */
  copySince(
    cursor: Pick<CopyCursor, 'sinceMs' | 'links'>,
  ): Promise<{ part: Omit<CopyPart, 'journal'>; hasMore: boolean }>;
  journal: { id: string; read(sinceAgeMs: number, limit: number, seq: number): Journal };
  /** The copies that we keep of others. */
  copies: { answer(uid: string, cursor: CopyCursor): CopyAnswer };
}

/** How often an ending pod looks whether its keepers have asked. */
const LOOK_MS = 50;

/** Answers keepers: about this pod, and about those whose copies it keeps. */
export class CopySource {
  readonly #deps: CopySourceDeps;
  /** When each of our keepers last got everything up to then, monotonic ms, by uid. */
  readonly #askedMs = new Map<string, number>();

  constructor(deps: CopySourceDeps) {
    this.#deps = deps;
  }

  /** What the keeper `by` (a uid, or '') lacks of pod `of`, if its copy ends at `cursor`. No copies if the pod is unknown. */
  async answer(of: string, by: string, cursor: CopyCursor): Promise<CopyAnswer> {
    const { selfUid, journal, copies, copySince } = this.#deps;
    if (of !== selfUid()) return copies.answer(of, cursor);
    const from = cursor.process === journal.id ? cursor : NO_CURSOR;
    const { part, hasMore } = await copySince(from);
    if (!hasMore && this.#keeperUids().includes(by)) this.#askedMs.set(by, part.nowMs);
    const answer: CopyPart = { ...part, journal: journal.read(MAX_PAST_MS, MAX_EVENTS, from.seq) };
    return { hasMore, copies: [answer] };
  }

  /** Waits until all keepers of this pod have asked, at most `mostMs`. To be called once nothing is measured any more. */
  async keepersHaveAsked(mostMs: number): Promise<void> {
    const { clock } = this.#deps;
    const startMs = clock.monotonicMs();
    const isDone = () => this.#keeperUids().every((uid) => (this.#askedMs.get(uid) ?? -1) >= startMs);
    while (!isDone() && clock.monotonicMs() - startMs < mostMs) {
      await new Promise<void>((resolve) => void clock.setTimer(resolve, LOOK_MS));
    }
  }

  #keeperUids(): string[] {
    const { selfUid, snapshot } = this.#deps;
    return keepersOf(selfUid(), snapshot().pods).map(({ uid }) => uid);
  }
}
