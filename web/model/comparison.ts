import {
  CHANGES,
  type Change,
  type ChangedLink,
  type ComparedColumns,
  type Comparison,
  failedPercent,
  type LinkSummary,
  medianChangeUs,
  NOT_SEEN,
  qualityNotes,
  type ReportData,
} from '../../server/protocol/comparison.ts';
import { isWorseResult } from '../../server/protocol/link-state.ts';
import { unpack16 } from '../../server/protocol/links.ts';
import { countText, plural } from '../../server/runtime/count-text.ts';
import { latencyText } from '../../server/runtime/measure-text.ts';
import { shareText, successText, timesText } from './format.ts';
import { compareNames, podLabels } from './names.ts';

/** How all links did in one range, by pair. */
export interface RangeCells {
  /** Median of the ok probes, us; NaN without one. */
  p50Us: Float32Array;
  /** Failed probes in percent; `NOT_SEEN` without a probe. */
  failed: Uint8Array;
}

/** A comparison as the map of changes draws it. The pair (from, to) has index `from * n + to`. */
export interface ChangeMapModel {
  /** All pods of the ranges, by name. `label` is short, different from all others, and safe to show. */
  pods: { uid: string; label: string; isTarget: boolean }[];
  n: number;
  before: RangeCells;
  during: RangeCells;
  /** Index in `CHANGES`; 0 = `unknown`. */
  change: Uint8Array;
  /** Median during less median before, us; NaN if one of them is missing. */
  deltaUs: Float32Array;
  /** The largest change of a median in either direction, us. */
  maxDeltaUs: number;
}

/** Arranges the links of a comparison as a map. Of the two IP families of a pair the cell shows the one that did worse during. */
export function changeMapOf({ pods, links, displayNodeName }: Comparison): ChangeMapModel {
  const n = pods.length;
  const labels = podLabels(pods, displayNodeName);
  const order = [...pods.keys()].sort((a, b) => compareNames(pods[a]?.name ?? '', pods[b]?.name ?? ''));
  const place = new Uint32Array(n);
  for (const [i, pod] of order.entries()) place[pod] = i;
  const map: ChangeMapModel = {
    pods: order.map((pod) => {
      return { uid: pods[pod]?.uid ?? '', label: labels[pod] ?? '', isTarget: pods[pod]?.isTarget ?? false };
    }),
    n,
    before: emptyCells(n),
    during: emptyCells(n),
    change: new Uint8Array(n * n),
    deltaUs: new Float32Array(n * n).fill(Number.NaN),
    maxDeltaUs: 0,
  };
  for (const columns of links) addLinks(map, columns, place);
  return map;
}

export function changeAt({ change }: ChangeMapModel, pair: number): (typeof CHANGES)[number] {
  return CHANGES[change[pair] ?? 0] ?? 'unknown';
}

export function pairUids({ pods, n }: ChangeMapModel, pair: number): { from: string; to: string } {
  return { from: pods[Math.floor(pair / n)]?.uid ?? '', to: pods[pair % n]?.uid ?? '' };
}

function emptyCells(n: number): RangeCells {
  return { p50Us: new Float32Array(n * n).fill(Number.NaN), failed: new Uint8Array(n * n).fill(NOT_SEEN) };
}

function addLinks(map: ChangeMapModel, columns: ComparedColumns, place: Uint32Array): void {
  const { before, during } = map;
  const from = (place[columns.from] ?? 0) * map.n;
  for (let i = 0; i < columns.length; i++) {
    const pair = from + (place[columns.to[i] ?? 0] ?? 0);
    const us = latencyOf(columns.duringP50Us[i]);
    const failed = columns.duringFailed[i] ?? NOT_SEEN;
    if (!replaces(during, pair, us, failed)) continue;
    during.p50Us[pair] = us;
    during.failed[pair] = failed;
    before.p50Us[pair] = latencyOf(columns.beforeP50Us[i]);
    before.failed[pair] = columns.beforeFailed[i] ?? NOT_SEEN;
    map.change[pair] = columns.change[i] ?? 0;
    const delta = us - (before.p50Us[pair] ?? Number.NaN);
    map.deltaUs[pair] = delta;
    if (Math.abs(delta) > map.maxDeltaUs) map.maxDeltaUs = Math.abs(delta);
  }
}

/** Whether a link takes the place of the one that was drawn for its pair before, if any: over the other IP family. */
function replaces({ p50Us, failed }: RangeCells, pair: number, us: number, percent: number): boolean {
  const drawn = failed[pair] ?? NOT_SEEN;
  if (drawn === NOT_SEEN) return true;
  if (percent === NOT_SEEN) return false;
  if (percent > 0 && drawn > 0) return percent > drawn;
  return isWorseResult(percent > 0, us, drawn > 0, p50Us[pair] ?? 0);
}

function latencyOf(packed = 0): number {
  const us = unpack16(packed);
  return us < 0 ? Number.NaN : us;
}

