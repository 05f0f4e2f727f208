import { FLAG_NOT_YET, NONE16, unpack16 } from '../../protocol/links.ts';
import type { MergedReport } from '../../protocol/mesh.ts';

/* Links that were not pinged since a moment, such as the begin of a fault, may stand as they were before it. */

/** The clocks of two reports may differ by this much, because their answers took time to arrive. */
export const CLOCK_ERROR_MS = 100;

/** Whether the newest sample of a link is from after a moment (ms since the epoch); 0 = any moment. */
export function isPingedSince({ links, atMs }: MergedReport, i: number, sinceMs: number): boolean {
  const ageMs = unpack16(links.ageMs[i] ?? NONE16);
  // A Goldpinger pod need not say when it pinged. Then the ping may be from before the moment.
  const pingedMs = ageMs < 0 ? 0 : atMs - ageMs;
  return pingedMs >= sinceMs - CLOCK_ERROR_MS;
}

/** How many links of a report to `isOther` pods are pinged, and were ok or failed in a ping since a moment: see `isPingedSince`. */
export function countSince(report: MergedReport | undefined, isOther: (pod: number) => boolean, sinceMs: number) {
  const counts = { probed: 0, ok: 0, failed: 0 };
  if (report === undefined) return counts;
  for (let i = 0; i < report.links.length; i++) {
    if (((report.links.flags[i] ?? 0) & FLAG_NOT_YET) !== 0 || !isOther(report.links.to[i] ?? 0)) continue;
    counts.probed += 1;
    if (!isPingedSince(report, i, sinceMs)) continue;
    if (report.links.outcome[i] === 0) counts.ok += 1;
    else counts.failed += 1;
  }
  return counts;
}

/** Whether most links of a report to the pods that `isOther` accepts were ok in their newest ping. */
export function reachesMost(report: MergedReport, isOther: (pod: number) => boolean): boolean {
  const { probed, ok } = countSince(report, isOther, 0);
  return ok * 2 > probed;
}
