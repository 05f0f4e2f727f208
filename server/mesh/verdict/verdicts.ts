import { textOf } from '../../contract/errors.ts';
import type { Mesh, MeshSettings } from '../../contract/mesh.ts';
import { momentMs } from '../../contract/moment.ts';
import type { Clock } from '../../contract/seams.ts';
import { MAX_CLAUSE_LENGTH, MAX_CLAUSES, type VerdictAnswer } from '../../contract/verdict.ts';
import { inSlicesUntil } from '../in-slices.ts';
import type { InTurn } from '../in-turn.ts';
import { type Clause, formatClause } from './clause.ts';
import { judge } from './judge.ts';
import { ClauseError, type ParseDuration, parseClause } from './parse-clause.ts';

/** A question as it was asked: texts of a query, null where absent. */
export interface VerdictQuery {
  /** Clauses; none = `healthy`. */
  expect: readonly string[];
  /** A Go duration that ends now. */
  window: string | null;
  /** Ends of a stretch of the past, ms since the epoch or RFC 3339; `end` is now by default. */
  start: string | null;
  end: string | null;
}

/** What asking came to. A mistake names the parameter and the place. */
export type VerdictResult = { answer: VerdictAnswer } | { mistake: string };

/** What verdicts are made of. */
export interface VerdictDeps {
  clock: Clock;
  parseDuration: ParseDuration;
  settings(): MeshSettings;
  /** The matrix of now within a budget of time, with statistics over a window. */
  collect(options: { windowMs: number; maxAgeMs: number; budgetMs: number }): Promise<Mesh>;
  /** Lets questions be judged one at a time: all together none would be ready in time, and each turn of them adds up. */
  judging: InTurn;
  /** The matrix of a stretch of the past. */
  collectPast(span: { fromMs: number; toMs: number }): Promise<Mesh>;
  servedBy(): string;
}

/** Tools give up after a second: so much of it is for collecting rows, and by then the answer is there. */
const BUDGET_MS = 800;
const ANSWER_MS = 950;
/** A picture as old as this will do: several tools that ask at once share one. */
const MAX_AGE_MS = 300;
const DEFAULT_WINDOW_MS = 30_000;
/** So many intervals, jitter included, hold at least one sample of each link whatever happens. */
const INTERVALS = 2.2;

/** Answers one question. Rejects never: what cannot be known is `unknown`. */
export async function verdictOn(query: VerdictQuery, deps: VerdictDeps): Promise<VerdictResult> {
  const clauses = clausesOf(query.expect, deps.parseDuration);
  if (typeof clauses === 'string') return { mistake: clauses };
  const stretch = stretchOf(query, deps);
  if (typeof stretch === 'string') return { mistake: stretch };
  const windowMs = 'fromMs' in stretch ? stretch.toMs - stretch.fromMs : stretch.windowMs;
  const endMs = deps.clock.monotonicMs() + ANSWER_MS;
  try {
    const mesh = await inTime(
      'fromMs' in stretch
        ? deps.collectPast(stretch)
        : deps.collect({ ...stretch, maxAgeMs: MAX_AGE_MS, budgetMs: BUDGET_MS }),
      deps.clock,
    );
    const judged = () => inSlicesUntil(judge(mesh, clauses, windowMs), deps.clock, endMs);
    const done = await deps.judging.do(judged);
    return { answer: done?.result ?? unknown(clauses, windowMs, tooMuch(mesh, clauses), deps) };
  } catch (error) {
    // 503 would mean that the hypothesis does not hold.
    return { answer: unknown(clauses, windowMs, textOf(error), deps) };
  }
}

/** Reads all `expect`, `healthy` if there are none; the mistake in words instead if there is one. */
export function clausesOf(expect: readonly string[], parseDuration: ParseDuration): Clause[] | string {
  const clauses: Clause[] = [];
  const texts = expect.length === 0 ? ['healthy'] : expect;
  if (texts.length > MAX_CLAUSES) return `expect in query: expected at most ${MAX_CLAUSES}`;
  for (const [i, text] of texts.entries()) {
    const clause = clauseOf(text, i, parseDuration);
    if (typeof clause === 'string') return clause;
    clauses.push(clause);
  }
  return clauses;
}

