import type { Mesh, MeshRow } from '../../server/protocol/mesh.ts';
import type { Pod } from '../../server/protocol/pod.ts';
import { type PictureOptions, sameOptions } from '../pure/picture.ts';
import { CellsMaker } from '../pure/picture-cells.ts';
import type { Connection, ConnectionState } from './connection.ts';
import { type PackedRows, Packer, type Parcel } from './parcel.ts';

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
  /** The connection, and the matrix if it is another one. */
  | { kind: 'state'; state: Omit<ConnectionState, 'mesh'>; parcel: Parcel | null }
  /** Rows of a matrix that is still coming in. */
  | { kind: 'rows'; rows: PackedRows };

/** One picture that the page wants, and which rows are in it. */
interface Wanted {
  options: PictureOptions;
  maker: CellsMaker;
  pods: readonly Pod[] | null;
  /** undefined = it has none, null = not put in yet. */
  rows: (MeshRow | undefined | null)[];
}

/**
 * The worker's work: holds the connection, works out the cells of each picture as its rows come in, and reports. The
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

  /** Changes which pictures are worked out; for the next matrix on, the page makes do until then. */
  want(options: readonly PictureOptions[]): void {
    this.#wanted = options.map(
      (one) =>
        this.#wanted.find((known) => sameOptions(known.options, one)) ?? {
          options: one,
          maker: new CellsMaker(one),
          pods: null,
          rows: [],
        },
    );
  }

  /** Takes a row of a matrix that is still coming in. If that is never completed, the row is replaced later. */
  row(row: MeshRow, pods: readonly Pod[]): void {
    for (const wanted of this.#wanted) {
      begin(wanted, pods);
      put(wanted, row.pod, row);
    }
    const rows = this.#packer.add(row);
    if (rows !== null) this.#report({ kind: 'rows', rows }, [rows.bytes]);
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

function cellsOf(wanted: Wanted, { pods, rows }: Mesh) {
  begin(wanted, pods);
  const byPod: (MeshRow | undefined)[] = new Array(pods.length).fill(undefined);
  for (const row of rows) byPod[row.pod] ??= row;
  for (const [pod, row] of byPod.entries()) put(wanted, pod, row);
  wanted.pods = null;
  return wanted.maker.take();
}

function begin(wanted: Wanted, pods: readonly Pod[]): void {
  if (wanted.pods === pods) return;
  wanted.pods = pods;
  const isFresh = wanted.maker.begin(pods.map(({ lifecycle }) => lifecycle));
  if (isFresh) wanted.rows = new Array(pods.length).fill(null);
}

function put(wanted: Wanted, pod: number, row: MeshRow | undefined): void {
  if (wanted.rows[pod] === row) return;
  wanted.rows[pod] = row;
  wanted.maker.put(pod, row);
}
