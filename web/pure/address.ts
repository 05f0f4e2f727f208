import { DEFAULT_THRESHOLDS, type Thresholds } from '../../server/protocol/link-state.ts';
import type { TimeRange } from '../../server/runtime/time-range.ts';
import { boundedClauses } from './hypothesis.ts';
import type { LinkKind } from './link-choice.ts';
import type { ValueKind, ValuePhase } from './picture.ts';
import { inOrder, MAX_RANGES } from './timeline-ranges.ts';

/** The four views, in the order of the keys 1-4. */
export const VIEWS = ['graph', 'heatmap', 'raw', 'metrics'] as const;
/** Orders of pods on the heatmap's axes. */
export const ORDERS = ['name', 'node', 'zone', 'worst-row', 'worst-column'] as const;
/** What pods are grouped by. */
export const GROUPS = ['none', 'node', 'zone'] as const;
/** Figures to show. */
export const VALUES = ['last', 'p50', 'p95', 'max'] as const;
/** Phases to show. */
export const VALUE_PHASES = ['total', 'connect', 'first-byte'] as const;
/** Which links the graph shows. */
const LINK_KINDS = ['all', 'failed', 'slow'] as const satisfies readonly LinkKind[];
/** How far back the timeline can go, ms. */
export const SPANS = [5, 10, 20, 30, 60, 360, 1440].map((minutes) => minutes * 60_000);
/** Fewest and most links that the graph may be asked for where it does not show all. */
export const LINK_LIMITS = { least: 20, most: 2000 } as const;
/** The longest filter: `node:` and the longest name that Kubernetes allows. */
export const MAX_FILTER = 258;
/** Windows of figures, ms. */
export const WINDOWS = [60_000, 300_000] as const;

export type ViewName = (typeof VIEWS)[number];
export type OrderBy = (typeof ORDERS)[number];
export type GroupBy = (typeof GROUPS)[number];
export type Theme = 'light' | 'dark';
/** A pod or a link by uid; null = nothing. */
export type Selection = { pod: string } | { from: string; to: string } | null;

/** What the address holds: with it a colleague sees the same. */
export interface Address {
  view: ViewName;
  selection: Selection;
  thresholds: Thresholds;
  order: OrderBy;
  group: GroupBy;
  filter: string;
  value: ValueKind;
  phase: ValuePhase;
  windowMs: number;
  asTable: boolean;
  /** Which links the graph shows, and at most how many where it does not show all. */
  only: LinkKind;
  limit: number;
  /** The moment that is looked at, ms since the epoch by the serving pod's clock; null = now. */
  atMs: number | null;
  /** What is compared: before, during, after; in order of time, none overlaps another. */
  ranges: readonly TimeRange[];
  /** Show what changed between them instead of the view. */
  compare: boolean;
  /** The hypothesis on what is compared, clause by clause; none = none is stated. */
  expect: readonly string[];
  /** How far back the timeline goes, ms; null = as far as anything is known. */
  spanMs: number | null;
}

