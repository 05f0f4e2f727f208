import type { MergedReport, Mesh, MeshSettings } from '../../protocol/mesh.ts';
import { MAX_CLAUSE_LENGTH, MAX_CLAUSES, MAX_VIOLATIONS, type VerdictAnswer } from '../../protocol/verdict.ts';
import type { Clock } from '../../runtime/clock.ts';
import { runSlicedUntil, type SerialQueue } from '../../runtime/concurrency.ts';
import { textOf } from '../../runtime/errors.ts';
import { parseMoment } from '../../runtime/time.ts';
import type { TimeRange } from '../../runtime/time-range.ts';
import { CHUNK, ClauseTally, Figures, type NameOf, ReportWindow, selecting } from './counts.ts';
import { type Clause, ClauseError, formatClause, type ParseDuration, parseClause } from './parse-clause.ts';

/** A question as it was asked: texts of a query, null where absent. */
export interface VerdictQuery {
  /** Clauses; none = `healthy`. */
  expect: readonly string[];
  /** A Go duration that ends now. */
  window: string | null;
  /** Ends of a time range of the past, ms since the epoch or RFC 3339; `end` is now by default. */
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
  /** The mesh of now within a budget of time, with statistics over a window. */
  collect(options: { windowMs: number; maxAgeMs: number; budgetMs: number }): Promise<Mesh>;
  /** Lets questions be judged one at a time: all together none would be ready in time, and each turn of them adds up. */
  judging: SerialQueue;
  /** The mesh of a time range of the past. */
  collectPast(span: TimeRange): Promise<Mesh>;
  servedBy(): string;
}

/** Tools give up after a second: so much of it is for collecting reports, and by then the answer is there. */
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
    const judged = () => runSlicedUntil(judge(mesh, clauses, windowMs), deps.clock, endMs);
    const done = await deps.judging.run(judged);
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

