import type { PodLifetimes } from '../events/pod-lifetimes.ts';
import type { MissingPart } from '../protocol/event.ts';
import {
  type AgeRange,
  LATENCY_BINS_US,
  MAX_STEPS,
  type MeshHistory,
  type PodHistory,
  parsePodHistory,
} from '../protocol/history.ts';
import { type PingSettings, roundMsOf } from '../protocol/link-state.ts';
import type { MeshSettings } from '../protocol/mesh.ts';
import type { Pod } from '../protocol/pod.ts';
import type { PodNamer } from '../protocol/pod-names.ts';
import type { Clock } from '../runtime/clock.ts';
import { SharedResults } from '../runtime/shared-results.ts';
import type { TimeRange } from '../runtime/time-range.ts';
import type { Broadcast, BroadcastResult, PodAnswer } from './broadcast.ts';
import type { Copies } from './copies.ts';
import { PeerCallError, type PeerClient, type PeerRequest } from './peer-client.ts';

interface MeshHistoriesDeps {
  clock: Clock;
  broadcast: Broadcast;
  client: Pick<PeerClient, 'request'>;
  settings: PingSettings & Pick<MeshSettings, 'historyWindowMs'>;
  ownHistory(range: AgeRange, stepMs: number): Promise<PodHistory>;
  copies: Pick<Copies, 'podHistory'>;
  /** The other pods that may have a copy of a pod, in the order in which to ask them. */
  otherKeepers(uid: string): Pod[];
  /** The resolution of our own results from `ageMs` ago, in ms. */
  resolutionMs(ageMs: number): number;
  lifetimes: Pick<PodLifetimes, 'countAlive' | 'departedSince' | 'remembersSinceMs'>;
  /** Whether a pod is on a passive node: it has no history. */
  isPassive(pod: Pod): boolean;
  nameOf: PodNamer;
}

/** The time range of a history, ms since the epoch by our clock. */
interface HistoryQuery extends TimeRange {
  /** Length of a step; 0 = the server chooses: see `#stepsOf`. */
  stepMs: number;
}

/** The most steps that the server chooses. */
const DEFAULT_STEPS = 360;
/** The step lengths that the server chooses, in s; above the last one, its multiples. */
const NICE_STEPS_S = [1, 2, 5, 10, 15, 20, 30, 40, 60, 120, 180, 300];
const SHORTEST_STEP_MS = 1_000;
/** A finished history is kept for `KEEP_MS`, or for `KEEP_FACTOR` times as long as it took if that is longer: watching stays cheap. */
const KEEP_MS = 2_000;
const KEEP_FACTOR = 4;
const MAX_KEPT = 8;
/** The most different histories that are collected at once. */
const MAX_RUNNING = 8;
/** The counts of a pod in one step: `links`, `failed`, and one for each bin of `byLatency` and of `lossyByLatency`. */
const STEP_COUNTS = 2 + 2 * (LATENCY_BINS_US.length + 1);
/** A count has at most six digits and a comma. `+ 2`: in each step the brackets of two lists of bins count as values, too. */
const ANSWER_LIMITS = {
  maxBytes: MAX_STEPS * 7 * (STEP_COUNTS + 2) + 1_000,
  maxValues: MAX_STEPS * (STEP_COUNTS + 2) + 100,
};
/** A watch shows that a pod is gone up to this long after its process has ended. A list shows it later: `Pod.unseenMs`. */
const END_MS = 5_000;

/** Adds up the histories of all pods. One broadcast serves all clients that ask for the same steps. */
export class MeshHistories {
  readonly #deps: MeshHistoriesDeps;
  readonly #histories: SharedResults<MeshHistory>;

  constructor(deps: MeshHistoriesDeps) {
    this.#deps = deps;
    this.#histories = new SharedResults(deps.clock, MAX_RUNNING, 'too many different histories at once, try again');
  }