/** A change of latency with its sign: "+252 ms", "−0.3 ms", "±0" below 0.05 ms, "–" if it is not known (NaN). */
export function deltaText(us: number): string {
  if (Number.isNaN(us)) return '–';
  if (Math.abs(us) < 50) return '±0';
  return `${us > 0 ? '+' : '−'}${latencyText(Math.abs(us))}`;
}

/** As `deltaText`, but ms without their unit, for cells: "+251", "+0.1", "±0", from 10 s on "+12.0 s". */
export function deltaFigure(us: number): string {
  return deltaText(us).replace(/ ms$/, '');
}

/** What became of a link, in words, and its mark in cells and in the legend; in the order of the legend: bad ones first. */
export const CHANGE_SIGNS: Record<Change, { text: string; sign: string }> = {
  'new-bad': { text: 'new and bad', sign: '+' },
  'fails-more': { text: 'more failures', sign: '×' },
  'still-fails': { text: 'still fails', sign: '×' },
  slower: { text: 'slower', sign: '↑' },
  'loses-more': { text: 'more datagrams lost', sign: '%' },
  recovered: { text: 'recovered', sign: '✓' },
  faster: { text: 'faster', sign: '↓' },
  new: { text: 'new', sign: '+' },
  gone: { text: 'gone', sign: '−' },
  unknown: { text: 'no data in one range', sign: '?' },
  same: { text: 'as before', sign: '' },
};

/** The kinds of changes that links had, with their numbers, as the server counted them. */
export function legendOf(changes: ReportData['changes']): { change: Change; count: number }[] {
  const all = (Object.keys(CHANGE_SIGNS) as Change[]).map((change) => ({ change, count: changes[change] }));
  return all.filter(({ change, count }) => change !== 'same' && count > 0);
}

/** What a changed link did: the change of its median, or "more failures" where failures matter more. */
export function changeText({ change, ...link }: ChangedLink): string {
  const us = medianChangeUs(link);
  const isLatency = change === 'slower' || change === 'same' || change === 'faster';
  return isLatency && us !== null ? deltaFigure(us) : CHANGE_SIGNS[change].text;
}

/** How a link did in one range: "252 ms", "failed", "3 % failed"; "–" without a probe. `us`: NaN without an ok probe. */
export function resultText(us: number, percent: number): string {
  if (percent === NOT_SEEN) return '–';
  if (percent === 0) return latencyText(us);
  return Number.isNaN(us) ? 'failed' : `${percent} % failed`;
}

/** As `resultText` for a changed link, but ms without their unit; and the datagrams that were lost, if any: "12 % lost". */
export function medianFigures(link: LinkSummary | null): string[] {
  if (link === null) return ['–'];
  const us = link.p50Us < 0 ? Number.NaN : link.p50Us;
  const { sent = 0, lost = 0 } = link;
  const figure = resultText(us, failedPercent(link)).replace(/ ms$/, '');
  return lost === 0 ? [figure] : [figure, `${shareText(lost / sent)} lost`];
}

/** What is worth saying of a changed link in one range beside its median: "90 % ok", "4.0 × usual", "jitter 12 ms". */
export function qualityTexts(link: LinkSummary | null): string[] {
  if (link === null) return [];
  const { failed, jitterUs, timesUsual } = qualityNotes(link);
  return [
    failed > 0 && failed < 1 ? `${successText(failed)} ok` : '',
    timesUsual < 0 ? '' : `${timesText(timesUsual)} usual`,
    jitterUs < 0 ? '' : `jitter ${latencyText(jitterUs)}`,
  ].filter(Boolean);
}

/** A pair of the map: "001 → chaos: 0.6 ms, then 252 ms; +252 ms". `isSpoken`: without an arrow, for screen readers. */
export function pairText(map: ChangeMapModel, pair: number, isSpoken = false): string {
  const { pods, n, before, during, deltaUs } = map;
  const result = ({ p50Us, failed }: RangeCells) => resultText(p50Us[pair] ?? Number.NaN, failed[pair] ?? NOT_SEEN);
  const change = changeAt(map, pair);
  const us = deltaUs[pair] ?? Number.NaN;
  const delta =
    (change === 'slower' || change === 'faster') && !Number.isNaN(us) ? deltaText(us) : CHANGE_SIGNS[change].text;
  const [from, to] = [pods[Math.floor(pair / n)]?.label ?? '?', pods[pair % n]?.label ?? '?'];
  const name = isSpoken ? `from ${from} to ${to}` : `${from} → ${to}`;
  return `${name}: ${result(before)}, then ${result(during)}; ${delta}`;
}

/** The place of a median on the scale of the table: logarithmic from 0.1 ms (0) to 1 s (1). */
export function onScale(us: number): number {
  return Math.min(1, Math.max(0, Math.log10(Math.max(1, us) / 100) / 4));
}

/** For a range without findings. They tell how it ended: a fault that was over by then must not look like no fault. */
export function noFindingsText({ links, of }: ReportData['affected']): string {
  if (links === 0) return 'No findings in the range.';
  return `No findings at the end of the range, but ${countText(links)} of ${plural(of, 'link')} became worse.`;
}