/** The window or time range that is asked about; a mistake in words. */
function stretchOf({ window, start, end }: VerdictQuery, deps: VerdictDeps): { windowMs: number } | TimeRange | string {
  const { historyWindowMs, refreshIntervalMs } = deps.settings();
  if (start === null && end === null) {
    if (window === null) return { windowMs: wholeSeconds(Math.max(DEFAULT_WINDOW_MS, INTERVALS * refreshIntervalMs)) };
    return windowOf(window, historyWindowMs, deps.parseDuration);
  }
  if (window !== null) return 'window in query: it goes not with start and end, which say the same';
  const nowMs = deps.clock.nowMs();
  const fromMs = start === null ? -1 : parseMoment(start.replace(' ', '+'));
  const toMs = end === null ? nowMs : parseMoment(end.replace(' ', '+'));
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

/** The mesh, or a rejection when its time is up: the past has no partial answer. */
function inTime(mesh: Promise<Mesh>, clock: Clock): Promise<Mesh> {
  return new Promise((resolve, reject) => {
    const timer = clock.setTimer(
      () => reject(new Error('collecting the reports took too long, ask again')),
      BUDGET_MS + 50,
    );
    mesh.then(resolve, reject).finally(() => timer.cancel());
  });
}

/** Why judging was given up: there is no answer by halves. */
function tooMuch({ reports }: Mesh, clauses: readonly Clause[]): string {
  const links = reports.reduce((sum, report) => sum + report.links.length, 0);
  const count = `${clauses.length} clause${clauses.length === 1 ? '' : 's'}`;
  return `judging ${links} links by ${count} took too long, ask again, or of fewer clauses or links (from=, to=)`;
}

function unknown(clauses: readonly Clause[], windowMs: number, reason: string, deps: VerdictDeps): VerdictAnswer {
  return {
    ...{ ok: false, verdict: 'unknown', reason, expect: clauses.map(formatClause) },
    ...{ clauses: clauses.map(() => 'unknown' as const), window_s: windowMs / 1000, resolution_s: null },
    ...{ samples: 0, links_checked: 0, links_failed: 0, p50_ms: null, p95_ms: null, max_ms: null },
    ...{ violations: [], missing_reports: [] },
    ...{ generated_at: new Date(deps.clock.nowMs()).toISOString(), served_by: deps.servedBy() },
  };
}

/** So many links are looked at, by each clause anew, between two looks at the clock. */
const STEP_LINKS = 1_024;

/**
 * Whether the clauses hold in a mesh with statistics over `windowMs`. One pass over the links serves all clauses; yields
 * after each few thousand looks at one (see `inSlices`).
 */
export function* judge(mesh: Mesh, clauses: readonly Clause[], windowMs: number): Generator<void, VerdictAnswer> {
  const name = nameOf(mesh);
  const selections = yield* selecting(clauses, mesh.pods);
  const tallies = selections.map(({ clause, selection }) => new ClauseTally(clause, selection, name));
  const round = new Round(mesh, tallies, windowMs);
  const reports = new Map(mesh.reports.map((report) => [report.pod, report]));
  for (const pod of mesh.pods.keys()) yield* round.judge(pod, reports.get(pod));
  const verdicts = tallies.map((tally) => verdictOf(tally, mesh));
  const verdict = verdicts.includes('fail') ? 'fail' : verdicts.includes('unknown') ? 'unknown' : 'pass';
  const { figures } = round;
  return {
    ...{ ok: verdict === 'pass', verdict },
    reason: verdict === 'pass' ? '' : reasonOf(tallies, verdicts, mesh, name).slice(0, 600),
    ...{ expect: tallies.map(({ text }) => text), clauses: verdicts, window_s: windowMs / 1000 },
    resolution_s: mesh.past === null ? null : mesh.past.resolutionMs / 1000,
    ...{ samples: figures.samples, links_checked: figures.checked, links_failed: figures.failed },
    ...figures.told(),
    violations: tallies.flatMap(({ violations }) => violations).slice(0, MAX_VIOLATIONS),
    missing_reports: firstMissing(tallies).map(name),
    ...{ generated_at: new Date(Math.round(round.oldestMs)).toISOString(), served_by: mesh.servedBy.name },
  };
}

/** Holds reports against clauses, one after the other. */
class Round {
  readonly figures = new Figures();
  /** By when the picture is: of now by the oldest report that any clause is about. Times of reports of the past are the past's. */
  oldestMs: number;
  readonly #tallies: readonly ClauseTally[];
  readonly #windowMs: number;
  readonly #isPast: boolean;
  /** Whether everybody is to be pinged by everybody. */
  readonly #everybody: boolean;
  readonly #window = new ReportWindow();
  /** By pod 1 = ready: of others the lists need not be complete yet. */
  readonly #ready: Uint8Array;
  /** The report in which a pod was last met as the end of a link. */
  readonly #met: Int32Array;
  #looks = 0;

  constructor({ atMs, past, settings, pods }: Mesh, tallies: readonly ClauseTally[], windowMs: number) {
    this.oldestMs = atMs;
    this.#tallies = tallies;
    this.#windowMs = windowMs;
    this.#isPast = past !== null;
    this.#everybody = settings.pingNumber === 0 && settings.refreshIntervalMs > 0;
    this.#ready = Uint8Array.from(pods, ({ lifecycle }) => (lifecycle === 'ready' ? 1 : 0));
    this.#met = new Int32Array(pods.length).fill(-1);
  }

  /** Takes the report of a pod into account, or that there is none. */
  *judge(pod: number, report: MergedReport | undefined): Generator<void, void> {
    const concerned = this.#tallies.filter((tally) => tally.isAbout(pod));
    if (this.#isStepOver(this.#tallies.length)) yield;
    const isReady = this.#ready[pod] === 1;
    if (report?.missing === '' && !report.samePeers && isReady) for (const tally of this.#tallies) tally.differ(pod);
    if (concerned.length === 0) return;
    if (report?.missing === '' && !this.#isPast) this.oldestMs = Math.min(this.oldestMs, report.atMs);
    const isHere = report !== undefined && report.missing === '' && report.starvation?.unreliable !== true;
    // One that knows only the end of a time range can tell of a violation, and cannot tell that there was none.
    if (!isHere || report.missingDetail !== '') for (const tally of concerned) tally.miss(pod);
    if (isHere) yield* this.#judgeReport(report, concerned);
  }

  *#judgeReport(report: MergedReport, concerned: readonly ClauseTally[]): Generator<void, void> {
    const window = this.#window;
    for (let start = 0; start < report.links.length; start += CHUNK) {
      window.read(report, start, this.#windowMs);
      for (let k = 0; k < window.length; k++) this.#met[window.to[k] ?? 0] = report.pod;
      for (const tally of concerned) {
        tally.judge(report, window);
        if (this.#isStepOver(window.length)) yield;
      }
      this.figures.add(window);
    }
    if (!this.#everybody) return;
    const unmet = this.#unmetBy(report.pod);
    for (const tally of concerned) {
      tally.expect(report.pod, unmet);
      if (this.#isStepOver(unmet.length)) yield;
    }
  }

  #unmetBy(pod: number): number[] {
    const unmet: number[] = [];
    for (let to = 0; to < this.#met.length; to++) if (this.#met[to] !== pod) unmet.push(to);
    return unmet;
  }

  #isStepOver(looks: number): boolean {
    this.#looks += looks;
    if (this.#looks < STEP_LINKS) return false;
    this.#looks = 0;
    return true;
  }
}

/** The first pods whose reports any clause misses. */
function firstMissing(tallies: readonly ClauseTally[]): number[] {
  const pods = new Set<number>();
  for (const { missing } of tallies) {
    for (const pod of missing) {
      if (pods.size === MAX_VIOLATIONS) return [...pods];
      pods.add(pod);
    }
  }
  return [...pods];
}

/** Names, with the namespace where pods of several are watched. */
function nameOf({ pods, discovery }: Mesh): NameOf {
  const isOne = discovery.namespace !== '';
  return (pod) => (isOne ? (pods[pod]?.name ?? '') : `${pods[pod]?.namespace}/${pods[pod]?.name}`);
}

type Verdict = VerdictAnswer['verdict'];

/** The verdict of one clause: a link that violates it is certain, whatever else is not known; a gap is never a pass. */
function verdictOf(tally: ClauseTally, mesh: Mesh): Verdict {
  if (mesh.discovery.phase === 'waiting') return 'unknown';
  if (tally.violated > 0) return 'fail';
  if (tally.held === 0 || tally.short > 0 || tally.missing.length > 0) return 'unknown';
  if (tally.differing >= 0 || isListOld(mesh)) return 'unknown';
  if (tally.isOfSelvesAlone && presentCount(mesh) > 1) return 'unknown';
  return 'pass';
}

/** Why the verdict is what it is, by the first clause that has it. */
function reasonOf(tallies: readonly ClauseTally[], verdicts: readonly Verdict[], mesh: Mesh, name: NameOf): string {
  const failed = tallies[verdicts.indexOf('fail')];
  if (failed !== undefined) return failedWords(failed);
  const unknown = tallies[verdicts.indexOf('unknown')];
  return unknown === undefined ? '' : `${unknown.text}: ${unknownWords(unknown, mesh, name)}`;
}

function failedWords({ text, violations, violated, held }: ClauseTally): string {
  const [first] = violations;
  if (first === undefined) return text;
  const all = violated + held;
  return `${text}: ${first.from} → ${first.to} ${first.found}; so ${violated} of ${all} link${all === 1 ? '' : 's'}`;
}

function unknownWords(tally: ClauseTally, mesh: Mesh, name: NameOf): string {
  const { selection, missing, short, held } = tally;
  if (mesh.discovery.phase === 'waiting') return 'the list of pods has not come yet';
  if (selection.fromCount === 0) return `no pod is as from= says${ofStages(tally)}`;
  if (selection.toCount === 0) return `no pod is as to= says${ofStages(tally)}`;
  if (missing.length > 0) {
    const [first = 0] = missing;
    const report = mesh.reports.find(({ pod }) => pod === first);
    const more = missing.length > 1 ? ` and ${missing.length - 1} more` : '';
    if (report?.missing === '' && report.missingDetail !== '') {
      return `${name(first)}${more} did not report all of it (${report.missingDetail}), what it reached before is not known`;
    }
    const why = report?.missing === '' ? 'starved' : `${report?.missing}`;
    return `${name(first)}${more} did not report (${why}), what it reaches is not known`;
  }
  if (short > 0) return `too few samples of ${short} link${short === 1 ? '' : 's'}: ${tally.firstShort}${advice(mesh)}`;
  if (tally.isOfSelvesAlone && presentCount(mesh) > 1) {
    return `${tally.selection.fromCount} of ${presentCount(mesh)} pods have been ready, and nothing but links of pods to themselves to look at`;
  }
  if (held === 0) return 'no link is as from=, to= and self= say';
  if (tally.differing >= 0) {
    return `${name(tally.differing)} knows other pods than ${mesh.servedBy.name} does, and so there may be links that are not looked at`;
  }
  return 'the list of pods could not be refreshed, and may be out of date';
}

/** Pods that are not gone. */
function presentCount({ pods }: Mesh): number {
  return pods.reduce((count, { lifecycle }) => count + (lifecycle === 'gone' ? 0 : 1), 0);
}

function ofStages({ clause }: ClauseTally): string {
  return clause.from === null && clause.to === null ? ': no pod has been ready' : ', among those that have been ready';
}

function advice({ windowMs, settings }: Mesh): string {
  const intervalMs = settings.refreshIntervalMs;
  if (intervalMs === 0) return '; pinging is switched off';
  if (windowMs >= 2 * intervalMs) return '';
  return `; pings come each ${intervalMs / 1000} s, so take a window of ${Math.ceil((2.2 * intervalMs) / 1000)}s`;
}

/**
 * As for `/cluster_health`: a list that could not be refreshed for two intervals may hide anything; at the end of a time range
 * of the past as well as now.
 */
function isListOld({ atMs, discovery, settings, past }: Mesh): boolean {
  const intervalMs = settings.refreshIntervalMs > 0 ? settings.refreshIntervalMs : 30_000;
  return discovery.phase === 'stale' && (past?.toMs ?? atMs) - discovery.sinceMs > 2 * intervalMs;
}
