import type { ServerResponse } from 'node:http';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import type { StreamFigure } from '../protocol/link-quality.ts';
import type { LinkColumns, StatColumns } from '../protocol/links.ts';
import { encodeMergedReport, type MergedReport, type Mesh } from '../protocol/mesh.ts';
import type { Pod } from '../protocol/pod.ts';
import type { UdpColumns } from '../protocol/udp.ts';
import type { Clock, Timer } from '../runtime/clock.ts';
import { textOf } from '../runtime/errors.ts';
import { remoteAddressOf } from './connections.ts';
import type { RouteContext } from './context.ts';
import { PacedWriter } from './send.ts';

/** Bounds of the wait between two collections while somebody watches. */
const FASTEST_MS = 1000;
const SLOWEST_MS = 5000;
const HEARTBEAT_MS = 5000;
/** A page that has not read a mesh to its end after this time is cut off, even if it reads a byte now and then. */
const UNREAD_MS = 30_000;
/** The most streams of one address, or a quarter of MAX_STREAMS if that is more. Behind an ingress all pages have one. */
const STREAMS_PER_ADDRESS = 8;
/** The headers of a stream. Without `X-Accel-Buffering` nginx would hold the events back. */
export const STREAM_HEADERS = {
  'Content-Type': 'text/event-stream',
  'Cache-Control': 'no-cache, no-transform',
  'X-Accel-Buffering': 'no',
};
/** Changes of the pod list within this time are shown by one collection. */
const CHANGE_DELAY_MS = 100;

/** All watchers of one statistics window and figure, and the collection that they share. */
interface Channel {
  windowMs: number;
  /** Statistics that it leaves out. */
  unsent: ReadonlySet<keyof StatColumns>;
  watchers: Set<Watcher>;
  texts: ReportTexts;
  timer: Timer | null;
  collecting: boolean;
  /** The pod list has changed since the collection that is under way began. */
  isOutdated: boolean;
}

/**
 * The live pages of this pod (`/api/v1/stream`, server-sent events as in the HTML standard). The mesh is collected
 * only while somebody watches, once for all watchers of a window, each REFRESH_INTERVAL / 2 within 1 and 5 s and never
 * for more than a fifth of the time; a change of the pod list is shown at once.
 */
export class Streams {
  readonly #context: RouteContext;
  /** By window and figure. */
  readonly #channels = new Map<string, Channel>();
  /** The streams, and the addresses of their clients. */
  readonly #open = new Map<ServerResponse, string>();
  #heartbeat: Timer | null = null;

