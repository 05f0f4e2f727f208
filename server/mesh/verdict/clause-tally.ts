import { NONE16, unpack16 } from '../../contract/bytes16.ts';
import { outcomeOf, phaseOf } from '../../contract/links.ts';
import type { MeshRow } from '../../contract/mesh.ts';
import { MAX_VIOLATIONS, type VerdictAnswer } from '../../contract/verdict.ts';
import { type Clause, formatClause } from './clause.ts';
import { FAILED, type RowWindow } from './row-window.ts';
import { isExact, type Selection } from './selection.ts';
import { HOLDS, MEASURED, SHORT, VIOLATES, type Yardstick, yardstickOf } from './yardstick.ts';

/** A link that a clause does not hold on. */
export type Violation = VerdictAnswer['violations'][number];

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
  /** Pods whose rows it needs and does not have. */
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

  /** Whether the clause is about links of the row of `pod`. */
  isAbout(pod: number): boolean {
    return this.selection.from[pod] === 1;
  }

  /** Takes those of the links that were read into account that the clause is about. */
  judge(row: MeshRow, window: RowWindow): void {
    const { byState, min, stat, fromUs16, toUs16 } = this.#yardstick;
    const [mask, { self }] = [this.selection.to, this.clause];
    const { length, to, state, samples, isLookedAt } = window;
    const figures = window[stat];
    let held = 0;
    for (let k = 0; k < length; k++) {
      const pod = to[k] ?? 0;
      if (mask[pod] !== 1 || (pod === row.pod ? self === 'exclude' : self === 'only')) continue;
      isLookedAt[k] = 1;
      let verdict = byState[state[k] ?? 0] ?? SHORT;
      if (verdict === MEASURED) {
        const us16 = figures[k] ?? NONE16;
        const isShort = us16 === NONE16 || (samples[k] ?? 0) < min;
        verdict = isShort ? SHORT : us16 >= fromUs16 && us16 <= toUs16 ? HOLDS : VIOLATES;
      } else if (verdict === HOLDS && (samples[k] ?? 0) < min) verdict = SHORT;
      if (verdict === HOLDS) {
        held += 1;
        if (pod === row.pod) this.#heldOwn += 1;
      } else if (verdict === SHORT) this.#lack(row.pod, pod, samples[k] ?? 0);
      else this.#violate(row, window, k);
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

  /** Takes links into account that the row of `from` is to have and does not have yet: those to the pods `unmet`. */
  expect(from: number, unmet: readonly number[]): void {
    for (const to of unmet) if (this.#concerns(from, to)) this.#lack(from, to, -1);
  }

  /**
   * Takes into account that the row of `pod` is not there or not to be trusted. That a pod that fails does not tell of
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

  /** Whether the clause is about a link of a row that it is about. */
  #concerns(from: number, to: number): boolean {
    const { self } = this.clause;
    return this.selection.to[to] === 1 && (self === 'include' || (self === 'only') === (from === to));
  }

  #violate(row: MeshRow, window: RowWindow, k: number): void {
    this.violated += 1;
    if (this.violations.length >= MAX_VIOLATIONS) return;
    const ends = { from: this.#name(row.pod), to: this.#name(window.to[k] ?? 0) };
    const found = foundWords(this.clause, row, window, k);
    this.violations.push({ clause: this.text, ...ends, found, samples: window.samples[k] ?? 0 });
  }

  /** `samples` -1: the row does not have the link. */
  #lack(from: number, to: number, samples: number): void {
    this.short += 1;
    if (this.firstShort !== '') return;
    const found = samples < 0 ? 'none' : `${samples} of ${this.clause.min}`;
    this.firstShort = `${this.#name(from)} → ${this.#name(to)} (${found})`;
  }
}

/** What was found instead of what the clause wants: `timeout in connect`, `2 of 15 probes failed`, `253 ms`. */
function foundWords({ condition, stat }: Clause, { links }: MeshRow, window: RowWindow, k: number): string {
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
