import { MeshCounts } from '../../server/analysis/findings/counts.ts';
import { analysisOf } from '../../server/analysis/findings/evidence.ts';
import { findingsFrom } from '../../server/analysis/findings/findings.ts';
import type { Finding } from '../../server/protocol/finding.ts';
import { isSlow } from '../../server/protocol/link-state.ts';
import { FLAG_SLOW, NONE16, unpack16 } from '../../server/protocol/links.ts';
import type { MergedReport, Mesh } from '../../server/protocol/mesh.ts';

/**
 * The findings of a mesh if links are slow from `slowMs` on instead of from SLOW_LINK. It is the server's analysis, so that
 * words, counts and colours on the page follow one threshold. Yields after each small piece of work.
 */
export function* findingsAt(mesh: Mesh, slowMs: number): Generator<void, Finding[]> {
  const { atMs, discovery, servedBy, settings } = mesh;
  const counts = new MeshCounts(mesh.pods, { ...settings, slowLinkMs: slowMs });
  for (const report of mesh.reports) {
    counts.add(slowMs === settings.slowLinkMs ? report : withSlowFlags(report, slowMs * 1000));
    yield;
  }
  const analysis = yield* analysisOf(counts, servedBy.pod);
  return yield* findingsFrom(analysis, { atMs, discovery, servedBy: servedBy.pod });
}

/**
 * A report whose links are flagged as slow by `slowUs`: their own flags are about SLOW_LINK. The samples in a row that such a flag
 * takes are not in the report. In place of them the median of its window decides, or the newest answer if it has fewer than two.
 * A link without the flag whose newest answer is slow is slow for the findings too, but less sure: see `counts.ts`.
 */
function withSlowFlags(report: MergedReport, slowUs: number): MergedReport {
  const { links, stats } = report;
  const flags = links.flags.map((own, i) => {
    const us = stats !== null && (stats.samples[i] ?? 0) >= 2 ? stats.p50Us[i] : links.totalUs[i];
    const isSlowNow = links.outcome[i] === 0 && isSlow(unpack16(us ?? NONE16), slowUs);
    return isSlowNow ? own | FLAG_SLOW : own & ~FLAG_SLOW;
  });
  return { ...report, links: { ...links, flags } };
}
