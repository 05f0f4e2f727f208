import { MeshCounts } from '../../server/analysis/findings/counts.ts';
import { findingsFrom } from '../../server/analysis/findings/findings.ts';
import type { Finding } from '../../server/protocol/finding.ts';
import { FLAG_SLOW } from '../../server/protocol/links.ts';
import type { MergedReport, Mesh } from '../../server/protocol/mesh.ts';

/**
 * The findings of a mesh if links are slow from `slowMs` on instead of from SLOW_LINK. It is the server's analysis, so that
 * words, counts and colours on the page follow one threshold. Yields after each small piece of work.
 */
export function* findingsAt(mesh: Mesh, slowMs: number): Generator<void, Finding[]> {
  const { atMs, discovery, servedBy, settings } = mesh;
  const counts = new MeshCounts(mesh.pods, { ...settings, slowLinkMs: slowMs });
  for (const report of mesh.reports) {
    counts.add(slowMs > settings.slowLinkMs ? withoutSlowFlags(report) : report);
    yield;
  }
  return yield* findingsFrom(counts, { atMs, discovery, servedBy: servedBy.pod });
}

/** A report without the flags of links that have been slow for a while: they are about SLOW_LINK. */
function withoutSlowFlags(report: MergedReport): MergedReport {
  const { links, stats, udp } = report;
  if (!links.flags.some((flags) => (flags & FLAG_SLOW) !== 0)) return report;
  // Reports of the live mesh have getters for their columns, which a spread leaves out.
  return { ...report, stats, udp, links: { ...links, flags: links.flags.map((flags) => flags & ~FLAG_SLOW) } };
}
