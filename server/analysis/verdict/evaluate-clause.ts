import { shortestRangeMs } from '../../protocol/link-state.ts';
import { FLAG_IPV6, NONE16, outcomeOf, phaseOf, unpack16 } from '../../protocol/links.ts';
import type { MergedReport, UnjudgedMesh } from '../../protocol/mesh.ts';
import { MAX_VIOLATIONS, type VerdictAnswer } from '../../protocol/verdict.ts';
import { countText, plural } from '../../runtime/count-text.ts';
import { type Clause, formatClause, meetsLimit, shareMeetsLimit } from './parse-clause.ts';
import type { ReportWindow } from './report-window.ts';
import { isExact, type Selection } from './select-pods.ts';

export type Violation = VerdictAnswer['violations'][number];

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
  /** Whether it compares the share of all samples or datagrams, also of those that are missing. */
  readonly #isOfShare: boolean;
  /** Links on which the clause holds; of a share those without a failed sample or a lost datagram. */
  #held = 0;
  /** Those of them that are links of a pod to itself. */
  #heldOnSelf = 0;
  /** The other links that are known; of a share those with a failed sample or a lost datagram. */
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
  /** Whether a link was seen over IPv6 (1), over IPv4 (0). */
  readonly #families = new Set<number>();

  constructor(clause: Clause, selection: Selection, mesh: UnjudgedMesh, nameOf: NameOf) {
    const { kind } = clause.condition;
    this.clause = clause;
    this.text = formatClause(clause);
    this.selection = selection;
    this.isOfLinks = kind !== 'recovered';
    this.#isOfShare = kind === 'success' || kind === 'loss';
    this.#mesh = mesh;
    this.nameOf = nameOf;
  }

  /** Evaluates and marks the links of a report that the clause selects. `unlisted`: pods to which it has no link yet. */
  evaluate(window: ReportWindow, unlisted: readonly number[]): void {
    const { clause } = this;
    const { selected, samples, failures, durations, report } = window;
    const selects = this.selection.to.pods;
    const { links, udp, pod: from } = report;
    const { length, to: tos, outcome } = links;
    const isLoss = clause.condition.kind === 'loss';
    const us16 = durations[clause.stat];
    const isWhole = report.missingDetail === '';
    // Sums of this report: counting in the fields takes a third longer.
    let [sum, sumBad, held] = [0, 0, 0];
    for (let i = 0; i < length; i++) {
      const to = tos[i] ?? 0;
      // Most clauses select few links.
      if (selects[to] !== 1 || !isOfSelf(clause.self, from === to)) continue;
      selected[i] = 1;
      const all = isLoss ? unpack16(udp?.windowSent[i] ?? 0) : (samples[i] ?? 0);
      const bad = isLoss ? unpack16(udp?.windowLost[i] ?? 0) : (failures[i] ?? 0);
      sum += all;
      sumBad += bad;
      if (this.#isOfShare) {
        this.#mostOfRound = Math.max(this.#mostOfRound, isLoss ? (udp?.sent[i] ?? 0) : 1);
        this.#families.add((links.flags[i] ?? 0) & FLAG_IPV6);
      }
      const isHeld = holdsOn(clause, all, bad, outcome[i] !== 0, us16[i] ?? NONE16, isWhole);
      if (isHeld) {
        held += 1;
        if (from === to) this.#heldOnSelf += 1;
      } else if (isHeld === false) this.#addViolation(window, i, all, bad);
      else {
        // If all samples are suspect, however many, the link keeps the state from before them: see `holdsOn`.
        const { min } = clause;
        const found = all >= min ? 'none to be believed' : `${countText(all)} of ${countText(min)}`;
        this.#addUndersampled(from, to, `${found}${isIpv6(report, i) ? ', IPv6' : ''}`);
      }
    }
    this.#samples += sum;
    this.#badSamples += sumBad;
    this.#held += held;
    for (const to of unlisted)
      if (selects[to] === 1 && isOfSelf(clause.self, from === to)) this.#addUndersampled(from, to, 'none');
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

  /** `pod` knows other peers than the serving pod. A clause that names both ends exactly is not affected. */
  addDifferingPeers(pod: number): void {
    const { from, to } = this.clause;
    const isAffected = !isExact(from) || (this.selection.from.pods[pod] === 1 && !isExact(to));
    if (isAffected && this.differing < 0) this.differing = pod;
  }

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

  /** Whether the clause does not hold for certain; of a share, whether all samples that are missing count or none. */
  #isViolated(): boolean {
    const { condition } = this.clause;
    if (!this.#isOfShare) return this.#violated > 0;
    const missing = this.#missingRounds * this.#mostOfRound * this.#families.size;
    const all = this.#samples + missing;
    const isMet = (counted: number) => shareMeetsLimit(counted, all, condition);
    return this.#samples > 0 && !isMet(this.#counted) && !isMet(this.#counted + missing);
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

  #addViolation(window: ReportWindow, link: number, samples: number, bad: number): void {
    this.#violated += 1;
    if (this.#violations.length >= MAX_VIOLATIONS) return;
    const { report } = window;
    this.#violations.push({
      clause: this.text,
      from: this.nameOf(report.pod),
      to: this.nameOf(report.links.to[link] ?? -1),
      found: `${describeLink(this.clause, window, link, samples, bad)}${isIpv6(report, link) ? ' (IPv6)' : ''}`,
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

/** Whether `self=` of a clause selects a link; `isSelf`: of a pod to itself. */
function isOfSelf(self: Clause['self'], isSelf: boolean): boolean {
  return self === 'include' || (self === 'only') === isSelf;
}

function isIpv6({ links }: MergedReport, link: number): boolean {
  return ((links.flags[link] ?? 0) & FLAG_IPV6) !== 0;
}

/**
 * Whether a clause holds on a link; null = the link has too few samples to say. The rules are in docs/verdicts.md. One failure violates
 * `healthy` however few samples there are. Of a share, one sample that failed or datagram that was lost makes the link an example
 * of a violation; all links together decide. `samples`, `failures`: of `loss` datagrams, and those that were lost. `us16`: the
 * duration that `latency` is about, packed. `isWhole`: no part of the window is missing. Without a part, `latency` is certain only
 * where the link has failed, or where a maximum is too large.
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
function describeLink(
  { condition: { kind }, stat }: Clause,
  { report: { links }, durations }: ReportWindow,
  link: number,
  samples: number,
  bad: number,
): string {
  if (kind === 'loss') return `${countText(bad)} of ${plural(samples, 'datagram')} lost`;
  if (links.outcome[link] !== 0) {
    const phase = phaseOf(links, link);
    return `${outcomeOf(links, link)}${phase === null ? '' : ` in ${phase === 'first-byte' ? 'first byte' : phase}`}`;
  }
  if (kind === 'healthy' || kind === 'success') {
    return `${countText(bad)} of ${plural(samples, 'probe')} failed, ok now`;
  }
  const us = unpack16(durations[kind === 'latency' ? stat : 'p50'][link] ?? NONE16);
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
