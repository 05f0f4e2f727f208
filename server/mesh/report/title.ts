import type { ReportData } from '../../contract/report.ts';
import { listed } from './names.ts';

/** What a title is made of. */
type Titled = Pick<ReportData, 'findings' | 'affected'>;

/** The longest title. */
const MAX_TITLE = 200;

/**
 * The heading of a report that was given none: the gravest finding about links that is new; without one, how many links
 * became worse, as findings tell how the range ended, and a fault may have been over by then; else the gravest finding.
 */
export function titleOf({ findings, affected }: Titled): string {
  const isNew = findings.find(({ before, severity }) => !before && (severity === 'failed' || severity === 'slow'));
  const worse = affected.links === 0 ? '' : worseWords(affected);
  return `Report: ${isNew?.title ?? (worse || (findings[0]?.title ?? 'nothing stood out'))}`.slice(0, MAX_TITLE);
}

/** `3 of 12 links became worse, to goldpinger-chaos`: by the end where there are fewer pods. */
export function worseWords({ links, of, to, from }: ReportData['affected']): string {
  const ends = to.count <= from.count ? `to ${listed(to, 2)}` : `from ${listed(from, 2)}`;
  return `${links} of ${of} links became worse, ${ends}`;
}
