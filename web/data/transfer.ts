import { columnsIn, LINK_BYTES, linksIn, STAT_BYTES, STAT_COLUMNS } from '../../server/protocol/links.ts';
import type { MergedReport, Mesh } from '../../server/protocol/mesh.ts';
import type { Pod } from '../../server/protocol/pod.ts';
import { UDP_BYTES, UDP_COLUMNS } from '../../server/protocol/udp.ts';
import type { PictureCells, PictureOptions } from '../model/cells.ts';

/** Cells that the worker has computed, and for which options. */
export interface ComputedCells {
  options: PictureOptions;
  cells: PictureCells;
}

/** A pod report without its columns, and the offsets of the columns in `PackedReports.bytes`. */
interface PackedReport extends Omit<MergedReport, 'links' | 'stats' | 'udp'> {
  length: number;
  linksAt: number;
  /** -1 = no statistics. */
  statsAt: number;
  /** -1 = no results of the UDP probe. */
  udpAt: number;
}

/** Pod reports with all their columns in one buffer, because receiving a thousand buffers per second is slow. */
export interface PackedReports {
  reports: PackedReport[];
  bytes: ArrayBuffer;
}

/** A mesh as the worker posts it to the page: only what the page does not have yet. */
export interface MeshUpdate {
  head: Omit<Mesh, 'reports' | 'pods'>;
  /** null = unchanged. */
  pods: Pod[] | null;
  /** In the order of the mesh: the pod index of an unchanged report, or `~pod` of a new one. */
  reports: Int32Array<ArrayBuffer>;
  /** New reports that were not posted before. */
  last: PackedReports;
  computed: ComputedCells[];
}

/** The worker posts this many reports together while others are still arriving. */
const REPORTS_PER_MESSAGE = 50;

/** Packs meshes in the worker. `Unpacker` is the other end. */
export class Packer {
  #sent: Mesh | null = null;
  #sentAlready = new Map<number, MergedReport>();
  #waiting: MergedReport[] = [];

