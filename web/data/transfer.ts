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

/**
 * A pod report without its columns. They begin at byte `at` of `PackedReports.bytes`: those of its links, then statistics and
 * results of the UDP probe, if there are any.
 */
interface PackedReport extends Omit<MergedReport, 'links' | 'stats' | 'udp'> {
  /** Number of links. */
  length: number;
  at: number;
  hasStats: boolean;
  hasUdp: boolean;
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

/** Copies the columns of reports into one buffer: the worker needs its own to work out what comes next. */
function packReports(reports: readonly MergedReport[]): PackedReports {
  let end = 0;
  const packed = reports.map(({ links: { length }, stats, udp, ...rest }): PackedReport => {
    const at = end;
    const [hasStats, hasUdp] = [stats !== null, udp !== null];
    // Columns of 16 bits must start at an even byte, and those of the UDP probe may have an odd number of bytes.
    end += Math.ceil((length * bytesPerLink(hasStats, hasUdp)) / 2) * 2;
    return { ...rest, length, at, hasStats, hasUdp };
  });
  const bytes = new Uint8Array(end);
  for (const [i, { links, stats, udp }] of reports.entries()) {
    let at = packed[i]?.at ?? 0;
    /** Copies columns, of which `first` comes first in memory. */
    const copy = (first: Uint16Array | undefined, linkBytes: number) => {
      if (first === undefined) return;
      const size = links.length * linkBytes;
      bytes.set(new Uint8Array(first.buffer, first.byteOffset, size), at);
      at += size;
    };
    copy(links.to, LINK_BYTES);
    copy(stats?.samples, STAT_BYTES);
    copy(udp?.sent, UDP_BYTES);
  }
  return { reports: packed, bytes: bytes.buffer };
}

function bytesPerLink(hasStats: boolean, hasUdp: boolean): number {
  return LINK_BYTES + (hasStats ? STAT_BYTES : 0) + (hasUdp ? UDP_BYTES : 0);
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
  readonly #packed: PackedReport;
  #bytes: ArrayBuffer;
  /** Where its columns begin in `#bytes`. */
  #at: number;
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
    this.#packed = packed;
    this.#bytes = bytes;
    this.#at = packed.at;
  }

  /** Copies its columns. Otherwise the shared buffer would stay in memory as long as this report is unchanged. */
  detach(): void {
    if (this.#isDetached) return;
    this.#isDetached = true;
    const { length, hasStats, hasUdp } = this.#packed;
    this.#bytes = this.#bytes.slice(this.#at, this.#at + length * bytesPerLink(hasStats, hasUdp));
    this.#at = 0;
    this.#links = null;
    this.#stats = null;
    this.#udp = null;
  }

  get links(): MergedReport['links'] {
    this.#links ??= linksIn(this.#bytes, this.#at, this.#packed.length);
    return this.#links;
  }

  get stats(): MergedReport['stats'] {
    const { length, hasStats } = this.#packed;
    if (hasStats) this.#stats ??= columnsIn(STAT_COLUMNS, this.#bytes, this.#at + length * LINK_BYTES, length);
    return this.#stats;
  }

  get udp(): MergedReport['udp'] {
    const { length, hasStats, hasUdp } = this.#packed;
    const at = this.#at + length * bytesPerLink(hasStats, false);
    if (hasUdp) this.#udp ??= columnsIn(UDP_COLUMNS, this.#bytes, at, length);
    return this.#udp;
  }
}
