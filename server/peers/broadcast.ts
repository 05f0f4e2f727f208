import type { MissingPart } from '../protocol/event.ts';
import type { DiscoverySnapshot, Pod } from '../protocol/pod.ts';
import type { PodNamer } from '../protocol/pod-names.ts';
import type { Clock } from '../runtime/clock.ts';
import { waitAtMost } from '../runtime/deadline.ts';
import { textOf } from '../runtime/errors.ts';
import { SharedResults } from '../runtime/shared-results.ts';
import type { FanOut } from './fan-out.ts';
import { type PeerAnswer, PeerCallError, type PeerClient, type PeerRequest } from './peer-client.ts';

/** A question for all pods. Those with the same path share one round of calls. */
export interface BroadcastQuery<T> extends Pick<PeerRequest<T>, 'path' | 'parse' | 'maxBytes' | 'maxValues'> {
  /** Our own answer. */
  own(): T | Promise<T>;
  /**
   * At most this many ready pods are asked, beginning with a random one, and at most as many terminating ones: when all pods are replaced
   * (`kubectl rollout restart`), only these know what came before. Default: all pods that are not gone. Such a query needs a path of
   * its own, or it would share a round with a query that asks all pods.
   */
  most?: number | undefined;
}

/** A message that all other pods get. Their answers say whether they took it. */
export interface Message {
  path: string;
  headers: Record<string, string>;
  /** After this time, ms, `tell` resolves with the answers that have come by then. The message still goes to all pods. */
  withinMs: number;
  /** Makes the body for each pod just before its call, so that ages in it are those of that moment. */
  body(): string;
}

/** One pod's answer. */
export interface PodAnswer<T> extends PeerAnswer<T> {
  /** null: our own answer, while we do not know which pod we are (then we may be among those that were asked, too). */
  pod: Pod | null;
}

/** The answers, our own first, and who gave none; in the order of discovery, with `most` from a random pod on. */
export interface BroadcastResult<T> {
  parts: PodAnswer<T>[];
  missing: MissingPart[];
  /** The pods of `missing`, in the same order. */
  missingPods: Pod[];
  /** When all pods had answered or were given up, or the time of a message was over; ms since the epoch by our clock. */
  atMs: number;
}

/** The answers to a message that came in time; none is our own. */
interface Told extends BroadcastResult<unknown> {
  /** Resolves when all pods have answered or have been given up. */
  ended: Promise<void>;
}

interface BroadcastDeps {
  clock: Clock;
  client: Pick<PeerClient, 'request'>;
  fanOut: FanOut;
  snapshot(): DiscoverySnapshot;
  nameOf: PodNamer;
  /** 0 <= number < 1. */
  random(): number;
  /** Our own pod's uid; '' if unknown. Our own pod is not called. */
  selfUid(): string;
}

/** A result is kept this long, for others that ask the same. */
const KEEP_MS = 1000;
/** The most different queries that run at once, and the most results that are kept. */
export const MAX_QUERIES = 8;
const TELL_ANSWER_LIMITS = { maxBytes: 16_384, maxValues: 1_000 };

export type Broadcast = Pick<PeerBroadcast, 'ask' | 'tell'>;

/** Asks all other pods the same question, or tells them all the same thing, and collects their answers. */
export class PeerBroadcast {
  readonly #deps: BroadcastDeps;
  readonly #rounds: SharedResults<BroadcastResult<unknown>>;

  constructor(deps: BroadcastDeps) {
    this.#deps = deps;
    this.#rounds = new SharedResults(deps.clock, MAX_QUERIES, 'too many different questions at once, try again');
  }

  /**
   * Asks all pods. Rejects with a BusyError if too many different queries are in progress and after `stop`, and as `own` rejects.
   * Never rejects because of a peer.
   */
  ask<T>(query: BroadcastQuery<T>): Promise<BroadcastResult<T>> {
    const result = this.#rounds.get(
      query.path,
      () => this.#askAll(query),
      () => KEEP_MS,
      MAX_QUERIES,
    );
    // A result of the same path has been through the same `parse`, so it has the type T.
    return result as Promise<BroadcastResult<T>>;
  }

  /** Sends a message to all other pods; a part is the JSON that a pod answered. The caller limits how many run. */
  tell({ body, withinMs, ...message }: Message): Promise<Told> {
    const request = () => ({ ...message, ...TELL_ANSWER_LIMITS, body: body(), parse: (wire: unknown) => wire });
    return this.#callEach(this.#others(), request, withinMs);
  }

  /** Drops the results that were kept. Calls in progress end when the client is stopped. */
  stop(): void {
    this.#rounds.stop();
  }

  async #askAll<T>({ own, most, ...request }: BroadcastQuery<T>): Promise<BroadcastResult<T>> {
    const { clock, selfUid, snapshot } = this.#deps;
    const value = await own();
    const pod = snapshot().pods.find(({ uid }) => uid === selfUid()) ?? null;
    const ownAnswer = { pod, value, atMs: clock.nowMs(), errorMs: 0 };
    const { parts, ended: _, ...result } = await this.#callEach(this.#others(most), () => request);
    return { ...result, parts: [ownAnswer, ...parts] };
  }

  /** The pods to call; `most`: see `BroadcastQuery`. */
  #others(most = Number.POSITIVE_INFINITY): Pod[] {
    const selfUid = this.#deps.selfUid();
    const others = this.#deps.snapshot().pods.filter((pod) => pod.lifecycle !== 'gone' && pod.uid !== selfUid);
    if (most === Number.POSITIVE_INFINITY) return others;
    return (['ready', 'terminating'] as const).flatMap((stage) => {
      const pods = others.filter(({ lifecycle }) => lifecycle === stage);
      const first = Math.floor(this.#deps.random() * pods.length);
      return [...pods.slice(first), ...pods.slice(0, first)].slice(0, most);
    });
  }

  /** Calls pods and waits for their answers, no longer than `withinMs`. */
  async #callEach<T>(
    pods: readonly Pod[],
    request: () => PeerRequest<T>,
    withinMs = Number.POSITIVE_INFINITY,
  ): Promise<BroadcastResult<T> & Pick<Told, 'ended'>> {
    const { clock, client, fanOut, nameOf } = this.#deps;
    const answers = new Map<string, PodAnswer<T>>();
    const failures = new Map<string, MissingPart>();
    const ended = fanOut.run(pods, async (pod, deadlineMs) => {
      try {
        answers.set(pod.uid, { pod, ...(await client.request(pod, { ...request(), deadlineMs })) });
        return true;
      } catch (error) {
        const { reason, hasAnswered } = error instanceof PeerCallError ? error : new PeerCallError('malformed', '');
        failures.set(pod.uid, { name: nameOf(pod), reason, detail: textOf(error) });
        return hasAnswered;
      }
    });
    await waitAtMost(clock, withinMs, ended);
    const late = (pod: Pod) => ({ name: nameOf(pod), reason: 'timeout', detail: 'its answer has not come yet' });
    // A passive pod measures nothing, so nothing of it is missing.
    const missingPods = pods.filter(({ uid }) => !answers.has(uid) && failures.get(uid)?.reason !== 'passive');
    return {
      parts: pods.map(({ uid }) => answers.get(uid)).filter((answer) => answer !== undefined),
      missing: missingPods.map((pod) => failures.get(pod.uid) ?? late(pod)),
      missingPods,
      atMs: clock.nowMs(),
      ended,
    };
  }
}
