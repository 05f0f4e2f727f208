import { LINK_BYTES, linksIn, STAT_BYTES, statsIn } from '../../server/protocol/links.ts';
import type { Mesh, MeshRow } from '../../server/protocol/mesh.ts';
import type { Pod } from '../../server/protocol/pod.ts';
import type { PictureOptions } from '../pure/picture.ts';
import type { PictureCells } from '../pure/picture-cells.ts';

/** Cells that the worker has worked out, and what for. */
export interface MadeCells {
  options: PictureOptions;
  cells: PictureCells;
}

/** A row without its columns, and where in the bytes beside it they are. */
interface PackedRow extends Omit<MeshRow, 'links' | 'stats'> {
  length: number;
  /** Where its columns begin; -1 = it has no figures over a window. */
  linksAt: number;
  statsAt: number;
}

/** Rows with the columns of all of them in one buffer: a thousand buffers a second are work for the page. */
export interface PackedRows {
  rows: PackedRow[];
  bytes: ArrayBuffer;
}

/** A matrix on its way from the worker to the page: only what the page does not have already. */
export interface Parcel {
  head: Omit<Mesh, 'rows' | 'pods'>;
  /** null = the same as before. */
  pods: Pod[] | null;
  /** In the order of the matrix: the pod of a row that is as in the matrix before, or `~pod` of one that came since. */
  rows: Int32Array<ArrayBuffer>;
  /** Rows that have not come yet. */
  last: PackedRows;
  made: MadeCells[];
}

/** So many rows go to the page together, while others are still coming in. */
const ROWS_AT_ONCE = 50;

/** Packs matrices one after the other; the worker's end. */
export class Packer {
  #sent: Mesh | null = null;
  #sentAlready = new Map<number, MeshRow>();
  #waiting: MeshRow[] = [];

  /** Takes a row of the next matrix, if that is ever completed. Gives rows that are to go to the page now, or null. */
  add(row: MeshRow): PackedRows | null {
    this.#waiting.push(row);
    if (this.#waiting.length < ROWS_AT_ONCE) return null;
    for (const one of this.#waiting) this.#sentAlready.set(one.pod, one);
    return packRows(this.#waiting.splice(0));
  }

  /** Packs what has changed since the last call; `transfer` are the buffers that go along, not to be used any more. */
  pack(mesh: Mesh, made: MadeCells[]): { parcel: Parcel; transfer: ArrayBuffer[] } {
    const { rows, pods, ...head } = mesh;
    const known = new Map(this.#sent?.rows.map((row) => [row.pod, row]));
    const last: MeshRow[] = [];
    const order = Int32Array.from(rows, (row) => {
      if (known.get(row.pod) === row) return row.pod;
      if (this.#sentAlready.get(row.pod) !== row) last.push(row);
      return ~row.pod;
    });
    const parcel: Parcel = {
      head,
      pods: this.#sent?.pods === pods ? null : pods,
      rows: order,
      last: packRows(last),
      made,
    };
    const transfer: ArrayBuffer[] = [parcel.last.bytes, order.buffer];
    for (const { cells } of made) {
      for (const column of Object.values(cells)) if (typeof column !== 'number') transfer.push(column.buffer);
    }
    this.#sent = mesh;
    this.#sentAlready.clear();
    this.#waiting = [];
    return { parcel, transfer };
  }
}

function packRows(rows: readonly MeshRow[]): PackedRows {
  const sizes = rows.map(({ links, stats }) => even(links.length * (LINK_BYTES + (stats === null ? 0 : STAT_BYTES))));
  const bytes = new ArrayBuffer(sizes.reduce((sum, size) => sum + size, 0));
  let at = 0;
  const packed = rows.map((row, i) => {
    const done = packRow(row, bytes, at);
    at += sizes[i] ?? 0;
    return done;
  });
  return { rows: packed, bytes };
}

/** Copies a row's columns into `buffer`: the worker needs its own to work out what comes next. */
function packRow({ links, stats, ...rest }: MeshRow, buffer: ArrayBuffer, start: number): PackedRow {
  const { length } = links;
  const linkBytes = length * LINK_BYTES;
  new Uint8Array(buffer, start, linkBytes).set(new Uint8Array(links.to.buffer, links.to.byteOffset, linkBytes));
  const packed = { ...rest, length, linksAt: start, statsAt: -1 };
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
  #known = new Map<number, UnpackedRow>();
  #came = new Map<number, UnpackedRow>();

  /** Takes rows that came before their matrix. */
  add({ rows, bytes }: PackedRows): void {
    for (const row of rows) this.#came.set(row.pod, new UnpackedRow(row, bytes));
  }

  /** The whole matrix. Throws a RangeError if a parcel before this one is missing. */
  unpack({ head, pods, rows, last }: Parcel): Mesh {
    this.add(last);
    const allPods = pods ?? this.#mesh?.pods;
    const known = new Map<number, UnpackedRow>();
    for (const entry of rows) {
      const row = entry < 0 ? this.#came.get(~entry) : this.#known.get(entry);
      if (row === undefined) throw new RangeError('a parcel is missing');
      if (entry >= 0) row.standAlone();
      known.set(row.pod, row);
    }
    if (allPods === undefined) throw new RangeError('a parcel is missing');
    this.#known = known;
    this.#came.clear();
    this.#mesh = { ...head, pods: allPods, rows: [...known.values()] };
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
  readonly #length: number;
  #linksAt: number;
  #statsAt: number;
  #bytes: ArrayBuffer;
  #isAlone = false;
  #links: MeshRow['links'] | null = null;
  #stats: MeshRow['stats'] = null;

  constructor(packed: PackedRow, bytes: ArrayBuffer) {
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
    this.#length = packed.length;
    this.#linksAt = packed.linksAt;
    this.#statsAt = packed.statsAt;
    this.#bytes = bytes;
  }

  /** Copies its columns, or the bytes of all that came with it would be kept for as long as it stays as it is. */
  standAlone(): void {
    if (this.#isAlone) return;
    this.#isAlone = true;
    const size = this.#length * (LINK_BYTES + (this.#statsAt < 0 ? 0 : STAT_BYTES));
    this.#bytes = this.#bytes.slice(this.#linksAt, this.#linksAt + size);
    if (this.#statsAt >= 0) this.#statsAt -= this.#linksAt;
    this.#linksAt = 0;
    this.#links = null;
    this.#stats = null;
  }

  get links(): MeshRow['links'] {
    this.#links ??= linksIn(this.#bytes, this.#linksAt, this.#length);
    return this.#links;
  }

  get stats(): MeshRow['stats'] {
    if (this.#statsAt >= 0) this.#stats ??= statsIn(this.#bytes, this.#statsAt, this.#length);
    return this.#stats;
  }
}
