import type { Pod } from '../../server/protocol/pod.ts';
import { areManyLate, COUNTS, codeOf, indexesOf, SEVERITY } from './links.ts';

/** Which pods are drawn as one. `unfolded`: keys of groups (`node:worker-1`, `zone:a`) that show their members instead. */
export interface Folding {
  level: 'zone' | 'node' | 'pod';
  unfolded: readonly string[];
}

export interface Group {
  /** `zone:a`, `node:worker-1`, or `pod:` and the uid: unique, and the same as long as the group exists. */
  key: string;
  kind: 'zone' | 'node' | 'pod';
  /** Indexes of its pods in the pods' picture; at least one. */
  pods: number[];
}

/** What is drawn of every link between two groups, at index `from * groups + to`. */
export interface FoldedCells {
  /** The folding that was asked for. */
  folding: Folding;
  /** The link between the pods of two groups that its cell shows, as `from * n + to` of the pods; see `foldCells`. */
  worstLink: Int32Array;
  /** The latency of that link, us; NaN = none. */
  worstUs: Float32Array;
  /** Number of links between two groups that were measured or are unknown. */
  links: Uint32Array;
  /** How many of them have the cell's state. Not exact if that is good or fair. */
  inState: Uint32Array;
  /** How many of them are lossy. */
  lossy: Uint32Array;
}

export interface PodCells {
  /** Number of pods, gone ones included. */
  n: number;
  /** Index in `LINK_STATES` of every link. */
  state: Uint8Array;
  /**
   * 1 = the link is lossy: see the table in link-state.ts. An attribute beside the state, as `unreliable`. Not marked with a
   * figure.
   */
  lossy: Uint8Array;
  /** The chosen latency, us, or the chosen figure in its own unit; NaN = none. */
  valueUs: Float32Array;
}

export function keyOf(kind: Group['kind'], name: string): string {
  return `${kind}:${name}`;
}

export interface Grouping {
  /** In the order of their first pods. */
  groups: Group[];
  groupOf: Int32Array;
}

/** Divides pods into groups. An unfolded zone shows its nodes. `open`: groups that are unfolded. */
export function groupsOf(pods: readonly Pod[], { level, unfolded }: Folding): Grouping & { open: string[] } {
  const wanted = new Set(unfolded);
  const open = new Set<string>();
  const groups = new Map<string, Group>();
  for (const [index, { uid, node, zone }] of pods.entries()) {
    let kind: Group['kind'] = level;
    let key = keyOf('zone', zone);
    if (kind === 'zone' && wanted.has(key)) {
      open.add(key);
      kind = 'node';
    }
    if (kind === 'node') key = keyOf('node', node);
    if (kind === 'node' && wanted.has(key)) {
      open.add(key);
      kind = 'pod';
    }
    if (kind === 'pod') key = keyOf('pod', uid);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, { key, kind, pods: [index] });
    else group.pods.push(index);
  }
  const groupOf = new Int32Array(pods.length);
  const all = [...groups.values()];
  for (const [at, group] of all.entries()) for (const pod of group.pods) groupOf[pod] = at;
  return { groups: all, groupOf, open: [...open] };
}

const FAIR_RANK = SEVERITY[codeOf('fair')] ?? 0;
const LATE = codeOf('warning');

/**
 * Folds the links of `n` pods to those of groups: the worst link between two groups is drawn (worst by `SEVERITY`, then by
 * latency), but a late one (`warning`) only if many are (`areManyLate`), and a lossy one rather than a good or a late one. The
 * link of a group to itself stands for all links among its pods. O(n^2).
 */
export function foldCells(cells: PodCells, grouping: Grouping, folding: Folding): FoldedCells {
  return new FoldDraft(cells, grouping, folding).finish();
}

/** As `foldCells`, for cells of which one row after another is complete, so that little is left to do after the last one. */
export class FoldDraft {
  readonly #cells: PodCells;
  /** Number of groups. */
  readonly #m: number;
  readonly #groupOf: Int32Array;
  readonly #folded: FoldedCells;
  readonly #worstRank: Int8Array;
  readonly #lateLinks: Uint32Array;
  readonly #lateLink: Int32Array;
  readonly #lateUs: Float32Array;
  /** 1 = the links of this pod are folded. */
  readonly #isDone: Uint8Array;

