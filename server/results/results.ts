import {
  type Copied,
  type CopyCursor,
  type CopyPart,
  type CopyPiece,
  MAX_ANSWER_CYCLES,
  MAX_ANSWER_SAMPLES,
  writeRecords,
} from '../protocol/copy.ts';
import type { AgeRange, LinkHistory, PodHistory } from '../protocol/history.ts';
import { type LinkChange, type LossChange, type SpeedChange, START_GRACE_MS } from '../protocol/link-state.ts';
import type { Pod, Target } from '../protocol/pod.ts';
import { type LinkSamples, MAX_SAMPLES, type Sample, type UdpResult } from '../protocol/sample.ts';
import { CYCLE_RECORD, SAMPLE_RECORD, type StoredSample } from '../protocol/stored-results.ts';
import type { Clock } from '../runtime/clock.ts';
import { TimeSlice } from '../runtime/concurrency.ts';
import type { TimeRange } from '../runtime/time-range.ts';
import { History, type ResultsSettings } from './history.ts';
import { type Link, Links } from './links.ts';
import { type PastReportParts, pastReport } from './past-report.ts';
import { currentReport, type PeerTable, peerTableOf, type ReportParts, type SuspectRule } from './pod-report.ts';
import { RangeStatistics } from './range-statistics.ts';
import { countBySteps, type Steps, sumUpBySteps } from './steps.ts';

export interface ResultsHooks {
  onLinkChange(change: LinkChange): void;
  onSpeedChange(change: SpeedChange): void;
  onLossChange(change: LossChange): void;
}

interface LinkResult {
  target: Target;
  /** The sample that stands for the link; null while there is none. See `LinkJudgement`. */
  judged: Sample | null;
}

/** The results of this pod's probes: stores samples, judges links, makes this pod's reports. Its memory is bounded. */
export class Results {
  readonly #settings: ResultsSettings;
  readonly #clock: Clock;
  readonly #hooks: ResultsHooks;
  /** When the process started, and since when all its results are here: in a copy that is later. */
  readonly #startedMs: number;
  readonly #sinceMs: number;
  readonly #history: History;
  readonly #links: Links;
  readonly #rangeStatistics: RangeStatistics;
  /** The table of peers of `pods`; see `report`. */
  #peers: { pods: readonly Pod[]; table: PeerTable } | null = null;

  /** `startedMs`: when the process started whose results these are, monotonic. */
  constructor(settings: ResultsSettings, clock: Clock, hooks: ResultsHooks, startedMs = clock.monotonicMs()) {
    this.#settings = settings;
    this.#clock = clock;
    this.#hooks = hooks;
    this.#startedMs = startedMs;
    this.#sinceMs = clock.monotonicMs();
    this.#history = new History(settings);
    this.#links = new Links(this.#history);
    this.#rangeStatistics = new RangeStatistics(this.#history);
  }

  /** Sets the targets that are probed from now on, in the order of `comparePods`. */
  setTargets(targets: readonly Target[]): void {
    this.#links.setTargets(targets, this.#clock.monotonicMs());
  }

  /** Takes the sample of a probe. The sample of a link that is no longer probed is ignored. */
  record(target: Target, sample: Sample): void {
    const link = this.#links.findProbed(target.id);
    if (link === undefined) return;
    const nowMs = this.#clock.monotonicMs();
    this.#history.add(link.record, nowMs, sample);
    const { state, speed } = link.judgement.take(sample, nowMs, this.#settings.slowLinkMs * 1000);
    if (state !== null) this.#hooks.onLinkChange({ target: link.target, ...state });
    if (speed !== null) this.#hooks.onSpeedChange({ target: link.target, ...speed });
    if (link.record.udp !== null && sample.outcome === 'ok') this.#judgeLoss(link, nowMs);
  }

  /** Decides whether a link has become lossy or ceased to be. While it is slow or intermittent, that stays as it was. */
  #judgeLoss({ target, record, judgement, loss }: Link, nowMs: number): void {
    if (judgement.slowSinceMs >= 0 || judgement.isIntermittent) return;
    const change = loss.take(record, this.#rangeStatistics.lossRange(nowMs), this.#rangeStatistics);
    if (change !== null) this.#hooks.onLossChange({ target, ...change });
  }

  /**
   * Takes the result of a cycle of the UDP probe; null = the link could not be measured, so that it has no newest result any more.
   * The result of a link that is no longer probed is ignored.
   */
  recordUdp(target: Target, result: UdpResult | null): void {
    const link = this.#links.findProbed(target.id);
    if (link === undefined) return;
    this.#history.addUdp(link.record, result === null ? null : { ...result, atMs: this.#clock.monotonicMs() });
  }

  /** The sample that stands for the link to a target; null without one, or if it is not probed. */
  judgedOf({ id }: Target): LinkResult['judged'] {
    return this.#links.findProbed(id)?.judgement.judged ?? null;
  }

