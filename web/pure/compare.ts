import type { Mesh } from '../../server/protocol/mesh.ts';
import { type ComparedPod, comparedPods, type RangeCells, rangeCells } from './compare-cells.ts';

/**
 * What became of a link from before to during. `broke`: it fails more, at least twice as often. `failing`: it failed in
 * both, not more. `mended`: it failed before, and no more, nor is it slow. `unknown`: one of the two has no probe of it.
 */
export const CHANGES = ['unknown', 'same', 'slower', 'faster', 'mended', 'failing', 'broke'] as const;

/** What became of a link; see `CHANGES`. */
export type Change = (typeof CHANGES)[number];

/** Two or three ranges compared, link by link; the pair (from, to) has index `from * n + to`. */
export interface Comparison {
  pods: ComparedPod[];
  n: number;
  before: RangeCells;
  during: RangeCells;
  after: RangeCells | null;
  /** Index in `CHANGES` of each pair. */
  change: Uint8Array;
  /** Median during less median before, us; NaN where one of them has none. */
  deltaUs: Float32Array;
  /** Pairs that became worse, as the report has it: see `isWorse`. */
  affected: Uint8Array;
  /** The pods at which the fault was aimed, as far as can be told. */
  targets: ReadonlySet<number>;
  figures: CompareFigures;
}

/** Key figures of a comparison. */
export interface CompareFigures {
  affected: number;
  /** Pairs with a probe during. */
  of: number;
  /** Affected pairs that touch no target. */
  collateral: number;
  /** Pairs with a failed probe; `after` -1 without that range. */
  failed: { before: number; during: number; after: number };
  /** Median over the pairs that touch no target, us; NaN without any. */
  othersUs: { before: number; during: number };
  /** The largest change of a pair's median, us. */
  mostUs: number;
}

const codeOf = (change: Change): number => CHANGES.indexOf(change);
const [UNKNOWN, SAME, SLOWER, FASTER] = [codeOf('unknown'), codeOf('same'), codeOf('slower'), codeOf('faster')];
const [MENDED, FAILING, BROKE] = [codeOf('mended'), codeOf('failing'), codeOf('broke')];
/** Less than this, or less than this share of it, is no change worth a mark. */
const LEAST_US = 500;
const LEAST_SHARE = 0.2;
/** More pods than this that are equally affected are no target, but everybody. */
const MOST_TIED = 3;

/**
 * Compares ranges (meshes with figures over each). `slowUs`: from this median on a link is slow. `aimed`: pods (uid)
 * that the gravest finding of the range during names; without any, those with the most affected links. O(n^2).
 */
export function compare(
  meshes: { before: Mesh; during: Mesh; after: Mesh | null },
  slowUs: number,
  aimed: readonly string[],
): Comparison {
  const { before, during, after } = meshes;
  const { pods, indexOf } = comparedPods([during, before, ...(after === null ? [] : [after])]);
  const n = pods.length;
  const cells = {
    before: rangeCells(before, indexOf),
    during: rangeCells(during, indexOf),
    after: after === null ? null : rangeCells(after, indexOf),
  };
  const change = new Uint8Array(n * n);
  const affected = new Uint8Array(n * n);
  const deltaUs = new Float32Array(n * n);
  for (let pair = 0; pair < n * n; pair++) {
    deltaUs[pair] = (cells.during.p50Us[pair] ?? Number.NaN) - (cells.before.p50Us[pair] ?? Number.NaN);
    change[pair] = changeOf(cells.before, cells.during, pair, slowUs);
    affected[pair] = isWorse(cells.before, cells.during, pair, slowUs) ? 1 : 0;
  }
  const named = aimed.flatMap((uid) => indexOf.get(uid) ?? []);
  const targets = new Set(named.length > 0 ? named : mostTouched(affected, n));
  const figures = figuresOf({ ...cells, affected, deltaUs, targets, n });
  return { pods, n, ...cells, change, deltaUs, affected, targets, figures };
}

/**
 * Whether a link became worse: a probe of it failed, and at least twice before's share of them did; or it is slow, and
 * its median is at least twice before's. What is not known from before is worse if it is bad. The report says the same.
 */
export function isWorse(before: RangeCells, during: RangeCells, pair: number, slowUs: number): boolean {
  const share = during.failedShare[pair] ?? Number.NaN;
  const us = during.p50Us[pair] ?? Number.NaN;
  const [oldShare, oldUs] = [before.failedShare[pair] ?? Number.NaN, before.p50Us[pair] ?? Number.NaN];
  if (share > 0 && !(share < 2 * oldShare)) return true;
  return us >= slowUs && !(us < 2 * oldUs);
}

