import {
  FLAG_NOT_YET,
  type LinkColumns,
  NONE16,
  outcomeOf,
  phaseOf,
  type StatColumns,
  unpack16,
} from '../../protocol/links.ts';
import type { MergedReport } from '../../protocol/mesh.ts';
import { isJudged, type Pod } from '../../protocol/pod.ts';
import { MAX_VIOLATIONS, type VerdictAnswer } from '../../protocol/verdict.ts';
import {
  type Clause,
  formatClause,
  formatSelector,
  hasWildcard,
  matchesGlob,
  type Selector,
  type Stat,
} from './parse-clause.ts';

/** A link that a clause does not hold on. */
type Violation = VerdictAnswer['violations'][number];

/** Names a pod to a reader. */
export type NameOf = (pod: number) => string;

/** What one clause has found so far. */
export class ClauseTally {
  readonly clause: Clause;
  readonly text: string;
  readonly selection: Selection;
  /** Links on which it holds, does not hold, and of which too little is known. */
  held = 0;
  violated = 0;
  short = 0;
  /** Those of `held` that lead from a pod to itself. */
  #heldOwn = 0;
  /** The first link of which too little is known, in words. */
  firstShort = '';
  /** Pods whose reports it needs and does not have. */
  readonly missing: number[] = [];
  /** The first pod that knows other pods than the serving pod does, so that links it is about may be unheard of; -1 = none. */
  differing = -1;
  readonly violations: Violation[] = [];
  readonly #name: NameOf;
  readonly #yardstick: Yardstick;

  /** `selection`: the pods that the clause is about. */
  constructor(clause: Clause, selection: Selection, name: NameOf) {
    this.clause = clause;
    this.text = formatClause(clause);
    this.selection = selection;
    this.#name = name;
    this.#yardstick = yardstickOf(clause);
  }

  /** Whether the clause is about links of the report of `pod`. */
  isAbout(pod: number): boolean {
    return this.selection.from[pod] === 1;
  }

  /** Takes those of the links that were read into account that the clause is about. */
  judge(report: MergedReport, window: ReportWindow): void {
    const { byState, min, stat, fromUs16, toUs16 } = this.#yardstick;
    const [mask, { self }] = [this.selection.to, this.clause];
    const { length, to, state, samples, isLookedAt } = window;
    const figures = window[stat];
    let held = 0;
    for (let k = 0; k < length; k++) {
      const pod = to[k] ?? 0;
      if (mask[pod] !== 1 || (pod === report.pod ? self === 'exclude' : self === 'only')) continue;
      isLookedAt[k] = 1;
      let verdict = byState[state[k] ?? 0] ?? SHORT;
      if (verdict === MEASURED) {
        const us16 = figures[k] ?? NONE16;
        const isShort = us16 === NONE16 || (samples[k] ?? 0) < min;
        verdict = isShort ? SHORT : us16 >= fromUs16 && us16 <= toUs16 ? HOLDS : VIOLATES;
      } else if (verdict === HOLDS && (samples[k] ?? 0) < min) verdict = SHORT;
      if (verdict === HOLDS) {
        held += 1;
        if (pod === report.pod) this.#heldOwn += 1;
      } else if (verdict === SHORT) this.#lack(report.pod, pod, samples[k] ?? 0);
      else this.#violate(report, window, k);
    }
    this.held += held;
  }

  /**
   * Whether a clause about the whole mesh holds on links of pods to themselves alone: where only one of many is left that
   * is ready, its ping of itself says nothing of the mesh.
   */
  get isOfSelvesAlone(): boolean {
    const { from, to, self } = this.clause;
    return from === null && to === null && self === 'include' && this.held > 0 && this.held === this.#heldOwn;
  }

