import { columnsIn, LINK_BYTES, linksIn, STAT_BYTES, STAT_COLUMNS } from '../../server/protocol/links.ts';
import type { MergedReport, Mesh } from '../../server/protocol/mesh.ts';
import type { Pod } from '../../server/protocol/pod.ts';
import { UDP_BYTES, UDP_COLUMNS } from '../../server/protocol/udp.ts';

/** A pod report without its columns. */
interface PackedReport extends Omit<MergedReport, 'links' | 'stats' | 'udp'> {
  length: number;
  hasStats: boolean;
  hasUdp: boolean;
}

/** A mesh as the worker posts it to the page. */
export interface PackedMesh {
  head: Omit<Mesh, 'reports' | 'pods'>;
  /** null = the page has them. */
  pods: Pod[] | null;
  /** A list of `PackedReport` as JSON, which a browser reads in half the time that it needs for a thousand objects. */
  reports: string;
  /**
   * The columns of all reports, report by report: links, then statistics and results of the UDP probe, if there are any. One
   * buffer, because receiving a thousand per second is slow. Its end may be unused.
   */
  bytes: ArrayBuffer;
}

/**
 * Packs the reports of a mesh as they come. Their columns are copied: the worker needs its own for the next mesh. `most`: how many
 * reports there are at most.
 */
export class MeshPacker {
  readonly #most: number;
  readonly #reports: string[] = [];
  #bytes = new Uint8Array(0);
  #end = 0;

  constructor(most: number) {
    this.#most = most;
  }

  add({ links, stats, udp, ...rest }: MergedReport): void {
    const { length } = links;
    const [hasStats, hasUdp] = [stats !== null, udp !== null];
    const size = length * (LINK_BYTES + (hasStats ? STAT_BYTES : 0) + (hasUdp ? UDP_BYTES : 0));
    this.#grow(size);
    const packed: PackedReport = { ...rest, length, hasStats, hasUdp };
    this.#reports.push(JSON.stringify(packed));
    this.#copy(links.to, length * LINK_BYTES);
    if (stats !== null) this.#copy(stats.samples, length * STAT_BYTES);
    if (udp !== null) this.#copy(udp.sent, length * UDP_BYTES);
    this.#end = evenAfter(this.#end);
  }

  /** Packs the rest of a mesh, without its pods if these are `knownPods`. */
  finish({ reports: _reports, pods, ...head }: Mesh, knownPods: readonly Pod[] | null): PackedMesh {
    const reports = `[${this.#reports.join()}]`;
    return { head, pods: pods === knownPods ? null : pods, reports, bytes: this.#bytes.buffer };
  }

  /** Makes room for `size` bytes more. Usually all reports are as long as the first one, so that one buffer suffices. */
  #grow(size: number): void {
    if (this.#end + size <= this.#bytes.length) return;
    const left = Math.max(1, this.#most - this.#reports.length);
    const larger = new Uint8Array(Math.max(2 * this.#bytes.length, this.#end + size * left));
    larger.set(this.#bytes);
    this.#bytes = larger;
  }

  /** Copies `size` bytes of columns, of which `first` comes first in memory. */
  #copy(first: Uint16Array, size: number): void {
    this.#bytes.set(new Uint8Array(first.buffer, first.byteOffset, size), this.#end);
    this.#end += size;
  }
}

/** Unpacks in the page what `MeshPacker` packed. `knownPods`: the pods of the mesh before. */
export function unpackMesh({ head, pods, reports, bytes }: PackedMesh, knownPods: Pod[]): Mesh {
  let at = 0;
  const unpacked = (JSON.parse(reports) as PackedReport[]).map((report): MergedReport => {
    const { length, hasStats, hasUdp } = report;
    const links = linksIn(bytes, at, length);
    at += length * LINK_BYTES;
    const stats = hasStats ? columnsIn(STAT_COLUMNS, bytes, at, length) : null;
    if (hasStats) at += length * STAT_BYTES;
    const udp = hasUdp ? columnsIn(UDP_COLUMNS, bytes, at, length) : null;
    if (hasUdp) at = evenAfter(at + length * UDP_BYTES);
    // Not spread, which takes 30 ms for a thousand reports.
    return Object.assign(report, { links, stats, udp });
  });
  unpacked.sort((a, b) => a.pod - b.pod);
  return { ...head, pods: pods ?? knownPods, reports: unpacked };
}

/** Columns of 16 bits must start at an even byte, and those of the UDP probe may have an odd number of bytes. */
function evenAfter(at: number): number {
  return at + (at % 2);
}
