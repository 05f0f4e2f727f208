import { shortestRangeMs } from '../../protocol/link-state.ts';
import { NONE16, outcomeOf, phaseOf, unpack16 } from '../../protocol/links.ts';
import type { UnjudgedMesh } from '../../protocol/mesh.ts';
import { MAX_VIOLATIONS, type VerdictAnswer } from '../../protocol/verdict.ts';
import { countText, plural } from '../../runtime/count-text.ts';
import { type Clause, formatClause, meetsLimit, shareMeetsLimit } from './parse-clause.ts';
import type { ReportWindow } from './report-window.ts';
import { isExact, type Selection } from './select-pods.ts';

/** A link on which a clause does not hold. */
export type Violation = VerdictAnswer['violations'][number];

/** Conditions about the share of all samples or datagrams, also of those that are missing. */
const OF_SHARES: ReadonlySet<string> = new Set(['success', 'loss']);

/** The verdict of one clause. */
export interface ClauseVerdict {
  verdict: VerdictAnswer['verdict'];
  /** Why it is not `pass`; '' if it is. */
  reason: string;
  /** At most `MAX_VIOLATIONS`. */
  violations: readonly Violation[];
  /** Pods whose reports the clause needs and that are missing or not trusted. */
  missing: readonly number[];
}

/** The verdict of a clause of which it is not known whether it holds. */
export function unknown(reason: string, missing: readonly number[] = []): ClauseVerdict {
  return { verdict: 'unknown', reason, violations: [], missing };
}

/** The verdict of a clause that nothing violates for certain. `doubt`: why it is not known whether it holds; '' = it does. */
export function passUnless(doubt: string, missing: readonly number[] = []): ClauseVerdict {
  return doubt === '' ? { verdict: 'pass', reason: '', violations: [], missing: [] } : unknown(doubt, missing);
}

/** Names a pod of the mesh by its index: see `namesIn`. */
export type NameOf = (pod: number) => string;

/** Evaluates one clause on one report after the other, counts the results, and makes the verdict of them. */
export class ClauseEvaluation {
  readonly clause: Clause;
  readonly text: string;
  readonly selection: Selection;
  /** Whether it is about links; `recovered` is about pods that left. */
  readonly isOfLinks: boolean;
  /** The first pod that knows other peers than the serving pod, so that links may be missing; -1 = none. */
  differing = -1;
  readonly nameOf: NameOf;
  readonly #mesh: UnjudgedMesh;
  readonly #destinations: Uint8Array;
  /** Links on which the clause holds; of `success` and `loss` those without a failed sample or a lost datagram. */
  #held = 0;
  /** Those of them that are links of a pod to itself. */
  #heldOnSelf = 0;
  /** The other links that are known; of `success` and `loss` those with a failed sample or a lost datagram. */
  #violated = 0;
  readonly #violations: Violation[] = [];
  /** Links with too few samples to say either, and the first of them as text. */
  #undersampled = 0;
  #firstUndersampled = '';
  readonly #missing: number[] = [];
  /** Samples of the selected links, and those of them that failed; of `loss` datagrams, and those of them that were lost. */
  #samples = 0;
  #badSamples = 0;
  /** Rounds of pings, or cycles of datagrams, that the links of `#missing` had at most, added up. */
  #missingRounds = 0;
  /** The most samples or datagrams that a link had in one round. */
  #mostOfRound = 0;
  /** Whether a link was seen over IPv4, over IPv6. */
  readonly #families = { ipv4: 0, ipv6: 0 };

  constructor(clause: Clause, selection: Selection, mesh: UnjudgedMesh, nameOf: NameOf) {
    this.clause = clause;
    this.text = formatClause(clause);
    this.selection = selection;
    this.isOfLinks = clause.condition.kind !== 'recovered';
    this.#mesh = mesh;
    this.nameOf = nameOf;
    this.#destinations = selection.to.pods;
  }