/** The address of a first visit. */
export const DEFAULT_ADDRESS: Address = {
  view: 'graph',
  selection: null,
  thresholds: DEFAULT_THRESHOLDS,
  order: 'name',
  group: 'none',
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

/** The window to ask the server for, ms: 0 where no figure over a window is shown, which spares all pods the work. */
export function windowOf({ view, value, windowMs }: Address): number {
  return view === 'heatmap' && value !== 'last' ? windowMs : 0;
}

const MAX_HASH = 16_384;
const MAX_UID = 128;
const LEAST_MS = 0.01;
const MOST_MS = 100_000;

/** Any three figures as thresholds: within 0.01 ms .. 100 s and ascending; what is no number takes `spare`'s place. */
export function orderedThresholds(wanted: Thresholds, spare: Thresholds = DEFAULT_THRESHOLDS): Thresholds {
  const within = (ms: number, other: number) =>
    Number.isFinite(ms) ? Math.min(MOST_MS, Math.max(LEAST_MS, Math.round(ms * 100) / 100)) : other;
  const goodMs = within(wanted.goodMs, spare.goodMs);
  const warningMs = Math.max(goodMs, within(wanted.warningMs, spare.warningMs));
  return { goodMs, warningMs, problemMs: Math.max(warningMs, within(wanted.problemMs, spare.problemMs)) };
}

/** Reads a `#view=heatmap&...`. Whatever is unknown, too long or out of range is ignored. */
export function readAddress(hash: string): Address {
  if (hash.length > MAX_HASH) return DEFAULT_ADDRESS;
  const query = new URLSearchParams(hash.replace(/^#/, ''));
  const oneOf = <T extends string>(key: string, known: readonly T[], other: T): T =>
    known.find((value) => value === query.get(key)) ?? other;
  return {
    view: oneOf('view', VIEWS, DEFAULT_ADDRESS.view),
    selection: readSelection(query),
    thresholds: readThresholds(query.get('ms') ?? ''),
    order: oneOf('order', ORDERS, DEFAULT_ADDRESS.order),
    group: oneOf('group', GROUPS, DEFAULT_ADDRESS.group),
    filter: (query.get('filter') ?? '').slice(0, MAX_FILTER),
    value: oneOf('value', VALUES, DEFAULT_ADDRESS.value),
    phase: oneOf('phase', VALUE_PHASES, DEFAULT_ADDRESS.phase),
    windowMs: WINDOWS.find((ms) => String(ms) === query.get('window')) ?? DEFAULT_ADDRESS.windowMs,
    asTable: query.get('table') === '1',
    only: oneOf('links', LINK_KINDS, DEFAULT_ADDRESS.only),
    limit: readLimit(query.get('most') ?? ''),
    atMs: readTime(query.get('at') ?? ''),
    ...readCompared(query),
    expect: boundedClauses(query.getAll('expect')),
    spanMs: SPANS.find((ms) => String(ms) === query.get('span')) ?? DEFAULT_ADDRESS.spanMs,
  };
}

/** Ms since the epoch, up to the year 2286; null for anything else. */
function readTime(text: string): number | null {
  return /^\d{1,13}$/.test(text) ? Number(text) : null;
}

/** `ranges=from-to_from-to`, ms since the epoch; what is no range is left out. Two make a comparison. */
function readCompared(query: URLSearchParams): Pick<Address, 'ranges' | 'compare'> {
  const texts = (query.get('ranges') ?? '').split('_').slice(0, MAX_RANGES);
  const ranges = inOrder(
    texts.flatMap((text) => {
      const [fromMs, toMs, ...more] = text.split('-').map(readTime);
      return typeof fromMs === 'number' && typeof toMs === 'number' && more.length === 0 ? [{ fromMs, toMs }] : [];
    }),
  );
  return { ranges, compare: ranges.length > 1 && query.get('compare') === '1' };
}

function readLimit(text: string): number {
  if (!/^\d{1,4}$/.test(text)) return DEFAULT_ADDRESS.limit;
  return Math.min(LINK_LIMITS.most, Math.max(LINK_LIMITS.least, Number(text)));
}

/** Three figures in ms, "2-5-100"; anything else is the usual three. */
function readThresholds(text: string): Thresholds {
  if (!/^\d{1,6}(\.\d{1,2})?(-\d{1,6}(\.\d{1,2})?){2}$/.test(text)) return DEFAULT_THRESHOLDS;
  const [goodMs = 0, warningMs = 0, problemMs = 0] = text.split('-').map(Number);
  return orderedThresholds({ goodMs, warningMs, problemMs });
}

function readSelection(query: URLSearchParams): Selection {
  const uid = (key: string) => {
    const value = query.get(key) ?? '';
    return value.length > 0 && value.length <= MAX_UID ? value : null;
  };
  const from = uid('from');
  const to = uid('to');
  if (from !== null && to !== null) return { from, to };
  const pod = uid('pod');
  return pod === null ? null : { pod };
}

/** The hash for an address, `#view=...`; what is as on a first visit is left out. */
export function writeAddress(address: Address): string {
  const query = new URLSearchParams({ view: address.view });
  const set = (key: string, value: string, usual: string) => {
    if (value !== usual) query.set(key, value);
  };
  if (address.selection !== null) {
    if ('pod' in address.selection) query.set('pod', address.selection.pod);
    else {
      query.set('from', address.selection.from);
      query.set('to', address.selection.to);
    }
  }
  const { goodMs, warningMs, problemMs } = address.thresholds;
  const usual = DEFAULT_THRESHOLDS;
  set('ms', `${goodMs}-${warningMs}-${problemMs}`, `${usual.goodMs}-${usual.warningMs}-${usual.problemMs}`);
  set('order', address.order, DEFAULT_ADDRESS.order);
  set('group', address.group, DEFAULT_ADDRESS.group);
  set('filter', address.filter, '');
  set('value', address.value, DEFAULT_ADDRESS.value);
  set('phase', address.phase, DEFAULT_ADDRESS.phase);
  set('window', String(address.windowMs), String(DEFAULT_ADDRESS.windowMs));
  set('links', address.only, DEFAULT_ADDRESS.only);
  set('most', String(address.limit), String(DEFAULT_ADDRESS.limit));
  set('table', address.asTable ? '1' : '', '');
  set('at', String(address.atMs ?? ''), '');
  set('ranges', address.ranges.map(({ fromMs, toMs }) => `${fromMs}-${toMs}`).join('_'), '');
  set('compare', address.compare ? '1' : '', '');
  for (const clause of address.expect) query.append('expect', clause);
  set('span', String(address.spanMs ?? ''), '');
  return `#${query}`;
}