  /** Takes links into account that the report of `from` is to have and does not have yet: those to the pods `unmet`. */
  expect(from: number, unmet: readonly number[]): void {
    for (const to of unmet) if (this.#concerns(from, to)) this.#lack(from, to, -1);
  }

  /**
   * Takes into account that the report of `pod` is not there or not to be trusted. That a pod that fails does not tell of
   * its link to itself is no gap: it cannot.
   */
  miss(pod: number): void {
    const { selection, clause } = this;
    if (selection.from[pod] !== 1) return;
    const own = selection.to[pod] === 1 ? 1 : 0;
    const others = clause.self === 'only' ? 0 : selection.toCount - own;
    const isOwnNeeded = clause.self !== 'exclude' && own === 1 && clause.condition.kind !== 'failed';
    if (others > 0 || isOwnNeeded) this.missing.push(pod);
  }

  /** Takes into account that `pod` knows other pods: where both ends are named exactly, none of those is meant. */
  differ(pod: number): void {
    const { from, to } = this.clause;
    const isMeant = !isExact(from) || (this.isAbout(pod) && !isExact(to));
    if (isMeant && this.differing < 0) this.differing = pod;
  }

  /** Whether the clause is about a link of a report that it is about. */
  #concerns(from: number, to: number): boolean {
    const { self } = this.clause;
    return this.selection.to[to] === 1 && (self === 'include' || (self === 'only') === (from === to));
  }

  #violate(report: MergedReport, window: ReportWindow, k: number): void {
    this.violated += 1;
    if (this.violations.length >= MAX_VIOLATIONS) return;
    const ends = { from: this.#name(report.pod), to: this.#name(window.to[k] ?? 0) };
    const found = foundWords(this.clause, report, window, k);
    this.violations.push({ clause: this.text, ...ends, found, samples: window.samples[k] ?? 0 });
  }

  /** `samples` -1: the report does not have the link. */
  #lack(from: number, to: number, samples: number): void {
    this.short += 1;
    if (this.firstShort !== '') return;
    const found = samples < 0 ? 'none' : `${samples} of ${this.clause.min}`;
    this.firstShort = `${this.#name(from)} → ${this.#name(to)} (${found})`;
  }
}

/** What was found instead of what the clause wants: `timeout in connect`, `2 of 15 probes failed`, `253 ms`. */
function foundWords({ condition, stat }: Clause, { links }: MergedReport, window: ReportWindow, k: number): string {
  const i = window.start + k;
  if (((window.state[k] ?? 0) & FAILED) !== 0) {
    const phase = phaseOf(links, i);
    return `${outcomeOf(links, i)}${phase === null ? '' : ` in ${phase === 'first-byte' ? 'first byte' : phase}`}`;
  }
  if (condition.kind === 'healthy') return `${window.failures[k]} of ${window.samples[k]} probes failed, ok now`;
  const us = unpack16(window[condition.kind === 'latency' ? stat : 'p50'][k] ?? NONE16);
  return condition.kind === 'failed' ? `ok${us < 0 ? '' : `, ${inMs(us)}`}` : inMs(us);
}

function inMs(us: number): string {
  return `${us < 100_000 ? Number((us / 1000).toPrecision(3)) : Math.round(us / 1000)} ms`;
}

/** Which links a clause is about: by pod 1 = links from it, and 1 = links to it. */
interface Selection {
  from: Uint8Array;
  to: Uint8Array;
  /** How many are 1. */
  fromCount: number;
  toCount: number;
}

/** The pods that one selector stands for. */
interface Mask {
  pods: Uint8Array;
  count: number;
}

/**
 * Between two looks at the clock a pattern takes at most about this many characters of a name, each as often as it has
 * characters itself: see `matchesGlob`.
 */
const STEP_CHARACTERS = 16_384;
/** What looking at a pod costs besides, in these. */
const POD_CHARACTERS = 64;

