import { DEFAULT_THRESHOLDS, type Thresholds, thresholdsFor } from '../../server/protocol/link-state.ts';
import { MAX_CLAUSE_LENGTH, MAX_CLAUSES } from '../../server/protocol/verdict.ts';
import type { TimeRange } from '../../server/runtime/time-range.ts';
import type { ValueKind, ValuePhase } from './cells.ts';
import { FIGURE_WINDOWS_MS, FIGURES, isFigure } from './figures.ts';
import { LINK_KINDS, type LinkKind } from './link-choice.ts';
import { inOrder, MAX_RANGES } from './timeline-ranges.ts';

/** The four views, in the order of the keys 1-4. */
export const VIEWS = ['graph', 'heatmap', 'raw', 'metrics'] as const;
/** Orders of pods on the heatmap's axes. */
export const ORDERS = ['name', 'node', 'zone', 'worst-row', 'worst-column'] as const;
export const GROUPS = ['none', 'node', 'zone'] as const;
/** What graph and heatmap draw as one. `auto`: see `autoLevel`. */
export const LEVELS = ['auto', 'zone', 'node', 'pod'] as const;
/** What is shown of a link. The graph shows the newest latency instead of one of `FIGURES`. */
export const VALUES = ['last', 'p50', 'p95', 'max', ...FIGURES] as const;
export const VALUE_PHASES = ['total', 'connect', 'first-byte'] as const;
export const SPANS = [5, 10, 20, 30, 60, 360, 1440].map((minutes) => minutes * 60_000);
/** Bounds of the number of links in a graph that does not show all. */
export const LINK_LIMITS = { min: 20, max: 2000 } as const;
/** Maximum length of a filter: `node:` and the longest name that Kubernetes allows. */
export const MAX_FILTER = 258;
export const WINDOWS = [60_000, 300_000] as const;

export type ViewName = (typeof VIEWS)[number];
export type OrderBy = (typeof ORDERS)[number];
export type GroupBy = (typeof GROUPS)[number];
export type Level = (typeof LEVELS)[number];
export type Theme = 'light' | 'dark';
/** A pod or a link by uid; null = nothing. */
export type Selection = { pod: string } | { from: string; to: string } | null;

/** The state of the page that the URL holds, so that a shared URL shows the same. */
export interface Address {
  view: ViewName;
  selection: Selection;
  /** null = the usual ones: see `usualThresholds`. */
  thresholds: Thresholds | null;
  order: OrderBy;
  group: GroupBy;
  level: Level;
  /** Keys of groups that show their members; see `Folding`. They also keep what `auto` folds unfolded. */
  unfolded: readonly string[];
  filter: string;
  value: ValueKind;
  phase: ValuePhase;
  /** Window of p50, p95 and max. */
  windowMs: number;
  asTable: boolean;
  /** Which links the graph shows, and the maximum number if it does not show all. */
  only: LinkKind;
  limit: number;
  /** The time that is viewed, ms since the epoch by the serving pod's clock; null = live. */
  atMs: number | null;
  /** The time ranges before, during and after; in order, without overlap. */
  ranges: readonly TimeRange[];
  compare: boolean;
  /** The clauses of the hypothesis about the comparison; may be empty. */
  expect: readonly string[];
  /** Time span of the timeline, ms; null = as far back as there is data. */
  spanMs: number | null;
}

export const DEFAULT_ADDRESS: Address = {
  view: 'graph',
  selection: null,
  thresholds: null,
  order: 'name',
  group: 'none',
  level: 'auto',
  unfolded: [],
  filter: '',
  value: 'last',
  phase: 'total',
  windowMs: 60_000,
  asTable: false,
  only: 'all',
  limit: 200,
  atMs: null,
  ranges: [],
  compare: false,
  expect: [],
  spanMs: null,
};

/** The window of statistics to request, ms. 0 if none are shown, which saves work on all pods. */
export function windowOf(address: Address): number {
  const value = shownValue(address);
  if (isFigure(value)) return FIGURE_WINDOWS_MS[value];
  return (address.view === 'graph' || address.view === 'heatmap') && value !== 'last' ? address.windowMs : 0;
}

/** The value that the view shows: figures are shown by the heatmap alone. */
export function shownValue({ view, value }: Pick<Address, 'view' | 'value'>): ValueKind {
  return isFigure(value) && view !== 'heatmap' ? 'last' : value;
}

/** The longest hypothesis fits in, although its `>`, `=` and commas are three characters each in a URL. */
const MAX_HASH = 65_536;
const MAX_UID = 128;
const MAX_UNFOLDED = 40;
const MIN_MS = 0.01;
const MAX_MS = 100_000;

