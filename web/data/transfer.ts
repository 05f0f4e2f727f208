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
   * buffer, because receiving a thousand per second is slow.
   */
  bytes: ArrayBuffer;
}

/** Packs a mesh, without its pods if these are `knownPods`. Its columns are copied: the worker needs its own for the next one. */
export function packMesh({ reports, pods, ...head }: Mesh, knownPods: readonly Pod[] | null): PackedMesh {
  let end = 0;
  const packed = reports.map(({ links: { length }, stats, udp, ...rest }): PackedReport => {
    const [hasStats, hasUdp] = [stats !== null, udp !== null];
    end = evenAfter(end + length * (LINK_BYTES + (hasStats ? STAT_BYTES : 0) + (hasUdp ? UDP_BYTES : 0)));
    return { ...rest, length, hasStats, hasUdp };
  });
  const bytes = new Uint8Array(end);
  let at = 0;
  for (const { links, stats, udp } of reports) {
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
    at = evenAfter(at);
  }
  return { head, pods: pods === knownPods ? null : pods, reports: JSON.stringify(packed), bytes: bytes.buffer };
}

/** Unpacks in the page what `packMesh` packed. `knownPods`: the pods of the mesh before. */
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
  return { ...head, pods: pods ?? knownPods, reports: unpacked };
}

/** Columns of 16 bits must start at an even byte, and those of the UDP probe may have an odd number of bytes. */
function evenAfter(at: number): number {
  return at + (at % 2);
}