/**
 * The pods that clauses are about, found once for each selector however many clauses have it: without one all that are
 * ready, or were: a pod that hangs is not ready soon, and must not make a hypothesis hold by that. A pod that is named
 * exactly counts in whatever stage but gone; of those that a pattern, node, zone or label stands for no other ones do. Yields after each few pods (see `inSlices`): whoever asks may ask for 20 clauses with a
 * pattern at either end.
 */
export function* selecting<T extends Pick<Clause, 'from' | 'to'>>(
  clauses: readonly T[],
  pods: readonly Pod[],
): Generator<void, { clause: T; selection: Selection }[]> {
  const masks = new Map<string, Mask>();
  const maskOf = function* (selector: Selector | null): Generator<void, Mask> {
    const key = selector === null ? '' : formatSelector(selector);
    const mask = masks.get(key) ?? (yield* maskFor(selector, pods));
    masks.set(key, mask);
    return mask;
  };
  const selected: { clause: T; selection: Selection }[] = [];
  for (const clause of clauses) {
    const [from, to] = [yield* maskOf(clause.from), yield* maskOf(clause.to)];
    const selection = { from: from.pods, to: to.pods, fromCount: from.count, toCount: to.count };
    selected.push({ clause, selection });
  }
  return selected;
}

function* maskFor(selector: Selector | null, pods: readonly Pod[]): Generator<void, Mask> {
  const mask = { pods: new Uint8Array(pods.length), count: 0 };
  const isNamed = isExact(selector);
  let characters = 0;
  for (const [i, pod] of pods.entries()) {
    if (characters >= STEP_CHARACTERS) {
      characters = 0;
      yield;
    }
    characters += POD_CHARACTERS;
    if (pod.lifecycle === 'gone' || (!isNamed && !isJudged(pod))) continue;
    if (selector !== null) {
      const text = textOf(selector, pod);
      if (text === null) continue;
      characters += selector.glob.length * text.length;
      if (!matchesGlob(selector.glob, text)) continue;
    }
    mask.pods[i] = 1;
    mask.count += 1;
  }
  return mask;
}

/** Whether a selector stands for the pods of one name. */
function isExact(selector: Selector | null): boolean {
  return selector?.by === 'pod' && !hasWildcard(selector.glob);
}

/** What of a pod a pattern is held against; null of a label that it does not have. */
function textOf({ by, key, glob }: Selector, pod: Pod): string | null {
  if (by === 'node') return pod.node;
  if (by === 'zone') return pod.zone;
  if (by === 'pod') return glob.includes('/') ? `${pod.namespace}/${pod.name}` : pod.name;
  return (
    pod.labels
      .split(',')
      .find((one) => one.startsWith(`${key}=`))
      ?.slice(key.length + 1) ?? null
  );
}

/** The most links of a report that are read and judged at a time. */
export const CHUNK = 512;

/** Bits of `state`: the window has a sample of the link; a probe of it failed; the newest one did. */
const SAMPLED = 1;
const MARRED = 2;
const FAILED = 4;

const NO_COLUMN = new Uint16Array(0);

/**
 * What the window tells of up to `CHUNK` links of one report; entry k of each column is about the same link, of which the
 * report has number `start + k`. Used again and again: a mesh has a million links. Columns that need no change are views.
 */
export class ReportWindow {
  start = 0;
  length = 0;
  /** The probed pod. */
  to: Uint16Array = NO_COLUMN;
  readonly state = new Uint8Array(CHUNK);
  /** Those that can be trusted; suspect ones only where there are no others, as for the other figures. */
  readonly samples = new Uint16Array(CHUNK);
  failures: Uint16Array = NO_COLUMN;
  /** Packed as in `LinkColumns`. */
  p50: Uint16Array = NO_COLUMN;
  p95: Uint16Array = NO_COLUMN;
  max: Uint16Array = NO_COLUMN;
  /** 1 = some clause is about it. */
  readonly isLookedAt = new Uint8Array(CHUNK);

