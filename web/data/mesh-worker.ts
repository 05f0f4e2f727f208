import type { MergedReport, Mesh } from '../../server/protocol/mesh.ts';
import type { Clock, Timer } from '../../server/runtime/clock.ts';
import { CellsDraft, type PictureCells, type PictureOptions } from '../model/cells.ts';
import { FoldDraft, type Folding, groupsOf } from '../model/fold.ts';
import type { Connection, ConnectionState } from './connection.ts';
import { MeshPacker, type PackedMesh } from './transfer.ts';

export type WorkerRequest =
  /** Connect to the server at `base`, with statistics over `windowMs`. */
  | { kind: 'start'; base: string; windowMs: number }
  | { kind: 'stop' }
  /** The page is still there. */
  | { kind: 'here' }
  | { kind: 'try' }
  /** Compute the cells of these pictures from the next mesh on, because the page draws them. */
  | { kind: 'want'; options: readonly PictureOptions[] }
  /** Fold the cells of the last of these pictures. */
  | { kind: 'fold'; folding: Folding };

export interface ComputedCells {
  options: PictureOptions;
  cells: PictureCells;
}

/**
 * A message from the worker to the page: the connection state, and the mesh if it changed. `heldMs`: how long ago the mesh was
 * received, because the monotonic clocks of worker and page differ.
 */
export interface WorkerMessage {
  state: Omit<ConnectionState, 'mesh' | 'receivedMs'>;
  heldMs: number;
  update: { mesh: PackedMesh; computed: ComputedCells[] } | null;
}

/** The worker's end of the channel to a page: a `MessagePort`, or the global object of a worker that is not shared. */
export interface TabPort {
  postMessage(message: WorkerMessage, options: { transfer: ArrayBuffer[] }): void;
  addEventListener(type: 'message', listener: (event: MessageEvent<WorkerRequest>) => void): void;
}

/** A page that sends nothing for this time is no longer served, ms. Browsers delay timers of hidden pages by up to a minute. */
const SILENT_MS = 180_000;

/**
 * Serves one page: follows the connection that it asks for, computes its pictures and posts them, so that the thread of the page
 * only draws. A page that ends without `stop` (a crash) is served for `SILENT_MS`. A page that the browser has frozen is served
 * again when it sends something.
 */
export function serveTab(port: TabPort, pool: ConnectionPool, clock: Clock): void {
  let pictures: readonly PictureOptions[] = [];
  let folding: Folding = { level: 'pod', unfolded: [] };
  let wanted: Wanted | null = null;
  let joined: Joined | null = null;
  let silence: Timer | null = null;
  let posted: Mesh | null = null;
  let draft: Draft | null = null;

  const add = (head: Mesh, report: MergedReport) => {
    if (draft?.settings !== head.settings) draft = new Draft(head, pictures, folding);
    draft.add(report);
  };
  const post = ({ mesh, receivedMs, ...state }: ConnectionState) => {
    const heldMs = () => clock.monotonicMs() - receivedMs;
    const begun = draft;
    draft = null;
    if (mesh === null || mesh === posted) {
      port.postMessage({ state, heldMs: heldMs(), update: null }, { transfer: [] });
      return;
    }
    // The reports of a poll, or of a mesh that another tab received, have not come one by one.
    const whole = begun?.settings === mesh.settings ? begun : new Draft(mesh, pictures, folding);
    const { packed, computed } = whole.finish(mesh, posted?.pods ?? null);
    posted = mesh;
    const columns = computed.flatMap(({ cells }) => [...Object.values(cells), ...Object.values(cells.folded ?? {})]);
    const buffers = columns.flatMap((column) => (ArrayBuffer.isView(column) ? [column.buffer as ArrayBuffer] : []));
    const update = { mesh: packed, computed };
    port.postMessage({ state, heldMs: heldMs(), update }, { transfer: [packed.bytes, ...buffers] });
  };

  const drop = () => {
    joined?.leave();
    joined = null;
    posted = null;
    draft = null;
  };

  port.addEventListener('message', ({ data }) => {
    if (data.kind === 'want' || data.kind === 'fold') draft = null;
    if (data.kind === 'want') pictures = data.options;
    else if (data.kind === 'fold') folding = data.folding;
    else if (data.kind === 'try') joined?.tryNow();
    else if (data.kind === 'start' || data.kind === 'stop') {
      const last = joined;
      wanted = data.kind === 'start' ? data : null;
      joined = wanted === null ? null : pool.join(wanted, post, add);
      last?.leave();
    }
    if (wanted !== null) joined ??= pool.join(wanted, post, add);
    silence?.cancel();
    silence = wanted === null ? null : clock.setTimer(drop, SILENT_MS);
  });
}

