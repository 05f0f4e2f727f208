import type { AgeRange, LinkHistory, PodHistory, ReportPast } from '../protocol/history.ts';
import {
  emptyLinks,
  emptyStats,
  FLAG_IPV6,
  FLAG_NOT_YET,
  FLAG_SUSPECT,
  type LinkColumns,
  MAX_LINKS,
  NONE16,
  pack16,
  phaseFlag,
} from '../protocol/links.ts';
import { type PeerRef, peersHashOf, type Target } from '../protocol/pod.ts';
import { MAX_DETAILS, type Starvation } from '../protocol/pod-report.ts';
import { OUTCOMES } from '../protocol/sample.ts';
import type { Clock } from '../runtime/clock.ts';
import { TimeSlice } from '../runtime/concurrency.ts';
import type { TimeRange } from '../runtime/time-range.ts';
import type { History } from './history.ts';
import { fillStats, type ReportParts } from './pod-report.ts';
import type { LastState, LinkMemory, RangeResult, RangeStatistics } from './range-statistics.ts';
import type { LinkJudgement } from './results.ts';
import { CODE_OUTCOME, phaseOfCode, type Rings } from './samples.ts';
import { type LinkStep, LinkSteps, PodSteps, type Steps, StepWalk } from './steps.ts';

/** What results contribute to a report of the past. */
export type PastReportParts = Omit<PastParts, 'past'> & { past: ReportPast };

/** What the past is read from. */
interface PastDeps {
  clock: Clock;
  rings: Rings;
  history: History;
  ranges: RangeStatistics;
  /** How far back anything is known at best. */
  windowMs: number;
}

/** Answers what links came to in the past, asked by ages. Long work leaves room for others. */
export class Past {
  readonly #deps: PastDeps;
  readonly #beganMs: number;

  constructor(deps: PastDeps) {
    this.#deps = deps;
    this.#beganMs = deps.clock.monotonicMs();
  }

  /** How far back anything is known, as an age. */
  #knownAgeMs(): number {
    const { clock, history, windowMs } = this.#deps;
    const knownMs = Math.max(this.#beganMs, history.forgottenMs);
    return Math.min(windowMs, Math.max(0, clock.monotonicMs() - knownMs));
  }

  /** How fine the past is `ageMs` ago, as a length of time; 0 = each sample is still here. */
  resolutionMs(links: readonly PastLink[], ageMs: number): number {
    const fromMs = this.#deps.clock.monotonicMs() - ageMs;
    const isHere = links.every(({ ring }) => ring === null || ring.lostAtMs < fromMs);
    return isHere ? 0 : this.#deps.history.widestMs(fromMs);
  }

  /** The report of a time range. */
  async reportOf(links: readonly PastLink[], range: AgeRange): Promise<PastReportParts> {
    const { clock, ranges } = this.#deps;
    const knownAgeMs = this.#knownAgeMs();
    const nowMs = clock.monotonicMs();
    const source = { ranges, slice: new TimeSlice(clock), nowMs };
    const parts = await pastParts(links, stretchOf(range, nowMs), source);
    return { ...parts, past: { ...range, ...parts.past, knownAgeMs } };
  }

  /** How many links were how, in steps. */
  async podHistory(links: readonly PastLink[], range: AgeRange, stepMs: number): Promise<PodHistory> {
    const { clock, rings, history } = this.#deps;
    const nowMs = clock.monotonicMs();
    const knownAgeMs = this.#knownAgeMs();
    const steps = stepsOf(range, stepMs, nowMs);
    const walk = new StepWalk(rings, history);
    const counter = new PodSteps(steps.count);
    const slice = new TimeSlice(clock);
    let resolutionMs = 0;
    for (const link of links) {
      resolutionMs = Math.max(resolutionMs, walk.walk(link, steps, nowMs, counter));
      counter.endLink();
      if (slice.isOver()) await slice.next();
    }
    const format = 'goldpinger-ts/pod-history/1' as const;
    return { format, ...range, stepMs, resolutionMs, knownAgeMs, ...counter.counts() };
  }

