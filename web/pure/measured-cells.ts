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
 * Fills in what a pod's own row says of its pairs. They hold what they are without it: no link, no figure, and the state
 * of a pair that nobody has measured. O(links of the row).
 */
export function fillMeasured(cells: PictureCells, from: number, report: MergedReport, options: PictureOptions): void {
  const { n, state, base, valueUs, link } = cells;
  const { links } = report;
  const { to: tos, flags: allFlags, outcome } = links;
  const unreliable = report.starvation?.unreliable === true;
  const failuresStand = !unreliable || failsAtFew(links);
  const { figures, spare } = figuresOf(report, options);
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
    const us = figureAt(figures, spare, i);
    const failed = outcome[i] !== 0;
    const code = failed ? FAILED : us < 0 ? UNKNOWN : latencyCode(us, options.thresholds);
    if (seen !== -1 && !isWorse(code, us, base[pair] ?? 0, valueUs[pair] ?? 0)) continue;
    link[pair] = i;
    valueUs[pair] = us < 0 ? Number.NaN : us;
    if (isGone) continue;
    base[pair] = code;
    // A judged failure comes from a sample that could be trusted: one starved sample after it does not hide it.
    const stands = failed ? failuresStand : !unreliable && !isSuspect(flags, windowed, i);
    state[pair] = stands ? code : SUSPECT;
  }
}

/** Whether the newest sample is suspect; of a window's figure, whether all samples are that it is made of. */
function isSuspect(flags: number, stats: StatColumns | null, i: number): boolean {
  const samples = stats?.samples[i] ?? 0;
  return samples === 0 ? (flags & FLAG_SUSPECT) !== 0 : (stats?.suspect[i] ?? 0) >= samples;
}

/**
 * Whether fewer than half of the measured links fail. Then it is not the starved process that fails: it reaches the
 * others all the same, and to call everything suspect would hide a dead pod for as long as the node is busy.
 */
function failsAtFew({ length, flags, outcome }: LinkColumns): boolean {
  let measured = 0;
  let failed = 0;
  for (let i = 0; i < length; i++) {
    if (((flags[i] ?? 0) & FLAG_NOT_YET) !== 0) continue;
    measured++;
    if (outcome[i] !== 0) failed++;
  }
  return failed * 2 < measured;
}

/** The column of the chosen figure, and what stands in for it where it has none. */
function figuresOf(
  report: MergedReport,
  { value, phase }: PictureOptions,
): { figures: Uint16Array; spare: Uint16Array | null } {
  const { links, stats } = report;
  if (value !== 'last') {
    if (stats === null) return { figures: links.totalUs, spare: null };
    const column = value === 'p50' ? stats.p50Us : value === 'p95' ? stats.p95Us : stats.maxUs;
    return { figures: column, spare: links.totalUs };
  }
  const column = phase === 'connect' ? links.connectUs : phase === 'first-byte' ? links.firstByteUs : links.totalUs;
  return { figures: column, spare: null };
}

function figureAt(figures: Uint16Array, spare: Uint16Array | null, i: number): number {
  const us = unpack16(figures[i] ?? 0);
  return us < 0 && spare !== null ? unpack16(spare[i] ?? 0) : us;
}

/** Of two IP families of one pair the worse is shown; anything measured before `not-yet`. */
function isWorse(code: number, us: number, oldCode: number, oldUs: number): boolean {
  const isMeasured = (c: number) => c <= FAILED;
  if (!isMeasured(code) || !isMeasured(oldCode)) return isMeasured(code) && !isMeasured(oldCode);
  return isWorseResult(code === FAILED, us, oldCode === FAILED, oldUs);
}