  constructor(context: RouteContext) {
    this.#context = context;
    context.podChanges.on('change', this.#onPodChange);
  }

  /**
   * Makes `res` a stream of the mesh with statistics over `windowMs`, and with the figure that the page shows; false if there are
   * too many streams, in all or of its address.
   */
  open(res: ServerResponse, windowMs: number, figure: StreamFigure): boolean {
    const { maxStreams } = this.#context.config;
    const address = res.socket === null ? '' : remoteAddressOf(res.socket);
    const own = [...this.#open.values()].filter((other) => other === address).length;
    if (this.#open.size >= maxStreams || own >= Math.max(STREAMS_PER_ADDRESS, maxStreams / 4)) return false;
    // UNREAD_MS is the only cut-off of a stream.
    res.socket?.setTimeout(0);
    res.writeHead(200, STREAM_HEADERS);
    res.write('retry: 2000\n\n');
    const key = `${windowMs} ${figure}`;
    const channel = this.#channels.get(key) ?? {
      windowMs,
      unsent: unsentFor(figure),
      watchers: new Set(),
      texts: new WeakMap(),
      timer: null,
      collecting: false,
      isOutdated: false,
    };
    this.#channels.set(key, channel);
    const watcher = new Watcher(res, channel, this.#context.clock);
    channel.watchers.add(watcher);
    this.#open.set(res, address);
    res.on('close', () => {
      this.#open.delete(res);
      channel.watchers.delete(watcher);
      if (channel.watchers.size === 0) this.#close(key, channel);
    });
    this.#schedule(channel, 0);
    this.#heartbeat ??= this.#context.clock.setTimer(() => this.#beat(), HEARTBEAT_MS);
    return true;
  }

  /** Ends all streams. The pages reconnect to another pod. */
  stop(): void {
    this.#context.podChanges.off('change', this.#onPodChange);
    this.#heartbeat?.cancel();
    this.#heartbeat = null;
    for (const [key, channel] of this.#channels) this.#close(key, channel);
    for (const res of this.#open.keys()) res.end();
    this.#open.clear();
  }

  readonly #onPodChange = (): void => {
    for (const channel of this.#channels.values()) {
      channel.isOutdated = channel.collecting;
      this.#schedule(channel, CHANGE_DELAY_MS);
    }
  };

  #beat(): void {
    for (const channel of this.#channels.values()) for (const watcher of channel.watchers) watcher.heartbeat();
    this.#heartbeat = this.#open.size === 0 ? null : this.#context.clock.setTimer(() => this.#beat(), HEARTBEAT_MS);
  }

  #close(key: string, channel: Channel): void {
    channel.timer?.cancel();
    channel.timer = null;
    channel.watchers.clear();
    this.#channels.delete(key);
  }

  #schedule(channel: Channel, delayMs: number): void {
    if (channel.collecting) return;
    channel.timer?.cancel();
    channel.timer = this.#context.clock.setTimer(() => void this.#collect(channel), delayMs);
  }

  async #collect(channel: Channel): Promise<void> {
    channel.collecting = true;
    channel.isOutdated = false;
    const { clock, log, config } = this.#context;
    const { windowMs } = channel;
    const startMs = clock.monotonicMs();
    try {
      const mesh = await this.#context.collector.collect({ windowMs, maxAgeMs: FASTEST_MS / 2 });
      const aged = { ...mesh, ageMs: Math.max(0, clock.nowMs() - mesh.atMs) };
      for (const watcher of channel.watchers) watcher.offer(aged);
    } catch (error) {
      log.error({ err: textOf(error) }, 'collecting the mesh for live pages failed');
    }
    channel.collecting = false;
    if (channel.watchers.size === 0) return;
    const tookMs = clock.monotonicMs() - startMs;
    const usualMs = Math.min(SLOWEST_MS, Math.max(FASTEST_MS, config.refreshIntervalMs / 2));
    const paceMs = channel.isOutdated ? CHANGE_DELAY_MS : usualMs;
    this.#schedule(channel, Math.max(paceMs, tookMs * 4));
  }
}

/** The JSON of reports: made once, however many pages watch, and dropped together with the reports. */
type ReportTexts = WeakMap<MergedReport, string>;

/**
 * One page that watches. It is sent whole meshes only, at its own pace: while it is still reading one, a newer mesh
 * replaces the one that waits, so a slow reader costs no memory and misses only what is already out of date.
 */
class Watcher {
  readonly #res: ServerResponse;
  readonly #writer: PacedWriter;
  readonly #channel: Pick<Channel, 'texts' | 'unsent'>;
  readonly #clock: Clock;
  #sent: Mesh | null = null;
  #next: Mesh | null = null;
  #busy = false;

  constructor(res: ServerResponse, channel: Pick<Channel, 'texts' | 'unsent'>, clock: Clock) {
    this.#res = res;
    this.#clock = clock;
    this.#writer = new PacedWriter(res);
    this.#channel = channel;
  }