  /** Evaluates the links of a report that the clause selects, and marks them as selected. */
  evaluate(window: ReportWindow): void {
    const { clause } = this;
    const { length, from, to, selected, outcome, report } = window;
    const isLoss = clause.condition.kind === 'loss';
    const durations = window.durations[clause.stat];
    const isWhole = report.missingDetail === '';
    let [all, bad, held, heldOnSelf] = [0, 0, 0, 0];
    for (let i = 0; i < length; i++) {
      const pod = to[i] ?? 0;
      // Most clauses select few links.
      if (!this.#selects(from, pod)) continue;
      selected[i] = 1;
      const samples = isLoss ? window.sent(i) : (window.samples[i] ?? 0);
      const failures = isLoss ? window.lost(i) : (window.failures[i] ?? 0);
      all += samples;
      bad += failures;
      const isHeld = holdsOn(clause, samples, failures, outcome[i] !== 0, durations[i] ?? NONE16, isWhole);
      if (isHeld) {
        held += 1;
        if (from === pod) heldOnSelf += 1;
      } else if (isHeld === false) this.#addViolation(window, i, samples);
      else {
        // If all samples are suspect, however many, the link keeps the state from before them: see `holdsOn`.
        const { min } = clause;
        const found = samples >= min ? 'none to be believed' : `${countText(samples)} of ${countText(min)}`;
        this.#addUndersampled(from, pod, `${found}${window.isIpv6(i) ? ', IPv6' : ''}`);
      }
    }
    this.#samples += all;
    this.#badSamples += bad;
    this.#held += held;
    this.#heldOnSelf += heldOnSelf;
    if (OF_SHARES.has(clause.condition.kind)) this.#noteRounds(window);
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
    const isOwnSelected = selection.to.pods[pod] === 1;
    const others = clause.self === 'only' ? 0 : selection.to.count - (isOwnSelected ? 1 : 0);
    const needsOwn = isOwnSelected && clause.self !== 'exclude' && clause.condition.kind !== 'failed';
    const links = others + (needsOwn ? 1 : 0);
    if (links > 0) this.#missing.push(pod);
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

  /** The verdict of a clause about links, when all reports have been taken into account. */
  verdict(): ClauseVerdict {
    if (!this.#isViolated()) return passUnless(this.#doubt(), this.#missing);
    const [first] = this.#violations;
    const example = first === undefined ? '' : `, for example ${first.from} → ${first.to}: ${first.found}`;
    const { kind, operator } = this.clause.condition;
    // Rounded away from the limit: 1.001 % must not read as 1 % where less than 1 % is expected.
    const round = operator.startsWith('<') ? Math.ceil : Math.floor;
    const percent = round((this.#counted * 10_000) / this.#samples) / 100;
    let what = `violated on ${countText(this.#violated)} of ${plural(this.#violated + this.#held, 'link')}`;
    if (kind === 'success') what = `${percent}% of ${plural(this.#samples, 'sample')} are ok`;
    if (kind === 'loss') what = `${percent}% of ${plural(this.#samples, 'datagram')} are lost`;
    return { verdict: 'fail', reason: `${what}${example}`, violations: this.#violations, missing: this.#missing };
  }

  /**
   * Whether the clause does not hold for certain: on a link, or of `success` and `loss` on all selected links together, whether all
   * samples that are missing are counted or none of them.
   */
  #isViolated(): boolean {
    const { condition } = this.clause;
    if (!OF_SHARES.has(condition.kind)) return this.#violated > 0;
    const { ipv4, ipv6 } = this.#families;
    const missing = this.#missingRounds * this.#mostOfRound * (ipv4 + ipv6);
    const most = this.#samples + missing;
    return (
      this.#samples > 0 &&
      !shareMeetsLimit(this.#counted, most, condition) &&
      !shareMeetsLimit(this.#counted + missing, most, condition)
    );
  }

  /** Those of `#samples` that the condition counts: of `success` the samples that are ok, of `loss` the datagrams that were lost. */
  get #counted(): number {
    return this.clause.condition.kind === 'loss' ? this.#badSamples : this.#samples - this.#badSamples;
  }

  /** Why it is not known whether a clause without violations holds; '' = it holds. */
  #doubt(): string {
    const { clause, selection } = this;
    const mesh = this.#mesh;
    for (const end of ['from', 'to'] as const) {
      if (selection[end].count > 0) continue;
      return clause[end] === null ? 'no pod is or was ready' : `no pod that is or was ready matches ${end}=`;
    }
    if (this.#missing.length > 0) return missingReason(this.#missing, mesh, this.nameOf);
    if (this.#undersampled > 0) {
      const isLoss = clause.condition.kind === 'loss';
      const isUnmeasured = isLoss && mesh.reports.every(({ udp }) => udp === null);
      const advice = isUnmeasured ? '; UDP_ENABLED=true measures it' : windowAdvice(clause, mesh);
      const what = `too few ${isLoss ? 'datagrams' : 'samples'} on ${plural(this.#undersampled, 'link')}`;
      return `${what}, for example ${this.#firstUndersampled}${advice}`;
    }
    const present = mesh.pods.filter(({ lifecycle }) => lifecycle !== 'gone').length;
    const isOfAll = clause.from === null && clause.to === null && clause.self === 'include';
    // If only one of many pods is ready, its ping of itself says nothing about the mesh.
    if (isOfAll && present > 1 && this.#held > 0 && this.#held === this.#heldOnSelf) {
      return `only ${countText(selection.from.count)} of ${countText(present)} pods are or were ready, so only links of pods to themselves could be checked`;
    }
    if (this.#held + this.#violated === 0) return 'no link matches from=, to= and self=';
    return listReason(this.differing, mesh, this.nameOf);
  }

  /** Notes how much a link had in one round at most, and the families of the links: `#isViolated` needs both. */
  #noteRounds(window: ReportWindow): void {
    const isLoss = this.clause.condition.kind === 'loss';
    for (let i = 0; i < window.length; i++) {
      if (!this.#selects(window.from, window.to[i] ?? 0)) continue;
      this.#mostOfRound = Math.max(this.#mostOfRound, isLoss ? window.cycleSent(i) : 1);
      this.#families[window.isIpv6(i) ? 'ipv6' : 'ipv4'] = 1;
    }
  }

  /** Whether the clause selects the link from a selected source to a pod. */
  #selects(from: number, to: number): boolean {
    const { self } = this.clause;
    return this.#destinations[to] === 1 && (self === 'include' || (self === 'only') === (from === to));
  }

  #addViolation(window: ReportWindow, link: number, samples: number): void {
    this.#violated += 1;
    if (this.#violations.length >= MAX_VIOLATIONS) return;
    this.#violations.push({
      clause: this.text,
      from: this.nameOf(window.from),
      to: this.nameOf(window.to[link] ?? -1),
      found: `${describeLink(this.clause, window, link)}${window.isIpv6(link) ? ' (IPv6)' : ''}`,
      samples,
    });
  }

  /** `found`: the samples that there are, as text. */
  #addUndersampled(from: number, to: number, found: string): void {
    this.#undersampled += 1;
    if (this.#firstUndersampled !== '') return;
    this.#firstUndersampled = `${this.nameOf(from)} → ${this.nameOf(to)} (${found})`;
  }
}

/**
 * Whether a clause holds on a link; null = the link has too few samples to say. The rules are documented in docs/verdicts.md:
 * healthy: at least `min` samples, none failed. One failure violates it however few samples there are.
 * failed: at least `min` samples, and the link is failed (`ReportWindow.outcome`). A link that is ok now violates it.
 * success, loss: at least `min` samples or datagrams. One that failed or was lost makes the link an example of a violation; all
 * links together decide.
 * latency: at least `min` samples, the link is ok, and the duration meets the limit. A failed link violates it. If a part of the
 * window is missing, the missing samples could change the duration, so nothing is certain, except that a maximum that is too large
 * stays too large.
 *
 * `samples`, `failures`: of `loss` datagrams, and those that were lost. `us16`: the duration that `latency` is about, packed.
 * `isWhole`: no part of the window is missing.
 */
function holdsOn(
  { condition, stat, min }: Clause,
  samples: number,
  failures: number,
  isFailed: boolean,
  us16: number,
  isWhole: boolean,
): boolean | null {
  if (samples === 0) return null;
  const { kind } = condition;
  const ifEnough = samples < min ? null : true;
  if (kind === 'failed') return isFailed ? ifEnough : false;
  if (kind === 'latency') {
    if (isFailed) return false;
    const us = unpack16(us16);
    if (us < 0 || samples < min) return null;
    const isCertain = isWhole || (stat === 'max' && condition.operator.startsWith('<'));
    return meetsLimit(us, condition) || (isCertain ? false : null);
  }
  if (kind !== 'healthy') return samples < min ? null : failures === 0;
  if (failures > 0) return false;
  // The link failed before the window, and its samples in the window are suspect: they did not change that.
  return isFailed ? null : ifEnough;
}

/** What is wrong with a link that violates a clause: `timeout in connect`, `2 of 15 probes failed, ok now`, `253 ms`. */
function describeLink({ condition: { kind }, stat }: Clause, window: ReportWindow, link: number): string {
  const { links } = window.report;
  if (kind === 'loss') return `${countText(window.lost(link))} of ${plural(window.sent(link), 'datagram')} lost`;
  if (window.outcome[link] !== 0) {
    const phase = phaseOf(links, link);
    return `${outcomeOf(links, link)}${phase === null ? '' : ` in ${phase === 'first-byte' ? 'first byte' : phase}`}`;
  }
  if (kind === 'healthy' || kind === 'success') {
    return `${countText(window.failures[link] ?? 0)} of ${plural(window.samples[link] ?? 0, 'probe')} failed, ok now`;
  }
  const us = unpack16(window.durations[kind === 'latency' ? stat : 'p50'][link] ?? NONE16);
  // Finer than `latencyText`: 5.02 ms violates latency<5ms, and must not read as 5.0 ms.
  const duration = `${us < 100_000 ? Number((us / 1000).toPrecision(3)) : Math.round(us / 1000)} ms`;
  return kind === 'latency' ? duration : us < 0 ? 'ok' : `ok, ${duration}`;
}

/** What is wrong with the lists of pods; '' = nothing. `differing`: a pod that knows other pods than the serving pod; -1 = none. */
export function listReason(differing: number, mesh: UnjudgedMesh, nameOf: NameOf): string {
  if (differing >= 0) {
    return `${nameOf(differing)} knows a different set of pods than ${mesh.servedBy.name}, so some links may not have been checked`;
  }
  return mesh.discovery.phase === 'stale' ? 'the pod list could not be refreshed and may be out of date' : '';
}

/** What is not known because reports are missing. `missing`: their pods, at least one; the first of them is named. */
export function missingReason(missing: readonly number[], mesh: UnjudgedMesh, nameOf: NameOf): string {
  const [first = 0] = missing;
  const report = mesh.reports.find(({ pod }) => pod === first);
  const who = `${nameOf(first)}${missing.length > 1 ? ` and ${countText(missing.length - 1)} more` : ''}`;
  if (report?.missing === '' && report.missingDetail !== '') {
    return `${who} did not report the whole window (${report.missingDetail}), the state of its links in the rest of it is not known`;
  }
  if (report?.missing === '')
    return `the report of ${who} is not trusted (starved), the state of its links is not known`;
  return `${who} did not report (${report?.missing ?? 'not-asked'}), the state of its links is not known`;
}

/** What to do if there are too few samples; '' if the range is long enough, so that they are few for another reason. */
function windowAdvice({ condition, min }: Clause, { windowMs, past, settings }: UnjudgedMesh): string {
  const intervalMs = settings.refreshIntervalMs;
  if (intervalMs === 0) return '; pinging is switched off (REFRESH_INTERVAL=0)';
  // How many datagrams a cycle of the UDP probe has (UDP_PACKET_COUNT of each pod) the mesh does not say.
  if (condition.kind === 'loss' && min > 1) return '; ask for a longer time range or a smaller min=';
  const shortestMs = shortestRangeMs(settings, min);
  if (windowMs >= shortestMs) return '';
  const shortestS = Math.ceil(shortestMs / 1000);
  let advice = past === null ? `window=${shortestS}s` : `a time range of ${shortestS} s`;
  if (shortestMs > settings.historyWindowMs) advice = 'a smaller min= (HISTORY_WINDOW is too short for it)';
  return `; pods are pinged every ${intervalMs / 1000} s, so ask for ${advice}`;
}
