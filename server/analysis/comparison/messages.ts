import {
  type ElapsedTime,
  type KeyFigure,
  type LostPodFacts,
  MAX_REPORT_SENTENCE,
  MAX_REPORT_TITLE,
  RANGE_NAMES,
  type ReportData,
} from '../../protocol/comparison.ts';
import { countText, plural } from '../../runtime/count-text.ts';
import { durationText, latencyText } from '../../runtime/measure-text.ts';
import { listText, percent, timeText } from '../text.ts';

/** Whether a finding says that something fails or is slow, not that something is unknown or unreliable. */
export function isFault({ severity }: Pick<ReportData['findings'][number], 'severity'>): boolean {
  return severity === 'failed' || severity === 'slow';
}

/** The title if the caller gave none. `notRecovered`: how many of the lost pods have not recovered. */
export function titleOf(
  { findings, affected, lostPods }: Pick<ReportData, 'findings' | 'affected' | 'lostPods'>,
  notRecovered: number,
): string {
  const newFault = findings.find((finding) => !finding.before && isFault(finding))?.title ?? '';
  const lost = lostPodsText(lostPods, notRecovered);
  const worse = affected.links === 0 ? '' : affectedText(affected);
  const fault = [newFault, lost].filter((text) => text !== '').join('; ');
  return `Report: ${fault || worse || (findings[0]?.title ?? 'no findings')}`.slice(0, MAX_REPORT_TITLE);
}

/** `3 of 12 links became worse, to goldpinger-chaos`. Names the pods of that end at which there are fewer. */
export function affectedText({ links, of, to, from }: ReportData['affected']): string {
  const ends = to.count <= from.count ? `to ${listText(to, 2)}` : `from ${listText(from, 2)}`;
  return `${countText(links)} of ${countText(of)} links became worse, ${ends}`;
}

/** `pod-a lost at 15:10:02, replaced by pod-b, ready after 2.0 s, every link to it ok after 3.1 s`. */
export function lostPodText(pod: LostPodFacts): string {
  const { name, replacedBy, needsReplacement, earliestMs, lostMs, readyMs, healthyMs } = pod;
  const isExact = earliestMs === lostMs;
  const when = isExact ? `at ${timeText(lostMs)}` : `between ${timeText(earliestMs)} and ${timeText(lostMs)}`;
  const lost = `${name} lost ${when}`;
  if (replacedBy === '') return needsReplacement ? `${lost}, not replaced` : lost;
  const replaced = `${lost}, replaced by ${replacedBy}`;
  if (readyMs === null) return `${replaced}, which is not ready`;
  const after = (ms: number) => `after ${isExact ? '' : 'at most '}${durationText(Math.max(0, ms - earliestMs))}`;
  const health = healthyMs === null ? 'not every link to it is ok' : `every link to it ok ${after(healthyMs)}`;
  return `${replaced}, ready ${after(readyMs)}, ${health}`;
}

/** One pod in full, of several how many there are and how many have recovered; '' without any. */
function lostPodsText({ count, pods }: ReportData['lostPods'], notRecovered: number): string {
  const [first] = pods;
  if (first === undefined) return '';
  if (count === 1) return lostPodText(first);
  const names = { count, names: pods.map(({ name }) => name) };
  const result = notRecovered === 0 ? 'all replacements are healthy' : `${countText(notRecovered)} not recovered`;
  return `${countText(count)} pods lost (${listText(names, 2)}), ${result}`;
}

/** The figures that a reader looks for first. `notRecovered`: also of the lost pods that are not listed. */
export function keyFiguresOf(report: Omit<ReportData, 'keyFigures'>, notRecovered: number): KeyFigure[] {
  const { affected, changes, collateral, figures, targets, lostPods, timeToDetect, timeToRecover } = report;
  const hasTarget = targets.count > 0;
  const median = (range: { p50Us: number } | null) => latencyText(range?.p50Us ?? -1);
  const known = RANGE_NAMES.filter((range) => figures.all[range] !== null);
  // Over all links together the loss of one would not show: the affected links are taken if they have datagrams.
  const group = figures.affected.during.lost === undefined ? 'all' : 'affected';
  const isLossKnown = figures[group].during.sent !== undefined;
  const newLinks = changes['new-bad'] + changes.new;
  const all: (KeyFigure | false)[] = [
    lostPods.count > 0 && {
      name: 'Pods lost',
      value: plural(lostPods.count, 'pod'),
      note: lostPodsText(lostPods, notRecovered),
    },
    {
      name: 'Affected links',
      value: `${countText(affected.links)} of ${countText(affected.of)}`,
      note: `${shareText(affected.links, affected.of)} became worse, to ${plural(affected.to.count, 'pod')} from ${countText(affected.from.count)}`,
    },
    {
      name: 'Collateral',
      value: hasTarget ? plural(collateral.count, 'link') : '–',
      note: hasTarget ? collateralText(report) : 'no target stands out',
    },
    { name: 'Time to detect', value: elapsedText(timeToDetect), note: timeToDetect.message },
    { name: 'Time to recover', value: elapsedText(timeToRecover), note: timeToRecover.message },
    {
      name: 'Links with failures',
      value: known.map((range) => countText(figures.all[range]?.failed ?? 0)).join(' → '),
      note: known.join(', '),
    },
    {
      name: 'Median of the others',
      value: `${median(figures.others.before)} → ${median(figures.others.during)}`,
      note: 'before and during, without the affected links',
    },
    isLossKnown && {
      name: 'Datagrams lost',
      value: known.map((range) => lossText(figures[group][range])).join(' → '),
      note: `of ${group === 'all' ? 'all' : 'the affected'} links; ${known.join(', ')}`,
    },
    newLinks + changes.gone > 0 && {
      name: 'New and gone links',
      value: `${countText(newLinks)} new, ${countText(changes.gone)} gone`,
      note: `${countText(changes['new-bad'])} of the new ones bad: with a failed ping, slow, or lossy`,
    },
  ];
  // Names of pods can be long.
  return all.flatMap((one) => (one === false ? [] : { ...one, note: one.note.slice(0, MAX_REPORT_SENTENCE) }));
}

/** How many of the datagrams were lost: `12 %`, `less than 1 %`; `–` if none was sent. */
export function lossText(range: { sent?: number; lost?: number } | null): string {
  const { sent = 0, lost = 0 } = range ?? {};
  return sent === 0 ? '–' : shareText(lost, sent);
}

/** `25 %`; `0 %` and `100 %` only if it is none or all. */
function shareText(part: number, of: number): string {
  if (part === 0) return '0 %';
  return part < of / 100 ? 'less than 1 %' : percent(part, of);
}

function collateralText({ collateral }: Pick<ReportData, 'collateral'>): string {
  if (collateral.count === 0) return 'every affected link touches the target';
  return `affected, without touching the target: ${listText(collateral, 3)}`;
}

function elapsedText({ ms }: ElapsedTime): string {
  return ms === null ? '–' : durationText(ms);
}
