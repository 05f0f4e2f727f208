import type { MissingPart } from '../protocol/event.ts';
import {
  type AgeRange,
  LATENCY_BINS_US,
  MAX_STEPS,
  type MeshHistory,
  type PodHistory,
  parsePodHistory,
} from '../protocol/history.ts';
import type { Mesh } from '../protocol/mesh.ts';
import type { Pod } from '../protocol/pod.ts';
import type { Clock, Timer } from '../runtime/clock.ts';
import { SerialQueue } from '../runtime/concurrency.ts';
import { BusyError } from '../runtime/errors.ts';
import type { TimeRange } from '../runtime/time-range.ts';
import type { Broadcast, BroadcastResult, PodAnswer } from './broadcast.ts';
import { type PastDeps, viewOfPast } from './collect-view.ts';
import { type CollectDeps, type CollectHooks, Collection, type CollectSettings } from './collector.ts';
import { meshBounds, PeerTables } from './mesh.ts';

/** What the history of the whole mesh is made of. */
interface HistoryDeps {
  clock: Clock;
  askAll: Broadcast;
  ownReportHistory(range: AgeRange, stepMs: number): Promise<PodHistory>;
  /** How fine our own past is at an age, as a length of time. */
  resolutionMs(ageMs: number): number;
  /** How many pods ran in each step. */
  countAlive(fromMs: number, stepMs: number, steps: number): number[];
  /** Pods that left since a moment. */
  departedSince(fromMs: number): Pod[];
}

/** What is wanted; `stepMs` 0 = as fine as the default number of steps allows. */
interface HistoryQuery extends TimeRange {
  stepMs: number;
}

