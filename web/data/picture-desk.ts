import type { MergedReport, Mesh } from '../../server/protocol/mesh.ts';
import type { Pod } from '../../server/protocol/pod.ts';
import { type PictureOptions, sameOptions } from '../pure/picture.ts';
import { CellsMaker } from '../pure/picture-cells.ts';
import type { Connection, ConnectionState } from './connection.ts';
import { type PackedReports, Packer, type Parcel } from './parcel.ts';

/** What the page asks of its worker. Times of the worker's monotonic clock count from `performance.timeOrigin`. */
export type Order =
  /** Connects to the server at `base`, with figures over `windowMs`. */
  | { kind: 'start'; base: string; windowMs: number }
  | { kind: 'stop' }
  /** Tries again at once. */
  | { kind: 'try' }
  /** Which pictures the page draws: their cells are worked out for it. */
  | { kind: 'want'; options: PictureOptions[] };

/** What the worker tells the page. */
export type Report =
  /** The connection, and the mesh if it is another one. */
  | { kind: 'state'; state: Omit<ConnectionState, 'mesh'>; parcel: Parcel | null }
  /** Rows of a mesh that is still coming in. */
  | { kind: 'reports'; reports: PackedReports };

/** One picture that the page wants, and which reports are in it. */
interface Wanted {
  options: PictureOptions;
  maker: CellsMaker;
  pods: readonly Pod[] | null;
  /** undefined = it has none, null = not put in yet. */
  reports: (MergedReport | undefined | null)[];
}

/**
 * The worker's work: holds the connection, works out the cells of each picture as its reports come in, and reports. The
 * page's own thread only draws.
 */
export class PictureDesk {
  readonly #report: (report: Report, transfer: ArrayBuffer[]) => void;
  readonly #packer = new Packer();
  #wanted: Wanted[] = [];
  #mesh: Mesh | null = null;

  constructor(report: (report: Report, transfer: ArrayBuffer[]) => void) {
    this.#report = report;
  }

  /** Follows a connection until the function given back is called. */
  follow(connection: Connection): () => void {
    return connection.subscribe(() => this.#tell(connection.state()));
  }

  /** Changes which pictures are worked out; for the next mesh on, the page makes do until then. */
  want(options: readonly PictureOptions[]): void {
    this.#wanted = options.map(
      (one) =>
        this.#wanted.find((known) => sameOptions(known.options, one)) ?? {
          options: one,
          maker: new CellsMaker(one),
          pods: null,
          reports: [],
        },
    );
  }

  /** Takes a report of a mesh that is still coming in. If that is never completed, the report is replaced later. */
  report(report: MergedReport, pods: readonly Pod[]): void {
    for (const wanted of this.#wanted) {
      begin(wanted, pods);
      put(wanted, report.pod, report);
    }
    const reports = this.#packer.add(report);
    if (reports !== null) this.#report({ kind: 'reports', reports }, [reports.bytes]);
  }

  #tell({ mesh, ...state }: ConnectionState): void {
    if (mesh === null || mesh === this.#mesh) {
      this.#report({ kind: 'state', state, parcel: null }, []);
      return;
    }
    this.#mesh = mesh;
    const made = this.#wanted.map((wanted) => ({ options: wanted.options, cells: cellsOf(wanted, mesh) }));
    const { parcel, transfer } = this.#packer.pack(mesh, made);
    this.#report({ kind: 'state', state, parcel }, transfer);
  }
}

function cellsOf(wanted: Wanted, { pods, reports }: Mesh) {
  begin(wanted, pods);
  const byPod: (MergedReport | undefined)[] = new Array(pods.length).fill(undefined);
  for (const report of reports) byPod[report.pod] ??= report;
  for (const [pod, report] of byPod.entries()) put(wanted, pod, report);
  wanted.pods = null;
  return wanted.maker.take();
}

function begin(wanted: Wanted, pods: readonly Pod[]): void {
  if (wanted.pods === pods) return;
  wanted.pods = pods;
  const isFresh = wanted.maker.begin(pods.map(({ lifecycle }) => lifecycle));
  if (isFresh) wanted.reports = new Array(pods.length).fill(null);
}

function put(wanted: Wanted, pod: number, report: MergedReport | undefined): void {
  if (wanted.reports[pod] === report) return;
  wanted.reports[pod] = report;
  wanted.maker.put(pod, report);
}
