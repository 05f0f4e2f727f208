import { NONE16, outcomeOf, phaseOf, unpack16 } from '../../protocol/links.ts';
import type { MergedReport } from '../../protocol/mesh.ts';
import { isJudged, type Pod } from '../../protocol/pod.ts';
import { MAX_VIOLATIONS, type VerdictAnswer } from '../../protocol/verdict.ts';
import { FAILED, HAD_FAILURE, type LinkWindow, SAMPLED } from './counts.ts';
import {
  type Clause,
  formatClause,
  formatSelector,
  hasWildcard,
  matchesGlob,
  type Selector,
  type Stat,
} from './parse-clause.ts';

/** A link on which a clause does not hold. */
type Violation = VerdictAnswer['violations'][number];

/** Evaluates one clause on the links of one report after the other, and counts the results. */
export class ClauseEvaluation {
  readonly clause: Clause;
  /** The clause as text. */
  readonly text: string;
  readonly selection: Selection;
  /** Links on which the clause holds. */
  held = 0;
  /** Links on which the clause does not hold. */
  violated = 0;
  /** Links with too few samples to say either. */
  undersampled = 0;
  /** The first link with too few samples, as text. */
  firstUndersampled = '';
  /** Pods whose reports the clause needs and that are missing or not trusted. */
  readonly missing: number[] = [];
  /** The first pod that knows other peers than the serving pod, so that links may be missing; -1 = none. */
  differing = -1;
  /** At most `MAX_VIOLATIONS`. */
  readonly violations: Violation[] = [];
  /** Those of `held` that are links of a pod to itself. */
  #heldOnSelf = 0;
  readonly #nameOf: (pod: number) => string;
  readonly #rules: LinkRules;

  /** `selection`: the pods that the clause selects. `nameOf`: the name of a pod in messages. */
  constructor(clause: Clause, selection: Selection, nameOf: (pod: number) => string) {
    this.clause = clause;
    this.text = formatClause(clause);
    this.selection = selection;
    this.#nameOf = nameOf;
    this.#rules = linkRulesOf(clause);
  }

  /** Evaluates the selected links of `window`, which was read from `report`. Marks them in `window.isSelected`. */
  evaluate(report: MergedReport, window: LinkWindow): void {
    const { resultByState, min, stat, fromUs16, toUs16 } = this.#rules;
    const [destinations, { self }] = [this.selection.to.pods, this.clause];
    const { length, to, state, samples, isSelected } = window;
    const durations = window[stat];
    let held = 0;
    for (let k = 0; k < length; k++) {
      const pod = to[k] ?? 0;
      if (destinations[pod] !== 1 || (pod === report.pod ? self === 'exclude' : self === 'only')) continue;
      isSelected[k] = 1;
      let result = resultByState[state[k] ?? 0] ?? UNDERSAMPLED;
      if (result === COMPARE) {
        const us16 = durations[k] ?? NONE16;
        const isUndersampled = us16 === NONE16 || (samples[k] ?? 0) < min;
        result = isUndersampled ? UNDERSAMPLED : us16 >= fromUs16 && us16 <= toUs16 ? HOLDS : VIOLATED;
      } else if (result === HOLDS && (samples[k] ?? 0) < min) result = UNDERSAMPLED;
      if (result === HOLDS) {
        held += 1;
        if (pod === report.pod) this.#heldOnSelf += 1;
      } else if (result === UNDERSAMPLED) this.#addUndersampled(report.pod, pod, samples[k] ?? 0);
      else this.#addViolation(report, window, k);
    }
    this.held += held;
  }

  /** Adds links that the report of `from` must list and does not list yet: those to the pods `unlisted`. */
  addUnlisted(from: number, unlisted: readonly number[]): void {
    const { self } = this.clause;
    for (const to of unlisted) {
      const isSelected =
        this.selection.to.pods[to] === 1 && (self === 'include' || (self === 'only') === (from === to));
      if (isSelected) this.#addUndersampled(from, to, -1);
    }
  }