  /** Adds a report of the next mesh, which may never complete. Returns reports to post now, or null. */
  add(report: MergedReport): PackedReports | null {
    this.#waiting.push(report);
    if (this.#waiting.length < REPORTS_PER_MESSAGE) return null;
    for (const one of this.#waiting) this.#sentAlready.set(one.pod, one);
    return packReports(this.#waiting.splice(0));
  }

  /** Packs what changed since the last call. `transfer`: the buffers to transfer; the worker must not use them afterwards. */
  pack(mesh: Mesh, computed: ComputedCells[]): { update: MeshUpdate; transfer: ArrayBuffer[] } {
    const { reports, pods, ...head } = mesh;
    const known = new Map(this.#sent?.reports.map((report) => [report.pod, report]));
    const last: MergedReport[] = [];
    const order = Int32Array.from(reports, (report) => {
      if (known.get(report.pod) === report) return report.pod;
      if (this.#sentAlready.get(report.pod) !== report) last.push(report);
      return ~report.pod;
    });
    const update: MeshUpdate = {
      head,
      pods: this.#sent?.pods === pods ? null : pods,
      reports: order,
      last: packReports(last),
      computed,
    };
    const transfer: ArrayBuffer[] = [update.last.bytes, order.buffer];
    for (const { cells } of computed) {
      for (const column of [...Object.values(cells), ...Object.values(cells.folded ?? {})])
        if (ArrayBuffer.isView(column)) transfer.push(column.buffer as ArrayBuffer);
    }
    this.#sent = mesh;
    this.#sentAlready.clear();
    this.#waiting = [];
    return { update, transfer };
  }
}

function packReports(reports: readonly MergedReport[]): PackedReports {
  const sizes = reports.map(({ links, stats, udp }) => even(links.length * bytesPerLink(stats !== null, udp !== null)));
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
function packReport({ links, stats, udp, ...rest }: MergedReport, buffer: ArrayBuffer, start: number): PackedReport {
  const { length } = links;
  let end = start;
  /** Copies columns, of which `first` comes first in memory. Returns where they are now. */
  const copy = (first: Uint16Array, size: number): number => {
    const at = end;
    new Uint8Array(buffer, at, size).set(new Uint8Array(first.buffer, first.byteOffset, size));
    end += size;
    return at;
  };
  const linksAt = copy(links.to, length * LINK_BYTES);
  const statsAt = stats === null ? -1 : copy(stats.samples, length * STAT_BYTES);
  // Last, because it may have an odd number of bytes.
  const udpAt = udp === null ? -1 : copy(udp.sent, length * UDP_BYTES);
  return { ...rest, length, linksAt, statsAt, udpAt };
}

function bytesPerLink(hasStats: boolean, hasUdp: boolean): number {
  return LINK_BYTES + (hasStats ? STAT_BYTES : 0) + (hasUdp ? UDP_BYTES : 0);
}

/** Rounds up to an even number, because columns of 16 bits must start at an even offset. */
function even(bytes: number): number {
  return bytes + (bytes & 1);
}

/** Unpacks in the page what a `Packer` packed, in the same order. */
export class Unpacker {
  #mesh: Mesh | null = null;
  #known = new Map<number, UnpackedReport>();
  #came = new Map<number, UnpackedReport>();

  /** Adds reports that arrived before their mesh. */
  add({ reports, bytes }: PackedReports): void {
    for (const report of reports) this.#came.set(report.pod, new UnpackedReport(report, bytes));
  }

  /** Returns the whole mesh. Throws a RangeError if an earlier update is missing. */
  unpack({ head, pods, reports, last }: MeshUpdate): Mesh {
    this.add(last);
    const allPods = pods ?? this.#mesh?.pods;
    const known = new Map<number, UnpackedReport>();
    for (const entry of reports) {
      const report = entry < 0 ? this.#came.get(~entry) : this.#known.get(entry);
      if (report === undefined) throw new RangeError('a mesh update is missing');
      if (entry >= 0) report.detach();
      known.set(report.pod, report);
    }
    if (allPods === undefined) throw new RangeError('a mesh update is missing');
    this.#known = known;
    this.#came.clear();
    this.#mesh = { ...head, pods: allPods, reports: [...known.values()] };
    return this.#mesh;
  }
}

/**
 * A report that reads its columns on first use, because most columns are never read on the page. A class with all its
 * fields, because making a thousand such objects by spread takes 30 ms.
 */
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
  #udpAt: number;
  #bytes: ArrayBuffer;
  #isDetached = false;
  #links: MergedReport['links'] | null = null;
  #stats: MergedReport['stats'] = null;
  #udp: MergedReport['udp'] = null;

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
    this.#udpAt = packed.udpAt;
    this.#bytes = bytes;
  }

  /** Copies its columns. Otherwise the shared buffer would stay in memory as long as this report is unchanged. */
  detach(): void {
    if (this.#isDetached) return;
    this.#isDetached = true;
    const size = this.#length * bytesPerLink(this.#statsAt >= 0, this.#udpAt >= 0);
    this.#bytes = this.#bytes.slice(this.#linksAt, this.#linksAt + size);
    if (this.#statsAt >= 0) this.#statsAt -= this.#linksAt;
    if (this.#udpAt >= 0) this.#udpAt -= this.#linksAt;
    this.#linksAt = 0;
    this.#links = null;
    this.#stats = null;
    this.#udp = null;
  }

  get links(): MergedReport['links'] {
    this.#links ??= linksIn(this.#bytes, this.#linksAt, this.#length);
    return this.#links;
  }

  get stats(): MergedReport['stats'] {
    if (this.#statsAt >= 0) this.#stats ??= columnsIn(STAT_COLUMNS, this.#bytes, this.#statsAt, this.#length);
    return this.#stats;
  }

  get udp(): MergedReport['udp'] {
    if (this.#udpAt >= 0) this.#udp ??= columnsIn(UDP_COLUMNS, this.#bytes, this.#udpAt, this.#length);
    return this.#udp;
  }
}
