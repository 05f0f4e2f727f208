import { LINK_BYTES, linksIn, STAT_BYTES, statsIn } from '../../server/contract/links.ts';
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
  bytes: ArrayBuffer;
  /** Where in `bytes` its columns begin; -1 = it has no figures over a window. */
  linksAt: number;
  statsAt: number;
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
    const isNew = rows.map((row) => known.get(row.pod) !== row);
    const bytes = rows.map(({ links, stats }) => even(links.length * (LINK_BYTES + (stats === null ? 0 : STAT_BYTES))));
    // Where most rows are new all go together in one buffer: a thousand buffers a second are work for the page. The
    // others go along, or each such buffer would be kept for as long as one of its rows stays the same.
    const areMostNew = isNew.filter(Boolean).length * 2 > rows.length;
    const shared = areMostNew ? new ArrayBuffer(bytes.reduce((sum, size) => sum + size, 0)) : null;
    if (shared !== null) transfer.push(shared);
    let at = 0;
    const packed = rows.map((row, i) => {
      if (shared === null && isNew[i] !== true) return row.pod;
      const buffer = shared ?? new ArrayBuffer(bytes[i] ?? 0);
      const done = packRow(row, buffer, shared === null ? 0 : at);
      at += bytes[i] ?? 0;
      if (shared === null) transfer.push(buffer);
      return done;
    });
    const samePods = this.#sent?.pods === pods;
    this.#sent = mesh;
    return { parcel: { head, pods: samePods ? null : pods, rows: packed, made }, transfer };
  }
}

/** Copies a row's columns into `buffer`: the worker needs its own to work out what comes next. */
function packRow({ links, stats, ...rest }: MeshRow, buffer: ArrayBuffer, start: number): PackedRow {
  const { length } = links;
  const linkBytes = length * LINK_BYTES;
  new Uint8Array(buffer, start, linkBytes).set(new Uint8Array(links.to.buffer, links.to.byteOffset, linkBytes));
  const packed = { ...rest, length, bytes: buffer, linksAt: start, statsAt: -1 };
  if (stats === null) return packed;
  const { samples } = stats;
  const statBytes = length * STAT_BYTES;
  const statsAt = start + linkBytes;
  new Uint8Array(buffer, statsAt, statBytes).set(new Uint8Array(samples.buffer, samples.byteOffset, statBytes));
  return { ...packed, statsAt };
}

/** The next even number: columns of 16 bits lie on even bytes. */
function even(bytes: number): number {
  return bytes + (bytes & 1);
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
    this.#links ??= linksIn(this.#packed.bytes, this.#packed.linksAt, this.#packed.length);
    return this.#links;
  }

  get stats(): MeshRow['stats'] {
    const { bytes, statsAt, length } = this.#packed;
    if (statsAt >= 0) this.#stats ??= statsIn(bytes, statsAt, length);
    return this.#stats;
  }
}