  /** Returns the history of the whole mesh. Rejects as `Broadcast.ask` does. */
  history(query: HistoryQuery): Promise<MeshHistory> {
    const { clock } = this.#deps;
    const steps = this.#stepsOf(query);
    const startMs = clock.monotonicMs();
    const keepMs = () => Math.max(KEEP_MS, KEEP_FACTOR * (clock.monotonicMs() - startMs));
    const key = `${steps.fromMs}/${steps.stepMs}/${steps.count}`;
    return this.#histories.get(key, () => this.#collect(steps), keepMs, MAX_KEPT);
  }

  stop(): void {
    this.#histories.stop();
  }

  /**
   * Steps begin at multiples of their length, so that a chart does not shake when it is redrawn. If the server chooses their length,
   * each link is pinged in each step.
   */
  #stepsOf(query: HistoryQuery): Steps {
    const { clock, settings, resolutionMs } = this.#deps;
    const askedMs = clock.nowMs();
    const toMs = Math.min(query.toMs, askedMs);
    const fromMs = Math.max(Math.min(query.fromMs, toMs - 1), askedMs - settings.historyWindowMs);
    const lengthMs = toMs - fromMs;
    const shortestMs = Math.max(SHORTEST_STEP_MS, resolutionMs(askedMs - fromMs), lengthMs / (MAX_STEPS - 1));
    const stepMs =
      query.stepMs > 0
        ? Math.max(query.stepMs, Math.ceil(shortestMs))
        : niceStepMs(Math.max(shortestMs, roundMsOf(settings), lengthMs / (DEFAULT_STEPS - 1)));
    const first = Math.floor(fromMs / stepMs);
    // At most MAX_STEPS: a range as long as MAX_STEPS - 1 steps touches one step more if it begins within a step.
    const count = Math.max(1, Math.ceil(toMs / stepMs) - first);
    return { fromMs: first * stepMs, stepMs, count, askedMs };
  }

  async #collect(steps: Steps): Promise<MeshHistory> {
    const { clock, broadcast, ownHistory, lifetimes, isPassive } = this.#deps;
    const { fromMs, stepMs, count } = steps;
    const range = ageRangeOf(steps);
    const sums = new HistorySums(steps);
    const answers = await broadcast.ask<Added>({
      // Pods ignore `grid`. It makes the path unique to these sums, so that no other query shares this broadcast.
      path: `${pathOf(range, stepMs)}&grid=${fromMs}`,
      parse: (wire, _, { atMs }) => sums.add(parsePodHistory(wire), atMs, steps),
      own: async () => sums.add(await ownHistory(range, stepMs), clock.nowMs(), steps),
      ...ANSWER_LIMITS,
    });
    const missing = await this.#addCopies(sums, steps, answers);
    const { lossyByLatency, reports, links, failed, byLatency, resolutionMs } = sums;
    const alive = lifetimes.countAlive(fromMs, stepMs, count, (pod) => !isPassive(pod));
    return {
      fromMs,
      toMs: fromMs + count * stepMs,
      stepMs,
      nowMs: clock.nowMs(),
      resolutionMs,
      missing,
      reports,
      links,
      failed,
      byLatency,
      pods: reports.map((reporting, step) => Math.max(reporting, alive[step] ?? 0)),
      ...(lossyByLatency.some((bins) => bins.length > 0) && { lossyByLatency }),
    };
  }

  /** Adds copies of what the answers lack, as far as there are copies. Resolves to what is still missing. */
  async #addCopies(sums: HistorySums, steps: Steps, answers: BroadcastResult<Added>): Promise<MissingPart[]> {
    const { lifetimes, isPassive, nameOf } = this.#deps;
    const { fromMs, stepMs, count } = steps;
    const { parts, missing, missingPods } = answers;
    const asked = new Set([...parts.map(({ pod }) => pod?.uid), ...missingPods.map(({ uid }) => uid)]);
    // One that was asked may have left since. It must not be added twice.
    const departed = lifetimes.departedSince(fromMs).filter((pod) => !isPassive(pod) && !asked.has(pod.uid));
    const lacking: Lacking[] = [
      ...missingPods.map((pod, i) => ({ pod, part: missing[i] ?? noHistory(GONE) })),
      ...shortHistories(parts, fromMs, lifetimes),
      ...departed.map((pod) => ({ pod, part: noHistory(GONE) })),
    ];
    /** Only these are asked for copies, which may be hundreds: a pod that does not answer would use up a time limit for each of them. */
    const answering = new Set(parts.map(({ pod }) => pod?.uid ?? ''));
    const stillMissing: MissingPart[] = [];
    for (const { pod, part, knownMs = Number.POSITIVE_INFINITY } of lacking) {
      // Of a pod that has restarted, the copy counts only before the step in which the pod's own results begin.
      const copiedSteps = Math.min(count, Math.floor((knownMs - fromMs) / stepMs));
      const copied = { ...steps, count: copiedSteps };
      const added = copiedSteps > 0 ? await this.#addCopy(sums, pod.uid, copied, answering) : null;
      const sinceMs = Math.max(fromMs, lifetimes.remembersSinceMs(pod));
      const lacks = added === null ? [part] : whatCopyLacks(pod, added, sinceMs);
      stillMissing.push(...lacks.map(({ reason, detail }) => ({ name: nameOf(pod), reason, detail })));
    }
    return stillMissing;
  }

  /**
   * Adds the history of pod `uid` from a copy: ours, or that of the first keeper among `answering` (uids) that has one. Null if there
   * is none. A keeper that does not answer is taken out of `answering`.
   */
  async #addCopy(sums: HistorySums, uid: string, steps: Steps, answering: Set<string>): Promise<Added | null> {
    const { clock, client, copies, otherKeepers } = this.#deps;
    const { stepMs } = steps;
    // The answers of the pods may have taken seconds. With ages of then, the range would reach into the next process of a pod.
    const askedNow = () => ({ ...steps, askedMs: clock.nowMs() });
    const asked = askedNow();
    const own = await copies.podHistory(uid, ageRangeOf(asked), stepMs);
    if (own !== null) return sums.add(own, clock.nowMs(), asked);
    for (const keeper of otherKeepers(uid)) {
      if (!answering.has(keeper.uid)) continue;
      const asked = askedNow();
      const path = `${pathOf(ageRangeOf(asked), stepMs)}&of=${encodeURIComponent(uid)}`;
      try {
        const parse: PeerRequest<Added>['parse'] = (wire, _, { atMs }) => sums.add(parsePodHistory(wire), atMs, asked);
        return (await client.request(keeper, { path, parse, ...ANSWER_LIMITS })).value;
      } catch (error) {
        // The next keeper may answer.
        if (error instanceof PeerCallError && error.hasAnswered === false) answering.delete(keeper.uid);
      }
    }
    return null;
  }
}

