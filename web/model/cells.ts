import {
  isDoubted,
  isDoubtedByDestination,
  isLossy,
  isReportMissing,
  isStarved,
  isWorseResult,
  latencyCode,
  type PingSettings,
  type Thresholds,
  wasStarvedDuring,
  wasStarvedLately,
  wasUnreliableLately,
} from '../../server/protocol/link-state.ts';
import {
  FLAG_INTERMITTENT,
  FLAG_NOT_YET,
  FLAG_RECOVERED,
  FLAG_SUSPECT,
  type LinkColumns,
  type StatColumns,
  unpack16,
} from '../../server/protocol/links.ts';
import type { MergedReport, Mesh } from '../../server/protocol/mesh.ts';
import { recentOf } from '../../server/protocol/udp.ts';
import { type Figure, figureCode, figureOf, isFigure } from './figures.ts';
import type { FoldedCells, PodCells } from './fold.ts';
import { codeOf, countsByState, LINK_STATES, type LinkState } from './links.ts';

/** Number of states: the length of a pod's entry in `into` and `outOf`. */
export const STATES = LINK_STATES.length;

/** What is drawn of every link (from, to), at index `from * n + to`, and totals. */
export interface PictureCells extends PodCells, Totals {
  /**
   * null = states and values are those of latencies. Otherwise the states from `good` to `slow` are those of this figure, and an
   * answered link of which it is not known is `not-probed`.
   */
  figure: Figure | null;
  /**
   * 1 = the measurement is unreliable: its sample is suspect, or it was late or timed out while one of its pods was starved.
   * An attribute beside the state. Counts and colours follow the state alone.
   */
  unreliable: Uint8Array;
  /**
   * Where both IP families are probed, a report has two links to a pod, and the cell is the worse one by what is shown. 1 = it
   * is the second one. null = no report has two.
   */
  second: Uint8Array | null;
  /** The worst link: the one that has failed for the longest time, otherwise the slowest; null = none. */
  worst: { from: number; to: number } | null;
  folded: FoldedCells | null;
}

/** Totals of cells, self-links included. Hidden links are not counted. */
export interface Totals {
  /** Number of links into and out of each pod by state: `into[pod * STATES + code]`. */
  into: Uint32Array;
  outOf: Uint32Array;
  counts: Record<LinkState, number>;
  unreliableLinks: number;
  lossyLinks: number;
}

const GOOD = codeOf('good');
const LATE = codeOf('warning');
const SLOW = codeOf('slow');
const FAILED = codeOf('failed');
const NOT_PROBED = codeOf('not-probed');
const NOT_YET = codeOf('not-yet');
const UNKNOWN = codeOf('unknown');
const IGNORED = codeOf('ignored');
const GONE = codeOf('gone');

/** Rank of the links that fail among the worst: above every latency in us. */
const FAILED_RANK = 1e12;

/** Computes the cells of a mesh. The state of a link depends on its outcome first, on its latency second. O(n^2). */
export function cellsOf(mesh: Pick<Mesh, 'pods' | 'reports' | 'settings'>, options: PictureOptions): PictureCells {
  const draft = new CellsDraft(mesh, options);
  for (const report of mesh.reports) draft.add(report);
  return draft.finish();
}

/** The cells of a mesh whose reports come one by one, so that little is left to compute after the last one. */
export class CellsDraft {
  /** What is computed so far: the states and latencies of the links from the pods whose reports were added. */
  readonly cells: Omit<PictureCells, keyof Totals>;
  readonly #byPod: (MergedReport | undefined)[];
  readonly #stages = new Map<number, number>();
  readonly #mesh: Pick<Mesh, 'pods' | 'settings'>;
  readonly #options: PictureOptions;
  /** By destination: the index of its link in the report; -1 = none. */
  readonly #link: Int32Array;
  #worst = -1;
  #worstRank = -1;