function changeOf(before: RangeCells, during: RangeCells, pair: number, slowUs: number): number {
  const [oldShare, share] = [before.failedShare[pair] ?? Number.NaN, during.failedShare[pair] ?? Number.NaN];
  if (!(oldShare >= 0) || !(share >= 0)) return UNKNOWN;
  if (share > 0) return share >= 2 * oldShare ? BROKE : FAILING;
  const us = during.p50Us[pair] ?? Number.NaN;
  if (oldShare > 0 && !(us >= slowUs)) return MENDED;
  const delta = us - (before.p50Us[pair] ?? Number.NaN);
  // It failed whenever it was probed, and now it is slow: there is no figure to be slower than.
  if (Number.isNaN(delta)) return us >= slowUs ? SLOWER : SAME;
  const least = Math.max(LEAST_US, LEAST_SHARE * (before.p50Us[pair] ?? 0));
  if (!(Math.abs(delta) >= least)) return SAME;
  return delta > 0 ? SLOWER : FASTER;
}

function mostTouched(affected: Uint8Array, n: number): number[] {
  const touching = new Uint32Array(n);
  for (let pair = 0; pair < affected.length; pair++) {
    if (affected[pair] === 0) continue;
    const [from, to] = [Math.floor(pair / n), pair % n];
    touching[to] = (touching[to] ?? 0) + 1;
    if (from !== to) touching[from] = (touching[from] ?? 0) + 1;
  }
  const most = touching.reduce((max, count) => Math.max(max, count), 0);
  const tied = most === 0 ? [] : [...touching.keys()].filter((pod) => touching[pod] === most);
  return tied.length > MOST_TIED ? [] : tied;
}

type Counted = Pick<Comparison, 'before' | 'during' | 'after' | 'affected' | 'deltaUs' | 'targets' | 'n'>;

function figuresOf({ before, during, after, affected, deltaUs, targets, n }: Counted): CompareFigures {
  const failed = { before: 0, during: 0, after: after === null ? -1 : 0 };
  let [worse, of, collateral, mostUs] = [0, 0, 0, 0];
  const others: { before: number[]; during: number[] } = { before: [], during: [] };
  for (let pair = 0; pair < n * n; pair++) {
    const share = during.failedShare[pair] ?? Number.NaN;
    if (share >= 0) of++;
    if (share > 0) failed.during++;
    if ((before.failedShare[pair] ?? 0) > 0) failed.before++;
    if ((after?.failedShare[pair] ?? 0) > 0) failed.after++;
    const change = Math.abs(deltaUs[pair] ?? 0);
    if (change > mostUs) mostUs = change;
    const touches = targets.has(Math.floor(pair / n)) || targets.has(pair % n);
    if (affected[pair] === 1) {
      worse++;
      if (!touches) collateral++;
    }
    if (touches) continue;
    others.before.push(before.p50Us[pair] ?? Number.NaN);
    others.during.push(during.p50Us[pair] ?? Number.NaN);
  }
  const othersUs = { before: median(others.before), during: median(others.during) };
  return { affected: worse, of, collateral, failed, othersUs, mostUs };
}

/** The median (nearest rank) of what is a number; NaN without any. */
function median(values: readonly number[]): number {
  const sorted = Float64Array.from(values.filter((value) => value >= 0)).sort();
  return sorted[Math.max(0, Math.ceil(sorted.length / 2) - 1)] ?? Number.NaN;
}

/** The pairs that changed most, the worst first, at most `most`: what broke, what is slower or faster, what is mended. */
export function mostChanged(
  { change, deltaUs, during, n }: Comparison,
  most: number,
): { pairs: number[]; all: number } {
  const rank = (pair: number) => {
    const code = change[pair] ?? 0;
    if (code === BROKE) return 1e12 * (1 + (during.failedShare[pair] ?? 0));
    if (code === FAILING || code === MENDED) return 1e10 * code;
    if (code === UNKNOWN) return -1;
    const delta = Math.abs(deltaUs[pair] ?? 0);
    // One that always failed before, and is slow now, is slower by all of its figure.
    return Number.isNaN(delta) ? (code === SLOWER ? (during.p50Us[pair] ?? 0) : 0) : delta;
  };
  const known: number[] = [];
  for (let pair = 0; pair < n * n; pair++) if (change[pair] !== UNKNOWN) known.push(pair);
  const ranks = Float64Array.from({ length: n * n }, (_, pair) => rank(pair));
  known.sort((a, b) => (ranks[b] ?? 0) - (ranks[a] ?? 0) || a - b);
  return { pairs: known.slice(0, most), all: known.length };
}
