import type { MissingPart } from '../../contract/event.ts';
import type { Mesh } from '../../contract/mesh.ts';
import type { ReportRange } from '../../contract/report.ts';
import type { VerdictAnswer } from '../../contract/verdict.ts';
import { RANGES } from './each-link.ts';
import { counted, listed, namesOf } from './names.ts';
import { clock, span } from './times.ts';

/** What of a report is uncertain, and why. */
export interface Uncertain {
  /** What could not be looked at as wanted. */
  notes: readonly string[];
  ranges: Record<(typeof RANGES)[number], ReportRange | null>;
  verdict: VerdictAnswer;
  discovery: Mesh['discovery'];
  lostFromView: number;
  /** Events and annotations: who did not tell theirs, and whether older events had to make room. */
  missingEvents: readonly MissingPart[];
  missingAnnotations: readonly MissingPart[];
  eventsCut: boolean;
}

/** What is not known, a sentence without a full stop each. */
export function unknownsOf(uncertain: Uncertain): string[] {
  const { verdict, discovery, lostFromView, eventsCut } = uncertain;
  const whose = (parts: readonly MissingPart[]) => listed(namesOf(parts.map(({ name }) => name)));
  const sentences = [
    ...uncertain.notes,
    verdict.verdict === 'unknown' ? `The verdict is unknown: ${verdict.reason}` : '',
    ...RANGES.flatMap((name) => rangeUnknowns(name, uncertain.ranges[name])),
    lostFromView === 0
      ? ''
      : `${counted(lostFromView, 'link')} known before had no sample during: whether the fault reached them is not known`,
    discovery.phase === 'synced' ? '' : `The pod list was not current (${discovery.phase}) when the report was made`,
    uncertain.missingEvents.length === 0 ? '' : `Events that only ${whose(uncertain.missingEvents)} saw are missing`,
    eventsCut ? 'Some events are left out: there were too many' : '',
    uncertain.missingAnnotations.length === 0
      ? ''
      : `${whose(uncertain.missingAnnotations)} did not tell of annotations`,
  ];
  return sentences.filter((sentence) => sentence !== '').map((sentence) => sentence.slice(0, 1000));
}

function rangeUnknowns(name: string, range: ReportRange | null): string[] {
  if (range === null) return [];
  const { missing, resolutionMs, fromMs } = range;
  const sentences: string[] = [];
  if (missing.count > 0) {
    const rows = `${counted(missing.count, 'pod')} of ${range.pods}`;
    sentences.push(`In the range "${name}" ${rows} did not tell what they measured: ${listed(missing)}`);
  }
  if (resolutionMs > 0) {
    const edges = `so its edges (${clock(fromMs)}) may be off by that much`;
    sentences.push(`Of the range "${name}" only summaries of ${span(resolutionMs)} are kept, ${edges}`);
  }
  return sentences;
}
