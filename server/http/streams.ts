import type { ServerResponse } from 'node:http';
import { textOf } from '../contract/errors.ts';
import type { Timer } from '../contract/seams.ts';
import type { Answers } from './answers.ts';
import { type RowTexts, Watcher } from './watcher.ts';

/** Bounds of the wait between two collections while somebody watches. */
const FASTEST_MS = 1000;
const SLOWEST_MS = 5000;
const HEARTBEAT_MS = 5000;
/** A burst of pod changes is one picture. */
const CHANGE_DELAY_MS = 100;

/** All watchers of one statistics window, and the collection they share. */
interface Channel {
  watchers: Set<Watcher>;
  texts: RowTexts;
  timer: Timer | null;
  collecting: boolean;
  /** The pod list has changed since the collection that is under way began. */
  isOutdated: boolean;
}

/**
 * The live pages of this pod (`/api/v1/stream`, server-sent events as in the HTML standard). The matrix is collected
 * only while somebody watches, once for all watchers of a window, each REFRESH_INTERVAL / 2 within 1 and 5 s and never
 * for more than a fifth of the time; a change of the pod list is shown at once.
 */
export class Streams {
  readonly #answers: Answers;
  readonly #channels = new Map<number, Channel>();
  readonly #open = new Set<ServerResponse>();
  readonly #unsubscribe: () => void;
  #heartbeat: Timer | null = null;

  constructor(answers: Answers) {
    this.#answers = answers;
    this.#unsubscribe = answers.onDiscovery(() => {
      for (const [windowMs, channel] of this.#channels) {
        channel.isOutdated = channel.collecting;
        this.#schedule(windowMs, channel, CHANGE_DELAY_MS);
      }
    });
  }

  /** How many pages watch. */
  get size(): number {
    return this.#open.size;
  }

  /** Makes `res` a stream of the matrix with statistics over `windowMs`; false if there are too many already. */
  open(res: ServerResponse, windowMs: number): boolean {
    if (this.#open.size >= this.#answers.maxStreams) return false;
    res.writeHead(200, {
      'Content-Type': 'text/event-stream',
      'Cache-Control': 'no-cache, no-transform',
      // nginx would hold the events back otherwise.
      'X-Accel-Buffering': 'no',
    });
    res.write('retry: 2000\n\n');
    const channel = this.#channels.get(windowMs) ?? {
      watchers: new Set(),
      texts: new WeakMap(),
      timer: null,
      collecting: false,
      isOutdated: false,
    };
    this.#channels.set(windowMs, channel);
    const watcher = new Watcher(res, channel.texts);
    channel.watchers.add(watcher);
    this.#open.add(res);
    res.on('close', () => {
      this.#open.delete(res);
      channel.watchers.delete(watcher);
      if (channel.watchers.size === 0) this.#close(windowMs, channel);
    });
    this.#schedule(windowMs, channel, 0);
    this.#heartbeat ??= this.#answers.clock.setTimer(() => this.#beat(), HEARTBEAT_MS);
    return true;
  }

  /** Ends all streams; the pages reconnect, to another pod. */
  stop(): void {
    this.#unsubscribe();
    this.#heartbeat?.cancel();
    this.#heartbeat = null;
    for (const [windowMs, channel] of this.#channels) this.#close(windowMs, channel);
    for (const res of this.#open) res.end();
    this.#open.clear();
  }

  #beat(): void {
    for (const channel of this.#channels.values()) for (const watcher of channel.watchers) watcher.heartbeat();
    this.#heartbeat = this.#open.size === 0 ? null : this.#answers.clock.setTimer(() => this.#beat(), HEARTBEAT_MS);
  }

  #close(windowMs: number, channel: Channel): void {
    channel.timer?.cancel();
    channel.timer = null;
    channel.watchers.clear();
    this.#channels.delete(windowMs);
  }

  #schedule(windowMs: number, channel: Channel, delayMs: number): void {
    if (channel.collecting) return;
    channel.timer?.cancel();
    channel.timer = this.#answers.clock.setTimer(() => void this.#collect(windowMs, channel), delayMs);
  }

  async #collect(windowMs: number, channel: Channel): Promise<void> {
    channel.collecting = true;
    channel.isOutdated = false;
    const { clock, log, refreshIntervalMs } = this.#answers;
    const startMs = clock.monotonicMs();
    try {
      const mesh = await this.#answers.collect({ windowMs, maxAgeMs: FASTEST_MS / 2 });
      const aged = { ...mesh, ageMs: Math.max(0, clock.nowMs() - mesh.atMs) };
      for (const watcher of channel.watchers) watcher.offer(aged);
    } catch (error) {
      log.error({ err: textOf(error) }, 'collecting the matrix for live pages failed');
    }
    channel.collecting = false;
    if (channel.watchers.size === 0) return;
    const tookMs = clock.monotonicMs() - startMs;
    const usualMs = Math.min(SLOWEST_MS, Math.max(FASTEST_MS, refreshIntervalMs / 2));
    const paceMs = channel.isOutdated ? CHANGE_DELAY_MS : usualMs;
    this.#schedule(windowMs, channel, Math.max(paceMs, tookMs * 4));
  }
}