  /**
   * Takes into account that the report of `pod` is missing or not trusted. `failed` does not need the link of a failing
   * pod to itself: that pod cannot report it.
   */
  addMissingReport(pod: number): void {
    const { selection, clause } = this;
    if (selection.from.pods[pod] !== 1) return;
    const own = selection.to.pods[pod] === 1 ? 1 : 0;
    const others = clause.self === 'only' ? 0 : selection.to.count - own;
    const needsOwn = clause.self !== 'exclude' && own === 1 && clause.condition.kind !== 'failed';
    if (others > 0 || needsOwn) this.missing.push(pod);
  }

  /**
   * Takes into account that `pod` knows other peers than the serving pod. The clause is not affected if it names both ends
   * exactly: then no unknown pod can be selected.
   */
  addDifferingPeers(pod: number): void {
    const { from, to } = this.clause;
    const isAffected = !isExact(from) || (this.selection.from.pods[pod] === 1 && !isExact(to));
    if (isAffected && this.differing < 0) this.differing = pod;
  }

  /**
   * Whether a clause about the whole mesh holds only on links of pods to themselves. If only one of many pods is ready,
   * its ping of itself says nothing about the mesh.
   */
  get holdsOnlyOnSelf(): boolean {
    const { from, to, self } = this.clause;
    return from === null && to === null && self === 'include' && this.held > 0 && this.held === this.#heldOnSelf;
  }

  #addViolation(report: MergedReport, window: LinkWindow, k: number): void {
    this.violated += 1;
    if (this.violations.length >= MAX_VIOLATIONS) return;
    this.violations.push({
      clause: this.text,
      from: this.#nameOf(report.pod),
      to: this.#nameOf(window.to[k] ?? 0),
      found: describeLink(this.clause, report, window, k),
      samples: window.samples[k] ?? 0,
    });
  }

  /** `samples` -1: the report does not list the link. */
  #addUndersampled(from: number, to: number, samples: number): void {
    this.undersampled += 1;
    if (this.firstUndersampled !== '') return;
    const found = samples < 0 ? 'none' : `${samples} of ${this.clause.min}`;
    this.firstUndersampled = `${this.#nameOf(from)} → ${this.#nameOf(to)} (${found})`;
  }
}

/** The state of a link that violates a clause: `timeout in connect`, `2 of 15 probes failed, ok now`, `253 ms`. */
function describeLink({ condition, stat }: Clause, { links }: MergedReport, window: LinkWindow, k: number): string {
  const i = window.start + k;
  if (((window.state[k] ?? 0) & FAILED) !== 0) {
    const phase = phaseOf(links, i);
    return `${outcomeOf(links, i)}${phase === null ? '' : ` in ${phase === 'first-byte' ? 'first byte' : phase}`}`;
  }
  if (condition.kind === 'healthy') return `${window.failures[k]} of ${window.samples[k]} probes failed, ok now`;
  const us = unpack16(window[condition.kind === 'latency' ? stat : 'p50'][k] ?? NONE16);
  const duration = `${us < 100_000 ? Number((us / 1000).toPrecision(3)) : Math.round(us / 1000)} ms`;
  return condition.kind === 'latency' ? duration : us < 0 ? 'ok' : `ok, ${duration}`;
}

/** Result for one link: the clause holds. */
const HOLDS = 0;
/** Result for one link: the clause does not hold. */
const VIOLATED = 1;
/** Result for one link: too few samples to say either. */
const UNDERSAMPLED = 2;
/** Result for one link: its duration decides. */
const COMPARE = 3;

/**
 * A clause's condition, prepared for a million links. Packed durations sort like the durations they stand for, so they
 * are compared without unpacking.
 */
interface LinkRules {
  /** The result for each value of `LinkWindow.state`. */
  resultByState: Uint8Array;
  /** Samples that a link needs, unless it violates the condition anyway. */
  min: number;
  /** `COMPARE`: this duration must lie from `fromUs16` to `toUs16` (packed, inclusive). */
  stat: Stat;
  fromUs16: number;
  toUs16: number;
}

/**
 * Prepares a clause. The rules are documented in docs/verdicts.md:
 * healthy: at least `min` samples, none failed. One failure violates it however few samples there are.
 * failed: the newest of at least `min` samples failed. A link that is ok now violates it.
 * latency: at least `min` samples, the newest is ok, and the duration is as wanted. A failed link violates it.
 */