  constructor(mesh: Pick<Mesh, 'pods' | 'settings'>, options: PictureOptions) {
    const n = mesh.pods.length;
    this.#mesh = mesh;
    this.#options = options;
    this.#byPod = new Array(n).fill(undefined);
    this.#link = new Int32Array(n);
    this.cells = {
      n,
      figure: isFigure(options.value) ? options.value : null,
      state: new Uint8Array(n * n),
      unreliable: new Uint8Array(n * n),
      lossy: new Uint8Array(n * n),
      second: null,
      valueUs: new Float32Array(n * n).fill(Number.NaN),
      worst: null,
      folded: null,
    };
    // The links of a pod that is gone or left out (IGNORE_CORDONED) have one state, whatever was measured; of a starting pod only
    // those without a result.
    for (const [pod, { lifecycle, cordon }] of mesh.pods.entries()) {
      if (lifecycle === 'gone') this.#stages.set(pod, GONE);
      else if (cordon === 'ignored') this.#stages.set(pod, IGNORED);
      else if (lifecycle === 'starting') this.#stages.set(pod, NOT_YET);
    }
  }

  /** Fills in the links of a report. Of each pod the first one counts. */
  add(report: MergedReport): void {
    const from = report.pod;
    if (this.#byPod[from] !== undefined) return;
    this.#byPod[from] = report;
    const link = this.#link.fill(-1);
    const { n, figure, state, valueUs } = this.cells;
    fillUnmeasured(state.subarray(from * n, (from + 1) * n), this.#stages, from, report);
    fillMeasured(this.cells, link, from, report, this.#options);
    if (figure === null) fillLossy(this.cells, link, from, report);
    for (let to = 0, pair = from * n; to < n; to++, pair++) {
      const code = state[pair] ?? 0;
      let rank = valueUs[pair] ?? -1;
      if (code >= FAILED) {
        if (code > FAILED) continue;
        // A Goldpinger pod does not say for how long (-1).
        rank = FAILED_RANK + Math.max(0, unpack16(report.links.sinceMs[link[to] ?? -1] ?? 0));
      }
      // Of equal ones the first in the mesh, in whatever order the reports come.
      if (!(rank >= this.#worstRank) || (rank === this.#worstRank && pair > this.#worst)) continue;
      this.#worstRank = rank;
      this.#worst = pair;
    }
  }

  /** The cells of all reports that were added; call it once. */
  finish(): PictureCells {
    const { n, state } = this.cells;
    for (const [pod, report] of this.#byPod.entries()) {
      if (report === undefined) fillUnmeasured(state.subarray(pod * n, (pod + 1) * n), this.#stages, pod, report);
    }
    doubtStarved(this.cells, this.#byPod, this.#mesh.settings);
    const [worst, rank] = [this.#worst, this.#worstRank];
    if (rank >= 0) this.cells.worst = { from: Math.floor(worst / n), to: worst % n };
    return { ...this.cells, ...totalsOf(this.cells) };
  }
}

/** By pod: the index of its report in `reports`; -1 = none. */
export function reportsByPod({ pods, reports }: Pick<Mesh, 'pods' | 'reports'>): Int32Array {
  const reportOf = new Int32Array(pods.length).fill(-1);
  for (const [i, { pod }] of reports.entries()) if (reportOf[pod] === -1) reportOf[pod] = i;
  return reportOf;
}

/** Counts the links of `n` pods by state (index in `LINK_STATES`; others are hidden). O(n^2). */
export function totalsOf({
  n,
  state,
  unreliable,
  lossy,
}: Pick<PictureCells, 'n' | 'state' | 'unreliable' | 'lossy'>): Totals {
  const [into, outOf] = [new Uint32Array(n * STATES), new Uint32Array(n * STATES)];
  const tally = new Uint32Array(STATES);
  let [unreliableLinks, lossyLinks] = [0, 0];
  // Nearly all links are good: only the others are counted one by one.
  for (let pod = 0; pod < n; pod++) into[pod * STATES + GOOD] = outOf[pod * STATES + GOOD] = n;
  for (let pair = 0, from = 0; from < n; from++) {
    for (let to = 0; to < n; to++, pair++) {
      const code = state[pair] ?? GOOD;
      if (code !== GOOD) {
        count(outOf, from, GOOD, -1);
        count(into, to, GOOD, -1);
        if (code >= STATES) continue;
        count(outOf, from, code, 1);
        count(into, to, code, 1);
      }
      unreliableLinks += unreliable[pair] ?? 0;
      lossyLinks += lossy[pair] ?? 0;
    }
  }
  for (let i = 0; i < outOf.length; i++) count(tally, 0, i % STATES, outOf[i] ?? 0);
  return { into, outOf, counts: countsByState(tally), unreliableLinks, lossyLinks };
}

function count(counts: Uint32Array, pod: number, code: number, by: number): void {
  const at = pod * STATES + code;
  counts[at] = (counts[at] ?? 0) + by;
}

type Links = Pick<PictureCells, 'n' | 'figure' | 'state' | 'unreliable' | 'lossy' | 'second' | 'valueUs'>;

/**
 * With all reports known: doubts loss from and to a pod that is starved, or was while the datagrams were on their way, as the
 * findings do; and late links and timeouts into a pod that was starved.
 */
function doubtStarved(cells: Links, byPod: readonly (MergedReport | undefined)[], settings: PingSettings): void {
  const { n, state, unreliable, lossy } = cells;
  for (const [to, report] of byPod.entries()) {
    if (report === undefined) continue;
    if (isStarved(report.starvation) || wasUnreliableLately(report, settings)) {
      lossy.fill(0, to * n, (to + 1) * n);
      for (let from = 0; from < n; from++) lossy[from * n + to] = 0;
    }
    if (!wasStarvedLately(report.starvation)) continue;
    for (const [from, by] of byPod.entries()) {
      const pair = from * n + to;
      if (by === undefined || (state[pair] !== SLOW && state[pair] !== FAILED)) continue;
      const link = shownLink(cells, by.links, from, to);
      if (isDoubtedByDestination(by.links, link) && wasStarvedDuring(report, by, link)) unreliable[pair] = 1;
    }
  }
}

/** Sets the links of a source pod to their states without a measurement. */
function fillUnmeasured(
  row: Uint8Array,
  stages: ReadonlyMap<number, number>,
  from: number,
  report: MergedReport | undefined,
): void {
  const silent = report === undefined || isReportMissing(report);
  const blank = stages.get(from) ?? (silent ? UNKNOWN : NOT_PROBED);
  row.fill(blank);
  if (blank === GONE) return;
  for (const [to, code] of stages) if (code === GONE || blank !== IGNORED) row[to] = code;
}

/** Fills in the links that a pod reported. `link` gets the index of each link by destination and must be -1 before. */
function fillMeasured(
  cells: Links,
  link: Int32Array,
  from: number,
  report: MergedReport,
  options: PictureOptions,
): void {
  const { n, figure, state, unreliable, valueUs } = cells;
  const { links } = report;
  const { to: tos, flags: allFlags, outcome } = links;
  const isUnreliable = report.starvation?.unreliable === true;
  const maybeStarved = wasStarvedLately(report.starvation);
  const [latencies, fallback] = latencyColumns(report, options);
  const windowed = options.value === 'last' ? null : report.stats;
  const start = from * n;
  for (let i = 0; i < links.length; i++) {
    const to = tos[i] ?? 0;
    const pair = start + to;
    const flags = allFlags[i] ?? 0;
    const seen = link[to] ?? -1;
    // However the ping ended, the state stays.
    const isFixed = state[pair] === GONE || state[pair] === IGNORED;
    if ((flags & FLAG_NOT_YET) !== 0) {
      if (seen === -1) {
        link[to] = i;
        if (!isFixed) state[pair] = NOT_YET;
      }
      continue;
    }
    let us = figure === null ? unpack16(latencies[i] ?? 0) : figureOf(figure, report, i);
    if (us < 0 && figure === null) us = unpack16(fallback[i] ?? 0);
    const failed = outcome[i] !== 0;
    const code = failed ? FAILED : codeOfValue(figure, us, report, i, options.thresholds);
    if (seen !== -1 && !replaces(code, us, state[pair] ?? 0, valueUs[pair] ?? 0)) continue;
    link[to] = i;
    if (seen !== -1) {
      cells.second ??= new Uint8Array(n * n);
      cells.second[pair] = 1;
    }
    valueUs[pair] = us < 0 ? Number.NaN : us;
    if (isFixed) continue;
    state[pair] = code;
    // A failed link was judged from a reliable sample, whatever its newest sample is.
    const isSuspectNow = !failed && isSuspect(flags, windowed, i);
    const isStarvedThen = (failed || code === SLOW) && maybeStarved && wasStarvedDuring(report, report, i);
    const isOwn = isUnreliable || isSuspectNow || isStarvedThen;
    if (isOwn || seen !== -1) unreliable[pair] = isOwn && isDoubted(outcome[i] ?? 0) ? 1 : 0;
  }
}

/** Marks the lossy links of a report. As for the findings, a link that is slow or fails is not called lossy, nor is a self-link. */
function fillLossy({ n, state, lossy }: Links, link: Int32Array, from: number, { links, udp }: MergedReport): void {
  if (udp === null) return;
  for (let to = 0; to < n; to++) {
    const pair = from * n + to;
    const i = link[to] ?? -1;
    if (i < 0 || to === from || (state[pair] ?? GONE) > LATE) continue;
    const isUsual = ((links.flags[i] ?? 0) & UNUSUAL) === 0;
    if (isUsual && isLossy(recentOf(udp, i))) lossy[pair] = 1;
  }
}

/** Flags of links whose loss says nothing new: they fail now and then, or failed until a moment ago. */
const UNUSUAL = FLAG_INTERMITTENT | FLAG_RECOVERED;

/** The index of the link that the cell (from, to) shows in the report of pod `from`; -1 = none. See `PictureCells.second`. */
export function shownLink(
  { n, second }: Pick<PictureCells, 'n' | 'second'>,
  { to: tos }: Pick<LinkColumns, 'to'>,
  from: number,
  to: number,
): number {
  const first = tos.indexOf(to);
  return first >= 0 && second?.[from * n + to] === 1 ? tos.indexOf(to, first + 1) : first;
}

/** Whether the newest sample is suspect, or for a statistic over a window, whether all its samples are. */
function isSuspect(flags: number, stats: StatColumns | null, i: number): boolean {
  const samples = stats?.samples[i] ?? 0;
  return samples === 0 ? (flags & FLAG_SUSPECT) !== 0 : (stats?.suspect[i] ?? 0) >= samples;
}

/** The state of an answered link by its value; negative = it is not known. */
function codeOfValue(
  figure: Figure | null,
  value: number,
  report: MergedReport,
  i: number,
  thresholds: Thresholds,
): number {
  if (figure === null) return value < 0 ? UNKNOWN : latencyCode(value, thresholds);
  return value < 0 ? NOT_PROBED : figureCode(figure, value, report, i, thresholds);
}

/** The column of the chosen latency, and the column that replaces its missing values. */
function latencyColumns({ links, stats }: MergedReport, { value, phase }: PictureOptions): [Uint16Array, Uint16Array] {
  const { totalUs, connectUs, firstByteUs } = links;
  if (value === 'last') {
    const column = phase === 'connect' ? connectUs : phase === 'first-byte' ? firstByteUs : totalUs;
    return [column, column];
  }
  const column = value === 'p50' ? stats?.p50Us : value === 'p95' ? stats?.p95Us : stats?.maxUs;
  return [column ?? totalUs, totalUs];
}

/** Whether a result replaces another one of its link: the worse of two IP families, a measured one before a pending one. */
function replaces(code: number, us: number, oldCode: number, oldUs: number): boolean {
  const isMeasured = (c: number) => c <= FAILED;
  if (!isMeasured(code) || !isMeasured(oldCode)) return isMeasured(code) && !isMeasured(oldCode);
  return isWorseResult(code === FAILED, us, oldCode === FAILED, oldUs);
}

/** What is shown of a link: the newest latency, a statistic over the window (total only), or in the heatmap one of `FIGURES`. */
export type ValueKind = 'last' | 'p50' | 'p95' | 'max' | Figure;
export type ValuePhase = 'total' | 'connect' | 'first-byte';

/** Options of a picture. `phase` is used only with `value: 'last'`, because statistics exist only for totals. */
export interface PictureOptions {
  thresholds: Thresholds;
  value: ValueKind;
  phase: ValuePhase;
}

export function sameOptions(a: PictureOptions, b: PictureOptions): boolean {
  return a.value === b.value && a.phase === b.phase && sameThresholds(a.thresholds, b.thresholds);
}

export function sameThresholds(a: Thresholds, b: Thresholds): boolean {
  return a.goodMs === b.goodMs && a.warningMs === b.warningMs && a.problemMs === b.problemMs;
}