interface Joined {
  tryNow(): void;
  leave(): void;
}

type Wanted = Pick<Extract<WorkerRequest, { kind: 'start' }>, 'base' | 'windowMs'>;

/** The connections of all tabs: one for each server and window of statistics, however many tabs show it. */
export class ConnectionPool {
  readonly #connect: (base: string) => Connection;
  readonly #shared = new Map<string, { connection: Connection; tabs: number }>();

  /** `connect` makes a connection to the server at `base` that is not started yet. */
  constructor(connect: (base: string) => Connection) {
    this.#connect = connect;
  }

  /**
   * Passes each state of a connection to `onState`, first the current one, and each report before its mesh to `onReport`. The last
   * tab that leaves closes the connection.
   */
  join(
    { base, windowMs }: Wanted,
    onState: (state: ConnectionState) => void,
    onReport: (head: Mesh, report: MergedReport) => void,
  ): Joined {
    const key = `${windowMs} ${base.replace(/#.*$/s, '')}`;
    let shared = this.#shared.get(key);
    if (shared === undefined) {
      shared = { connection: this.#connect(base), tabs: 0 };
      this.#shared.set(key, shared);
      shared.connection.start(windowMs);
    }
    const { connection } = shared;
    shared.tabs++;
    if (connection.state().status !== 'connecting') onState(connection.state());
    const unsubscribe = connection.subscribe(() => onState(connection.state()));
    connection.reportListeners.add(onReport);
    return {
      tryNow: connection.tryNow,
      leave: () => {
        unsubscribe();
        connection.reportListeners.delete(onReport);
        shared.tabs--;
        if (shared.tabs > 0) return;
        connection.stop();
        this.#shared.delete(key);
      },
    };
  }
}

/**
 * Beyond this many pods, the page gets the latencies of groups alone: those of all pairs would take 100 MB for 5000 pods.
 * It still gets the states of all pairs (2 bytes each), and reads the latency of a single link from its report.
 */
const MAX_PODS_WITH_LATENCIES = 2000;

/** What is posted of one mesh. It is made while the reports come, so that little is left to do after the last one. */
class Draft {
  /** Those of the mesh: each mesh has its own object. */
  readonly settings: Mesh['settings'];
  readonly #packer: MeshPacker;
  readonly #pictures: readonly { options: PictureOptions; cells: CellsDraft }[];
  /** Folds the last picture. null = it is not folded. */
  readonly #fold: FoldDraft | null;
  readonly #added = new Set<MergedReport>();

  constructor(head: Mesh, pictures: readonly PictureOptions[], folding: Folding) {
    this.settings = head.settings;
    this.#packer = new MeshPacker(head.pods.length);
    this.#pictures = pictures.map((options) => ({ options, cells: new CellsDraft(head, options) }));
    const last = this.#pictures.at(-1);
    const isFolded = last !== undefined && folding.level !== 'pod';
    this.#fold = isFolded ? new FoldDraft(last.cells.cells, groupsOf(head.pods, folding), folding) : null;
  }

  add(report: MergedReport): void {
    if (this.#added.has(report)) return;
    this.#added.add(report);
    this.#packer.add(report);
    for (const { cells } of this.#pictures) cells.add(report);
    this.#fold?.addRow(report.pod);
  }

  /** Adds the reports that have not come, because they are unchanged. `knownPods`: see `MeshPacker.finish`. */
  finish(mesh: Mesh, knownPods: Mesh['pods'] | null) {
    for (const report of mesh.reports) this.add(report);
    const computed = this.#pictures.map(({ options, cells }): ComputedCells => ({ options, cells: cells.finish() }));
    const last = computed.at(-1);
    if (last !== undefined && this.#fold !== null) {
      last.cells.folded = this.#fold.finish();
      if (last.cells.n > MAX_PODS_WITH_LATENCIES) last.cells.valueUs = new Float32Array(0);
    }
    return { packed: this.#packer.finish(mesh, knownPods), computed };
  }
}