function linkRulesOf({ condition, stat, min }: Clause): LinkRules {
  const resultByState = new Uint8Array((SAMPLED | HAD_FAILURE | FAILED) + 1).map((_, state) => {
    const has = (bit: number) => (state & bit) !== 0;
    if (!has(SAMPLED)) return UNDERSAMPLED;
    // FAILED without HAD_FAILURE: the failure lies before the window, and what the window has is suspect.
    if (condition.kind === 'healthy') return has(HAD_FAILURE) ? VIOLATED : has(FAILED) ? UNDERSAMPLED : HOLDS;
    if (condition.kind === 'failed') return has(FAILED) ? HOLDS : VIOLATED;
    return has(FAILED) ? VIOLATED : COMPARE;
  });
  if (condition.kind !== 'latency') return { resultByState, min, stat, fromUs16: 0, toUs16: NONE16 };
  const { operator, limitUs } = condition;
  const first = operator === '<' || operator === '>=' ? firstPackedFrom(limitUs) : firstPackedFrom(limitUs + 1);
  const isUpperLimit = operator === '<' || operator === '<=';
  return {
    resultByState,
    min,
    stat,
    fromUs16: isUpperLimit ? 0 : first,
    toUs16: isUpperLimit ? first - 1 : NONE16 - 1,
  };
}

/** The smallest packed duration that stands for at least `us` (a whole number); `NONE16` if there is none. */
function firstPackedFrom(us: number): number {
  let [low, high] = [0, NONE16];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (unpack16(middle) >= us) high = middle;
    else low = middle + 1;
  }
  return low;
}

/** The pods that one selector selects. */
interface PodMask {
  /** By index in `Mesh.pods`: 1 = selected. */
  pods: Uint8Array;
  count: number;
}

/** The pods that a clause selects. */
interface Selection {
  from: PodMask;
  to: PodMask;
}

/** `selectPods` yields after about this many character comparisons; see `matchesGlob`. */
const STEP_CHARACTERS = 16_384;
/** The cost of looking at one pod, in character comparisons. */
const POD_CHARACTERS = 64;

/**
 * Finds the pods that each clause selects; each different selector is evaluated once. Without a selector, and by a
 * pattern, node, zone or label, only judged pods are selected (see `isJudged`). A pod that is named exactly is selected in
 * every stage but gone. Yields often (see `runSliced`): a query may have 20 clauses with a pattern at both ends.
 */
export function* selectPods<T extends Pick<Clause, 'from' | 'to'>>(
  clauses: readonly T[],
  pods: readonly Pod[],
): Generator<void, { clause: T; selection: Selection }[]> {
  const masks = new Map<string, PodMask>();
  const maskOf = function* (selector: Selector | null): Generator<void, PodMask> {
    const key = selector === null ? '' : formatSelector(selector);
    const mask = masks.get(key) ?? (yield* selectBy(selector, pods));
    masks.set(key, mask);
    return mask;
  };
  const selected: { clause: T; selection: Selection }[] = [];
  for (const clause of clauses) {
    selected.push({ clause, selection: { from: yield* maskOf(clause.from), to: yield* maskOf(clause.to) } });
  }
  return selected;
}

function* selectBy(selector: Selector | null, pods: readonly Pod[]): Generator<void, PodMask> {
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
      const text = selectableText(selector, pod);
      if (text === null) continue;
      characters += selector.glob.length * text.length;
      if (!matchesGlob(selector.glob, text)) continue;
    }
    mask.pods[i] = 1;
    mask.count += 1;
  }
  return mask;
}

/** Whether a selector names a pod without wildcards. */
function isExact(selector: Selector | null): boolean {
  return selector?.by === 'pod' && !hasWildcard(selector.glob);
}

/** The text of a pod that a selector's pattern is matched against; null if the pod does not have the label. */
function selectableText({ by, key, glob }: Selector, pod: Pod): string | null {
  if (by === 'node') return pod.node;
  if (by === 'zone') return pod.zone;
  if (by === 'pod') return glob.includes('/') ? `${pod.namespace}/${pod.name}` : pod.name;
  const label = pod.labels.split(',').find((one) => one.startsWith(`${key}=`));
  return label?.slice(key.length + 1) ?? null;
}