  /** The past of the links to one pod, in steps; times by the wall clock. */
  linkHistory(
    links: readonly PastLink[],
    range: AgeRange,
    stepMs: number,
  ): Pick<LinkHistory, 'nowMs' | 'resolutionMs' | 'steps'> {
    const { clock, rings, history } = this.#deps;
    const nowMs = clock.monotonicMs();
    const steps = stepsOf(range, stepMs, nowMs);
    const walk = new StepWalk(rings, history);
    const byStep = new Map<number, LinkStep>();
    let resolutionMs = 0;
    for (const link of links) {
      const counter = new LinkSteps();
      resolutionMs = Math.max(resolutionMs, walk.walk(link, steps, nowMs, counter));
      for (const step of counter.steps()) byStep.set(step.step, joined(byStep.get(step.step), step));
    }
    const wallMs = clock.nowMs() - nowMs;
    const inOrder = [...byStep.values()].sort((a, b) => a.step - b.step);
    return {
      nowMs: clock.nowMs(),
      resolutionMs,
      steps: inOrder.map(({ step, ...figures }) => {
        const startMs = steps.fromMs + step * stepMs;
        return {
          atMs: Math.round(startMs + wallMs),
          lengthMs: Math.round(Math.min(stepMs, nowMs - range.toAgeMs - startMs)),
          ...figures,
        };
      }),
    };
  }
}

/** Ages as monotonic times. What ends now has the sample of this very moment in it. */
function stretchOf({ fromAgeMs, toAgeMs }: AgeRange, nowMs: number): TimeRange {
  return { fromMs: nowMs - fromAgeMs, toMs: toAgeMs === 0 ? nowMs + 1 : nowMs - toAgeMs };
}

function stepsOf(range: AgeRange, stepMs: number, nowMs: number): Steps {
  return { ...stretchOf(range, nowMs), stepMs, count: Math.ceil((range.fromAgeMs - range.toAgeMs) / stepMs) };
}

/** Two links of one pod (IPv4 and IPv6) in one step: medians by count. */
function joined(a: LinkStep | undefined, b: LinkStep): LinkStep {
  if (a === undefined) return b;
  const failures = { ...a.failures };
  for (const [outcome, count] of Object.entries(b.failures)) failures[outcome] = (failures[outcome] ?? 0) + count;
  const mean = (x: number, y: number) =>
    x < 0 || y < 0 ? Math.max(x, y) : (x * a.samples + y * b.samples) / (a.samples + b.samples);
  return {
    step: a.step,
    samples: a.samples + b.samples,
    failures,
    minUs: a.minUs < 0 || b.minUs < 0 ? Math.max(a.minUs, b.minUs) : Math.min(a.minUs, b.minUs),
    p50Us: mean(a.p50Us, b.p50Us),
    p95Us: mean(a.p95Us, b.p95Us),
    maxUs: Math.max(a.maxUs, b.maxUs),
    connectP50Us: mean(a.connectP50Us, b.connectP50Us),
    firstByteP50Us: mean(a.firstByteP50Us, b.firstByteP50Us),
  };
}

/** What is kept of a link, and where it leads. */
export interface PastLink extends LinkMemory {
  target: Target;
  /** How it stands now, and since when; null of a departed pod's. */
  now: { judgement: LinkJudgement; sinceMs: number } | null;
}

/** What results contribute to a report of the past. */
type PastParts = ReportParts & { past: Pick<ReportPast, 'resolutionMs'>; starvation: Starvation };

/** What a report of the past is made with. Times are monotonic. */
interface PastSource {
  ranges: RangeStatistics;
  slice: TimeSlice;
  nowMs: number;
}

/** The share of suspect samples that makes a report unreliable, and of how many at least: as it does now. */
const UNRELIABLE = { share: 0.75, samples: 10 };

interface Entry {
  link: PastLink;
  result: RangeResult;
  stand: LastState;
}

/**
 * The report of a time range of the past: how each link stood at its end, and statistics over all of it. A link without a
 * sample in it was not probed then and is left out; the peers are those that were probed.
 */