  /** All links that are probed, with the sample that stands for each. */
  probedLinks(): LinkResult[] {
    return this.#links.probed().map(({ target, judgement }) => ({ target, judged: judgement.judged }));
  }

  /**
   * What is known of all links to a pod: the recent samples and the recent cycles of the UDP probe, oldest first, with wall
   * times, and the usual latency; of several links the largest.
   */
  linkSamples(uid: string): Omit<LinkSamples, 'from' | 'to' | 'error'> {
    const nowMs = this.#expire();
    // Results are stored with monotonic times, so that their distances stay right when the wall clock is corrected.
    const wallMs = this.#clock.nowMs() - nowMs;
    const withWallTimes = <T extends { atMs: number }>(results: T[]) =>
      results
        .map((result) => ({ ...result, atMs: Math.round(result.atMs + wallMs) }))
        .sort((a, b) => a.atMs - b.atMs)
        .slice(-MAX_SAMPLES);
    const records = this.#links.all().flatMap(({ target, record }) => (target.uid === uid ? [record] : []));
    const usualUs = Math.max(-1, ...records.map((record) => this.#rangeStatistics.usual.usualUsOf(record, 0, nowMs)));
    return {
      nowMs: this.#clock.nowMs(),
      samples: withWallTimes(records.flatMap((record) => this.#history.recentSamples(record))),
      ...(this.#history.hasUdp && { udp: withWallTimes(records.flatMap(({ udp }) => udp?.cycles() ?? [])) }),
      ...(usualUs >= 0 && { usualUs }),
    };
  }

  /** This pod's report of now, for the pods that discovery knows. `windowMs` 0 = without statistics. */
  report(pods: readonly Pod[], windowMs: number): Promise<ReportParts> {
    const nowMs = this.#expire();
    // Discovery gives the same array until something changes. Hashing a thousand peers for each report would be expensive.
    if (this.#peers?.pods !== pods) this.#peers = { pods, table: peerTableOf(pods) };
    const timeSlice = new TimeSlice(this.#clock);
    const links = this.#links.withSamples();
    return currentReport(
      links,
      this.#peers.table,
      nowMs,
      windowMs,
      this.#rangeStatistics,
      this.#suspectRule,
      timeSlice,
    );
  }

  /** This pod's report of a past time range, and how far back and how finely it knows it: see `pastReport`. */
  async reportOf(range: AgeRange): Promise<PastReportParts> {
    const nowMs = this.#expire();
    const timeSlice = new TimeSlice(this.#clock);
    const [links, past] = [this.#links.all(), rangeOf(range, nowMs)];
    const report = await pastReport(links, past, nowMs, this.#rangeStatistics, this.#suspectRule, timeSlice);
    const { resolutionMs, ...parts } = report;
    return { ...parts, past: { ...range, resolutionMs, knownAgeMs: this.#knownAgeMs(nowMs) } };
  }

  /**
   * How many links were in which state in a time range of the past, by steps of `stepMs`. `isLeftOut`: whether the links to a
   * pod are not counted.
   */
  async podHistory(range: AgeRange, stepMs: number, isLeftOut: (uid: string) => boolean): Promise<PodHistory> {
    const nowMs = this.#expire();
    const steps = stepsOf(range, stepMs, nowMs);
    const links = this.#links.all().filter(({ target }) => !isLeftOut(target.uid));
    const counts = await countBySteps(links, steps, nowMs, this.#history, new TimeSlice(this.#clock));
    const knownAgeMs = this.#knownAgeMs(nowMs);
    return { format: 'goldpinger-ts/pod-history/1', ...range, stepMs, knownAgeMs, ...counts };
  }

  /** Statistics of all links to a pod by steps of `stepMs`, with wall times; no steps if nothing is kept of the pod. */
  linkHistory(uid: string, range: AgeRange, stepMs: number): Pick<LinkHistory, 'nowMs' | 'resolutionMs' | 'steps'> {
    const nowMs = this.#expire();
    const wallMs = this.#clock.nowMs() - nowMs;
    const links = this.#links.all().filter(({ target }) => target.uid === uid);
    const grid = stepsOf(range, stepMs, nowMs);
    const { resolutionMs, steps } = sumUpBySteps(links, grid, nowMs, this.#history);
    return {
      nowMs: this.#clock.nowMs(),
      resolutionMs,
      steps: steps.map(([step, summary]) => {
        const startMs = grid.fromMs + step * stepMs;
        const lengthMs = Math.round(Math.min(stepMs, nowMs - range.toAgeMs - startMs));
        return { atMs: Math.round(startMs + wallMs), lengthMs, ...summary };
      }),
    };
  }

  /**
   * What a keeper of a copy of this pod does not have yet: the samples after `sinceMs` (monotonic), and the targets from number
   * `links` on (it has the first `links` of them). If a link does not keep all samples since then, the answer begins after the missing
   * ones, for all links alike: a copy has no gaps. This does not apply to links that are no longer probed, whose samples are dropped
   * after GONE_RETENTION. If there are too many samples for one answer, it has the oldest of them, and `hasMore` is true.
   */
  async copySince({ sinceMs, links }: Pick<CopyCursor, 'sinceMs' | 'links'>): Promise<{
    part: Omit<CopyPart, 'journal'>;
    hasMore: boolean;
  }> {
    const nowMs = this.#expire();
    const all = this.#links.all();
    // Both before the first pause: the number must not count a link of which the answer has no target.
    const { nextNumber } = this.#links;
    let fromMs = Math.max(sinceMs, this.#sinceMs, nowMs - this.#settings.historyWindowMs);
    for (const { record } of this.#links.probed()) fromMs = Math.max(fromMs, this.#history.droppedUntilMs(record));
    let toMs = nowMs;
    let results = await this.#resultsIn(all, { fromMs, toMs });
    // Too many for one answer: half of the time.
    while (results === null) {
      toMs = (fromMs + toMs) / 2;
      results = await this.#resultsIn(all, { fromMs, toMs });
    }
    const piece: CopyPiece = {
      fromMs,
      toMs,
      samples: writeRecords(SAMPLE_RECORD, results.samples, fromMs),
      cycles: writeRecords(CYCLE_RECORD, results.cycles, fromMs),
    };
    const targets = all
      .filter(({ number }) => number >= links)
      .map(({ number, target: { uid, name, namespace, podIP, family } }) => {
        return { number, uid, name, namespace, podIP, family };
      });
    const counts = { nowMs, sinceMs: fromMs, untilMs: toMs, links: nextNumber };
    return { part: { ...counts, targets, pieces: [piece] }, hasMore: toMs < nowMs };
  }

  /** All results of `links` in (`fromMs`, `toMs`], in order of time; null if they are too many for one answer. */
  async #resultsIn(links: readonly Link[], { fromMs, toMs }: TimeRange) {
    const samples: Copied<StoredSample>[] = [];
    const cycles: Copied<UdpResult>[] = [];
    const timeSlice = new TimeSlice(this.#clock);
    for (const { record, number: link } of links) {
      for (const result of this.#history.samples(record, fromMs, toMs)) {
        if (result.atMs > fromMs) samples.push({ link, result });
      }
      for (const cycle of record.udp?.cycles(fromMs, toMs) ?? []) {
        if (cycle.atMs > fromMs) cycles.push({ link, result: cycle });
      }
      if (samples.length > MAX_ANSWER_SAMPLES || cycles.length > MAX_ANSWER_CYCLES) return null;
      if (timeSlice.isOver()) await timeSlice.next();
    }
    samples.sort((a, b) => a.result.atMs - b.result.atMs);
    cycles.sort((a, b) => a.result.atMs - b.result.atMs);
    return { samples, cycles };
  }

  /** The width (ms) of the widest bucket since `ageMs` ago; 0 if every sample since then is still kept. */
  resolutionMs(ageMs: number): number {
    const fromMs = this.#clock.monotonicMs() - ageMs;
    // Whether a link has samples since then that are only in buckets.
    const needsBuckets = this.#links.all().some(({ record }) => {
      return this.#history.droppedUntilMs(record) >= fromMs && this.#history.newestMs(record) >= fromMs;
    });
    return needsBuckets ? this.#history.bucketLog.maxWidthMs(fromMs) : 0;
  }

  /** Memory of all samples, cycles and buckets, in bytes. */
  get bytes(): number {
    return this.#history.bytes;
  }

  /** Forgets what has been kept for long enough. Returns the monotonic time. */
  #expire(): number {
    const nowMs = this.#clock.monotonicMs();
    this.#links.expire(nowMs);
    return nowMs;
  }

  /** When a link of this pod's reports is unreliable. */
  get #suspectRule(): SuspectRule {
    return { startGraceEndMs: this.#startedMs + START_GRACE_MS, slowUs: this.#settings.slowLinkMs * 1000 };
  }

  /** How far back this pod has complete data, as an age: limited by HISTORY_WINDOW, `#sinceMs`, and dropped buckets. */
  #knownAgeMs(nowMs: number): number {
    const knownMs = Math.max(this.#sinceMs, this.#history.bucketLog.forgottenMs);
    return Math.min(this.#settings.historyWindowMs, Math.max(0, nowMs - knownMs));
  }
}

/**
 * Converts ages to monotonic times. A range that ends now ends 1 ms later, so that a bucket that begins at this moment is in
 * it.
 */
function rangeOf({ fromAgeMs, toAgeMs }: AgeRange, nowMs: number): TimeRange {
  return { fromMs: nowMs - fromAgeMs, toMs: toAgeMs === 0 ? nowMs + 1 : nowMs - toAgeMs };
}

/** The steps of a range, in monotonic time. The last one may be shorter. */
function stepsOf(range: AgeRange, stepMs: number, nowMs: number): Steps {
  const count = Math.ceil((range.fromAgeMs - range.toAgeMs) / stepMs);
  return { ...rangeOf(range, nowMs), stepMs, count };
}
