import type { ServerResponse } from 'node:http';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { MESH_MAX_AGE_MS } from '../peers/collector.ts';
import { isStarved } from '../protocol/link-state.ts';
import { type LinkColumns, type StatColumns, UNSENT } from '../protocol/links.ts';
import { encodeMergedReport, type MergedReport, type Mesh } from '../protocol/mesh.ts';
import type { UdpColumns } from '../protocol/udp.ts';
import type { Clock, Timer } from '../runtime/clock.ts';
import { textOf } from '../runtime/errors.ts';
import { plainAddress } from './connections.ts';
import type { RouteContext } from './context.ts';
import { type PacedWrite, pacedWriter } from './send.ts';

/** Bounds of the usual wait between two collections, which is half of REFRESH_INTERVAL. */
const FASTEST_MS = 1000;
const SLOWEST_MS = 5000;
/** A collection begins this long after a change of the pod list. It also shows the changes that come during this time. */
const CHANGE_DELAY_MS = 100;
/** After a collection, a rest of at least this many times its duration follows: collections take at most a fifth of the time. */
const REST_FACTOR = 4;
/** A comment is sent this often, because many proxies cut off a stream that is quiet for 30 or 60 s. */
const HEARTBEAT_MS = 5000;
/** A page that has not read a mesh to its end after this time is cut off, even if it reads a byte now and then. */
export const UNREAD_MS = 30_000;
/** The most streams of one address, or a quarter of MAX_STREAMS if that is more. All pages behind an ingress share its address. */
const STREAMS_PER_ADDRESS = 8;
/** After this time a client that has lost the stream should open it again. */
const RECONNECT_MS = 2000;
/** The headers of a stream. Nginx would hold the events back without `X-Accel-Buffering`, and a compressor without `no-transform`. */
export const STREAM_HEADERS = {
  'Content-Type': 'text/event-stream',
  'Cache-Control': 'no-cache, no-transform',
  'X-Accel-Buffering': 'no',
};

/** All watchers of one statistics window, and the collections that they share. Times are of the monotonic clock. */
interface Channel {
  watchers: Set<Watcher>;
  /** The newest mesh, and when it was collected; null before the first one. */
  last: { mesh: Mesh; endMs: number } | null;
  /** Ends the wait for the next collection, to look at what has changed. */
  wake: () => void;
}

/**
 * The live pages of this pod (`/api/v1/stream`, server-sent events as in the HTML standard). The mesh is collected only while
 * somebody watches, once for all watchers of a statistics window; a page that opens gets the last mesh. The next collection begins
 * REFRESH_INTERVAL / 2 after the end of the last one, or `CHANGE_DELAY_MS` after a change of the pod list, but never before the
 * rest of `REST_FACTOR` is over.
 */
export class Streams {
  readonly #context: RouteContext;
  /** By window, ms. */
  readonly #channels = new Map<number, Channel>();
  /** The JSON of reports: made once, however many pages watch, and dropped together with the reports. */
  readonly #texts = new WeakMap<MergedReport, string>();
  /** The streams, and the addresses of their clients. */
  readonly #open = new Map<ServerResponse, string>();
  #heartbeat: Timer | null = null;
  /** When the pod list last changed, by the monotonic clock. */
  #podsChangedMs = Number.NEGATIVE_INFINITY;

