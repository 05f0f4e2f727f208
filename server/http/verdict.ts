import { type Clause, formatClause, parseClauses } from '../analysis/verdict/parse-clause.ts';
import { LinkSummary } from '../analysis/verdict/report-window.ts';
import { judge } from '../analysis/verdict/verdict.ts';
import type { Config } from '../config/config.ts';
import { shortestRangeMs } from '../protocol/link-state.ts';
import type { UnjudgedMesh } from '../protocol/mesh.ts';
import { lossWindowMs } from '../protocol/udp.ts';
import type { VerdictAnswer } from '../protocol/verdict.ts';
import { runSlicedUntil, SerialQueue } from '../runtime/concurrency.ts';
import { plural } from '../runtime/count-text.ts';
import { withTimeout } from '../runtime/deadline.ts';
import { textOf } from '../runtime/errors.ts';
import type { TimeRange } from '../runtime/time-range.ts';
import type { RouteContext } from './context.ts';

/** What `/api/v1/verdict` is asked. */
export interface VerdictQuery {
  /** Clauses; none = `healthy`. */
  expect: readonly string[];
  /** The last `windowMs`, a time range of the past, or null = the usual window. */
  over: { windowMs: number } | TimeRange | null;
}

type VerdictContext = Pick<RouteContext, 'clock' | 'config' | 'collector' | 'pastMeshes' | 'monitor'>;

/** Chaos tools wait one second for an answer. Collecting the reports may take this part of it. */
const COLLECT_BUDGET_MS = 800;
/**
 * Collecting is given up after this time. Only a mesh of the past can take this long: of the present one a part is given before.
 */
const GIVE_UP_MS = 850;
/** The answer is sent after this time at the latest. */
const ANSWER_BUDGET_MS = 950;
/** A mesh of this age is fresh enough, so that several tools that ask at once share one collection. */
const MAX_AGE_MS = 300;
/** The window of a query that names none, unless its clauses or the pings need a longer one: see `usualWindowMs`. */
const DEFAULT_WINDOW_MS = 30_000;

/** The most verdicts that may wait for their turn. */
const MAX_WAITING = 64;

/**
 * Returns the function that answers a query for a verdict, within a second. It rejects with a ValidationError if it cannot be
 * understood. Any other problem, such as too little time, gives the verdict `unknown`.
 */
export function verdictAnswerer(context: VerdictContext): (query: VerdictQuery) => Promise<VerdictAnswer> {
  const { clock, config, collector, pastMeshes } = context;
  // One query at a time: if all were judged at once, none would be ready in time.
  const judging = new SerialQueue(MAX_WAITING, 'too many verdicts asked for at once, ask again');
  return async ({ expect, over }) => {
    const clauses = parseClauses(expect);
    const range = over ?? { windowMs: usualWindowMs(clauses, config) };
    const windowMs = 'fromMs' in range ? range.toMs - range.fromMs : range.windowMs;
    const endMs = clock.monotonicMs() + ANSWER_BUDGET_MS;
    try {
      const collecting =
        'fromMs' in range
          ? pastMeshes.of(range)
          : collector.collect({ windowMs, maxAgeMs: MAX_AGE_MS }, COLLECT_BUDGET_MS);
      const neverAborted = new AbortController().signal;
      const what = 'ask again: collecting the reports';
      const mesh = await withTimeout(clock, GIVE_UP_MS, neverAborted, what, () => collecting);
      const judged = await judging.run(() => runSlicedUntil(judge(mesh, clauses, windowMs), clock, endMs));
      return judged?.result ?? unknownVerdict(clauses, windowMs, tookTooLong(mesh, clauses), context);
    } catch (error) {
      return unknownVerdict(clauses, windowMs, textOf(error), context);
    }
  };
}

/** The window of a query that names none: whole seconds, as others too, so that they share one collection. In ms. */
function usualWindowMs(clauses: readonly Clause[], config: Config): number {
  const { refreshIntervalMs, historyWindowMs } = config;
  const wantedMs = clauses.map(({ condition: { kind, limit } }) => {
    // Page and findings judge loss over this time, because the usual window has too few datagrams.
    if (kind === 'loss') return lossWindowMs(refreshIntervalMs);
    // A lost pod must still be in the window when the limit has passed.
    return kind === 'recovered' ? 2 * limit : 0;
  });
  const usualMs = Math.max(DEFAULT_WINDOW_MS, shortestRangeMs(config));
  const longestMs = Math.min(Math.max(...wantedMs), historyWindowMs);
  return Math.ceil(Math.max(usualMs, longestMs) / 1000) * 1000;
}

/** Why judging was given up. */
function tookTooLong({ reports }: UnjudgedMesh, clauses: readonly Clause[]): string {
  const links = reports.reduce((sum, report) => sum + report.links.length, 0);
  const count = plural(clauses.length, 'clause');
  return `judging ${plural(links, 'link')} by ${count} took too long, ask again, or use fewer clauses or links (from=, to=)`;
}

function unknownVerdict(
  clauses: readonly Clause[],
  windowMs: number,
  reason: string,
  { clock, monitor }: VerdictContext,
): VerdictAnswer {
  return {
    ok: false,
    verdict: 'unknown',
    reason,
    expect: clauses.map(formatClause),
    clauses: clauses.map(() => 'unknown'),
    window_s: windowMs / 1000,
    resolution_s: null,
    ...new LinkSummary().fields(),
    violations: [],
    missing_reports: [],
    generated_at: new Date(clock.nowMs()).toISOString(),
    served_by: monitor.selfName,
  };
}
