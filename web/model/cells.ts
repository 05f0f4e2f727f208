import { maxIndex } from 'd3';
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
import type { Pod } from '../../server/protocol/pod.ts';
import { recentOf } from '../../server/protocol/udp.ts';
import { type Figure, figureCode, figureOf, isFigure } from './figures.ts';
import type { FoldedCells, PodCells } from './fold.ts';
import { codeOf, LINK_STATES } from './links.ts';

/** Number of states: the length of a pod's entry in `into` and `outOf`. */
export const STATES = LINK_STATES.length;

/** What is drawn of every link (from, to), at index `from * n + to`, and totals by pod. */
export interface PictureCells extends PodCells {
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
  /** Number of links into and out of each pod by state, self-links included: `into[pod * STATES + code]`. */
  into: Uint32Array;
  outOf: Uint32Array;
  /** Number of unreliable links. */
  unreliableLinks: number;
  /** The worst link: the one that has failed for the longest time, otherwise the slowest; -1 = none. */
  worst: number;
  /** The links between groups, if the worker has folded them. */
  folded: FoldedCells | null;
}

const LATE = codeOf('warning');
const SLOW = codeOf('slow');
const FAILED = codeOf('failed');
const NOT_PROBED = codeOf('not-probed');
const NOT_YET = codeOf('not-yet');
const UNKNOWN = codeOf('unknown');
const IGNORED = codeOf('ignored');
const GONE = codeOf('gone');

/** What the builder needs of a pod. */
type CellPod = Pick<Pod, 'lifecycle' | 'cordon'>;

/** The state of all links of a pod that is gone, starting or left out of health (IGNORE_CORDONED), whatever was measured. */
function stateOfStage({ lifecycle, cordon }: CellPod): number | undefined {
  if (lifecycle === 'gone') return GONE;
  if (cordon === 'ignored') return IGNORED;
  return lifecycle === 'starting' ? NOT_YET : undefined;
}

/** Rank of the links that fail among the worst: above every latency in us. */
const FAILED_RANK = 1e12;

/**
 * Computes the cells of a mesh report by report while the reports arrive, so that little work is left after the last one.
 * The state of a link depends on its outcome first, on its latency second.
 */
export class CellsBuilder {
  readonly options: PictureOptions;
  #pods: readonly CellPod[] | null = null;
  /** The pods with a state of their own: see `stateOfStage`. */
  readonly #stages = new Map<number, number>();
  /** By pod: its report; undefined = it has none, null = not added yet. */
  #reports: (MergedReport | undefined | null)[] = [];
  #cells: PictureCells = blankCells(0, null);
  /** By source pod: its worst destination, and how bad that is: see `FAILED_RANK`. -1 = none. */
  #worstTo = new Int32Array(0);
  #worstRank = new Float64Array(0);
  /** By destination: the index of its link in the report that is being added; -1 = none. */
  #link = new Int32Array(0);

  constructor(options: PictureOptions) {
    this.options = options;
  }