  /** Offers a newer mesh. */
  offer(mesh: Mesh): void {
    this.#next = mesh;
    if (!this.#busy) void this.#send();
  }

  /** A comment that keeps proxies from cutting a quiet stream. A page that is being sent a mesh needs none. */
  heartbeat(): void {
    if (!this.#busy && !this.#res.destroyed) this.#res.write(':\n\n');
  }

  async #send(): Promise<void> {
    this.#busy = true;
    try {
      while (this.#next !== null && !this.#res.destroyed) {
        const mesh = this.#next;
        this.#next = null;
        const cutOff = this.#clock.setTimer(() => this.#res.destroy(), UNREAD_MS);
        await this.#sendMesh(mesh);
        cutOff.cancel();
        this.#sent = mesh;
      }
    } finally {
      this.#busy = false;
    }
  }

  async #sendMesh(mesh: Mesh): Promise<void> {
    const before = this.#sent !== null && samePods(this.#sent, mesh) ? this.#sent : null;
    const { reports, ...head } = mesh;
    const reset = before === null;
    // The JSON of a thousand pods has 300 kB and takes 3 ms to make, and they hardly ever change.
    const pods = before !== null && equalPods(before.pods, mesh.pods) ? null : mesh.pods;
    await this.#write('head', JSON.stringify({ ...head, pods, reset, reportCount: reports.length }));
    for (const [i, report] of reports.entries()) {
      const old = before?.reports[i];
      if (old !== undefined && sameReport(old, report, this.#channel.unsent)) continue;
      await this.#write('report', this.#textOf(report));
      // Comparing and encoding a report takes up to 0.3 ms at 1000 pods: leave room for pings between two.
      await nextTurn();
    }
    await this.#write('end', '{}');
  }

  #textOf(report: MergedReport): string {
    const { texts, unsent } = this.#channel;
    const known = texts.get(report);
    if (known !== undefined) return known;
    const text = encodeMergedReport(report, unsent);
    texts.set(report, text);
    return text;
  }

  async #write(event: string, data: string): Promise<void> {
    await this.#writer.write(`event: ${event}\ndata: ${data}\n\n`);
  }
}

/** Columns that change with every collection. The page lets ages grow by itself. */
const AGES: ReadonlySet<string> = new Set(['ageMs', 'sinceMs'] satisfies (keyof LinkColumns)[]);

/** Statistics that the stream leaves out: no page shows them, and a thousand reports have 6 MB of them. */
const NEVER_SENT: readonly (keyof StatColumns)[] = ['minUs', 'connectP50Us', 'firstByteP50Us'];
/** Statistics that only one figure of the heatmap shows. */
const SENT_FOR: readonly (readonly [column: keyof StatColumns, shownBy: StreamFigure])[] = [
  ['jitterUs', 'jitter'],
  ['usualUs', 'usual'],
];

/** The statistics that a stream for `figure` leaves out. */
export function unsentFor(figure: StreamFigure): ReadonlySet<keyof StatColumns> {
  const others = SENT_FOR.filter(([, shownBy]) => shownBy !== figure);
  return new Set([...NEVER_SENT, ...others.map(([column]) => column)]);
}

/** Whether a page would show the same for both reports. */
function sameReport(before: MergedReport, after: MergedReport, unsent: ReadonlySet<keyof StatColumns>): boolean {
  return (
    before.pod === after.pod &&
    before.missing === after.missing &&
    before.bootTimeMs === after.bootTimeMs &&
    before.samePeers === after.samePeers &&
    before.starvation?.unreliable === after.starvation?.unreliable &&
    sameColumns(before.links, after.links, AGES) &&
    sameColumns(before.stats, after.stats, unsent) &&
    sameColumns(before.udp, after.udp, AGES) &&
    isDeepStrictEqual(before.probes, after.probes)
  );
}

/** Whether both meshes have the same pods in the same order, so that reports can be replaced one by one. */
function samePods(before: Mesh, after: Mesh): boolean {
  return (
    before.pods.length === after.pods.length &&
    before.reports.length === after.reports.length &&
    before.pods.every((pod, i) => pod.uid === after.pods[i]?.uid)
  );
}

/** Whether no property of any pod has changed. Node's `isDeepStrictEqual` would take 10 ms or more for 1000 pods. */
function equalPods(before: readonly Pod[], after: readonly Pod[]): boolean {
  if (before === after) return true;
  return before.length === after.length && before.every((pod, i) => equalPod(pod, after[i]));
}

function equalPod(before: Pod, after: Pod | undefined): boolean {
  if (before === after || after === undefined) return before === after;
  return (Object.keys(before) as (keyof Pod)[]).every((key) => {
    const [old, now] = [before[key], after[key]];
    if (!Array.isArray(old) || !Array.isArray(now)) return old === now;
    return old.length === now.length && old.every((ip, i) => ip === now[i]);
  });
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
