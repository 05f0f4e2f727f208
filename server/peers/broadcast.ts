import { setMaxListeners } from 'node:events';
import { Agent } from 'node:http';
import type { MissingPart } from '../protocol/event.ts';
import type { DiscoverySnapshot, Pod } from '../protocol/pod.ts';
import type { Clock, Timer } from '../runtime/clock.ts';
import { forEachConcurrent } from '../runtime/concurrency.ts';
import { BusyError, textOf } from '../runtime/errors.ts';
import { type Addressing, addressOf, whyNoAddress } from './address.ts';
import { type PeerAnswer, PeerCallError, peerCall } from './peer-client.ts';

/** How pods are asked. */
interface BroadcastSettings extends Addressing {
  /** For one pod's answer (CHECK_TIMEOUT). */
  checkTimeoutMs: number;
  /** For all answers (CHECK_ALL_TIMEOUT). */
  checkAllTimeoutMs: number;
  /** The port that peers are called on (CLIENT_PORT_OVERRIDE). */
  port: number;
}

/** What asking needs of the other parts. */
interface BroadcastDeps {
  clock: Clock;
  snapshot(): DiscoverySnapshot;
  /** 0 <= number < 1. */
  random(): number;
  /** Our own pod's uid; '' if unknown. It is never asked over the network. */
  selfUid(): string;
}

/** Asks every pod that is not gone; see `createAskAll`. */
export interface Broadcast {
  /** Rejects with a BusyError if too many different questions are under way, and after `stop`. Never because of a peer. */
  ask<T>(question: BroadcastQuery<T>): Promise<BroadcastResult<T>>;
  /** Tells all other pods; a part is the JSON that a pod answered 2xx with. The caller bounds how many at once. */
  tell(message: Message): Promise<BroadcastResult<unknown>>;
  /** Ends what is under way; parts not yet there are missing in it. */
  stop(): void;
}

/** The longest that an answer is kept, ms. */
const MAX_KEEP_MS = 2000;
/** The most different questions at once: each is a fan-out of its own. */
export const MAX_QUERIES = 8;
const LIMITS = { concurrency: 4, slowAfterMs: 50, maxInFlight: 64 };
const MAX_TOLD_BYTES = 16_384;

/** What a round of asking works with. */
interface Round<T> {
  path: string;
  most: number;
  maxBytes: number;
  send: Message | null;
  parse(wire: unknown, errorMs: number): T | Promise<T>;
}

/**
 * Makes the one who asks. However many ask the same at once, one round answers them all, and those who come right after
 * get what it came to. A pod that answers 404 (Goldpinger, or an older version) is spared that path for a while.
 */
export function createBroadcast(settings: BroadcastSettings, deps: BroadcastDeps): Broadcast {
  return new PeerBroadcast(settings, deps);
}

class PeerBroadcast implements Broadcast {
  readonly #settings: BroadcastSettings;
  readonly #deps: BroadcastDeps;
  /** A connection a question: kept ones would be as many open sockets as there are pods. */
  readonly #agent = new Agent({ keepAlive: false });
  readonly #stopping = new AbortController();
  readonly #lacking: PathMemory;
  readonly #running = new Map<string, Promise<BroadcastResult<unknown>>>();
  readonly #kept = new Map<string, { parts: BroadcastResult<unknown>; expiry: Timer }>();
  /** uids of pods that did not answer last time: asked last, so that they hold up nobody. */
  readonly #late = new Set<string>();
  #rounds = 0;