  /** Adds the report of a pod (undefined = it has none) to the cells of these pods; other pods begin new cells. O(n). */
  put(pods: readonly CellPod[], from: number, report: MergedReport | undefined): void {
    if (pods !== this.#pods) this.#begin(pods);
    const known = this.#reports[from];
    if (report === known) return;
    const { n, figure, state, unreliable, lossy, second, valueUs } = this.#cells;
    const start = from * n;
    if (known !== null) this.#count(from, known, -1);
    this.#reports[from] = report;
    unreliable.fill(0, start, start + n);
    lossy.fill(0, start, start + n);
    second?.fill(0, start, start + n);
    this.#link.fill(-1);
    valueUs.fill(Number.NaN, start, start + n);
    this.#fillUnmeasured(state.subarray(start, start + n), from, report);
    if (report !== undefined) {
      fillMeasured(this.#cells, this.#link, from, report, this.options);
      if (figure === null) fillLossy(this.#cells, this.#link, from, report);
    }
    this.#count(from, report, 1);
  }

  /**
   * The cells of a mesh; the reports that were added before are not computed again. They are not copied, because they have 6 MB
   * at a thousand pods: they belong to the caller, and the next cells are computed from the beginning.
   */
  take(mesh: Pick<Mesh, 'pods' | 'reports' | 'settings'>): PictureCells {
    const { pods, reports, settings } = mesh;
    if (pods !== this.#pods) this.#begin(pods);
    for (const [pod, report] of reportsByPod(mesh).entries()) this.put(pods, pod, reports[report]);
    this.#pods = null;
    this.#doubtStarvedTargets();
    this.#doubtLossOfStarved(settings);
    const { unreliable, lossy } = this.#cells;
    const counts = { unreliableLinks: countOnes(unreliable), lossyLinks: countOnes(lossy) };
    return { ...this.#cells, ...counts, worst: this.#worst() };
  }

  #begin(pods: readonly CellPod[]): void {
    const n = pods.length;
    const { value } = this.options;
    this.#pods = pods;
    this.#stages.clear();
    for (const [i, pod] of pods.entries()) {
      const state = stateOfStage(pod);
      if (state !== undefined) this.#stages.set(i, state);
    }
    this.#reports = new Array(n).fill(null);
    this.#cells = blankCells(n, isFigure(value) ? value : null);
    this.#worstTo = new Int32Array(n);
    this.#worstRank = new Float64Array(n);
    this.#link = new Int32Array(n);
  }

  /** Loss from and to a pod that is starved, or was while the datagrams were on their way, is not believed: so do the findings. */
  #doubtLossOfStarved(settings: PingSettings): void {
    const { n, lossy } = this.#cells;
    for (const [pod, report] of this.#reports.entries()) {
      if (!report || (!isStarved(report.starvation) && !wasUnreliableLately(report, settings))) continue;
      lossy.fill(0, pod * n, (pod + 1) * n);
      for (let from = 0; from < n; from++) lossy[from * n + pod] = 0;
    }
  }

  /** Marks late links and timeouts into starved pods, once all reports are known. */
  #doubtStarvedTargets(): void {
    const { n, state, unreliable } = this.#cells;
    for (const [to, report] of this.#reports.entries()) {
      if (!report || !wasStarvedLately(report.starvation)) continue;
      for (let from = 0; from < n; from++) {
        const pair = from * n + to;
        const code = state[pair] ?? 0;
        const by = this.#reports[from];
        if (!by || (code !== SLOW && code !== FAILED)) continue;
        const link = shownLink(this.#cells, by.links, from, to);
        if (isDoubtedByDestination(by.links, link) && wasStarvedDuring(report, by, link)) unreliable[pair] = 1;
      }
    }
  }

  /** Sets the links of a source pod to their states without a measurement. */
  #fillUnmeasured(row: Uint8Array, from: number, report: MergedReport | undefined): void {
    const silent = report === undefined || isReportMissing(report);
    const blank = this.#stages.get(from) ?? (silent ? UNKNOWN : NOT_PROBED);
    row.fill(blank);
    if (blank === GONE) return;
    for (const [to, code] of this.#stages) if (code === GONE || blank !== IGNORED) row[to] = code;
  }

  /**
   * Adds the links of a source pod to the counts, and finds its link that has failed for the longest time, otherwise the slowest.
   * `sign` -1: takes them from the counts.
   */
  #count(from: number, report: MergedReport | undefined, sign: 1 | -1): void {
    const { n, state, valueUs } = this.#cells;
    const [start, link] = [from * n, this.#link];
    let [worst, most] = [-1, -1];
    for (let to = 0; to < n; to++) {
      const code = state[start + to] ?? 0;
      countLink(this.#cells, from, to, code, sign);
      let rank = code <= SLOW ? (valueUs[start + to] ?? -1) : -1;
      if (code === FAILED) {
        const forMs = unpack16(report?.links.sinceMs[link[to] ?? -1] ?? 0);
        rank = forMs < 0 ? -1 : FAILED_RANK + forMs;
      }
      if (rank > most) [worst, most] = [to, rank];
    }
    this.#worstTo[from] = worst;
    this.#worstRank[from] = most;
  }

  /** The worst link of all, the first of equals. */
  #worst(): number {
    const from = maxIndex(this.#worstRank);
    const to = this.#worstTo[from] ?? -1;
    return to < 0 ? -1 : from * this.#cells.n + to;
  }
}

/** By pod: the index of its report in `reports`; -1 = none. */
export function reportsByPod({ pods, reports }: Pick<Mesh, 'pods' | 'reports'>): Int32Array {
  const reportOf = new Int32Array(pods.length).fill(-1);
  for (const [i, { pod }] of reports.entries()) if (reportOf[pod] === -1) reportOf[pod] = i;
  return reportOf;
}

/** How many of a list of zeros and ones are ones. */
export function countOnes(list: Uint8Array): number {
  let count = 0;
  for (let i = 0; i < list.length; i++) count += list[i] ?? 0;
  return count;
}

/** Adds a link in a state (index in `LINK_STATES`) to the counts of its pods. `by` -1: takes it from them. */
export function countLink(
  { into, outOf }: Pick<PictureCells, 'into' | 'outOf'>,
  from: number,
  to: number,
  code: number,
  by = 1,
): void {
  const [source, target] = [from * STATES + code, to * STATES + code];
  outOf[source] = (outOf[source] ?? 0) + by;
  into[target] = (into[target] ?? 0) + by;
}

function blankCells(n: number, figure: Figure | null): PictureCells {
  return {
    n,
    figure,
    state: new Uint8Array(n * n),
    unreliable: new Uint8Array(n * n),
    lossy: new Uint8Array(n * n),
    second: null,
    valueUs: new Float32Array(n * n),
    into: new Uint32Array(n * STATES),
    outOf: new Uint32Array(n * STATES),
    unreliableLinks: 0,
    lossyLinks: 0,
    worst: -1,
    folded: null,
  };
}

/**
 * Fills in the links that a pod reported. Before the call they must have the state of links that were not measured and no
 * latency. `link` gets the index of each link by destination and must be -1 before. O(links of the report).
 */
function fillMeasured(
  cells: PictureCells,
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
    const isStarvedThen = () => maybeStarved && wasStarvedDuring(report, report, i);
    const isSuspectNow = !failed && isSuspect(flags, windowed, i);
    const isOwn = isUnreliable || isSuspectNow || ((failed || code === SLOW) && isStarvedThen());
    unreliable[pair] = isOwn && isDoubted(outcome[i] ?? 0) ? 1 : 0;
  }
}

/** Marks the lossy links of a report. As for the findings, a link that is slow or fails is not called lossy, nor is a self-link. */
function fillLossy(
  { n, state, lossy }: PictureCells,
  link: Int32Array,
  from: number,
  { links, udp }: MergedReport,
): void {
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

/**
 * Whether a result replaces another one of the same link: the worse of two IP families is shown, a measured one before a
 * pending one.
 */
function replaces(code: number, us: number, oldCode: number, oldUs: number): boolean {
  const isMeasured = (c: number) => c <= FAILED;
  if (!isMeasured(code) || !isMeasured(oldCode)) return isMeasured(code) && !isMeasured(oldCode);
  return isWorseResult(code === FAILED, us, oldCode === FAILED, oldUs);
}

/** What is shown of a link: the newest latency, a statistic over the window (total only), or in the heatmap one of `FIGURES`. */
export type ValueKind = 'last' | 'p50' | 'p95' | 'max' | Figure;
/** Which phase of the newest sample is shown. */
export type ValuePhase = 'total' | 'connect' | 'first-byte';

/** Options of a picture. `phase` is used only with `value: 'last'`, because statistics exist only for totals. */
export interface PictureOptions {
  thresholds: Thresholds;
  value: ValueKind;
  phase: ValuePhase;
}

/** Whether two options give the same picture. */
export function sameOptions(a: PictureOptions, b: PictureOptions): boolean {
  return a.value === b.value && a.phase === b.phase && sameThresholds(a.thresholds, b.thresholds);
}

/** Whether two sets of thresholds are the same. */
export function sameThresholds(a: Thresholds, b: Thresholds): boolean {
  return a.goodMs === b.goodMs && a.warningMs === b.warningMs && a.problemMs === b.problemMs;
}