  /**
   * Reads the links of a report from number `start` on. A pod that only speaks Goldpinger tells its newest ping alone, and
   * if that is no older than the window it is the one sample.
   */
  read(report: MergedReport, start: number, windowMs: number): void {
    this.start = start;
    this.length = Math.min(CHUNK, report.links.length - start);
    this.to = report.links.to.subarray(start, start + this.length);
    this.isLookedAt.fill(0);
    if (report.stats === null) this.#readNewest(report.links, windowMs);
    else this.#readStats(report.links, report.stats);
  }

  #readStats(links: LinkColumns, stats: StatColumns): void {
    const { start, length, state } = this;
    const view = (column: Uint16Array) => column.subarray(start, start + length);
    this.failures = view(stats.failures);
    this.p50 = view(stats.p50Us);
    this.p95 = view(stats.p95Us);
    this.max = view(stats.maxUs);
    for (let k = 0; k < length; k++) {
      const i = start + k;
      const isNotYet = ((links.flags[i] ?? 0) & FLAG_NOT_YET) !== 0;
      const all = isNotYet ? 0 : (stats.samples[i] ?? 0);
      const trusted = all - (stats.suspect[i] ?? 0);
      this.samples[k] = trusted > 0 ? trusted : all;
      state[k] = stateOf(all, stats.failures[i] ?? 0, links.outcome[i] ?? 0);
    }
  }

  #readNewest(links: LinkColumns, windowMs: number): void {
    const us16 = new Uint16Array(this.length);
    this.failures = new Uint16Array(this.length);
    for (let k = 0; k < this.length; k++) {
      const i = this.start + k;
      const isNotYet = ((links.flags[i] ?? 0) & FLAG_NOT_YET) !== 0;
      const ageMs = unpack16(links.ageMs[i] ?? NONE16);
      const outcome = links.outcome[i] ?? 0;
      const samples = !isNotYet && ageMs >= 0 && ageMs <= windowMs ? 1 : 0;
      this.samples[k] = samples;
      this.failures[k] = outcome === 0 ? 0 : 1;
      this.state[k] = stateOf(samples, outcome === 0 ? 0 : 1, outcome);
      us16[k] = outcome === 0 ? (links.totalUs[i] ?? NONE16) : NONE16;
    }
    this.p50 = us16;
    this.p95 = us16;
    this.max = us16;
  }
}

function stateOf(samples: number, failures: number, outcome: number): number {
  return samples === 0 ? 0 : SAMPLED | (failures > 0 ? MARRED : 0) | (outcome === 0 ? 0 : FAILED);
}

/** Packed figures that differ in the lower bits alone are counted together too, so that the median is found quickly. */
const COARSE_BITS = 8;

/** Sums up the links that any clause looks at. */
export class Figures {
  samples = 0;
  checked = 0;
  failed = 0;
  /** The largest, packed; -1 of none. */
  #p95 = -1;
  #max = -1;
  /** Ok links by packed p50, which keeps the order of the figures. */
  readonly #p50s = new Uint32Array(NONE16);
  readonly #coarse = new Uint32Array((NONE16 >> COARSE_BITS) + 1);
  #ok = 0;

