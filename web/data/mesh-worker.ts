import type { MergedReport, Mesh } from '../../server/protocol/mesh.ts';
import type { Pod } from '../../server/protocol/pod.ts';
import type { Clock, Timer } from '../../server/runtime/clock.ts';
import { CellsBuilder, type PictureCells, type PictureOptions, sameOptions } from '../model/cells.ts';
import { type Folding, foldCells, groupsOf } from '../model/fold.ts';
import type { Connection, ConnectionState } from './connection.ts';
import { type MeshUpdate, type PackedReports, Packer } from './transfer.ts';

/** A message from a page to the worker. */
export type WorkerRequest =
  /** Connect to the server at `base`, with statistics over `windowMs`. */
  | { kind: 'start'; base: string; windowMs: number }
  | { kind: 'stop' }
  /** The page is still there. */
  | { kind: 'here' }
  /** Reconnect now. */
  | { kind: 'try' }
  /** Compute the cells of these pictures, because the page draws them. */
  | { kind: 'want'; options: PictureOptions[] }
  /** Fold the cells of the last of these pictures. */
  | { kind: 'fold'; folding: Folding };

/** A message from the worker to the page. */
export type WorkerMessage =
  /**
   * The connection state, and the mesh if it changed. `heldMs`: how long ago the mesh was received, because the monotonic
   * clocks of worker and page differ.
   */
  | { kind: 'state'; state: Omit<ConnectionState, 'mesh' | 'receivedMs'>; heldMs: number; update: MeshUpdate | null }
  /** Pod reports of a mesh that is not complete yet. */
  | { kind: 'reports'; reports: PackedReports };

/** The worker's end of the channel to a page: a `MessagePort`, or the global object of a worker that is not shared. */
export interface TabPort {
  postMessage(message: WorkerMessage, options: { transfer: ArrayBuffer[] }): void;
  addEventListener(type: 'message', listener: (event: MessageEvent<WorkerRequest>) => void): void;
}

/** A page that sends nothing for this time is no longer served, ms. Browsers delay timers of hidden pages by up to a minute. */
const SILENT_MS = 180_000;

/**
 * Answers the requests of one page. A page that ends without `stop` (a crash) is served for `SILENT_MS`. A page that the browser
 * has frozen is served again when it sends something.
 */
export function serveTab(port: TabPort, pool: ConnectionPool, clock: Clock): void {
  const desk = new PictureDesk((message, transfer) => port.postMessage(message, { transfer }), clock);
  let wanted: Wanted | null = null;
  let joined: Joined | null = null;
  let silence: Timer | null = null;
  const drop = () => {
    joined?.leave();
    joined = null;
    desk.release();
  };
  port.addEventListener('message', ({ data }) => {
    if (data.kind === 'want') desk.want(data.options);
    else if (data.kind === 'fold') desk.fold(data.folding);
    else if (data.kind === 'try') joined?.tryNow();
    else if (data.kind === 'start' || data.kind === 'stop') {
      const last = joined;
      wanted = data.kind === 'start' ? data : null;
      joined = wanted === null ? null : pool.join(wanted, desk);
      last?.leave();
    }
    if (wanted !== null) joined ??= pool.join(wanted, desk);
    silence?.cancel();
    silence = wanted === null ? null : clock.setTimer(drop, SILENT_MS);
  });
}

/** A page's part in a shared connection. */
interface Joined {
  tryNow(): void;
  leave(): void;
}

type Connect = (base: string, onReport: (report: MergedReport, pods: readonly Pod[]) => void) => Connection;

/** What a page connects to; see `WorkerRequest`. */
type Wanted = Pick<Extract<WorkerRequest, { kind: 'start' }>, 'base' | 'windowMs'>;

/** The connections of all tabs: one for each server and window of statistics, however many tabs show it. */
export class ConnectionPool {
  readonly #connect: Connect;
  readonly #shared = new Map<string, { connection: Connection; desks: Set<PictureDesk> }>();

  /** `connect` makes a connection to the server at `base` that is not started yet. */
  constructor(connect: Connect) {
    this.#connect = connect;
  }

