import {
  isDoubted,
  isDoubtedByDestination,
  isLossy,
  isSilent,
  isStarved,
  isWorseResult,
  latencyCode,
  type PingSettings,
  type Thresholds,
  wasStarved,
  wasStarvedDuring,
  wasStarvedLately,
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
import type { MergedReport } from '../../server/protocol/mesh.ts';
import type { Lifecycle, Pod } from '../../server/protocol/pod.ts';
import { recentOf } from '../../server/protocol/udp.ts';
import { type Figure, figureCode, figureOf, isFigure } from './figures.ts';
import type { FoldedCells } from './fold.ts';
import { codeOf, LINK_STATES } from './links.ts';

/** Number of states: the length of a pod's entry in `into` and `outOf`. */
export const STATES = LINK_STATES.length;

/** What is drawn of every link (from, to), at index `from * n + to`, and totals by pod. */
export interface PictureCells {
  /** Number of pods, gone ones included. */
  n: number;
  /**
   * null = states and values are those of latencies. Otherwise the states from `good` to `slow` are those of this figure, and an
   * answered link of which it is not known is `not-probed`.
   */
  figure: Figure | null;
  /** Index in `LINK_STATES` of every link. */
  state: Uint8Array;
  /**
   * 1 = the measurement is unreliable: its sample is suspect, or it was late or timed out while one of its pods was starved.
   * An attribute beside the state. Counts and colours follow the state alone.
   */
  unreliable: Uint8Array;
  /**
   * 1 = the link is lossy: see the table in link-state.ts. An attribute beside the state, as `unreliable`. Not marked with a
   * figure.
   */
  lossy: Uint8Array;
  /** The chosen latency, us, or the chosen figure in its own unit; NaN = none. */
  valueUs: Float32Array;
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
  /** Number of lossy links. */
  lossyLinks: number;
  /** The worst link: the one that has failed for the longest time, otherwise the slowest; -1 = none. */
  worst: number;
  /** The links between groups, if the worker has folded them. */
  folded: FoldedCells | null;
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

/** The lifecycle of a pod, or that it is left out of health (IGNORE_CORDONED). */
type Stage = Lifecycle | 'ignored';

function stageOf({ lifecycle, cordon }: Pick<Pod, 'lifecycle' | 'cordon'>): Stage {
  return cordon === 'ignored' && lifecycle !== 'gone' ? 'ignored' : lifecycle;
}

/** The state of all links of a pod in such a stage, whatever was measured. */
const STATE_OF_STAGE: Readonly<Record<string, number>> = { gone: GONE, starting: NOT_YET, ignored: IGNORED };

/**
 * Computes the cells of a mesh report by report while the reports arrive, so that little work is left after the last one.
 * The state of a link depends on its outcome first, on its latency second.
 */
export class CellsBuilder {
  readonly #options: PictureOptions;
  #stages: readonly Stage[] = [];
  #reports: (MergedReport | undefined)[] = [];
  /** Pods that are gone, starting, or left out. */
  #special: number[] = [];
  #cells: PictureCells = blankCells(0, null);
  #areTaken = false;
  /**
   * By source pod: the destination that has failed for the longest time and how long, and the slowest destination and its
   * latency.
   */
  #failedTo = new Int32Array(0);
  #failedMs = new Float64Array(0);
  #slowestTo = new Int32Array(0);
  #slowestUs = new Float32Array(0);
  #before = new Uint8Array(0);
  /** By destination: the index of its link in the report that is being added; -1 = none. */
  #link = new Int32Array(0);

  constructor(options: PictureOptions) {
    this.#options = options;
  }

  /**
   * Starts a new set of cells if the pods, their lifecycles or whether they count changed, or if the cells were taken. Returns
   * true in that case; then `put` must be called for every pod.
   */
  begin(pods: readonly Pick<Pod, 'lifecycle' | 'cordon'>[]): boolean {
    const stages = pods.map(stageOf);
    const known = this.#stages;
    const isKnown = known.length === stages.length && known.every((stage, i) => stage === stages[i]);
    if (isKnown && !this.#areTaken) return false;
    const n = stages.length;
    this.#areTaken = false;
    this.#stages = stages;
    this.#special = stages.flatMap((stage, i) => (stage in STATE_OF_STAGE ? [i] : []));
    const { value } = this.#options;
    this.#cells = blankCells(n, isFigure(value) ? value : null);
    this.#reports = new Array(n).fill(undefined);
    this.#failedTo = new Int32Array(n);
    this.#failedMs = new Float64Array(n);
    this.#slowestTo = new Int32Array(n);
    this.#slowestUs = new Float32Array(n);
    this.#before = new Uint8Array(n);
    this.#link = new Int32Array(n);
    return true;
  }

  /** Adds the report of a pod; undefined = no report. O(n). */
  put(from: number, report: MergedReport | undefined): void {
    const { n, figure, state, unreliable, lossy, second, valueUs } = this.#cells;
    const start = from * n;
    this.#reports[from] = report;
    this.#before.set(state.subarray(start, start + n));
    unreliable.fill(0, start, start + n);
    lossy.fill(0, start, start + n);
    second?.fill(0, start, start + n);
    this.#link.fill(-1);
    valueUs.fill(Number.NaN, start, start + n);
    this.#fillUnmeasured(from, report);
    if (report !== undefined) {
      fillMeasured(this.#cells, this.#link, from, report, this.#options);
      if (figure === null) fillLossy(this.#cells, this.#link, from, report);
    }
    this.#count(from, report);
  }

  /**
   * Returns the cells without copying them, because they have 6 MB at a thousand pods. They belong to the caller, and
   * the next cells are computed from the beginning. `settings`: those of the mesh.
   */
  take(settings: PingSettings): PictureCells {
    this.#areTaken = true;
    this.#doubtStarvedTargets();
    this.#doubtLossOfStarved(settings);
    let [unreliableLinks, lossyLinks] = [0, 0];
    for (const one of this.#cells.unreliable) unreliableLinks += one;
    for (const one of this.#cells.lossy) lossyLinks += one;
    return { ...this.#cells, unreliableLinks, lossyLinks, worst: this.#worst() };
  }

  /** Loss from and to a pod that is starved, or was while the datagrams were on their way, is not believed: so do the findings. */
  #doubtLossOfStarved(settings: PingSettings): void {
    const { n, lossy } = this.#cells;
    for (const [pod, report] of this.#reports.entries()) {
      if (report === undefined) continue;
      if (!isStarved(report.starvation) && !wasStarved(report, settings)) continue;
      lossy.fill(0, pod * n, (pod + 1) * n);
      for (let from = 0; from < n; from++) lossy[from * n + pod] = 0;
    }
  }

  /** Marks late links and timeouts into starved pods, once all reports are known. */
  #doubtStarvedTargets(): void {
    const { n, state, unreliable } = this.#cells;
    for (const [to, report] of this.#reports.entries()) {
      if (report === undefined || !wasStarvedLately(report.starvation)) continue;
      for (let from = 0; from < n; from++) {
        const pair = from * n + to;
        const code = state[pair] ?? 0;
        if (code !== SLOW && code !== FAILED) continue;
        const by = this.#reports[from];
        if (by === undefined) continue;
        const link = shownLink(this.#cells, by.links, from, to);
        if (isDoubtedByDestination(by.links, link) && wasStarvedDuring(report, by, link)) unreliable[pair] = 1;
      }
    }
  }

  /** Sets the links of a source pod to their states without a measurement. */
  #fillUnmeasured(from: number, report: MergedReport | undefined): void {
    const { n, state } = this.#cells;
    const start = from * n;
    const silent = report === undefined || isSilent(report);
    const blank = STATE_OF_STAGE[this.#stages[from] ?? ''] ?? (silent ? UNKNOWN : NOT_PROBED);
    state.fill(blank, start, start + n);
    if (blank === GONE) return;
    for (const to of this.#special) {
      const code = STATE_OF_STAGE[this.#stages[to] ?? ''] ?? blank;
      if (code === GONE || blank !== IGNORED) state[start + to] = code;
    }
  }

  /** Updates the counts with the links of a source pod, and finds its worst links. */
  #count(from: number, report: MergedReport | undefined): void {
    const { n, state, valueUs, into, outOf } = this.#cells;
    const [before, link] = [this.#before, this.#link];
    const start = from * n;
    const own = from * STATES;
    outOf.fill(0, own, own + STATES);
    let [failedTo, failedMs, slowestTo, slowestUs] = [-1, -1, -1, -1];
    for (let to = 0; to < n; to++) {
      const code = state[start + to] ?? 0;
      const old = before[to] ?? 0;
      outOf[own + code] = (outOf[own + code] ?? 0) + 1;
      if (code !== old) {
        const at = to * STATES;
        into[at + old] = (into[at + old] ?? 0) - 1;
        into[at + code] = (into[at + code] ?? 0) + 1;
      }
      if (code === FAILED) {
        const forMs = unpack16(report?.links.sinceMs[link[to] ?? -1] ?? 0);
        if (forMs > failedMs) [failedTo, failedMs] = [to, forMs];
      } else if (code <= SLOW) {
        const us = valueUs[start + to] ?? 0;
        if (us > slowestUs) [slowestTo, slowestUs] = [to, us];
      }
    }
    this.#failedTo[from] = failedTo;
    this.#failedMs[from] = failedMs;
    this.#slowestTo[from] = slowestTo;
    this.#slowestUs[from] = slowestUs;
  }

  #worst(): number {
    return pairOfMost(this.#failedTo, this.#failedMs) ?? pairOfMost(this.#slowestTo, this.#slowestUs) ?? -1;
  }
}

/** The link with the highest rank over all pods, the first of equals; null = none. */
function pairOfMost(tos: Int32Array, ranks: Float64Array | Float32Array): number | null {
  let best: number | null = null;
  let most = -1;
  for (let from = 0; from < tos.length; from++) {
    const to = tos[from] ?? -1;
    if (to < 0 || (ranks[from] ?? -1) <= most) continue;
    most = ranks[from] ?? -1;
    best = from * tos.length + to;
  }
  return best;
}

/** New cells. All links count as good until `put` sets them. */
function blankCells(n: number, figure: Figure | null): PictureCells {
  const into = new Uint32Array(n * STATES);
  for (let pod = 0; pod < n; pod++) into[pod * STATES + GOOD] = n;
  return {
    n,
    figure,
    state: new Uint8Array(n * n),
    unreliable: new Uint8Array(n * n),
    lossy: new Uint8Array(n * n),
    second: null,
    valueUs: new Float32Array(n * n),
    into,
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
  const columns = latencyColumns(report, options);
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
    const us = figure === null ? latencyAt(columns, i) : figureOf(figure, report, i);
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

interface LatencyColumns {
  latencies: Uint16Array;
  fallback: Uint16Array | null;
}

/** The column of the chosen latency, and the column that replaces its missing values. */
function latencyColumns(report: MergedReport, { value, phase }: PictureOptions): LatencyColumns {
  const { links, stats } = report;
  if (value !== 'last') {
    if (stats === null) return { latencies: links.totalUs, fallback: null };
    const column = value === 'p50' ? stats.p50Us : value === 'p95' ? stats.p95Us : stats.maxUs;
    return { latencies: column, fallback: links.totalUs };
  }
  const column = phase === 'connect' ? links.connectUs : phase === 'first-byte' ? links.firstByteUs : links.totalUs;
  return { latencies: column, fallback: null };
}

function latencyAt({ latencies, fallback }: LatencyColumns, i: number): number {
  const us = unpack16(latencies[i] ?? 0);
  return us < 0 && fallback !== null ? unpack16(fallback[i] ?? 0) : us;
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
