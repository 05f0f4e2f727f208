import { type Clause, formatClause, parseClauses } from '../analysis/verdict/parse-clause.ts';
import { judge } from '../analysis/verdict/verdict.ts';
import type { Mesh, MeshSettings } from '../protocol/mesh.ts';
import { lossWindowMs } from '../protocol/udp.ts';
import type { VerdictAnswer } from '../protocol/verdict.ts';
import type { Clock } from '../runtime/clock.ts';
import { runSlicedUntil, type SerialQueue } from '../runtime/concurrency.ts';
import { parseDurationMs } from '../runtime/duration.ts';
import { textOf, ValidationError } from '../runtime/errors.ts';
import type { TimeRange } from '../runtime/time-range.ts';
import { readMoment } from './query.ts';

/** The parameters of `/api/v1/verdict`, as text; null where absent. */
export interface VerdictQuery {
  /** Clauses; none = `healthy`. */
  expect: readonly string[];
  /** A Go duration that ends now. */
  window: string | null;
  /** A time range of the past: ms since the epoch or RFC 3339. `end` is now by default. */
  start: string | null;
  end: string | null;
}

/** What `answerVerdict` needs. */
export interface VerdictSources {
  clock: Clock;
  settings(): MeshSettings;
  /** The mesh of now with statistics over a window, collected within `budgetMs`. */
  collect(options: { windowMs: number; maxAgeMs: number; budgetMs: number }): Promise<Mesh>;
  /** The mesh of a time range of the past. */
  collectPast(range: TimeRange): Promise<Mesh>;
  /** Judges one query at a time: if all were judged at once, none would be ready in time. */
  judging: SerialQueue;
  servedBy(): string;
}

/** Chaos tools wait one second for an answer. Collecting the reports may take this part of it. */
const COLLECT_BUDGET_MS = 800;
/** The answer is sent after this time at the latest. */
const ANSWER_BUDGET_MS = 950;
/** A mesh of this age is fresh enough, so that several tools that ask at once share one collection. */
const MAX_AGE_MS = 300;
const DEFAULT_WINDOW_MS = 30_000;
/** A window of this many intervals has at least one sample of each link, jitter included. */
const MIN_WINDOW_INTERVALS = 2.2;

/**
 * Answers a query for a verdict within a second. Throws a ValidationError if the query cannot be understood. Any other
 * problem, such as too little time, gives the verdict `unknown`: status 503 would mean that the hypothesis does not hold.
 */
export async function answerVerdict(query: VerdictQuery, sources: VerdictSources): Promise<VerdictAnswer> {
  const { clock } = sources;
  const clauses = parseClauses(query.expect);
  const range = rangeOf(query, clauses, sources);
  const windowMs = 'fromMs' in range ? range.toMs - range.fromMs : range.windowMs;
  const endMs = clock.monotonicMs() + ANSWER_BUDGET_MS;
  try {
    const collecting =
      'fromMs' in range
        ? sources.collectPast(range)
        : sources.collect({ windowMs, maxAgeMs: MAX_AGE_MS, budgetMs: COLLECT_BUDGET_MS });
    const mesh = await withinBudget(collecting, clock);
    const judged = await sources.judging.run(() => runSlicedUntil(judge(mesh, clauses, windowMs), clock, endMs));
    return judged?.result ?? unknownVerdict(clauses, windowMs, tookTooLong(mesh, clauses), sources);
  } catch (error) {
    return unknownVerdict(clauses, windowMs, textOf(error), sources);
  }
}

/** The window or the time range that is asked about. Throws a ValidationError. */
function rangeOf(
  { window, start, end }: VerdictQuery,
  clauses: readonly Clause[],
  sources: VerdictSources,
): { windowMs: number } | TimeRange {
  const { historyWindowMs, refreshIntervalMs } = sources.settings();
  if (start === null && end === null) {
    if (window !== null) return { windowMs: parseWindow(window, historyWindowMs) };
    const usualMs = Math.max(DEFAULT_WINDOW_MS, MIN_WINDOW_INTERVALS * refreshIntervalMs);
    // Page and findings judge loss over this time, because the usual window has too few datagrams.
    const lossMs = Math.min(lossWindowMs(refreshIntervalMs), historyWindowMs);
    const hasLoss = clauses.some(({ condition }) => condition.kind === 'loss');
    return { windowMs: wholeSeconds(hasLoss ? Math.max(usualMs, lossMs) : usualMs) };
  }
  if (window !== null) throw new ValidationError('window in query: expected either window or start and end, not both');
  const nowMs = sources.clock.nowMs();
  const fromMs = start === null ? -1 : readMoment(start);
  const toMs = end === null ? nowMs : readMoment(end);
  if (fromMs < 0) throw new ValidationError('start in query: expected ms since the epoch or an RFC 3339 time');
  if (toMs < 0) throw new ValidationError('end in query: expected ms since the epoch or an RFC 3339 time');
  if (toMs - fromMs < 1000) throw new ValidationError('end in query: expected at least 1 s after start');
  if (fromMs > nowMs) throw new ValidationError('start in query: expected a time in the past');
  if (nowMs - fromMs > historyWindowMs + 1000) {
    throw new ValidationError('start in query: expected a time within the last HISTORY_WINDOW');
  }
  return { fromMs, toMs: Math.min(toMs, nowMs) };
}

function parseWindow(window: string, longestMs: number): number {
  let windowMs: number;
  try {
    windowMs = wholeSeconds(parseDurationMs(window));
  } catch (error) {
    throw new ValidationError(`window in query: ${textOf(error)}`);
  }
  if (windowMs >= 1000 && windowMs <= Math.max(1000, longestMs)) return windowMs;
  throw new ValidationError(`window in query: expected from 1s to ${Math.floor(longestMs / 1000)}s (HISTORY_WINDOW)`);
}

/** Windows are whole seconds, so that queries for the same window share one collection. */
function wholeSeconds(ms: number): number {
  return Math.ceil(ms / 1000) * 1000;
}

/** Rejects if the mesh does not come in time: a mesh of the past cannot be answered in part. */
function withinBudget(mesh: Promise<Mesh>, clock: Clock): Promise<Mesh> {
  return new Promise((resolve, reject) => {
    const timer = clock.setTimer(
      () => reject(new Error('collecting the reports took too long, ask again')),
      COLLECT_BUDGET_MS + 50,
    );
    mesh.then(resolve, reject).finally(() => timer.cancel());
  });
}

/** Why judging was given up. */
function tookTooLong({ reports }: Mesh, clauses: readonly Clause[]): string {
  const links = reports.reduce((sum, report) => sum + report.links.length, 0);
  const count = `${clauses.length} clause${clauses.length === 1 ? '' : 's'}`;
  return `judging ${links} links by ${count} took too long, ask again, or use fewer clauses or links (from=, to=)`;
}

function unknownVerdict(
  clauses: readonly Clause[],
  windowMs: number,
  reason: string,
  { clock, servedBy }: VerdictSources,
): VerdictAnswer {
  return {
    ok: false,
    verdict: 'unknown',
    reason,
    expect: clauses.map(formatClause),
    clauses: clauses.map(() => 'unknown'),
    window_s: windowMs / 1000,
    resolution_s: null,
    samples: 0,
    links_checked: 0,
    links_failed: 0,
    p50_ms: null,
    p95_ms: null,
    max_ms: null,
    violations: [],
    missing_reports: [],
    generated_at: new Date(clock.nowMs()).toISOString(),
    served_by: servedBy(),
  };
}