  constructor(settings: BroadcastSettings, deps: BroadcastDeps) {
    this.#settings = settings;
    this.#deps = deps;
    this.#lacking = new PathMemory(deps.clock);
    setMaxListeners(LIMITS.maxInFlight * MAX_QUERIES, this.#stopping.signal);
  }

  async ask<T>({
    path,
    keepMs,
    maxBytes,
    parse,
    own,
    most = Number.POSITIVE_INFINITY,
  }: BroadcastQuery<T>): Promise<BroadcastResult<T>> {
    // The same path is the same question, so what is there has been through the same `parse`.
    const there = this.#kept.get(path)?.parts ?? this.#running.get(path);
    if (there !== undefined) return there as BroadcastResult<T> | Promise<BroadcastResult<T>>;
    const round = this.#run({ path, most, maxBytes, parse, send: null }, own);
    this.#running.set(path, round);
    try {
      const parts = await round;
      this.#keep(path, keepMs, parts);
      return parts;
    } finally {
      this.#running.delete(path);
    }
  }

  tell(message: Message): Promise<BroadcastResult<unknown>> {
    const limits = { most: Number.POSITIVE_INFINITY, maxBytes: MAX_TOLD_BYTES };
    return this.#askEach({ path: message.path, ...limits, parse: (wire) => wire, send: message }, []);
  }

  stop(): void {
    this.#stopping.abort();
    for (const { expiry } of this.#kept.values()) expiry.cancel();
    this.#kept.clear();
    this.#agent.destroy();
  }

  #keep(path: string, keepMs: number, parts: BroadcastResult<unknown>): void {
    if (keepMs <= 0 || this.#stopping.signal.aborted || this.#kept.size >= MAX_QUERIES) return;
    const expiry = this.#deps.clock.setTimer(() => this.#kept.delete(path), Math.min(keepMs, MAX_KEEP_MS));
    this.#kept.set(path, { parts, expiry });
  }

  async #run<T>(round: Round<T>, own: (() => T | Promise<T>) | null): Promise<BroadcastResult<T>> {
    if (this.#stopping.signal.aborted) throw new BusyError('this pod is shutting down');
    if (this.#rounds >= MAX_QUERIES) throw new BusyError('too many different questions at once, try again');
    this.#rounds += 1;
    try {
      return await this.#askEach(round, own === null ? [] : [this.#ownPart(await own())]);
    } finally {
      this.#rounds -= 1;
    }
  }

  #ownPart<T>(value: T): PodAnswer<T> {
    const selfUid = this.#deps.selfUid();
    const pod = this.#deps.snapshot().pods.find(({ uid }) => uid === selfUid) ?? null;
    return { pod, value, atMs: this.#deps.clock.nowMs(), errorMs: 0 };
  }

  async #askEach<T>(round: Round<T>, own: PodAnswer<T>[]): Promise<BroadcastResult<T>> {
    const { clock } = this.#deps;
    const { checkTimeoutMs, checkAllTimeoutMs } = this.#settings;
    const startMs = clock.monotonicMs();
    const asked = this.#others(round.most);
    const found = new Map<string, PodAnswer<T>>();
    const lost = new Map<string, MissingPart>();
    const order = [...asked].sort((a, b) => Number(this.#late.has(a.uid)) - Number(this.#late.has(b.uid)));
    this.#late.clear();
    await forEachConcurrent(order, LIMITS, clock, async (pod) => {
      const leftMs = Math.ceil(checkAllTimeoutMs - (clock.monotonicMs() - startMs));
      try {
        found.set(pod.uid, await this.#askOne(pod, round, Math.min(checkTimeoutMs, leftMs)));
      } catch (error) {
        const reason = error instanceof PeerCallError ? error.reason : 'malformed';
        if (reason !== 'http-status') this.#late.add(pod.uid);
        lost.set(pod.uid, { name: pod.name, reason, detail: textOf(error) });
      }
    });
    const parts = asked.map(({ uid }) => found.get(uid)).filter((part) => part !== undefined);
    const missing = asked.map(({ uid }) => lost.get(uid)).filter((part) => part !== undefined);
    return { parts: [...own, ...parts], missing, atMs: clock.nowMs() };
  }

  #others(most: number): Pod[] {
    const selfUid = this.#deps.selfUid();
    const others = this.#deps.snapshot().pods.filter((pod) => pod.lifecycle !== 'gone' && pod.uid !== selfUid);
    if (others.length <= most) return others;
    const ready = others.filter(({ lifecycle }) => lifecycle === 'ready');
    const first = Math.floor(this.#deps.random() * ready.length);
    return [...ready.slice(first), ...ready.slice(0, first)].slice(0, most);
  }

  async #askOne<T>(pod: Pod, { path, maxBytes, send, parse }: Round<T>, timeoutMs: number): Promise<PodAnswer<T>> {
    const { clock } = this.#deps;
    const host = addressOf(pod, this.#settings);
    const { reason, detail } = whyNoAddress(pod);
    if (host === '') throw new PeerCallError(reason, detail);
    const { checkAllTimeoutMs, port } = this.#settings;
    if (timeoutMs < 1) throw new PeerCallError('not-asked', `all pods together took more than ${checkAllTimeoutMs} ms`);
    if (send === null && this.#lacking.has(pod.uid, path)) throw lacksPath(path);
    const askedMs = clock.monotonicMs();
    const { method, headers } = send ?? { method: 'GET' as const, headers: {} };
    const call = {
      method,
      headers,
      body: send?.body() ?? '',
      host,
      port,
      path,
      timeoutMs,
      maxBytes,
      signal: this.#stopping.signal,
    };
    const answer = await peerCall(call, clock, this.#agent);
    const errorMs = (clock.monotonicMs() - askedMs) / 2;
    if (send === null && (answer.status === 404 || answer.status === 405)) {
      this.#lacking.add(pod.uid, path);
      throw lacksPath(path);
    }
    const atMs = clock.nowMs() - errorMs;
    return { pod, value: await parse(jsonOf(answer), errorMs), atMs, errorMs };
  }
}

function lacksPath(path: string): PeerCallError {
  const [bare] = path.split('?', 1);
  return new PeerCallError('http-status', `it does not know ${bare}: a Goldpinger, or an older version`);
}

function jsonOf({ status, body }: PeerAnswer): unknown {
  if (status < 200 || status > 299) throw new PeerCallError('http-status', `it answered with status ${status}`);
  return JSON.parse(body);
}

/** One question for all pods. */
export interface BroadcastQuery<T> {
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
export interface PodAnswer<T> {
  /** null: our own part, while we do not know which pod we are (then we may be among those asked, too). */
  pod: Pod | null;
  value: T;
  /** When it answered, ms since the epoch by our clock: half way between question and answer. Its ages count from here. */
  atMs: number;
  /** The most that `atMs` may be wrong by: half of how long asking took. */
  errorMs: number;
}

/** What all pods told, in the order of discovery, our own part first, and who did not tell. */
export interface BroadcastResult<T> {
  parts: PodAnswer<T>[];
  missing: MissingPart[];
  /** When the last part came in, ms since the epoch by our clock. */
  atMs: number;
}

/** How long a pod that does not know a path is spared it: it may be replaced in place by one that does. */
const SPARED_MS = 10 * 60_000;
/** The most that is remembered; beyond it the oldest are asked again. */
const MAX_REMEMBERED = 5_000;

/** Remembers for 10 minutes which pods do not know which paths: in a mesh of Goldpingers each would be asked for nothing. */
class PathMemory {
  readonly #clock: Clock;
  readonly #untilMs = new Map<string, number>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Notes that pod `uid` does not know `path`. */
  add(uid: string, path: string): void {
    const oldest = this.#untilMs.keys().next();
    if (this.#untilMs.size >= MAX_REMEMBERED && !oldest.done) this.#untilMs.delete(oldest.value);
    this.#untilMs.set(keyOf(uid, path), this.#clock.monotonicMs() + SPARED_MS);
  }

  /** Whether pod `uid` is to be spared `path`. */
  has(uid: string, path: string): boolean {
    const key = keyOf(uid, path);
    const untilMs = this.#untilMs.get(key);
    if (untilMs === undefined || untilMs > this.#clock.monotonicMs()) return untilMs !== undefined;
    this.#untilMs.delete(key);
    return false;
  }
}

/** The query does not matter: whoever does not know the path knows it with no query. */
function keyOf(uid: string, path: string): string {
  return `${uid} ${path.split('?', 1)[0]}`;
}