  /** Posts the state of a connection to `desk`, first the current one. The last desk that leaves closes the connection. */
  join(wanted: Wanted, desk: PictureDesk): Joined {
    const key = `${wanted.windowMs} ${wanted.base.replace(/#.*$/s, '')}`;
    const shared = this.#shared.get(key) ?? this.#open(key, wanted);
    const { connection, desks } = shared;
    desks.add(desk);
    const unfollow = desk.follow(connection);
    return {
      tryNow: connection.tryNow,
      leave: () => {
        unfollow();
        desks.delete(desk);
        if (desks.size > 0) return;
        connection.stop();
        this.#shared.delete(key);
      },
    };
  }

  #open(key: string, { base, windowMs }: Wanted) {
    const desks = new Set<PictureDesk>();
    const connection = this.#connect(base, (report, pods) => {
      for (const desk of desks) desk.report(report, pods);
    });
    const shared = { connection, desks };
    this.#shared.set(key, shared);
    connection.start(windowMs);
    return shared;
  }
}

/**
 * Follows a connection for one page. It computes the cells of each picture while the pod reports arrive, and posts the
 * results to the page, so that the thread of the page only draws.
 */
class PictureDesk {
  readonly #post: (message: WorkerMessage, transfer: ArrayBuffer[]) => void;
  readonly #clock: Clock;
  #packer = new Packer();
  #pictures: CellsBuilder[] = [];
  #folding: Folding = { level: 'pod', unfolded: [] };
  #mesh: Mesh | null = null;

  constructor(post: (message: WorkerMessage, transfer: ArrayBuffer[]) => void, clock: Clock) {
    this.#post = post;
    this.#clock = clock;
  }

  /** Follows a connection until the returned function is called. Posts its state, if it has been running. */
  follow(connection: Connection): () => void {
    if (connection.state().status !== 'connecting') this.#onChange(connection.state());
    return connection.subscribe(() => this.#onChange(connection.state()));
  }

  /** Frees what it keeps of the mesh, which it posts as a whole when it follows a connection again. */
  release(): void {
    this.#mesh = null;
    this.#packer = new Packer();
    this.#pictures = this.#pictures.map(({ options }) => new CellsBuilder(options));
  }

  /** Sets which pictures are computed, from the next mesh on. Until then the page computes them itself. */
  want(options: readonly PictureOptions[]): void {
    this.#pictures = options.map(
      (one) => this.#pictures.find((known) => sameOptions(known.options, one)) ?? new CellsBuilder(one),
    );
  }

  /** Sets how the last picture is folded, from the next mesh on. */
  fold(folding: Folding): void {
    this.#folding = folding;
  }

  /** Adds a report of a mesh that is not complete yet. If the mesh never completes, a later report replaces it. */
  report(report: MergedReport, pods: readonly Pod[]): void {
    for (const picture of this.#pictures) picture.put(pods, report.pod, report);
    const reports = this.#packer.add(report);
    if (reports !== null) this.#post({ kind: 'reports', reports }, [reports.bytes]);
  }

  #onChange({ mesh, receivedMs, ...state }: ConnectionState): void {
    let packed: ReturnType<Packer['pack']> | null = null;
    if (mesh !== null && mesh !== this.#mesh) {
      this.#mesh = mesh;
      const computed = this.#pictures.map((picture) => ({ options: picture.options, cells: picture.take(mesh) }));
      const drawn = computed.at(-1);
      if (drawn !== undefined) drawn.cells = foldedCells(drawn.cells, mesh.pods, this.#folding);
      packed = this.#packer.pack(mesh, computed);
    }
    const heldMs = this.#clock.monotonicMs() - receivedMs;
    this.#post({ kind: 'state', state, heldMs, update: packed?.update ?? null }, packed?.transfer ?? []);
  }
}

/**
 * Beyond this many pods, the page gets the latencies of groups alone: those of all pairs would take 100 MB for 5000 pods.
 * It still gets the states of all pairs (2 bytes each), and reads the latency of a single link from its report.
 */
const MAX_PODS_WITH_LATENCIES = 2000;

function foldedCells(cells: PictureCells, pods: readonly Pod[], folding: Folding): PictureCells {
  if (folding.level === 'pod') return cells;
  const folded = foldCells(cells, groupsOf(pods, folding), folding);
  return { ...cells, folded, valueUs: cells.n > MAX_PODS_WITH_LATENCIES ? new Float32Array(0) : cells.valueUs };
}