  /** Takes the links in that some clause is about. */
  add({ length, isLookedAt, state, samples, p50, p95, max }: ReportWindow): void {
    let [sum, checked, failed, ok] = [0, 0, 0, 0];
    let [p95Most, maxMost] = [this.#p95, this.#max];
    const [fine, coarse] = [this.#p50s, this.#coarse];
    for (let k = 0; k < length; k++) {
      const bits = state[k] ?? 0;
      if (isLookedAt[k] !== 1 || (bits & SAMPLED) === 0) continue;
      sum += samples[k] ?? 0;
      checked += 1;
      if ((bits & (MARRED | FAILED)) !== 0) failed += 1;
      const us16 = p50[k] ?? NONE16;
      if ((bits & FAILED) !== 0 || us16 === NONE16) continue;
      ok += 1;
      fine[us16] = (fine[us16] ?? 0) + 1;
      coarse[us16 >> COARSE_BITS] = (coarse[us16 >> COARSE_BITS] ?? 0) + 1;
      const [high, highest] = [p95[k] ?? NONE16, max[k] ?? NONE16];
      if (high !== NONE16 && high > p95Most) p95Most = high;
      if (highest !== NONE16 && highest > maxMost) maxMost = highest;
    }
    this.samples += sum;
    this.checked += checked;
    this.failed += failed;
    this.#ok += ok;
    this.#p95 = p95Most;
    this.#max = maxMost;
  }

  /** The durations of a verdict, ms; null of none. */
  told(): Pick<VerdictAnswer, 'p50_ms' | 'p95_ms' | 'max_ms'> {
    return { p50_ms: roundedMs(this.#median()), p95_ms: roundedMs(this.#p95), max_ms: roundedMs(this.#max) };
  }

  /** The lower median, packed. */
  #median(): number {
    let left = Math.ceil(this.#ok / 2);
    if (left === 0) return -1;
    let group = 0;
    while (left > (this.#coarse[group] ?? left)) left -= this.#coarse[group++] ?? 0;
    let us16 = group << COARSE_BITS;
    while (left > (this.#p50s[us16] ?? left)) left -= this.#p50s[us16++] ?? 0;
    return us16;
  }
}

function roundedMs(us16: number): number | null {
  return us16 < 0 ? null : unpack16(us16) / 1000;
}

/** What a link says of a clause; `SHORT` = too few samples to say, `MEASURED` = its figure tells. */
const HOLDS = 0;
const VIOLATES = 1;
const SHORT = 2;
const MEASURED = 3;

/**
 * A clause's condition, made ready to be held against a million links: what each combination of the bits of
 * `ReportWindow.state` says, and which packed figures are as wanted. Packed figures are in the order of what they stand for,
 * so none needs to be unpacked.
 */
interface Yardstick {
  byState: Uint8Array;
  /** Samples that a link needs unless it violates the condition whatever their number. */
  min: number;
  /** The figure that `MEASURED` looks at, and between which packed values (inclusive) it holds; from > to: never. */
  stat: Stat;
  fromUs16: number;
  toUs16: number;
}

/**
 * The yardstick of a clause.
 * healthy: at least `min` samples, none failed; one that failed violates it whatever their number.
 * failed: the newest of at least `min` samples failed; one that is ok now violates it.
 * latency: at least `min` samples, the newest ok, and the figure over the ok ones as wanted; a failed link violates it.
 */
function yardstickOf({ condition, stat, min }: Clause): Yardstick {
  const byState = new Uint8Array((SAMPLED | MARRED | FAILED) + 1).map((_, state) => {
    const is = (bit: number) => (state & bit) !== 0;
    if (!is(SAMPLED)) return SHORT;
    if (condition.kind === 'healthy') return is(MARRED) ? VIOLATES : is(FAILED) ? SHORT : HOLDS;
    if (condition.kind === 'failed') return is(FAILED) ? HOLDS : VIOLATES;
    return is(FAILED) ? VIOLATES : MEASURED;
  });
  if (condition.kind !== 'latency') return { byState, min, stat, fromUs16: 0, toUs16: NONE16 };
  const { operator, limitUs } = condition;
  const first = operator === '<' || operator === '>=' ? firstFrom(limitUs) : firstFrom(limitUs + 1);
  const isUpTo = operator === '<' || operator === '<=';
  return { byState, min, stat, fromUs16: isUpTo ? 0 : first, toUs16: isUpTo ? first - 1 : NONE16 - 1 };
}

/** The smallest packed figure that stands for `us` or more; `NONE16` if there is none. `us` is a whole number. */
function firstFrom(us: number): number {
  let [low, high] = [0, NONE16];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (unpack16(middle) >= us) high = middle;
    else low = middle + 1;
  }
  return low;
}
