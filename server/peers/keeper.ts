import type { EventJournal } from '../events/journal.ts';
import { type CopyAnswer, type CopyCursor, type CopyPart, NO_CURSOR, parseCopyAnswerSliced } from '../protocol/copy.ts';
import { MAX_EVENTS } from '../protocol/event.ts';
import { MAX_PAST_MS } from '../protocol/history.ts';
import type { DiscoverySnapshot, Pod } from '../protocol/pod.ts';
import type { Clock, Timer } from '../runtime/clock.ts';
import { runSliced } from '../runtime/concurrency.ts';
import { hash32 } from '../runtime/hash.ts';
import { type Copies, PULL_MS } from './copies.ts';
import type { PeerClient } from './peer-client.ts';

/** How many pods keep a copy of each pod. */
export const KEEPERS = 2;

/**
 * The pods that keep the copy of pod `uid`, the first choice first: rendezvous hashing. Every pod that knows the same pods
 * chooses the same keepers, and a pod that joins or leaves changes only the choices in which it takes part. Pods that leave
 * are no keepers, nor are pods that start: some never run.
 */
export function keepersOf(uid: string, pods: readonly Pod[], count = KEEPERS): Pod[] {
  const scores = new Map(pods.filter((pod) => mayKeep(pod, uid)).map((pod) => [pod, scoreOf(pod.uid, uid)]));
  return [...scores]
    .sort(([, a], [, b]) => b - a)
    .slice(0, count)
    .map(([pod]) => pod);
}

/** Whether `keeper` is among `keepersOf(uid, pods)`. It stops at the first KEEPERS pods that are chosen before it. */
export function isKeeper(keeper: Pod, uid: string, pods: readonly Pod[]): boolean {
  if (!mayKeep(keeper, uid)) return false;
  const own = scoreOf(keeper.uid, uid);
  let before = 0;
  for (const pod of pods) {
    if (mayKeep(pod, uid) && scoreOf(pod.uid, uid) > own) before += 1;
    if (before === KEEPERS) return false;
  }
  return true;
}

function mayKeep({ uid, lifecycle }: Pod, of: string): boolean {
  return uid !== of && lifecycle !== 'gone' && lifecycle !== 'terminating' && lifecycle !== 'starting';
}

function scoreOf(keeper: string, uid: string): number {
  return hash32(keeper, '\n', uid);
}

interface KeeperDeps {
  clock: Clock;
  client: Pick<PeerClient, 'request'>;
  snapshot(): DiscoverySnapshot;
  /** Our own pod's uid; '' if unknown. */
  selfUid(): string;
  /** uids of the pods that left within HISTORY_WINDOW. */
  departed(): readonly string[];
  /** The other pods that may have a copy of a pod, in the order in which to ask them. */
  otherKeepers(uid: string): readonly Pod[];
  copies: Pick<Copies, 'cursorOf' | 'take'>;
}

/** How often the keeper looks whom to ask. It asks a pod that terminates at each look: see `CopySource.keepersHaveAsked`. */
const LOOK_MS = 1_000;
/** It looks for the first time this long after its start, when most pods have been pinged. */
const FIRST_LOOK_MS = 2_500;
/** A pod that did not answer, or had nothing to give, is asked again after this time. */
const RETRY_MS = 3_000;
/** The most searches for the copy of one pod: perhaps no other keeper has one. */
const MAX_SEARCHES = 3;
/** The time between two searches for the copy of a pod that has left. */
const SEARCH_MS = 30_000;
/** An answer has at most 660 kB of samples and cycles (880 kB in base64), 1000 entries of a journal and the targets. */
const ANSWER_LIMITS = { maxBytes: 2 * 1024 * 1024, maxValues: 100_000 };
/** The most answers that one pull asks for: it goes on as long as an answer says that there is more. */
const MAX_IN_A_ROW = 50;

/** When a pod is asked next, or the other keepers of one that has left. */
interface Turn {
  /** From this moment on, monotonic ms. */
  dueMs: number;
  /** How often other keepers have been asked for their copies. */
  searches: number;
}

/**
 * Keeps the copies of those pods whose keeper this pod is. Copies are pulled and never pushed: a pod can't make another one
 * store anything that the other does not ask for. It costs two small requests for each pod every `PULL_MS`.
 */
export class Keeper {
  readonly #deps: KeeperDeps;
  /** By uid of the pods whose keeper this pod is. */
  #turns = new Map<string, Turn>();
  /** What `#turns` was made from: it is made again when one of these changes. */
  #choice: readonly unknown[] = [];
  #timer: Timer | null = null;
  #isStopped = false;

  constructor(deps: KeeperDeps) {
    this.#deps = deps;
  }

  /** Begins to ask. Call it once. */
  start(): void {
    this.#lookIn(FIRST_LOOK_MS);
  }

  #lookIn(delayMs: number): void {
    if (this.#isStopped) return;
    this.#timer = this.#deps.clock.setTimer(() => void this.tick().finally(() => this.#lookIn(LOOK_MS)), delayMs);
  }