/** Merges the histories of all reports. */
interface HistoryReader {
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
    const taken = (history: PodHistory, errorMs: number) => sums.take(history, clock.nowMs() - errorMs);
    const parts = await deps.askAll.ask<KnownSince>({
      // `grid` tells nobody anything: it makes this a question of its own, as what is taken goes into these sums.
      path: `/api/v1/pod-history?fromAge=${range.fromAgeMs}&toAge=${range.toAgeMs}&step=${grid.stepMs}&grid=${grid.fromMs}`,
      parse: (wire, errorMs) => taken(parsePodHistory(wire), errorMs),
      own: async () => taken(await deps.ownReportHistory(range, grid.stepMs), 0),
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

function merged(grid: Grid, sums: HistorySums, parts: BroadcastResult<KnownSince>, deps: HistoryDeps): MeshHistory {
  const { fromMs, stepMs, count } = grid;
  const { links, failed, byLatency, reports, resolutionMs } = sums;
  const alive = deps.countAlive(fromMs, stepMs, count);
  return {
    ...{ fromMs, toMs: fromMs + count * stepMs, stepMs, nowMs: deps.clock.nowMs(), resolutionMs, reports },
    pods: reports.map((there, step) => Math.max(there, alive[step] ?? 0)),
    missing: [...parts.missing, ...forgetful(parts.parts, fromMs), ...departed(deps.departedSince(fromMs))],
    ...{ links, failed, byLatency },
  };
}

/** Pods that ran before their memory begins: they have restarted since, or had too little of it. */
function forgetful(parts: readonly PodAnswer<KnownSince>[], fromMs: number): MissingPart[] {
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

/** The steps of a history, by our clock at `askedMs`. */
interface Grid {
  fromMs: number;
  stepMs: number;
  count: number;
  askedMs: number;
}

/** What stays of a report's history once it is in the sums: since when the pod remembers, ms since the epoch by our clock. */
interface KnownSince {
  knownMs: number;
}

/**
 * The histories of all reports, added up as each comes in: those of 1000 pods at once, of 360 steps, would be 69 MiB. The
 * largest is 14 000 numbers, which take well under a millisecond.
 */
class HistorySums {
  readonly links: number[];
  readonly failed: number[];
  /** By step the pods that remember it. */
  readonly reports: number[];
  readonly byLatency: number[][];
  /** The coarsest of all. */
  resolutionMs = 0;
  readonly #grid: Grid;

  constructor(grid: Grid) {
    this.#grid = grid;
    const zeros = () => new Array<number>(grid.count).fill(0);
    [this.links, this.failed, this.reports] = [zeros(), zeros(), zeros()];
    this.byLatency = this.links.map(() => new Array<number>(LATENCY_BINS_US.length + 1).fill(0));
  }

  /** Adds the history of one report; its ages count from `atMs`, which may be seconds after the first was asked. */
  take(history: PodHistory, atMs: number): KnownSince {
    const { links, failed, reports, byLatency } = this;
    const { fromMs, stepMs, count, askedMs } = this.#grid;
    const shift = Math.round((atMs - askedMs) / stepMs);
    const knownMs = atMs - history.knownAgeMs;
    for (let step = 0; step < count; step++) {
      if (knownMs <= fromMs + (step + 0.5) * stepMs) reports[step] = (reports[step] ?? 0) + 1;
      const from = step - shift;
      links[step] = (links[step] ?? 0) + (history.links[from] ?? 0);
      failed[step] = (failed[step] ?? 0) + (history.failed[from] ?? 0);
      addAll(byLatency[step], history.byLatency[from]);
    }
    this.resolutionMs = Math.max(this.resolutionMs, history.resolutionMs);
    return { knownMs };
  }
}

function addAll(sums: number[] | undefined, more: readonly number[] | undefined): void {
  if (sums === undefined || more === undefined) return;
  for (let i = 0; i < sums.length; i++) sums[i] = (sums[i] ?? 0) + (more[i] ?? 0);
}

/** What meshes of the past need besides what every collection needs. */
interface PastMeshDeps extends CollectDeps, PastDeps {
  /** How fine the past is at an age, as a length of time. */
  resolutionMs(ageMs: number): number;
}

/** Collects meshes of the past on request. */
interface PastMeshes {
  /**
   * The mesh of a time range, ms since the epoch by our clock; what lies in the future is left off. Rejects with a
   * BusyError if more than `MAX_ASKED` time ranges are asked for at once, and after `stop`.
   */
  of(span: TimeRange): Promise<Mesh>;
  /** The mesh as it was at a moment: of the time range that ends there and has a sample of each link. */
  at(atMs: number): Promise<Mesh>;
  /** Ends collections in flight. Nothing is kept afterwards. */
  stop(): void;
}

/** Stretches are rounded to this, so that those who ask about the same share one collection. */
const ROUND_MS = 100;
/** The most asked for at once; of a large mesh all but one of them wait: see `meshBounds`. */
const MAX_ASKED = 4;
const TOO_MANY = `more than ${MAX_ASKED} different ranges of the past asked for at once, try again`;
const SHUTTING_DOWN = 'this pod is shutting down';
/** How long one is kept. */
const PAST_MESHES_KEEP_MS = 5_000;
/** So many REFRESH_INTERVALs have a sample of each link, even if one was late. */
const INTERVALS = 1.5;
/** Without pinging there is nothing to see, whatever the time range. */
const NO_PINGING_MS = 30_000;

/** Makes the one who collects the past; `jitterFactor` is JITTER_FACTOR. */
export function createPastMeshes(
  settings: CollectSettings & { jitterFactor: number },
  deps: PastMeshDeps,
  hooks: CollectHooks,
): PastMeshes {
  const tables = new PeerTables();
  const late = new Set<string>();
  const asked = new Map<string, Promise<Mesh>>();
  const running = new Set<Collection>();
  const turn = new SerialQueue(MAX_ASKED, TOO_MANY);
  const kept = new Map<string, { mesh: Mesh; expiry: Timer }>();
  let stopped = false;

  const forget = (key: string) => {
    kept.get(key)?.expiry.cancel();
    kept.delete(key);
  };
  const bounds = () => meshBounds(deps.snapshot().pods.length, deps.settings().pingNumber).past;
  const keep = (key: string, mesh: Mesh) => {
    const most = bounds().kept;
    for (const oldest of [...kept.keys()]) if (kept.size >= most) forget(oldest);
    kept.set(key, { mesh, expiry: deps.clock.setTimer(() => forget(key), PAST_MESHES_KEEP_MS) });
  };

  const collect = async (span: TimeRange): Promise<Mesh> => {
    if (stopped) throw new BusyError(SHUTTING_DOWN);
    const collection = new Collection(settings, deps, hooks, viewOfPast(span, deps), { tables, late });
    running.add(collection);
    return collection.run().finally(() => running.delete(collection));
  };

  const of = async (span: TimeRange): Promise<Mesh> => {
    if (stopped) throw new BusyError(SHUTTING_DOWN);
    const toMs = Math.round(Math.min(span.toMs, deps.clock.nowMs()) / ROUND_MS) * ROUND_MS;
    const fromMs = Math.min(Math.round(span.fromMs / ROUND_MS) * ROUND_MS, toMs - ROUND_MS);
    const key = `${fromMs}-${toMs}`;
    const there = kept.get(key)?.mesh ?? asked.get(key);
    if (there !== undefined) return there;
    if (asked.size >= MAX_ASKED) throw new BusyError(TOO_MANY);
    const job = () => collect({ fromMs, toMs });
    const mesh = (bounds().running > 1 ? job() : turn.do(job)).finally(() => asked.delete(key));
    asked.set(key, mesh);
    const done = await mesh;
    if (!stopped) keep(key, done);
    return done;
  };

  return {
    of,
    at: (atMs) => {
      const toMs = Math.min(atMs, deps.clock.nowMs());
      const { refreshIntervalMs } = deps.settings();
      const intervalMs = refreshIntervalMs > 0 ? refreshIntervalMs : NO_PINGING_MS;
      const roundMs = INTERVALS * intervalMs * (1 + settings.jitterFactor);
      const lengthMs = Math.max(roundMs, deps.resolutionMs(deps.clock.nowMs() - toMs + roundMs));
      return of({ fromMs: toMs - lengthMs, toMs });
    },
    stop: () => {
      stopped = true;
      for (const collection of running) collection.abort();
      for (const key of [...kept.keys()]) forget(key);
    },
  };
}
