import { linksIn, statsIn } from '../../server/contract/links.ts';
import type { Mesh, MeshRow } from '../../server/contract/mesh.ts';
import type { Pod } from '../../server/contract/pod.ts';
import type { PictureOptions } from '../pure/picture.ts';
import type { PictureCells } from '../pure/picture-cells.ts';

/** Cells that the worker has worked out, and what for. */
export interface MadeCells {
  options: PictureOptions;
  cells: PictureCells;
}

/** A row whose columns are bytes, so that a thousand of them cross from the worker to the page in a few ms. */
interface PackedRow extends Omit<MeshRow, 'links' | 'stats'> {
  length: number;
  linkBytes: ArrayBuffer;
  statBytes: ArrayBuffer | null;
}

/** A matrix on its way from the worker to the page: only what the page does not have already. */
export interface Parcel {
  head: Omit<Mesh, 'rows' | 'pods'>;
  /** null = the same as before. */
  pods: Pod[] | null;
  /** In the order of the matrix; a number is the pod whose row is the same as before. */
  rows: (PackedRow | number)[];
  made: MadeCells[];
}

/** Packs matrices one after the other; the worker's end. */
export class Packer {
  #sent: Mesh | null = null;

  /** Packs what has changed since the last call; `transfer` are the buffers that go along, not to be used any more. */
  pack(mesh: Mesh, made: MadeCells[]): { parcel: Parcel; transfer: ArrayBuffer[] } {
    const { rows, pods, ...head } = mesh;
    const known = new Map(this.#sent?.rows.map((row) => [row.pod, row]));
    const transfer: ArrayBuffer[] = [];
    for (const { cells } of made) {
      for (const column of Object.values(cells)) if (typeof column !== 'number') transfer.push(column.buffer);
    }
    const packed = rows.map((row) => {
      if (known.get(row.pod) === row) return row.pod;
      const { links, stats, ...rest } = row;
      // Copies: the worker needs its own to work out what comes next.
      const linkBytes = links.to.buffer.slice(0) as ArrayBuffer;
      const statBytes = stats === null ? null : (stats.samples.buffer.slice(0) as ArrayBuffer);
      transfer.push(linkBytes, ...(statBytes === null ? [] : [statBytes]));
      return { ...rest, length: links.length, linkBytes, statBytes };
    });
    const samePods = this.#sent?.pods === pods;
    this.#sent = mesh;
    return { parcel: { head, pods: samePods ? null : pods, rows: packed, made }, transfer };
  }
}

/** Unpacks what a `Packer` packed, in the same order; the page's end. */
export class Unpacker {
  #mesh: Mesh | null = null;

  /** The whole matrix. Throws a RangeError if a parcel before this one is missing. */
  unpack({ head, pods, rows }: Parcel): Mesh {
    const before = this.#mesh;
    const known = new Map(before?.rows.map((row) => [row.pod, row]));
    const allPods = pods ?? before?.pods;
    const allRows = rows.map((row) => (typeof row === 'number' ? known.get(row) : new UnpackedRow(row)));
    if (allPods === undefined || allRows.includes(undefined)) throw new RangeError('a parcel is missing');
    this.#mesh = { ...head, pods: allPods, rows: allRows as MeshRow[] };
    return this.#mesh;
  }
}

/** A row whose columns are looked at only when somebody asks: mostly for the one that is pointed at. */
class UnpackedRow implements MeshRow {
  readonly pod: number;
  readonly missing: MeshRow['missing'];
  readonly missingDetail: string;
  readonly via: MeshRow['via'];
  readonly atMs: number;
  readonly fetchUs: number;
  readonly bootTimeMs: number;
  readonly samePeers: boolean;
  readonly details: MeshRow['details'];
  readonly probes: MeshRow['probes'];
  readonly starvation: MeshRow['starvation'];
  readonly #packed: PackedRow;
  #links: MeshRow['links'] | null = null;
  #stats: MeshRow['stats'] = null;

  constructor(packed: PackedRow) {
    this.pod = packed.pod;
    this.missing = packed.missing;
    this.missingDetail = packed.missingDetail;
    this.via = packed.via;
    this.atMs = packed.atMs;
    this.fetchUs = packed.fetchUs;
    this.bootTimeMs = packed.bootTimeMs;
    this.samePeers = packed.samePeers;
    this.details = packed.details;
    this.probes = packed.probes;
    this.starvation = packed.starvation;
    this.#packed = packed;
  }

  get links(): MeshRow['links'] {
    this.#links ??= linksIn(this.#packed.linkBytes, this.#packed.length);
    return this.#links;
  }

  get stats(): MeshRow['stats'] {
    const { statBytes, length } = this.#packed;
    if (statBytes !== null) this.#stats ??= statsIn(statBytes, length);
    return this.#stats;
  }
}
