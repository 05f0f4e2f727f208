import type { MissingPart } from '../contract/event.ts';
import { MAX_STEPS, type MeshHistory, parseRowHistory, type RowHistory } from '../contract/history.ts';
import type { AgeRange } from '../contract/past.ts';
import type { Pod } from '../contract/pod.ts';
import type { Clock, Timer } from '../contract/seams.ts';
import type { AllParts, AskAll, PodPart } from './ask-all.ts';
import type { Span } from './collect-view.ts';
import { type Grid, HistorySums, type KnownSince } from './history-sums.ts';

/** What the history of the whole mesh is made of. */
export interface HistoryDeps {
  clock: Clock;
  askAll: AskAll;
  ownRowHistory(range: AgeRange, stepMs: number): Promise<RowHistory>;
  /** How fine our own past is at an age, as a length of time. */
  resolutionMs(ageMs: number): number;
  /** How many pods ran in each step. */
  countAlive(fromMs: number, stepMs: number, steps: number): number[];
  /** Pods that left since a moment. */
  departedSince(fromMs: number): Pod[];
}

/** What is wanted; `stepMs` 0 = as fine as the default number of steps allows. */
export interface HistoryQuery extends Span {
  stepMs: number;
}

/** Merges the histories of all rows. */
export interface HistoryReader {
  /** Rejects as `AskAll.ask`. */
  history(query: HistoryQuery): Promise<MeshHistory>;
  /** Nothing is kept afterwards. */
  stop(): void;
}

/** Steps without a wish for their length. */
const DEFAULT_STEPS = 360;
/** Lengths that read well on an axis, s. */
const NICE_S = [1, 2, 5, 10, 15, 20, 30, 60, 120, 180, 300];
const SHORTEST_MS = 1_000;
/** How long a history is kept, at least; and so many times as long as it took, so that watchers cost little. */
const KEEP_MS = 2_000;
const KEEP_LONGER = 4;
const MAX_KEPT = 8;
/** 720 steps of 19 bins. */
const MAX_BYTES = 512 * 1024;
/** A pod that is so much older than its memory has lost it. */
const START_MS = 30_000;

/** Makes the one who merges histories; `windowMs` is HISTORY_WINDOW. One round of questions serves all who watch. */
export function createHistoryReader(windowMs: number, deps: HistoryDeps): HistoryReader {
  const { clock } = deps;
  const kept = new Map<string, { history: Promise<MeshHistory>; expiry: Timer | null }>();

  const gridOf = ({ fromMs: wishedMs, toMs: wishedToMs, stepMs: wishedStepMs }: HistoryQuery): Grid => {
    const askedMs = clock.nowMs();
    const toMs = Math.min(wishedToMs, askedMs);
    const fromMs = Math.max(Math.min(wishedMs, toMs - 1), askedMs - windowMs);
    const finestMs = Math.max(SHORTEST_MS, deps.resolutionMs(askedMs - fromMs), (toMs - fromMs) / (MAX_STEPS - 1));
    const stepMs =
      wishedStepMs > 0
        ? Math.max(wishedStepMs, Math.ceil(finestMs))
        : niceMs(Math.max(finestMs, (toMs - fromMs) / (DEFAULT_STEPS - 1)));
    // Whole steps since the epoch, so that a picture that is drawn again and again does not shake.
    const first = Math.floor(fromMs / stepMs);
    const count = Math.max(1, Math.ceil(toMs / stepMs) - first);
    return { fromMs: first * stepMs, stepMs, count: Math.min(count, MAX_STEPS), askedMs };
  };

  const read = async (grid: Grid): Promise<MeshHistory> => {
    const range = { fromAgeMs: Math.round(grid.askedMs - grid.fromMs), toAgeMs: 0 };
    range.toAgeMs = Math.max(0, range.fromAgeMs - grid.count * grid.stepMs);
    const sums = new HistorySums(grid);
    const taken = (history: RowHistory, errorMs: number) => sums.take(history, clock.nowMs() - errorMs);
    const parts = await deps.askAll.ask<KnownSince>({
      // `grid` tells nobody anything: it makes this a question of its own, as what is taken goes into these sums.
      path: `/api/v1/row-history?fromAge=${range.fromAgeMs}&toAge=${range.toAgeMs}&step=${grid.stepMs}&grid=${grid.fromMs}`,
      parse: (wire, errorMs) => taken(parseRowHistory(wire), errorMs),
      own: async () => taken(await deps.ownRowHistory(range, grid.stepMs), 0),
      keepMs: 0,
      maxBytes: MAX_BYTES,
    });
    return merged(grid, sums, parts, deps);
  };

  return {
    history: (query) => {
      const grid = gridOf(query);
      const key = `${grid.fromMs}/${grid.stepMs}/${grid.count}`;
      const there = kept.get(key);
      if (there !== undefined) return there.history;
      const startMs = clock.monotonicMs();
      const entry = { history: read(grid), expiry: null as Timer | null };
      const [oldest] = kept.keys();
      if (kept.size >= MAX_KEPT && oldest !== undefined) kept.delete(oldest);
      kept.set(key, entry);
      const forget = () => void (kept.get(key) === entry && kept.delete(key));
      entry.history.then(() => {
        const tookMs = clock.monotonicMs() - startMs;
        if (kept.get(key) === entry) entry.expiry = clock.setTimer(forget, Math.max(KEEP_MS, KEEP_LONGER * tookMs));
      }, forget);
      return entry.history;
    },
    stop: () => {
      for (const { expiry } of kept.values()) expiry?.cancel();
      kept.clear();
    },
  };
}

function niceMs(leastMs: number): number {
  const nice = NICE_S.find((seconds) => seconds * 1_000 >= leastMs);
  return nice === undefined ? Math.ceil(leastMs / 300_000) * 300_000 : nice * 1_000;
}

function merged(grid: Grid, sums: HistorySums, parts: AllParts<KnownSince>, deps: HistoryDeps): MeshHistory {
  const { fromMs, stepMs, count } = grid;
  const { links, failed, byLatency, rows, resolutionMs } = sums;
  const alive = deps.countAlive(fromMs, stepMs, count);
  return {
    ...{ fromMs, toMs: fromMs + count * stepMs, stepMs, nowMs: deps.clock.nowMs(), resolutionMs, rows },
    pods: rows.map((there, step) => Math.max(there, alive[step] ?? 0)),
    missing: [...parts.missing, ...forgetful(parts.parts, fromMs), ...departed(deps.departedSince(fromMs))],
    ...{ links, failed, byLatency },
  };
}

/** Pods that ran before their memory begins: they have restarted since, or had too little of it. */
function forgetful(parts: readonly PodPart<KnownSince>[], fromMs: number): MissingPart[] {
  const missing: MissingPart[] = [];
  for (const { pod, value } of parts) {
    if (pod === null || value.knownMs <= Math.max(fromMs, pod.createdMs + START_MS)) continue;
    const detail = `its memory begins at ${new Date(Math.round(value.knownMs)).toISOString()}`;
    missing.push({ name: pod.name, reason: 'no-history', detail });
  }
  return missing;
}

function departed(pods: readonly Pod[]): MissingPart[] {
  const detail = 'it has gone since, and its memory with it';
  return pods.map(({ name }) => ({ name, reason: 'no-history', detail }));
}
