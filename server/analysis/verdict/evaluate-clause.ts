import { outcomeOf, phaseOf, unpack16 } from '../../protocol/links.ts';
import { MAX_VIOLATIONS, type VerdictAnswer } from '../../protocol/verdict.ts';
import { countText, plural } from '../../runtime/count-text.ts';
import type { LinkWindow } from './link-window.ts';
import { type Clause, compares, comparesShare, formatClause } from './parse-clause.ts';
import { isExact, type Selection } from './select-pods.ts';

/** A link on which a clause does not hold. */
export type Violation = VerdictAnswer['violations'][number];

/** Evaluates one clause on one link after the other, and counts the results. `verdictOf` makes the verdict of them. */
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
  /** Samples of the selected links, and those of them that failed; of `loss` datagrams, and those of them that were lost. */
  all = 0;
  bad = 0;
  /** Rounds of pings, or cycles of datagrams, that the links of `missing` had at most, added up. */
  #missingRounds = 0;
  /** The most samples or datagrams that a link had in one round. */
  #mostOfRound = 0;
  /** Whether a link was seen over IPv4, over IPv6. */
  readonly #families = { ipv4: 0, ipv6: 0 };
  readonly #destinations: Uint8Array;
  readonly #nameOf: (pod: number) => string;

  /** `selection`: the pods that the clause selects. `nameOf`: the name of a pod in messages. */
  constructor(clause: Clause, selection: Selection, nameOf: (pod: number) => string) {
    this.clause = clause;
    this.text = formatClause(clause);
    this.selection = selection;
    this.#destinations = selection.to.pods;
    this.#nameOf = nameOf;
  }

  /** Evaluates a link if the clause selects it. Returns whether it does. */
  evaluate(link: LinkWindow): boolean {
    const { from, to } = link;
    // Before all else, because most clauses select few links.
    if (this.#destinations[to] !== 1 || !this.#selects(from, to)) return false;
    const { clause } = this;
    if (clause.condition.kind === 'loss') {
      this.all += link.sent;
      this.bad += link.lost;
      this.#mostOfRound = Math.max(this.#mostOfRound, link.cycleSent);
    } else {
      this.all += link.samples;
      this.bad += link.failures;
      this.#mostOfRound = 1;
    }
    this.#families[link.isIpv6 ? 'ipv6' : 'ipv4'] = 1;
    const isHeld = holdsOn(clause, link);
    if (isHeld) {
      this.held += 1;
      if (from === to) this.#heldOnSelf += 1;
    } else if (isHeld === false) this.#addViolation(link);
    else {
      const samples = clause.condition.kind === 'loss' ? link.sent : link.samples;
      // There are enough, but they are suspect, and contradict what was believed before.
      const isEnough = samples >= clause.min;
      const found = isEnough ? 'none to be believed' : `${countText(samples)} of ${countText(clause.min)}`;
      this.#addUndersampled(from, to, `${found}${link.isIpv6 ? ', IPv6' : ''}`);
    }
    return true;
  }

  /** Adds a link that the report of `from` must list and does not list yet, if the clause selects it. */
  addUnlisted(from: number, to: number): void {
    if (this.#selects(from, to)) this.#addUndersampled(from, to, 'none');
  }

  /**
   * Takes into account that the report of a selected source is missing, not trusted, or lacks a part of the window. `failed`
   * does not need the link of a failing pod to itself: that pod cannot report it. `rounds`: how often each of its links was
   * pinged at most.
   */
  addMissingReport(pod: number, rounds: number): void {
    const { selection, clause } = this;
    const own = selection.to.pods[pod] === 1 ? 1 : 0;
    const others = clause.self === 'only' ? 0 : selection.to.count - own;
    const needsOwn = clause.self !== 'exclude' && own === 1 && clause.condition.kind !== 'failed';
    const links = others + (needsOwn ? 1 : 0);
    if (links > 0) this.missing.push(pod);
    this.#missingRounds += links * rounds;
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
   * Whether the clause does not hold for certain: on a link, or of `success` and `loss` on all selected links together, whether all
   * samples that are missing are counted or none of them.
   */
  get isViolated(): boolean {
    const { condition } = this.clause;
    if (condition.kind !== 'success' && condition.kind !== 'loss') return this.violated > 0;
    const { ipv4, ipv6 } = this.#families;
    const missing = this.#missingRounds * this.#mostOfRound * (ipv4 + ipv6);
    const most = this.all + missing;
    return (
      this.all > 0 &&
      !comparesShare(this.counted, most, condition) &&
      !comparesShare(this.counted + missing, most, condition)
    );
  }

  /** Those of `all` that the condition counts: of `success` the samples that are ok, of `loss` the datagrams that were lost. */
  get counted(): number {
    return this.clause.condition.kind === 'loss' ? this.bad : this.all - this.bad;
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

  #addViolation(link: LinkWindow): void {
    this.violated += 1;
    if (this.violations.length >= MAX_VIOLATIONS) return;
    this.violations.push({
      clause: this.text,
      from: this.#nameOf(link.from),
      to: this.#nameOf(link.to),
      found: `${describeLink(this.clause, link)}${link.isIpv6 ? ' (IPv6)' : ''}`,
      samples: this.clause.condition.kind === 'loss' ? link.sent : link.samples,
    });
  }

  /** `found`: the samples that there are, as text. */
  #addUndersampled(from: number, to: number, found: string): void {
    this.undersampled += 1;
    if (this.firstUndersampled !== '') return;
    this.firstUndersampled = `${this.#nameOf(from)} → ${this.#nameOf(to)} (${found})`;
  }
}

/**
 * Whether a clause holds on a link; null = the link has too few samples to say. The rules are documented in docs/verdicts.md:
 * healthy: at least `min` samples, none failed. One failure violates it however few samples there are.
 * failed: the newest of at least `min` samples failed. A link that is ok now violates it.
 * success, loss: at least `min` samples or datagrams. One that failed or was lost makes the link an example of a violation; all
 * links together decide.
 * latency: at least `min` samples, the newest is ok, and the duration is as wanted. A failed link violates it. Where a part of the
 * window is missing, the rest can change the duration; only a largest one that is too large stays so.
 */
function holdsOn({ condition, stat, min }: Clause, link: LinkWindow): boolean | null {
  const { kind } = condition;
  if (kind === 'loss') return link.sent < min ? null : link.lost === 0;
  const { samples, failures, isFailed } = link;
  if (samples === 0) return null;
  const ifEnough = samples < min ? null : true;
  if (kind === 'failed') return isFailed ? ifEnough : false;
  if (kind === 'latency') {
    if (isFailed) return false;
    const us = unpack16(stat === 'p50' ? link.p50 : stat === 'p95' ? link.p95 : link.max);
    if (us < 0 || samples < min) return null;
    const isCertain = link.report.missingDetail === '' || (stat === 'max' && condition.operator.startsWith('<'));
    return compares(us, condition) || (isCertain ? false : null);
  }
  if (kind === 'success') return samples < min ? null : failures === 0;
  if (failures > 0) return false;
  // The failure lies before the window, and what the window has is suspect.
  return isFailed ? null : ifEnough;
}

/** The state of a link that violates a clause: `timeout in connect`, `2 of 15 probes failed, ok now`, `253 ms`. */
function describeLink({ condition: { kind }, stat }: Clause, link: LinkWindow): string {
  const { links } = link.report;
  if (kind === 'loss') return `${countText(link.lost)} of ${plural(link.sent, 'datagram')} lost`;
  if (link.isFailed) {
    const phase = phaseOf(links, link.index);
    return `${outcomeOf(links, link.index)}${phase === null ? '' : ` in ${phase === 'first-byte' ? 'first byte' : phase}`}`;
  }
  if (kind === 'healthy' || kind === 'success') {
    return `${countText(link.failures)} of ${plural(link.samples, 'probe')} failed, ok now`;
  }
  const us = unpack16(link[kind === 'latency' ? stat : 'p50']);
  const duration = `${us < 100_000 ? Number((us / 1000).toPrecision(3)) : Math.round(us / 1000)} ms`;
  return kind === 'latency' ? duration : us < 0 ? 'ok' : `ok, ${duration}`;
}