  /** Ends. Calls in progress end when the client is stopped. */
  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
  }

  /** Looks whose turn it is, and asks them one after the other. Never rejects. */
  async tick(): Promise<void> {
    const { clock, snapshot, selfUid, departed } = this.#deps;
    const { pods } = snapshot();
    const nowMs = clock.monotonicMs();
    // With 1000 pods the choice takes 10 ms. Discovery gives the same list until a pod changes.
    const choice: unknown[] = [pods, selfUid(), departed().length];
    if (choice.some((input, i) => input !== this.#choice[i])) {
      this.#choice = choice;
      const kept = await runSliced(this.#keptOf(pods), clock);
      this.#turns = new Map(kept.map((uid) => [uid, this.#turns.get(uid) ?? { dueMs: nowMs, searches: 0 }]));
    }
    for (const [uid, turn] of this.#turns) {
      const pod = pods.find((one) => one.uid === uid && one.lifecycle !== 'gone');
      const isDue = turn.dueMs <= nowMs || pod?.lifecycle === 'terminating';
      if (!isDue || this.#isStopped) continue;
      // After a pod has left, another keeper may have more of it than this one.
      const isSearch = turn.searches < MAX_SEARCHES && (pod === undefined || !this.#hasCopy(uid));
      if (isSearch) {
        turn.searches += 1;
        await this.#search(uid);
      }
      if (pod === undefined) turn.dueMs = nowMs + SEARCH_MS;
      else turn.dueMs = nowMs + ((await this.#pull(uid, pod)) ? PULL_MS : RETRY_MS);
    }
  }

  #hasCopy(uid: string): boolean {
    return this.#deps.copies.cursorOf(uid) !== null;
  }

  /** The uids of the pods whose keeper this pod is; none before we know which pod we are. */
  *#keptOf(pods: readonly Pod[]): Generator<void, string[]> {
    const self = pods.find(({ uid }) => uid === this.#deps.selfUid());
    if (self === undefined) return [];
    const uids = new Set([...pods.map(({ uid }) => uid), ...this.#deps.departed()]);
    const kept: string[] = [];
    for (const uid of uids) {
      yield;
      if (isKeeper(self, uid, pods)) kept.push(uid);
    }
    return kept;
  }

  /** Asks the other pods that may have a copy of pod `uid`, until one has given all of its copy. */
  async #search(uid: string): Promise<void> {
    for (const other of this.#deps.otherKeepers(uid)) if (await this.#pull(uid, other)) return;
  }

  /**
   * Asks `pod`, which is pod `uid` itself or another keeper of it, for what is new of pod `uid`, until it has no more (or
   * MAX_IN_A_ROW times). Resolves to false if it did not answer, or if there is still no copy.
   */
  async #pull(uid: string, pod: Pod): Promise<boolean> {
    const { client, clock, copies, selfUid } = this.#deps;
    for (let i = 0; i < MAX_IN_A_ROW && !this.#isStopped; i++) {
      const { process, sinceMs, links, seq } = copies.cursorOf(uid) ?? NO_CURSOR;
      const query = new URLSearchParams({ of: uid, by: selfUid() });
      if (process !== '') {
        for (const [name, value] of Object.entries({ process, since: sinceMs, links, seq }))
          query.set(name, String(value));
      }
      try {
        const request = { path: `/api/v1/copy?${query}`, ...ANSWER_LIMITS, parse: parseCopyAnswerSliced };
        const { value, atMs, errorMs } = await client.request(pod, request);
        copies.take(uid, value, { agoMs: clock.nowMs() - atMs, errorMs });
        // A pod that has just started may not know itself yet: then it has no copy to give.
        if (!value.hasMore) return this.#hasCopy(uid);
      } catch {
        return false;
      }
    }
    return true;
  }
}

interface CopySourceDeps extends Pick<KeeperDeps, 'clock' | 'snapshot' | 'selfUid'> {
  copySince(
    cursor: Pick<CopyCursor, 'sinceMs' | 'links'>,
  ): Promise<{ part: Omit<CopyPart, 'journal'>; hasMore: boolean }>;
  journal: Pick<EventJournal, 'id' | 'read'>;
  copies: Pick<Copies, 'answer'>;
}

/** The time between two looks of an ending pod whether its keepers have asked. */
const END_LOOK_MS = 50;

/** Answers the keepers of this pod, and other keepers of those pods whose copies it keeps. */
export class CopySource {
  readonly #deps: CopySourceDeps;
  /** By uid of our keepers: when each of them last got all that there was, monotonic ms. */
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
    return { hasMore, copies: [{ ...part, journal: journal.read(MAX_PAST_MS, MAX_EVENTS, from.seq) }] };
  }

  /** Waits until all keepers of this pod have asked, at most `mostMs`. To be called once nothing is measured any more. */
  async keepersHaveAsked(mostMs: number): Promise<void> {
    const { clock } = this.#deps;
    const startMs = clock.monotonicMs();
    const isDone = () => this.#keeperUids().every((uid) => (this.#askedMs.get(uid) ?? -1) >= startMs);
    while (!isDone() && clock.monotonicMs() - startMs < mostMs) {
      await new Promise<void>((resolve) => void clock.setTimer(resolve, END_LOOK_MS));
    }
  }

  #keeperUids(): string[] {
    const { selfUid, snapshot } = this.#deps;
    return keepersOf(selfUid(), snapshot().pods).map(({ uid }) => uid);
  }
}
