import {
  type Change,
  type ChangedLink,
  type ElapsedTime,
  failedPercent,
  type LinkMedian,
  medianChangeUs,
  NOT_SEEN,
  type ReportData,
} from '../../server/protocol/comparison.ts';
import type { TimeRange } from '../../server/runtime/time-range.ts';
import { type ChangeMapModel, changeAt, type RangeCells } from './compare.ts';
import { countText, latencyText, plural, spanText } from './figures.ts';

/** A change of latency with its sign: "+252 ms", "−0.3 ms", "±0" below 0.05 ms, "–" if it is not known (NaN). */
export function deltaText(us: number): string {
  if (Number.isNaN(us)) return '–';
  if (Math.abs(us) < 50) return '±0';
  return `${us > 0 ? '+' : '−'}${latencyText(Math.abs(us))}`;
}

/** As `deltaText` in ms without the unit, for cells: "+251", "+0.1", "±0". */
export function deltaFigure(us: number): string {
  return deltaText(us).replace(/ ms$/, '');
}

const CHANGE_TEXTS: Record<Change, string> = {
  unknown: 'not known in both',
  same: 'as before',
  slower: 'slower',
  faster: 'faster',
  recovered: 'recovered',
  'still-fails': 'still fails',
  'fails-more': 'fails more',
};

/** What a changed link did: the change of its median, or "fails more" where failures matter more. */
export function changeText({ change, ...link }: ChangedLink): string {
  const us = medianChangeUs(link);
  const isLatency = change === 'slower' || change === 'same' || change === 'faster';
  return isLatency && us !== null ? deltaFigure(us) : CHANGE_TEXTS[change];
}

/** How a link did in one range: "252 ms", "failed", "3 % failed"; "–" without a probe. `us`: NaN without an ok probe. */
export function resultText(us: number, percent: number): string {
  if (percent === NOT_SEEN) return '–';
  if (percent === 0) return latencyText(us);
  return Number.isNaN(us) ? 'failed' : `${percent} % failed`;
}

/** As `resultText`, for a changed link of the report, in ms without the unit. */
export function medianFigure(link: LinkMedian | null): string {
  if (link === null) return '–';
  const us = link.p50Us < 0 ? Number.NaN : link.p50Us;
  return resultText(us, failedPercent(link)).replace(/ ms$/, '');
}

/**
 * A pair of the map as a sentence: "001 → chaos: 0.6 ms, then 252 ms; +252 ms". `isSpoken`: without an arrow, for screen
 * readers.
 */
export function pairText(map: ChangeMapModel, pair: number, isSpoken = false): string {
  const { pods, n, before, during, deltaUs } = map;
  const result = ({ p50Us, failed }: RangeCells) => resultText(p50Us[pair] ?? Number.NaN, failed[pair] ?? NOT_SEEN);
  const change = changeAt(map, pair);
  const us = deltaUs[pair] ?? Number.NaN;
  const delta =
    (change === 'slower' || change === 'faster') && !Number.isNaN(us) ? deltaText(us) : CHANGE_TEXTS[change];
  const [from, to] = [pods[Math.floor(pair / n)]?.label ?? '?', pods[pair % n]?.label ?? '?'];
  const name = isSpoken ? `from ${from} to ${to}` : `${from} → ${to}`;
  return `${name}: ${result(before)}, then ${result(during)}; ${delta}`;
}

/** A key figure: its name, its value and a note. */
type KeyFigure = [name: string, value: string, note: string];

/** The key figures of a report. `labelOf` gives the label of a pod by name; `withAfter`: whether to show the range "after". */
export function keyFigureTexts(
  { affected, collateral, figures, targets, timeToDetect }: ReportData,
  targetLabels: readonly string[],
  withAfter: boolean,
): KeyFigure[] {
  const share = affected.of === 0 ? 0 : (100 * affected.links) / affected.of;
  const percent = share > 0 && share < 1 ? 'less than 1 %' : `${Math.round(share)} %`;
  const target = targets.count === 1 ? (targetLabels[0] ?? '') : plural(targets.count, 'target');
  const failing = [figures.all.before, figures.all.during, withAfter ? figures.all.after : null];
  const before = figures.others.before === null ? '–' : latencyText(figures.others.before.p50Us).replace(/ ms$/, '');
  return [
    ['Affected links', `${countText(affected.links)} of ${countText(affected.of)}`, affected.of === 0 ? '' : percent],
    [
      'Collateral',
      targets.count === 0 ? '–' : plural(collateral.count, 'link'),
      targets.count === 0 ? 'no target stands out' : `away from ${target}`,
    ],
    [
      'Links with failures',
      failing.flatMap((range) => (range === null ? [] : countText(range.failed))).join(' → '),
      withAfter && figures.all.after !== null ? 'before, during, after' : 'before, during',
    ],
    ['Time to detect', timeToDetect.ms === null ? '–' : spanText(timeToDetect.ms), detectNote(timeToDetect, affected)],
    ['Median of the others', `${before} → ${latencyText(figures.others.during.p50Us)}`, 'without the affected links'],
  ];
}

function detectNote({ ms, since, atMs }: ElapsedTime, { links }: ReportData['affected']): string {
  const begin = since === 'annotation' ? 'the annotation' : 'the begin of “during”';
  if (ms !== null) return `from ${begin}`;
  if (atMs > 0) return `seen before ${begin}`;
  return links === 0 ? 'no link became worse' : 'no event of a link says when';
}

/** The path of the report on what is compared, relative to the page. `expect`: the hypothesis, clause by clause. */
export function reportPath(ranges: readonly TimeRange[], expect: readonly string[]): string {
  return `api/v1/report?${comparisonQuery(ranges, expect)}`;
}

/** The query of a report or comparison of two or three ranges: before, during, after. */
export function comparisonQuery([before, during, after]: readonly TimeRange[], expect: readonly string[]): string {
  const text = ({ fromMs, toMs }: TimeRange) => `${fromMs}-${toMs}`;
  const query = new URLSearchParams();
  if (during !== undefined) {
    query.set('from', String(during.fromMs));
    query.set('to', String(during.toMs));
  }
  if (before !== undefined) query.set('before', text(before));
  if (after !== undefined) query.set('after', text(after));
  for (const clause of expect) query.append('expect', clause);
  return query.toString();
}

/** The place of a median on the scale of the table: logarithmic from 0.1 ms (0) to 1 s (1). */
export function onScale(us: number): number {
  return Math.min(1, Math.max(0, Math.log10(Math.max(1, us) / 100) / 4));
}

/**
 * The text for a range without findings. Findings tell how the range ended: a fault that was over by then must not look like
 * no fault.
 */
export function noFindingsText({ links, of }: ReportData['affected']): string {
  if (links === 0) return 'No findings in the range.';
  return `No findings at the end of the range, but ${countText(links)} of ${plural(of, 'link')} became worse.`;
}