/** The thresholds before anybody moves them. Problem is SLOW_LINK, from which on the server calls a link slow. */
export function usualThresholds(slowLinkMs: number): Thresholds {
  return orderedThresholds(thresholdsFor(slowLinkMs));
}

/** Makes valid thresholds: within 0.01 ms to 100 s and ascending. Values that are not numbers are taken from `fallback`. */
export function orderedThresholds(wanted: Thresholds, fallback: Thresholds = DEFAULT_THRESHOLDS): Thresholds {
  const within = (ms: number, other: number) =>
    Number.isFinite(ms) ? Math.min(MAX_MS, Math.max(MIN_MS, Math.round(ms * 100) / 100)) : other;
  const goodMs = within(wanted.goodMs, fallback.goodMs);
  const warningMs = Math.max(goodMs, within(wanted.warningMs, fallback.warningMs));
  return { goodMs, warningMs, problemMs: Math.max(warningMs, within(wanted.problemMs, fallback.problemMs)) };
}

/** Parses a hash such as `#view=heatmap&...`. Unknown, too long or out-of-range values are ignored. */
export function readAddress(hash: string): Address {
  if (hash.length > MAX_HASH) return DEFAULT_ADDRESS;
  const query = new URLSearchParams(hash.replace(/^#/, ''));
  const oneOf = <T extends string>(key: string, known: readonly T[], other: T): T =>
    known.find((value) => value === query.get(key)) ?? other;
  const ranges = readRanges(query.get('ranges') ?? '');
  return {
    view: oneOf('view', VIEWS, DEFAULT_ADDRESS.view),
    selection: readSelection(query),
    thresholds: readThresholds(query.get('ms') ?? ''),
    order: oneOf('order', ORDERS, DEFAULT_ADDRESS.order),
    group: oneOf('group', GROUPS, DEFAULT_ADDRESS.group),
    level: oneOf('level', LEVELS, DEFAULT_ADDRESS.level),
    unfolded: boundedUnfolded(query.getAll('open')),
    filter: (query.get('filter') ?? '').slice(0, MAX_FILTER),
    value: oneOf('value', VALUES, DEFAULT_ADDRESS.value),
    phase: oneOf('phase', VALUE_PHASES, DEFAULT_ADDRESS.phase),
    windowMs: WINDOWS.find((ms) => String(ms) === query.get('window')) ?? DEFAULT_ADDRESS.windowMs,
    asTable: query.get('table') === '1',
    only: oneOf('links', LINK_KINDS, DEFAULT_ADDRESS.only),
    limit: readLimit(query.get('most') ?? ''),
    atMs: readTime(query.get('at') ?? ''),
    ranges,
    compare: ranges.length > 1 && query.get('compare') === '1',
    expect: boundedClauses(query.getAll('expect')),
    spanMs: SPANS.find((ms) => String(ms) === query.get('span')) ?? DEFAULT_ADDRESS.spanMs,
  };
}

function readTime(text: string): number | null {
  return /^\d{1,13}$/.test(text) ? Number(text) : null;
}

/** Parses `ranges=from-to_from-to`, ms since the epoch. Invalid ranges are left out. A comparison needs two. */
function readRanges(text: string): TimeRange[] {
  const ranges = text.split('_').slice(0, MAX_RANGES);
  return inOrder(
    ranges.flatMap((range) => {
      const [fromMs, toMs, ...more] = range.split('-').map(readTime);
      return typeof fromMs === 'number' && typeof toMs === 'number' && more.length === 0 ? [{ fromMs, toMs }] : [];
    }),
  );
}

function rangeText({ fromMs, toMs }: TimeRange): string {
  return `${fromMs}-${toMs}`;
}

/** The keys of unfolded groups: nodes and zones, the newest `MAX_UNFOLDED`. */
export function boundedUnfolded(keys: readonly string[]): string[] {
  return keys.filter((key) => /^(node|zone):.{0,253}$/s.test(key)).slice(-MAX_UNFOLDED);
}

function readLimit(text: string): number {
  if (!/^\d{1,4}$/.test(text)) return DEFAULT_ADDRESS.limit;
  return Math.min(LINK_LIMITS.max, Math.max(LINK_LIMITS.min, Number(text)));
}

/** Parses three values in ms, "2-5-100"; null if invalid. */
function readThresholds(text: string): Thresholds | null {
  if (!/^\d{1,6}(\.\d{1,2})?(-\d{1,6}(\.\d{1,2})?){2}$/.test(text)) return null;
  const [goodMs = 0, warningMs = 0, problemMs = 0] = text.split('-').map(Number);
  return orderedThresholds({ goodMs, warningMs, problemMs });
}

function readSelection(query: URLSearchParams): Selection {
  const [from, to, pod] = ['from', 'to', 'pod'].map((key) => {
    const uid = query.get(key) ?? '';
    return uid.length <= MAX_UID ? uid : '';
  });
  if (from && to) return { from, to };
  return pod ? { pod } : null;
}

/** The hash for an address, `#view=...`. Default values are left out. */
export function writeAddress(address: Address): string {
  const query = new URLSearchParams({ view: address.view, ...address.selection });
  const set = (key: string, value: string, byDefault: string) => {
    if (value !== byDefault) query.set(key, value);
  };
  if (address.thresholds !== null) {
    const { goodMs, warningMs, problemMs } = address.thresholds;
    query.set('ms', `${goodMs}-${warningMs}-${problemMs}`);
  }
  set('order', address.order, DEFAULT_ADDRESS.order);
  set('group', address.group, DEFAULT_ADDRESS.group);
  set('level', address.level, DEFAULT_ADDRESS.level);
  for (const key of address.unfolded) query.append('open', key);
  set('filter', address.filter, '');
  set('value', address.value, DEFAULT_ADDRESS.value);
  set('phase', address.phase, DEFAULT_ADDRESS.phase);
  set('window', String(address.windowMs), String(DEFAULT_ADDRESS.windowMs));
  set('links', address.only, DEFAULT_ADDRESS.only);
  set('most', String(address.limit), String(DEFAULT_ADDRESS.limit));
  set('table', address.asTable ? '1' : '', '');
  set('at', String(address.atMs ?? ''), '');
  set('ranges', address.ranges.map(rangeText).join('_'), '');
  set('compare', address.compare ? '1' : '', '');
  for (const clause of address.expect) query.append('expect', clause);
  set('span', String(address.spanMs ?? ''), '');
  return `#${query}`;
}

/**
 * Maximum length of a hypothesis as it is typed, one clause per line, characters. One clause more than the server takes fits in,
 * so that the server refuses what is cut off here.
 */
export const MAX_HYPOTHESIS = (MAX_CLAUSES + 1) * (MAX_CLAUSE_LENGTH + 'expect=\n'.length);

/** What of a line is a clause; '' = it has none. */
const clauseIn = (line: string): string => line.replace(/^\s*(expect=)?\s*/, '').trimEnd();

/** The clauses of a text with one clause per line, each with or without `expect=`. Bounded, without empty clauses. */
export function clausesIn(text: string): string[] {
  return boundedClauses(text.split('\n').map(clauseIn));
}

/**
 * The clauses without empty ones. One more than the server takes is kept, and so is one that is too long: the server refuses it and
 * says so. Without it the verdict would be about fewer clauses than the reader wrote.
 */
export function boundedClauses(clauses: readonly string[]): string[] {
  const stated = clauses.map((clause) => clause.trim()).filter((clause) => clause !== '');
  return stated.slice(0, MAX_CLAUSES + 1);
}

export interface ClauseError {
  /** The server's message without the position. */
  message: string;
  /** The line, from 1, and its text before the error and from the error on; null if the server names no position. */
  place: { line: number; before: string; from: string } | null;
}

/** Parses the server's message: `expect 2 in query, character 9: expected a duration ...`. `typed`: see `clausesIn`. */
export function clauseErrorOf(text: string, typed: string): ClauseError {
  const found = /^expect (\d{1,2}) in query, character (\d{1,3}): (.+)$/s.exec(text);
  if (found === null) return { message: text, place: null };
  const [, number = '', character = '', message = ''] = found;
  const lines = typed.split('\n').map((line, i) => ({ text: line.trimEnd(), line: i + 1, clause: clauseIn(line) }));
  const wrong = lines.filter(({ clause }) => clause !== '')[Number(number) - 1];
  if (wrong === undefined) return { message: text, place: null };
  const at = wrong.text.length - wrong.clause.length + Math.max(0, Number(character) - 1);
  return { message, place: { line: wrong.line, before: wrong.text.slice(0, at), from: wrong.text.slice(at) } };
}

/** The path of the report on what is compared, relative to the page. `expect`: the hypothesis, clause by clause. */
export function reportPath(ranges: readonly TimeRange[], expect: readonly string[]): string {
  return `api/v1/report?${comparisonQuery(ranges, expect)}`;
}

/** The query of a report or comparison of two or three ranges: before, during, after. */
export function comparisonQuery([before, during, after]: readonly TimeRange[], expect: readonly string[]): string {
  const query = new URLSearchParams();
  if (during !== undefined) {
    query.set('from', String(during.fromMs));
    query.set('to', String(during.toMs));
  }
  if (before !== undefined) query.set('before', rangeText(before));
  if (after !== undefined) query.set('after', rangeText(after));
  for (const clause of expect) query.append('expect', clause);
  return query.toString();
}