function pathOf({ fromAgeMs, toAgeMs }: AgeRange, stepMs: number): string {
  return `/api/v1/pod-history?fromAge=${fromAgeMs}&toAge=${toAgeMs}&step=${stepMs}`;
}

interface Steps {
  /** Where the first step begins, ms since the epoch by our clock. */
  fromMs: number;
  stepMs: number;
  count: number;
  /** When the history was asked for, ms since the epoch by our clock. */
  askedMs: number;
}

/** The time range of the steps, as ages at `askedMs`. */
function ageRangeOf({ fromMs, stepMs, count, askedMs }: Steps): AgeRange {
  const fromAgeMs = Math.round(askedMs - fromMs);
  return { fromAgeMs, toAgeMs: Math.max(0, fromAgeMs - count * stepMs) };
}

function niceStepMs(shortestMs: number): number {
  const niceS = NICE_STEPS_S.find((seconds) => seconds * 1_000 >= shortestMs);
  return niceS === undefined ? Math.ceil(shortestMs / 300_000) * 300_000 : niceS * 1_000;
}

type UnnamedPart = Omit<MissingPart, 'name'>;

/** A pod whose history is missing, or begins too late, and what the answer says about that unless a copy is found. */
interface Lacking {
  pod: Pod;
  part: UnnamedPart;
  /** Since when the pod itself has results, if it has any. */
  knownMs?: number;
}

const GONE = 'the pod is gone, and no pod has a copy of its memory';