async function pastParts(links: readonly PastLink[], stretch: TimeRange, source: PastSource): Promise<PastParts> {
  const { ranges, slice, nowMs } = source;
  const entries: Entry[] = [];
  for (const link of links) {
    const result = ranges.of(link, stretch, nowMs);
    if (result.stand !== null && entries.length < MAX_LINKS) entries.push({ link, result, stand: result.stand });
    if (slice.isOver()) await slice.next();
  }
  const peers = peersOf(entries);
  const indexOf = new Map(peers.map((peer, i) => [peer.uid, i]));
  const columns = emptyLinks(entries.length);
  const stats = emptyStats(entries.length);
  const details: ReportParts['details'] = [];
  for (const [i, entry] of entries.entries()) {
    columns.to[i] = indexOf.get(entry.link.target.uid) ?? 0;
    fill(columns, i, entry, stretch);
    columns.sinceMs[i] = pack16(stretch.toMs - sinceOf(entry, stretch, ranges));
    fillStats(stats, i, entry.result.summary);
    const detail = detailOf(entry, stretch);
    if (detail !== '' && details.length < MAX_DETAILS) details.push([i, detail.slice(0, 300)]);
    if (slice.isOver()) await slice.next();
  }
  return {
    ...{ peersHash: peersHashOf(peers), peers, gonePeers: [], links: columns, details, stats },
    windowMs: stretch.toMs - stretch.fromMs,
    past: { resolutionMs: entries.reduce((most, { result }) => Math.max(most, result.resolutionMs), 0) },
    starvation: starvationOf(entries),
  };
}

function peersOf(entries: readonly Entry[]): PeerRef[] {
  const refs = new Map<string, PeerRef>();
  for (const { link } of entries) {
    const { uid, name, namespace, podIP } = link.target;
    refs.set(uid, { uid, name, namespace, podIP });
  }
  return [...refs.values()].sort((a, b) => (a.uid < b.uid ? -1 : 1));
}

function fill(columns: LinkColumns, i: number, { link, stand }: Entry, { toMs }: TimeRange): void {
  const { isKnown } = stand;
  const outcome = stand.code & CODE_OUTCOME;
  const family = link.target.family === 6 ? FLAG_IPV6 : 0;
  const state = isKnown ? phaseFlag(phaseOfCode(stand.code)) : FLAG_NOT_YET;
  columns.flags[i] = family | state | (stand.isSuspect ? FLAG_SUSPECT : 0);
  columns.outcome[i] = isKnown && outcome < OUTCOMES.length ? outcome : 0;
  columns.connectUs[i] = isKnown ? stand.connect16 : NONE16;
  columns.firstByteUs[i] = isKnown ? stand.firstByte16 : NONE16;
  columns.totalUs[i] = isKnown ? stand.total16 : NONE16;
  columns.ageMs[i] = pack16(Math.max(0, toMs - stand.newestMs));
}

/** Since when a link had been as it was at the end of the time range. */
function sinceOf({ link, stand }: Entry, { toMs }: TimeRange, ranges: RangeStatistics): number {
  const { now } = link;
  const wasOk = (stand.code & CODE_OUTCOME) === 0;
  const isSame = now !== null && now.judgement.judged !== null && (now.judgement.judged.outcome === 'ok') === wasOk;
  // It has not changed since: no need to look back sample by sample.
  if (isSame && now.sinceMs <= stand.newestMs) return Math.min(toMs, now.sinceMs);
  return Math.min(toMs, ranges.sinceMs(link, stand));
}

/** The words for a failure that lasts to this day; those of others are not kept. */
function detailOf({ link, stand }: Entry, { toMs }: TimeRange): string {
  const { now } = link;
  const judged = now?.judgement.judged;
  if (now === null || judged === null || judged === undefined || now.sinceMs > toMs) return '';
  return judged.outcome === OUTCOMES[stand.code & CODE_OUTCOME] ? judged.detail : '';
}

/** How far the report was to be trusted, by its suspect samples; the loop's delay is not kept. */
function starvationOf(entries: readonly Entry[]): Starvation {
  const samples = entries.reduce((sum, { result }) => sum + result.summary.count, 0);
  const suspect = entries.reduce((sum, { result }) => sum + result.summary.suspect, 0);
  const suspectShare = samples === 0 ? 0 : suspect / samples;
  const unreliable = samples >= UNRELIABLE.samples && suspectShare > UNRELIABLE.share;
  return { loopDelayP99Us: 0, suspectShare, unreliable, sinceMs: 0 };
}
