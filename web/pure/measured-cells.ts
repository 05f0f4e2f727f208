import { isWorseResult, latencyCode } from '../../server/protocol/link-state.ts';
import {
  FLAG_NOT_YET,
  FLAG_SUSPECT,
  type LinkColumns,
  type StatColumns,
  unpack16,
} from '../../server/protocol/links.ts';
import type { MergedReport } from '../../server/protocol/mesh.ts';
import { codeOf } from './link-state.ts';
import type { PictureOptions } from './picture.ts';
import type { PictureCells } from './picture-cells.ts';

const FAILED = codeOf('failed');
const NOT_YET = codeOf('not-yet');
const UNKNOWN = codeOf('unknown');
const SUSPECT = codeOf('suspect');
const GONE = codeOf('gone');

/**
 * Fills in the links that a pod reported. Before the call they must have the state of links that were not measured, no
 * latency and no report index. O(links of the report).
 */
export function fillMeasured(cells: PictureCells, from: number, report: MergedReport, options: PictureOptions): void {
  const { n, state, base, valueUs, link } = cells;
  const { links } = report;
  const { to: tos, flags: allFlags, outcome } = links;
  const unreliable = report.starvation?.unreliable === true;
  const failuresAreReliable = !unreliable || failsOnlySome(links);
  const { figures, fallback } = figuresOf(report, options);
  const windowed = options.value === 'last' ? null : report.stats;
  const start = from * n;
  for (let i = 0; i < links.length; i++) {
    const pair = start + (tos[i] ?? 0);
    const flags = allFlags[i] ?? 0;
    const seen = link[pair] ?? -1;
    const isGone = base[pair] === GONE;
    if ((flags & FLAG_NOT_YET) !== 0) {
      if (seen === -1) {
        link[pair] = i;
        if (!isGone) base[pair] = state[pair] = NOT_YET;
      }
      continue;
    }
    const us = figureAt(figures, fallback, i);
    const failed = outcome[i] !== 0;
    const code = failed ? FAILED : us < 0 ? UNKNOWN : latencyCode(us, options.thresholds);
    if (seen !== -1 && !replaces(code, us, base[pair] ?? 0, valueUs[pair] ?? 0)) continue;
    link[pair] = i;
    valueUs[pair] = us < 0 ? Number.NaN : us;
    if (isGone) continue;
    base[pair] = code;
    // A failed link was judged from a reliable sample, so a later unreliable sample does not hide the failure.
    const isReliable = failed ? failuresAreReliable : !unreliable && !isSuspect(flags, windowed, i);
    state[pair] = isReliable ? code : SUSPECT;
  }
}

/** Whether the newest sample is suspect, or for a statistic over a window, whether all its samples are. */
function isSuspect(flags: number, stats: StatColumns | null, i: number): boolean {
  const samples = stats?.samples[i] ?? 0;
  return samples === 0 ? (flags & FLAG_SUSPECT) !== 0 : (stats?.suspect[i] ?? 0) >= samples;
}

/**
 * Whether fewer than half of the measured links fail. Then CPU starvation is not the cause, because the pod reaches most
 * others, and calling all its results unreliable would hide a dead pod while the node is busy.
 */
function failsOnlySome({ length, flags, outcome }: LinkColumns): boolean {
  let measured = 0;
  let failed = 0;
  for (let i = 0; i < length; i++) {
    if (((flags[i] ?? 0) & FLAG_NOT_YET) !== 0) continue;
    measured++;
    if (outcome[i] !== 0) failed++;
  }
  return failed * 2 < measured;
}

/** The column of the chosen latency, and the column that replaces its missing values. */
function figuresOf(
  report: MergedReport,
  { value, phase }: PictureOptions,
): { figures: Uint16Array; fallback: Uint16Array | null } {
  const { links, stats } = report;
  if (value !== 'last') {
    if (stats === null) return { figures: links.totalUs, fallback: null };
    const column = value === 'p50' ? stats.p50Us : value === 'p95' ? stats.p95Us : stats.maxUs;
    return { figures: column, fallback: links.totalUs };
  }
  const column = phase === 'connect' ? links.connectUs : phase === 'first-byte' ? links.firstByteUs : links.totalUs;
  return { figures: column, fallback: null };
}

function figureAt(figures: Uint16Array, fallback: Uint16Array | null, i: number): number {
  const us = unpack16(figures[i] ?? 0);
  return us < 0 && fallback !== null ? unpack16(fallback[i] ?? 0) : us;
}

/** Whether a result replaces another one of the same link: the worse of two IP families is shown, a measured one before a pending one. */
function replaces(code: number, us: number, oldCode: number, oldUs: number): boolean {
  const isMeasured = (c: number) => c <= FAILED;
  if (!isMeasured(code) || !isMeasured(oldCode)) return isMeasured(code) && !isMeasured(oldCode);
  return isWorseResult(code === FAILED, us, oldCode === FAILED, oldUs);
}