  constructor(context: RouteContext) {
    this.#context = context;
    context.podChanges.on('change', this.#onPodChange);
  }

  /** Makes `res` a stream of the mesh with statistics over `windowMs`; false if there are too many, in all or of its address. */
  open(res: ServerResponse, windowMs: number): boolean {
    const { clock, config } = this.#context;
    const address = plainAddress(res.socket?.remoteAddress ?? '');
    const own = [...this.#open.values()].filter((other) => other === address).length;
    if (this.#open.size >= config.maxStreams || own >= Math.max(STREAMS_PER_ADDRESS, config.maxStreams / 4))
      return false;
    // UNREAD_MS is the only cut-off of a stream.
    res.socket?.setTimeout(0);
    res.writeHead(200, STREAM_HEADERS);
    // Our page has its own delays. This one is for clients that read the stream with EventSource.
    res.write(`retry: ${RECONNECT_MS}\n\n`);
    const known = this.#channels.get(windowMs);
    const channel: Channel = known ?? { watchers: new Set(), last: null, wake: () => {} };
    const watcher = new Watcher(res, this.#texts, clock);
    channel.watchers.add(watcher);
    this.#open.set(res, address);
    res.on('close', () => {
      this.#open.delete(res);
      channel.watchers.delete(watcher);
      if (channel.watchers.size === 0) this.#closeChannel(windowMs, channel);
    });
    if (channel.last !== null) watcher.offer({ ...channel.last.mesh, ageMs: clock.monotonicMs() - channel.last.endMs });
    if (known === undefined) {
      this.#channels.set(windowMs, channel);
      void this.#collectFor(windowMs, channel);
    }
    this.#heartbeat ??= clock.setTimer(() => this.#beat(), HEARTBEAT_MS);
    return true;
  }

  /** Ends all streams. The pages reconnect to another pod. */
  stop(): void {
    this.#context.podChanges.off('change', this.#onPodChange);
    this.#heartbeat?.cancel();
    this.#heartbeat = null;
    for (const [windowMs, channel] of this.#channels) this.#closeChannel(windowMs, channel);
    for (const res of this.#open.keys()) res.end();
    this.#open.clear();
  }

  readonly #onPodChange = (): void => {
    this.#podsChangedMs = this.#context.clock.monotonicMs();
    for (const channel of this.#channels.values()) channel.wake();
  };

  #beat(): void {
    for (const channel of this.#channels.values()) for (const watcher of channel.watchers) watcher.heartbeat();
    this.#heartbeat = this.#open.size === 0 ? null : this.#context.clock.setTimer(() => this.#beat(), HEARTBEAT_MS);
  }

  #closeChannel(windowMs: number, channel: Channel): void {
    this.#channels.delete(windowMs);
    channel.watchers.clear();
    channel.wake();
  }

  /** Collects the mesh again and again for a channel, until nobody watches. */
  async #collectFor(windowMs: number, channel: Channel): Promise<void> {
    const { clock, collector, config, log } = this.#context;
    const usualMs = Math.min(SLOWEST_MS, Math.max(FASTEST_MS, config.refreshIntervalMs / 2));
    while (channel.watchers.size > 0) {
      const startMs = clock.monotonicMs();
      let isOutdated = false;
      try {
        // A mesh that was collected for somebody else will do, unless the pod list has changed since.
        const maxAgeMs = Math.min(MESH_MAX_AGE_MS, startMs - this.#podsChangedMs);
        const mesh = await collector.collect({ windowMs, maxAgeMs });
        channel.last = { mesh, endMs: clock.monotonicMs() - mesh.ageMs };
        // A collection knows only the pods that there were when it began.
        isOutdated = channel.last.endMs - mesh.collectMs < this.#podsChangedMs;
        for (const watcher of channel.watchers) watcher.offer(mesh);
      } catch (error) {
        log.error({ err: textOf(error) }, 'collecting the mesh for live pages failed');
      }
      const endMs = clock.monotonicMs();
      const restUntilMs = endMs + REST_FACTOR * (endMs - startMs);
      let atMs = Math.max(restUntilMs, endMs + (isOutdated ? CHANGE_DELAY_MS : usualMs));
      while (channel.watchers.size > 0 && clock.monotonicMs() < atMs) {
        await new Promise<void>((resolve) => {
          const timer = clock.setTimer(resolve, atMs - clock.monotonicMs());
          channel.wake = () => {
            timer.cancel();
            resolve();
          };
        });
        const changedMs = this.#podsChangedMs;
        // Further changes don't put it off.
        if (changedMs >= endMs) atMs = Math.min(atMs, Math.max(changedMs + CHANGE_DELAY_MS, restUntilMs));
      }
    }
  }
}

/**
 * One page that watches, at its own pace: once a mesh is begun it is sent to the end, and of the newer meshes that come meanwhile
 * only the newest one waits. After the first mesh, reports and pods that have not changed are left out.
 */
class Watcher {
  readonly #res: ServerResponse;
  readonly #paced: PacedWrite;
  readonly #texts: WeakMap<MergedReport, string>;
  readonly #clock: Clock;
  /** The last mesh that was sent to its end. */
  #sent: Mesh | null = null;
  /** The mesh that is sent next; null = none. */
  #next: Mesh | null = null;
  #isSending = false;

  constructor(res: ServerResponse, texts: WeakMap<MergedReport, string>, clock: Clock) {
    this.#res = res;
    this.#clock = clock;
    this.#paced = pacedWriter(res);
    this.#texts = texts;
  }

  /** Sends a newer mesh, at once or when the present one has been sent. */
  offer(mesh: Mesh): void {
    this.#next = mesh;
    if (!this.#isSending) void this.#send();
  }

  /** A comment that keeps proxies from cutting a quiet stream. A page that is being sent a mesh needs none. */
  heartbeat(): void {
    if (!this.#isSending && !this.#res.destroyed) this.#res.write(':\n\n');
  }

  async #send(): Promise<void> {
    this.#isSending = true;
    try {
      while (this.#next !== null && !this.#res.destroyed && !this.#res.writableEnded) {
        const mesh = this.#next;
        this.#next = null;
        const cutOff = this.#clock.setTimer(() => this.#res.destroy(), UNREAD_MS);
        await this.#sendMesh(mesh);
        cutOff.cancel();
        this.#sent = mesh;
      }
    } finally {
      this.#isSending = false;
    }
  }

  async #sendMesh(mesh: Mesh): Promise<void> {
    const before = this.#sent !== null && samePods(this.#sent, mesh) ? this.#sent : null;
    const { reports, ...head } = mesh;
    const reset = before === null;
    // The JSON of a thousand pods has 300 kB and takes 3 ms to make, and they hardly ever change: most are the same objects.
    const arePodsEqual = before?.pods.every((pod, i) => pod === mesh.pods[i] || isDeepStrictEqual(pod, mesh.pods[i]));
    const pods = arePodsEqual ? null : mesh.pods;
    await this.#write('head', JSON.stringify({ ...head, pods, reset, reportCount: reports.length }));
    for (const [i, report] of reports.entries()) {
      const old = before?.reports[i];
      if (old !== undefined && sameReport(old, report)) continue;
      await this.#write('report', this.#textOf(report));
      // Comparing and encoding a report takes up to 0.3 ms at 1000 pods: leave room for pings between two.
      await nextTurn();
    }
    await this.#write('end', '{}');
  }

  #textOf(report: MergedReport): string {
    const text = this.#texts.get(report) ?? encodeMergedReport(report, UNSENT);
    this.#texts.set(report, text);
    return text;
  }

  async #write(event: string, data: string): Promise<void> {
    await this.#paced(`event: ${event}\ndata: ${data}\n\n`);
  }
}

/**
 * Columns that grow with every collection, even without a new ping. A report in which nothing else has changed is not sent: the time
 * of a sample, which is `atMs` of the report less the age, stays right on the page.
 */
const AGES: ReadonlySet<string> = new Set(['ageMs', 'sinceMs'] satisfies (keyof LinkColumns)[]);

/**
 * Whether nothing has changed that the stream sends, apart from what changes with every collection: the arrival of the report
 * (`atMs`, `fetchUs`), ages, and the delay of the event loop, which the page shows as it was in the last report that was sent.
 */
function sameReport(before: MergedReport, after: MergedReport): boolean {
  return (
    sameColumns(before.links, after.links, AGES) &&
    sameColumns(before.stats, after.stats, UNSENT) &&
    sameColumns(before.udp, after.udp, AGES) &&
    isDeepStrictEqual(comparedRest(before), comparedRest(after))
  );
}

/** What `sameReport` compares besides the columns: all members but those that it leaves out and those that are not sent. */
function comparedRest(report: MergedReport): object {
  const { atMs, fetchUs, links, stats, udp, slow, recent, failsOnly, starvation, ...rest } = report;
  // The times themselves are ages, which grow.
  const [unreliable, timeCount] = [starvation?.unreliable, starvation?.times?.length];
  return { ...rest, unreliable, timeCount, isStarved: isStarved(starvation) };
}

/** Whether both meshes have the same pods in the same order, so that reports can be replaced one by one. */
function samePods(before: Mesh, after: Mesh): boolean {
  return (
    before.pods.length === after.pods.length &&
    before.reports.length === after.reports.length &&
    before.pods.every((pod, i) => pod.uid === after.pods[i]?.uid)
  );
}

/** Whether all columns have the same entries, apart from those in `ignored`. */
function sameColumns<T extends LinkColumns | StatColumns | UdpColumns>(
  before: T | null,
  after: T | null,
  ignored: ReadonlySet<string>,
): boolean {
  if (before === null || after === null) return before === after;
  const names = Object.keys(before) as (keyof T & string)[];
  return names.every((name) => ignored.has(name) || isDeepStrictEqual(before[name], after[name]));
}
