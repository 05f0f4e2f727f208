import type { Annotation } from '../../server/protocol/annotation.ts';
import type { MeshEvent } from '../../server/protocol/event.ts';
import type { TimeRange } from '../../server/runtime/time-range.ts';
import { CHANGES, type Comparison } from './compare.ts';
import { countText, latencyText, plural } from './figures.ts';

/** A change of latency with its sign: "+252 ms", "−0.3 ms", "±0" below 0.05 ms. */
export function deltaText(us: number): string {
  if (Number.isNaN(us)) return '–';
  if (Math.abs(us) < 50) return '±0';
  return `${us > 0 ? '+' : '−'}${latencyText(Math.abs(us))}`;
}

/** As `deltaText` in ms without the unit, for cells: "+251", "+0.1", "±0". */
export function deltaFigure(us: number): string {
  return deltaText(us).replace(/ ms$/, '');
}

const WORDS: Record<(typeof CHANGES)[number], string> = {
  unknown: 'not known in both',
  same: 'as before',
  slower: 'slower',
  faster: 'faster',
  mended: 'mended',
  failing: 'still fails',
  broke: 'fails more',
};

/** What became of a link, in words. */
export function changeWords(change: (typeof CHANGES)[number]): string {
  return WORDS[change];
}

/** How a link did in one range: "252 ms", "failed", "3 % failed, 0.61 ms". */
export function doingText(us: number, failedShare: number): string {
  if (!(failedShare >= 0)) return '–';
  if (failedShare === 0) return latencyText(us);
  if (Number.isNaN(us)) return 'failed';
  return `${Math.max(1, Math.round(failedShare * 100))} % failed`;
}

/** The name of a pair: "001 → chaos". */
export function pairName({ pods, n }: Comparison, pair: number): string {
  return `${pods[Math.floor(pair / n)]?.label ?? '?'} → ${pods[pair % n]?.label ?? '?'}`;
}

/** The pods of a pair, by uid. */
export function linkOf({ pods, n }: Comparison, pair: number): { from: string; to: string } {
  return { from: pods[Math.floor(pair / n)]?.uid ?? '', to: pods[pair % n]?.uid ?? '' };
}

/** A pair in words: what it did, what it does, what changed. "001 → chaos: 0.6 ms, then 252 ms; +252 ms"; `isSpoken`: without an arrow. */
export function pairWords(comparison: Comparison, pair: number, isSpoken = false): string {
  const { before, during, change, deltaUs } = comparison;
  const doing = ({ p50Us, failedShare }: Comparison['before']) =>
    doingText(p50Us[pair] ?? Number.NaN, failedShare[pair] ?? Number.NaN);
  const what = CHANGES[change[pair] ?? 0] ?? 'unknown';
  const us = deltaUs[pair] ?? Number.NaN;
  const delta = (what === 'slower' || what === 'faster') && !Number.isNaN(us) ? deltaText(us) : changeWords(what);
  const name = pairName(comparison, pair);
  const ends = isSpoken ? `from ${name.replace(' → ', ' to ')}` : name;
  return `${ends}: ${doing(before)}, then ${doing(during)}; ${delta}`;
}

/** How long after the fault began it was seen. */
export interface Seen {
  /** null: nothing was seen. */
  afterMs: number | null;
  /** What it counts from. */
  from: 'the annotation' | 'its begin';
}

/**
 * How long it took from the first annotation in the range (or a little before it), else from its begin, to the first
 * link that failed or was slow.
 */
export function seenAfter(range: TimeRange, events: readonly MeshEvent[], annotations: readonly Annotation[]): Seen {
  const leadMs = Math.min(60_000, (range.toMs - range.fromMs) / 2);
  const noted = annotations.find(({ fromMs }) => fromMs >= range.fromMs - leadMs && fromMs < range.toMs);
  const sinceMs = noted?.fromMs ?? range.fromMs;
  const first = events.find(
    ({ kind, atMs }) => (kind === 'link-failed' || kind === 'link-slow') && atMs >= sinceMs && atMs <= range.toMs,
  );
  return {
    afterMs: first === undefined ? null : first.atMs - sinceMs,
    from: noted === undefined ? 'its begin' : 'the annotation',
  };
}

/** The address of the report on what is compared, relative to the page; `expect`: the hypothesis, clause by clause. */
export function reportPath([before, during, after]: readonly TimeRange[], expect: readonly string[]): string {
  if (before === undefined || during === undefined) return 'api/v1/report';
  const text = ({ fromMs, toMs }: TimeRange) => `${fromMs}-${toMs}`;
  const tail = after === undefined ? '' : `&after=${text(after)}`;
  const stated = expect.map((clause) => `&expect=${encodeURIComponent(clause)}`).join('');
  return `api/v1/report?from=${during.fromMs}&to=${during.toMs}&before=${text(before)}${tail}${stated}`;
}

/** Where a median lies on the scale of the table: log from 0.1 ms (0) to 1 s (1). */
export function onScale(us: number): number {
  return Math.min(1, Math.max(0, Math.log10(Math.max(1, us) / 100) / 4));
}

/**
 * What is said where the range has no findings: they tell how it ended, and a fault that was over by then must not be taken
 * for none.
 */
export function nothingText(figures?: Pick<Comparison['figures'], 'affected' | 'of'>): string {
  if (figures === undefined || figures.affected === 0) return 'Nothing stood out during the range.';
  const { affected, of } = figures;
  return `Nothing stood out any more at its end, but ${countText(affected)} of ${plural(of, 'link')} became worse.`;
}
