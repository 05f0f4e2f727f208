import { NONE16, outcomeOf, phaseOf, unpack16 } from '../../protocol/links.ts';
import type { MergedReport } from '../../protocol/mesh.ts';
import { MAX_VIOLATIONS, type VerdictAnswer } from '../../protocol/verdict.ts';
import { FAILED, HAD_FAILURE, type LinkWindow, SAMPLED } from './link-window.ts';
import { type Clause, compares, formatClause, type Stat } from './parse-clause.ts';
import { isExact, type Selection } from './select-pods.ts';

/** A link on which a clause does not hold. */
export type Violation = VerdictAnswer['violations'][number];

/** Evaluates one clause on the links of one report after the other, and counts the results. */
export class ClauseEvaluation {
  readonly clause: Clause;
  /** The clause as text. */
  readonly text: string;
  readonly selection: Selection;
  /** Links on which the clause holds; of `success` and `loss` those without a failed sample or a lost datagram. */
  held = 0;
  /** The other links that are known; of `success` and `loss` those with a failed sample or a lost datagram. */
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
  /** Only for `success` and `loss`: samples or datagrams of the selected links, and those of them that failed or were lost. */
  readonly sums = { all: 0, bad: 0 };
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
    if (this.clause.condition.kind === 'loss') this.#addDatagrams(report, window);
    else this.#evaluateSamples(report, window);
  }

  #evaluateSamples(report: MergedReport, window: LinkWindow): void {
    const { resultByState, min, stat, fromUs16, toUs16 } = this.#rules;
    const [destinations, { self }] = [this.selection.to.pods, this.clause];
    const { length, to, state, samples, failures, isSelected } = window;
    const durations = window[stat];
    const isSuccess = this.clause.condition.kind === 'success';
    let held = 0;
    for (let k = 0; k < length; k++) {
      const pod = to[k] ?? 0;
      if (destinations[pod] !== 1 || (pod === report.pod ? self === 'exclude' : self === 'only')) continue;
      isSelected[k] = 1;
      const bits = state[k] ?? 0;
      if (isSuccess && (bits & SAMPLED) !== 0) {
        this.sums.all += samples[k] ?? 0;
        this.sums.bad += failures[k] ?? 0;
      }
      let result = resultByState[bits] ?? UNDERSAMPLED;
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
    for (const to of unlisted) if (this.#selects(from, to)) this.#addUndersampled(from, to, -1);
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

  /** Whether the clause does not hold for certain: on a link, or of `success` and `loss` on all selected links together. */
  get isViolated(): boolean {
    const { condition } = this.clause;
    if (condition.kind !== 'success' && condition.kind !== 'loss') return this.violated > 0;
    return this.sums.all > 0 && !compares(this.share, condition);
  }

  /** Of `success` the share (0..1) of the samples that are ok, of `loss` that of the datagrams that were lost. */
  get share(): number {
    const share = this.sums.bad / this.sums.all;
    return this.clause.condition.kind === 'loss' ? share : 1 - share;
  }

  /**
   * Whether a clause about the whole mesh holds only on links of pods to themselves. If only one of many pods is ready,
   * its ping of itself says nothing about the mesh.
   */
  get holdsOnlyOnSelf(): boolean {
    const { from, to, self } = this.clause;
    return from === null && to === null && self === 'include' && this.held > 0 && this.held === this.#heldOnSelf;
  }

  /** Whether the clause selects the link from a selected source to a pod. */
  #selects(from: number, to: number): boolean {
    const { self } = this.clause;
    return this.selection.to.pods[to] === 1 && (self === 'include' || (self === 'only') === (from === to));
  }

  /** Evaluates `loss`: a link needs `min` datagrams, and the datagrams of all links together decide. */
  #addDatagrams(report: MergedReport, window: LinkWindow): void {
    for (let k = 0; k < window.length; k++) {
      const pod = window.to[k] ?? 0;
      if (!this.#selects(report.pod, pod)) continue;
      window.isSelected[k] = 1;
      const [sent, lost] = [unpack16(window.sent[k] ?? 0), unpack16(window.lost[k] ?? 0)];
      this.sums.all += sent;
      this.sums.bad += lost;
      if (sent < this.clause.min) this.#addUndersampled(report.pod, pod, sent);
      else if (lost > 0) this.#addViolation(report, window, k);
      else {
        this.held += 1;
        if (pod === report.pod) this.#heldOnSelf += 1;
      }
    }
  }

  #addViolation(report: MergedReport, window: LinkWindow, k: number): void {
    this.violated += 1;
    if (this.violations.length >= MAX_VIOLATIONS) return;
    this.violations.push({
      clause: this.text,
      from: this.#nameOf(report.pod),
      to: this.#nameOf(window.to[k] ?? 0),
      found: describeLink(this.clause, report, window, k),
      samples: this.clause.condition.kind === 'loss' ? unpack16(window.sent[k] ?? 0) : (window.samples[k] ?? 0),
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
  if (condition.kind === 'loss') {
    return `${unpack16(window.lost[k] ?? 0)} of ${unpack16(window.sent[k] ?? 0)} datagrams lost`;
  }
  if (((window.state[k] ?? 0) & FAILED) !== 0) {
    const phase = phaseOf(links, i);
    return `${outcomeOf(links, i)}${phase === null ? '' : ` in ${phase === 'first-byte' ? 'first byte' : phase}`}`;
  }
  if (condition.kind === 'healthy' || condition.kind === 'success') {
    return `${window.failures[k]} of ${window.samples[k]} probes failed, ok now`;
  }
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
 * success: at least `min` samples; the samples of all links together decide.
 * loss: see `ClauseEvaluation`; these rules are not used.
 * latency: at least `min` samples, the newest is ok, and the duration is as wanted. A failed link violates it.
 */
function linkRulesOf({ condition, stat, min }: Clause): LinkRules {
  const { kind, operator, limit } = condition;
  const resultByState = new Uint8Array((SAMPLED | HAD_FAILURE | FAILED) + 1).map((_, state) => {
    const has = (bit: number) => (state & bit) !== 0;
    if (!has(SAMPLED)) return UNDERSAMPLED;
    if (kind === 'success') return has(HAD_FAILURE) ? VIOLATED : HOLDS;
    // FAILED without HAD_FAILURE: the failure lies before the window, and what the window has is suspect.
    if (kind === 'healthy') return has(HAD_FAILURE) ? VIOLATED : has(FAILED) ? UNDERSAMPLED : HOLDS;
    if (kind === 'failed') return has(FAILED) ? HOLDS : VIOLATED;
    return has(FAILED) ? VIOLATED : COMPARE;
  });
  const first = firstPackedFrom(operator === '<' || operator === '>=' ? limit : limit + 1);
  const isUpperLimit = operator === '<' || operator === '<=';
  const [fromUs16, toUs16] = isUpperLimit ? [0, first - 1] : [first, NONE16 - 1];
  return { resultByState, min, stat, fromUs16, toUs16 };
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
