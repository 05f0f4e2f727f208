import { LINK_BYTES, linksIn, STAT_BYTES, statsIn } from '../../server/protocol/links.ts';
import type { MergedReport, Mesh } from '../../server/protocol/mesh.ts';
import type { Pod } from '../../server/protocol/pod.ts';
import type { PictureOptions } from '../pure/picture.ts';
import type { PictureCells } from '../pure/picture-cells.ts';

/** Cells that the worker has worked out, and what for. */
export interface MadeCells {
  options: PictureOptions;
  cells: PictureCells;
}

/** A report without its columns, and where in the bytes beside it they are. */
interface PackedReport extends Omit<MergedReport, 'links' | 'stats'> {
  length: number;
  /** Where its columns begin; -1 = it has no figures over a window. */
  linksAt: number;
  statsAt: number;
}

/** Rows with the columns of all of them in one buffer: a thousand buffers a second are work for the page. */
export interface PackedReports {
  reports: PackedReport[];
  bytes: ArrayBuffer;
}

/** A mesh on its way from the worker to the page: only what the page does not have already. */
export interface Parcel {
  head: Omit<Mesh, 'reports' | 'pods'>;
  /** null = the same as before. */
  pods: Pod[] | null;
  /** In the order of the mesh: the pod of a report that is as in the mesh before, or `~pod` of one that came since. */
  reports: Int32Array<ArrayBuffer>;
  /** Rows that have not come yet. */
  last: PackedReports;
  made: MadeCells[];
}

/** So many reports go to the page together, while others are still coming in. */
const ROWS_AT_ONCE = 50;

/** Packs meshes one after the other; the worker's end. */
export class Packer {
  #sent: Mesh | null = null;
  #sentAlready = new Map<number, MergedReport>();
  #waiting: MergedReport[] = [];

  /** Takes a report of the next mesh, if that is ever completed. Gives reports that are to go to the page now, or null. */
  add(report: MergedReport): PackedReports | null {
    this.#waiting.push(report);
    if (this.#waiting.length < ROWS_AT_ONCE) return null;
    for (const one of this.#waiting) this.#sentAlready.set(one.pod, one);
    return packReports(this.#waiting.splice(0));
  }

  /** Packs what has changed since the last call; `transfer` are the buffers that go along, not to be used any more. */
  pack(mesh: Mesh, made: MadeCells[]): { parcel: Parcel; transfer: ArrayBuffer[] } {
    const { reports, pods, ...head } = mesh;
    const known = new Map(this.#sent?.reports.map((report) => [report.pod, report]));
    const last: MergedReport[] = [];
    const order = Int32Array.from(reports, (report) => {
      if (known.get(report.pod) === report) return report.pod;
      if (this.#sentAlready.get(report.pod) !== report) last.push(report);
      return ~report.pod;
    });
    const parcel: Parcel = {
      head,
      pods: this.#sent?.pods === pods ? null : pods,
      reports: order,
      last: packReports(last),
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

function packReports(reports: readonly MergedReport[]): PackedReports {
  const sizes = reports.map(({ links, stats }) =>
    even(links.length * (LINK_BYTES + (stats === null ? 0 : STAT_BYTES))),
  );
  const bytes = new ArrayBuffer(sizes.reduce((sum, size) => sum + size, 0));
  let at = 0;
  const packed = reports.map((report, i) => {
    const done = packReport(report, bytes, at);
    at += sizes[i] ?? 0;
    return done;
  });
  return { reports: packed, bytes };
}

/** Copies a report's columns into `buffer`: the worker needs its own to work out what comes next. */
function packReport({ links, stats, ...rest }: MergedReport, buffer: ArrayBuffer, start: number): PackedReport {
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
  #known = new Map<number, UnpackedReport>();
  #came = new Map<number, UnpackedReport>();

  /** Takes reports that came before their mesh. */
  add({ reports, bytes }: PackedReports): void {
    for (const report of reports) this.#came.set(report.pod, new UnpackedReport(report, bytes));
  }

  /** The whole mesh. Throws a RangeError if a parcel before this one is missing. */
  unpack({ head, pods, reports, last }: Parcel): Mesh {
    this.add(last);
    const allPods = pods ?? this.#mesh?.pods;
    const known = new Map<number, UnpackedReport>();
    for (const entry of reports) {
      const report = entry < 0 ? this.#came.get(~entry) : this.#known.get(entry);
      if (report === undefined) throw new RangeError('a parcel is missing');
      if (entry >= 0) report.standAlone();
      known.set(report.pod, report);
    }
    if (allPods === undefined) throw new RangeError('a parcel is missing');
    this.#known = known;
    this.#came.clear();
    this.#mesh = { ...head, pods: allPods, reports: [...known.values()] };
    return this.#mesh;
  }
}

/** A report whose columns are looked at only when somebody asks: mostly for the one that is pointed at. */
class UnpackedReport implements MergedReport {
  readonly pod: number;
  readonly missing: MergedReport['missing'];
  readonly missingDetail: string;
  readonly via: MergedReport['via'];
  readonly atMs: number;
  readonly fetchUs: number;
  readonly bootTimeMs: number;
  readonly samePeers: boolean;
  readonly details: MergedReport['details'];
  readonly probes: MergedReport['probes'];
  readonly starvation: MergedReport['starvation'];
  readonly #length: number;
  #linksAt: number;
  #statsAt: number;
  #bytes: ArrayBuffer;
  #isAlone = false;
  #links: MergedReport['links'] | null = null;
  #stats: MergedReport['stats'] = null;

  constructor(packed: PackedReport, bytes: ArrayBuffer) {
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

  get links(): MergedReport['links'] {
    this.#links ??= linksIn(this.#bytes, this.#linksAt, this.#length);
    return this.#links;
  }

  get stats(): MergedReport['stats'] {
    if (this.#statsAt >= 0) this.#stats ??= statsIn(this.#bytes, this.#statsAt, this.#length);
    return this.#stats;
  }
}