/** The pods that ran before their results begin: they have restarted. */
function shortHistories(
  parts: readonly PodAnswer<Added>[],
  fromMs: number,
  lifetimes: Pick<PodLifetimes, 'remembersSinceMs'>,
): Lacking[] {
  return parts.flatMap(({ pod, value }) => {
    if (pod === null || value.knownMs <= Math.max(fromMs, lifetimes.remembersSinceMs(pod))) return [];
    const { knownMs } = value;
    return [{ pod, part: noHistory(`its memory begins at ${isoTime(knownMs)}`), knownMs }];
  });
}

/** What a copy does not have of a pod's life since `sinceMs`; [] if it has all. */
function whatCopyLacks(pod: Pod, { knownMs, untilMs }: Added, sinceMs: number): UnnamedPart[] {
  const lacks: string[] = [];
  if (knownMs > sinceMs) lacks.push(`begins at ${isoTime(knownMs)}`);
  if (pod.lifecycle === 'gone' && untilMs < pod.sinceMs - pod.unseenMs - END_MS)
    lacks.push(`ends at ${isoTime(untilMs)}`);
  return lacks.length === 0 ? [] : [noHistory(`the copy of its memory ${lacks.join(' and ')}`)];
}

function noHistory(detail: string): UnnamedPart {
  return { reason: 'no-history', detail };
}

function isoTime(ms: number): string {
  return new Date(Math.round(ms)).toISOString();
}

/** For which time the history of a pod, or its copy, was added to the sums. */
interface Added {
  /** The pod has results from `knownMs` to `untilMs`, ms since the epoch; Infinity = until now. */
  knownMs: number;
  untilMs: number;
}

/** The sum of all pods' histories. Each is added as it arrives: to keep those of 1000 pods with 360 steps would take 70 MiB. */
class HistorySums {
  readonly links: number[];
  readonly failed: number[];
  /** How many pods have results in each step. */
  readonly reports: number[];
  readonly byLatency: number[][];
  readonly lossyByLatency: number[][];
  /** The coarsest resolution of all pods. */
  resolutionMs = 0;

  constructor(steps: Steps) {
    const zeros = (length: number) => new Array<number>(length).fill(0);
    this.links = zeros(steps.count);
    this.failed = zeros(steps.count);
    this.reports = zeros(steps.count);
    this.byLatency = this.links.map(() => zeros(LATENCY_BINS_US.length + 1));
    this.lossyByLatency = this.links.map(() => []);
  }

  /**
   * Adds the history of one pod, for the steps that it was asked for: ours, or the first ones of them. Its ages count from `atMs`. All
   * pods are asked for the same ages, some of them seconds later than others: then the first step of their history is a later one of
   * ours.
   */
  add(history: PodHistory, atMs: number, { fromMs, stepMs, count, askedMs }: Steps): Added {
    const { links, failed, reports, byLatency, lossyByLatency } = this;
    const laterBy = Math.round((atMs - askedMs) / stepMs);
    const knownMs = atMs - history.knownAgeMs;
    const { untilAgeMs = 0 } = history;
    const untilMs = untilAgeMs === 0 ? Number.POSITIVE_INFINITY : atMs - untilAgeMs;
    for (let step = 0; step < count; step++) {
      const middleMs = fromMs + (step + 0.5) * stepMs;
      if (knownMs <= middleMs && middleMs <= untilMs) reports[step] = (reports[step] ?? 0) + 1;
      const theirs = step - laterBy;
      links[step] = (links[step] ?? 0) + (history.links[theirs] ?? 0);
      failed[step] = (failed[step] ?? 0) + (history.failed[theirs] ?? 0);
      addAll(byLatency[step], history.byLatency[theirs]);
      addAll(lossyByLatency[step], history.lossyByLatency?.[theirs]);
    }
    this.resolutionMs = Math.max(this.resolutionMs, history.resolutionMs);
    return { knownMs, untilMs };
  }
}

function addAll(sums: number[] = [], more: readonly number[] = []): void {
  for (const [i, value] of more.entries()) sums[i] = (sums[i] ?? 0) + value;
}