  constructor(cells: PodCells, { groups, groupOf }: Grouping, folding: Folding) {
    const m = groups.length;
    this.#cells = cells;
    this.#m = m;
    this.#groupOf = groupOf;
    this.#folded = {
      folding,
      worstLink: new Int32Array(m * m).fill(-1),
      worstUs: new Float32Array(m * m),
      // Nearly all links count: the others are subtracted.
      links: Uint32Array.from(
        { length: m * m },
        (_, at) => sizeOf(groups[Math.floor(at / m)]) * sizeOf(groups[at % m]),
      ),
      inState: new Uint32Array(m * m),
      lossy: new Uint32Array(m * m),
    };
    this.#worstRank = new Int8Array(m * m).fill(-1);
    this.#lateLinks = new Uint32Array(m * m);
    this.#lateLink = new Int32Array(m * m);
    this.#lateUs = new Float32Array(m * m);
    this.#isDone = new Uint8Array(cells.n);
  }

  /** Folds the links from pod `from`, whose states and latencies are complete. */
  addRow(from: number): void {
    if (this.#isDone[from] === 1) return;
    this.#isDone[from] = 1;
    const { n, state, valueUs } = this.#cells;
    const { worstLink, worstUs, links, inState } = this.#folded;
    const [groupOf, worstRank] = [this.#groupOf, this.#worstRank];
    const [lateLinks, lateLink, lateUs] = [this.#lateLinks, this.#lateLink, this.#lateUs];
    const row = (groupOf[from] ?? 0) * this.#m;
    for (let to = 0, pair = from * n; to < n; to++, pair++) {
      const at = row + (groupOf[to] ?? 0);
      const code = state[pair] ?? 0;
      const value = valueUs[pair] ?? 0;
      // NaN: no latency.
      const us = value >= 0 ? value : -1;
      if (COUNTS[code] !== 1) links[at] = (links[at] ?? 0) - 1;
      if (code === LATE) {
        const late = lateLinks[at] ?? 0;
        lateLinks[at] = late + 1;
        if (late > 0 && !isWorseLink(us, pair, lateUs[at] ?? 0, lateLink[at] ?? 0)) continue;
        lateUs[at] = us;
        lateLink[at] = pair;
        continue;
      }
      const rank = SEVERITY[code] ?? 0;
      const worst = worstRank[at] ?? -1;
      if (rank < worst) continue;
      inState[at] = rank === worst ? (inState[at] ?? 0) + 1 : 1;
      if (rank === worst && !isWorseLink(us, pair, worstUs[at] ?? 0, worstLink[at] ?? 0)) continue;
      worstRank[at] = rank;
      worstUs[at] = us;
      worstLink[at] = pair;
    }
  }

  /** Folds the other rows, and the lossy links. Call it once, when all cells are complete. */
  finish(): FoldedCells {
    const { n, state, valueUs, lossy: isLossy } = this.#cells;
    for (let from = 0; from < n; from++) this.addRow(from);
    const { worstLink, worstUs, links, inState, lossy } = this.#folded;
    for (let at = 0; at < worstUs.length; at++) {
      const late = this.#lateLinks[at] ?? 0;
      if (areManyLate(late, links[at] ?? 0) && (this.#worstRank[at] ?? 0) < (SEVERITY[LATE] ?? 0)) {
        worstLink[at] = this.#lateLink[at] ?? -1;
        worstUs[at] = this.#lateUs[at] ?? 0;
        inState[at] = late;
      }
      if ((worstUs[at] ?? 0) < 0) worstUs[at] = Number.NaN;
    }
    for (const pair of indexesOf(isLossy, 1)) {
      const at = (this.#groupOf[Math.floor(pair / n)] ?? 0) * this.#m + (this.#groupOf[pair % n] ?? 0);
      lossy[at] = (lossy[at] ?? 0) + 1;
      // Late links do not raise the rank.
      if (lossy[at] !== 1 || (this.#worstRank[at] ?? 0) > FAIR_RANK) continue;
      worstLink[at] = pair;
      worstUs[at] = valueUs[pair] ?? Number.NaN;
      if (state[pair] === LATE) inState[at] = this.#lateLinks[at] ?? 0;
    }
    return this.#folded;
  }
}

function sizeOf(group: Group | undefined): number {
  return group?.pods.length ?? 0;
}

/** Of equal latencies the first link counts, in whatever order the rows come. */
function isWorseLink(us: number, pair: number, otherUs: number, otherPair: number): boolean {
  return us > otherUs || (us === otherUs && pair < otherPair);
}

/** Whether two foldings draw the same. */
export function sameFolding(a: Folding, b: Folding): boolean {
  return a.level === b.level && a.unfolded.join('\n') === b.unfolded.join('\n');
}
