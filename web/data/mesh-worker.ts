import type { MergedReport, Mesh } from '../../server/protocol/mesh.ts';
import type { Pod } from '../../server/protocol/pod.ts';
import { CellsBuilder, type PictureOptions, sameOptions } from '../model/cells.ts';
import type { Connection, ConnectionState } from './connection.ts';
import { type MeshUpdate, type PackedReports, Packer } from './transfer.ts';

/** A message from the page to the worker. Monotonic times of the worker count from the worker's `performance.timeOrigin`. */
export type WorkerRequest =
  /** Connect to the server at `base`, with statistics over `windowMs`. */
  | { kind: 'start'; base: string; windowMs: number }
  | { kind: 'stop' }
  /** Reconnect now. */
  | { kind: 'try' }
  /** Compute the cells of these pictures, because the page draws them. */
  | { kind: 'want'; options: PictureOptions[] };

/** A message from the worker to the page. */
export type WorkerMessage =
  /** The connection state, and the mesh if it changed. */
  | { kind: 'state'; state: Omit<ConnectionState, 'mesh'>; update: MeshUpdate | null }
  /** Pod reports of a mesh that is not complete yet. */
  | { kind: 'reports'; reports: PackedReports };

/** A picture that the page asked for, and the reports that it contains so far. */
interface RequestedPicture {
  options: PictureOptions;
  builder: CellsBuilder;
  pods: readonly Pod[] | null;
  /** By pod: undefined = the pod has no report, null = not added yet. */
  reports: (MergedReport | undefined | null)[];
}

/**
 * The main class of the web worker. It follows the connection, computes the cells of each picture while the pod reports
 * arrive, and posts the results to the page, so that the thread of the page only draws.
 */
export class PictureDesk {
  readonly #post: (message: WorkerMessage, transfer: ArrayBuffer[]) => void;
  readonly #packer = new Packer();
  #requested: RequestedPicture[] = [];
  #mesh: Mesh | null = null;

  constructor(post: (message: WorkerMessage, transfer: ArrayBuffer[]) => void) {
    this.#post = post;
  }

  /** Follows a connection until the returned function is called. */
  follow(connection: Connection): () => void {
    return connection.subscribe(() => this.#onChange(connection.state()));
  }

  /** Sets which pictures are computed, from the next mesh on. Until then the page computes them itself. */
  want(options: readonly PictureOptions[]): void {
    this.#requested = options.map(
      (one) =>
        this.#requested.find((known) => sameOptions(known.options, one)) ?? {
          options: one,
          builder: new CellsBuilder(one),
          pods: null,
          reports: [],
        },
    );
  }

  /** Adds a report of a mesh that is not complete yet. If the mesh never completes, a later report replaces it. */
  report(report: MergedReport, pods: readonly Pod[]): void {
    for (const picture of this.#requested) {
      begin(picture, pods);
      put(picture, report.pod, report);
    }
    const reports = this.#packer.add(report);
    if (reports !== null) this.#post({ kind: 'reports', reports }, [reports.bytes]);
  }

  #onChange({ mesh, ...state }: ConnectionState): void {
    if (mesh === null || mesh === this.#mesh) {
      this.#post({ kind: 'state', state, update: null }, []);
      return;
    }
    this.#mesh = mesh;
    const computed = this.#requested.map((picture) => ({ options: picture.options, cells: cellsOf(picture, mesh) }));
    const { update, transfer } = this.#packer.pack(mesh, computed);
    this.#post({ kind: 'state', state, update }, transfer);
  }
}

function cellsOf(picture: RequestedPicture, { pods, reports }: Mesh) {
  begin(picture, pods);
  const byPod: (MergedReport | undefined)[] = new Array(pods.length).fill(undefined);
  for (const report of reports) byPod[report.pod] ??= report;
  for (const [pod, report] of byPod.entries()) put(picture, pod, report);
  picture.pods = null;
  return picture.builder.take();
}

function begin(picture: RequestedPicture, pods: readonly Pod[]): void {
  if (picture.pods === pods) return;
  picture.pods = pods;
  const isFresh = picture.builder.begin(pods.map(({ lifecycle }) => lifecycle));
  if (isFresh) picture.reports = new Array(pods.length).fill(null);
}

function put(picture: RequestedPicture, pod: number, report: MergedReport | undefined): void {
  if (picture.reports[pod] === report) return;
  picture.reports[pod] = report;
  picture.builder.put(pod, report);
}