/** Reads one `expect`; the mistake in words instead if there is one. */
export function clauseOf(text: string, i: number, parseDuration: ParseDuration): Clause | string {
  if (text.length > MAX_CLAUSE_LENGTH)
    return `expect ${i + 1} in query: expected at most ${MAX_CLAUSE_LENGTH} characters`;
  try {
    return parseClause(text, parseDuration);
  } catch (error) {
    const place = error instanceof ClauseError ? `, character ${error.at}` : '';
    return `expect ${i + 1} in query${place}: ${textOf(error)}`;
  }
}

/** The window or stretch that is asked about; a mistake in words. */
function stretchOf(
  { window, start, end }: VerdictQuery,
  deps: VerdictDeps,
): { windowMs: number } | { fromMs: number; toMs: number } | string {
  const { historyWindowMs, refreshIntervalMs } = deps.settings();
  if (start === null && end === null) {
    if (window === null) return { windowMs: wholeSeconds(Math.max(DEFAULT_WINDOW_MS, INTERVALS * refreshIntervalMs)) };
    return windowOf(window, historyWindowMs, deps.parseDuration);
  }
  if (window !== null) return 'window in query: it goes not with start and end, which say the same';
  const nowMs = deps.clock.nowMs();
  const fromMs = start === null ? -1 : momentMs(start.replace(' ', '+'));
  const toMs = end === null ? nowMs : momentMs(end.replace(' ', '+'));
  if (fromMs < 0) return 'start in query: expected ms since the epoch or an RFC 3339 time';
  if (toMs < 0) return 'end in query: expected ms since the epoch or an RFC 3339 time';
  if (toMs - fromMs < 1000) return 'end in query: expected at least 1 s after start';
  if (fromMs > nowMs) return 'start in query: expected a time that has passed';
  if (nowMs - fromMs > historyWindowMs + 1000) return 'start in query: expected within HISTORY_WINDOW';
  return { fromMs, toMs: Math.min(toMs, nowMs) };
}

function windowOf(window: string, longestMs: number, parseDuration: ParseDuration): { windowMs: number } | string {
  try {
    const windowMs = wholeSeconds(parseDuration(window));
    if (windowMs >= 1000 && windowMs <= Math.max(1000, longestMs)) return { windowMs };
  } catch (error) {
    return `window in query: ${textOf(error)}`;
  }
  return `window in query: expected from 1s to ${Math.floor(longestMs / 1000)}s (HISTORY_WINDOW)`;
}

/** Windows are whole seconds, so that those who ask about the same share one collection. */
function wholeSeconds(ms: number): number {
  return Math.ceil(ms / 1000) * 1000;
}

/** The matrix, or a rejection when its time is up: the past has no partial answer. */
function inTime(mesh: Promise<Mesh>, clock: Clock): Promise<Mesh> {
  return new Promise((resolve, reject) => {
    const timer = clock.setTimer(
      () => reject(new Error('collecting the rows took too long, ask again')),
      BUDGET_MS + 50,
    );
    mesh.then(resolve, reject).finally(() => timer.cancel());
  });
}

/** Why judging was given up: there is no answer by halves. */
function tooMuch({ rows }: Mesh, clauses: readonly Clause[]): string {
  const links = rows.reduce((sum, row) => sum + row.links.length, 0);
  const count = `${clauses.length} clause${clauses.length === 1 ? '' : 's'}`;
  return `judging ${links} links by ${count} took too long, ask again, or of fewer clauses or links (from=, to=)`;
}

function unknown(clauses: readonly Clause[], windowMs: number, reason: string, deps: VerdictDeps): VerdictAnswer {
  return {
    ...{ ok: false, verdict: 'unknown', reason, expect: clauses.map(formatClause) },
    ...{ clauses: clauses.map(() => 'unknown' as const), window_s: windowMs / 1000, resolution_s: null },
    ...{ samples: 0, links_checked: 0, links_failed: 0, p50_ms: null, p95_ms: null, max_ms: null },
    ...{ violations: [], missing_rows: [] },
    ...{ generated_at: new Date(deps.clock.nowMs()).toISOString(), served_by: deps.servedBy() },
  };
}
