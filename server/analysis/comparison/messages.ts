import type { ReportData } from '../../protocol/comparison.ts';
import { listText } from '../text.ts';

/** Whether a finding is about links, and not about what is not known. */
export function isAboutLinks({ severity }: Pick<ReportData['findings'][number], 'severity'>): boolean {
  return severity === 'failed' || severity === 'slow';
}

const MAX_TITLE = 200;

/**
 * The title of a report without a title of its own: the gravest new finding about links; else how many links became worse
 * (findings tell how the range ended, and the fault may have been over by then); else the gravest finding.
 */
export function titleOf({ findings, affected }: Pick<ReportData, 'findings' | 'affected'>): string {
  const aboutLinks = findings.find((finding) => !finding.before && isAboutLinks(finding));
  const worse = affected.links === 0 ? undefined : affectedText(affected);
  return `Report: ${aboutLinks?.title ?? worse ?? findings[0]?.title ?? 'no findings'}`.slice(0, MAX_TITLE);
}

/** `3 of 12 links became worse, to goldpinger-chaos`. Names the pods of that end at which there are fewer. */
export function affectedText({ links, of, to, from }: ReportData['affected']): string {
  const ends = to.count <= from.count ? `to ${listText(to, 2)}` : `from ${listText(from, 2)}`;
  return `${links} of ${of} links became worse, ${ends}`;
}
