import { NONE16, unpack16 } from '../../contract/bytes16.ts';
import { outcomeOf, phaseOf } from '../../contract/links.ts';
import type { MeshRow } from '../../contract/mesh.ts';
import { MAX_VIOLATIONS, type VerdictAnswer } from '../../contract/verdict.ts';
import { type Clause, formatClause } from './clause.ts';
import { judgeLink, type LinkWindow } from './link-window.ts';
import type { Selection } from './selection.ts';

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
  readonly violations: Violation[] = [];
  readonly #name: NameOf;
  /** The row in which a pod was last met as the end of a link. */
  readonly #seen: Int32Array;

  /** `selection`: the pods that the clause is about. */
  constructor(clause: Clause, selection: Selection, name: NameOf) {
    this.clause = clause;
    this.text = formatClause(clause);
    this.selection = selection;
    this.#name = name;
    this.#seen = new Int32Array(selection.from.length).fill(-1);
  }

  /** Whether the clause is about the link. */
  concerns(from: number, to: number): boolean {
    const { self } = this.clause;
    if (this.selection.from[from] !== 1 || this.selection.to[to] !== 1) return false;
    return self === 'include' || (self === 'only') === (from === to);
  }

  /** Takes a link into account that the clause is about. */
  judge(row: MeshRow, i: number, to: number, link: LinkWindow): void {
    this.#seen[to] = row.pod;
    const verdict = judgeLink(this.clause, link);
    if (verdict === 'holds') {
      this.held += 1;
      if (to === row.pod) this.#heldOwn += 1;
    } else if (verdict === 'short') this.#lack(row.pod, to, `${link.samples} of ${this.clause.min}`);
    else {
      this.violated += 1;
      if (this.violations.length >= MAX_VIOLATIONS) return;
      const ends = { from: this.#name(row.pod), to: this.#name(to) };
      const found = foundWords(this.clause, row, i, link);
      this.violations.push({ clause: this.text, ...ends, found, samples: link.samples });
    }
  }

  /**
   * Whether a clause about the whole mesh holds on links of pods to themselves alone, of `podCount` pods that are not gone:
   * where only one of many is left that is ready, its ping of itself says nothing of the mesh.
   */
  isOfSelvesAlone(podCount: number): boolean {
    const { from, to, self } = this.clause;
    const isOfMesh = from === null && to === null && self === 'include';
    return isOfMesh && podCount > 1 && this.held > 0 && this.held === this.#heldOwn;
  }

  /** Where everybody is to be pinged by everybody: takes links into account that the row does not have yet. O(pods). */
  expectAll(row: MeshRow): void {
    if (this.selection.from[row.pod] !== 1) return;
    for (let to = 0; to < this.#seen.length; to++) {
      if (this.#seen[to] !== row.pod && this.concerns(row.pod, to)) this.#lack(row.pod, to, 'none');
    }
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

  #lack(from: number, to: number, samples: string): void {
    this.short += 1;
    if (this.firstShort === '') this.firstShort = `${this.#name(from)} → ${this.#name(to)} (${samples})`;
  }
}

/** What was found instead of what the clause wants: `timeout in connect`, `2 of 15 probes failed`, `253 ms`. */
function foundWords({ condition, stat }: Clause, { links }: MeshRow, i: number, link: LinkWindow): string {
  if (link.isFailed) {
    const phase = phaseOf(links, i);
    return `${outcomeOf(links, i)}${phase === null ? '' : ` in ${phase === 'first-byte' ? 'first byte' : phase}`}`;
  }
  if (condition.kind === 'healthy') return `${link.failures} of ${link.samples} probes failed, ok now`;
  const us = unpack16(link[condition.kind === 'latency' ? stat : 'p50'] ?? NONE16);
  return condition.kind === 'failed' ? `ok${us < 0 ? '' : `, ${inMs(us)}`}` : inMs(us);
}

function inMs(us: number): string {
  return `${us < 100_000 ? Number((us / 1000).toPrecision(3)) : Math.round(us / 1000)} ms`;
}
