import { codeOf, LINK_STATES, type LinkState } from './link-state.ts';
import type { Picture } from './picture.ts';
import { STATES } from './picture-cells.ts';
import { Worst } from './worst.ts';

/** Which links a graph is asked for: the worst of all, or of one kind. */
export type LinkKind = 'all' | 'failed' | 'slow';

/** What to choose from, and how many. */
export interface ChoiceRequest {
  /** The most links to show. */
  limit: number;
  only: LinkKind;
  /** Links of this pod only (index in `Mesh.pods`), then with those that were not probed; -1 = of all pods. */
  pod: number;
  selfLinks: boolean;
  /** Pods that a link must touch, by index; null = all. */
  touching: Uint8Array | null;
}

/** The links to draw. */
export interface LinkChoice {
  /** Pairs (`from * n + to`), the worst last, so that it is drawn on top. */
  pairs: number[];
  /** By state: how many of them are shown, and how many there are. */
  shown: Record<LinkState, number>;
  total: Record<LinkState, number>;
  /** All links there are, whatever `only` says: probed, or to be known but not reported. */
  all: number;
  /** The least latency (us) of a slow link shown where not all of them are; NaN otherwise. */
  slowFromUs: number;
}

const SLOW = codeOf('slow');
const FAILED = codeOf('failed');
const NOT_PROBED = codeOf('not-probed');
const NOT_YET = codeOf('not-yet');
const GONE = codeOf('gone');

/** Rank of a state among links that are not failed: slow, warning, suspect, unknown, then good and fair by latency. */
const RANK: Record<LinkState, number> = {
  good: 1,
  fair: 1,
  warning: 4,
  slow: 5,
  failed: 6,
  'not-probed': 0,
  'not-yet': 0,
  unknown: 2,
  suspect: 3,
  gone: -1,
};
const RANKS = LINK_STATES.map((state) => RANK[state]);
/** More than any latency in us that a link can carry (see bytes16.ts). */
const RANK_STEP = 1e9;

/**
 * Chooses the links of a picture: all failed first, then the worst. If more failed than fit, they are shared out over
 * their targets in turns, so that one dead node does not hide a second fault. O(n^2 + chosen). The same picture gives
 * the same choice.
 */
export function chooseLinks(picture: Picture, request: ChoiceRequest): LinkChoice {
  const { state, valueUs } = picture;
  const { tally, failedTo } = talliesOf(picture, request);
  const worst = new Worst(request.limit);
  forEachPair(picture, request, wanted(request, tally), (pair) => {
    worst.offer(pair, (RANKS[state[pair] ?? GONE] ?? 0) * RANK_STEP + (valueUs[pair] || 0));
  });
  const failedPairs = request.only === 'slow' ? [] : takeFailed(picture, request, failedTo, tally[FAILED] ?? 0);
  const room = request.limit - failedPairs.length;
  const pairs = room > 0 ? [...worst.ascending().slice(-room), ...failedPairs] : failedPairs;
  const total = byState(tally);
  const shown = new Uint32Array(LINK_STATES.length);
  for (const pair of pairs) shown[state[pair] ?? GONE] = (shown[state[pair] ?? GONE] ?? 0) + 1;
  const leastSlow = pairs.find((pair) => state[pair] === SLOW);
  return {
    pairs,
    shown: byState(shown),
    total,
    all: total.good + total.fair + total.warning + total.slow + total.failed + total.suspect + total.unknown,
    slowFromUs:
      (shown[SLOW] ?? 0) < total.slow && leastSlow !== undefined ? (valueUs[leastSlow] ?? Number.NaN) : Number.NaN,
  };
}

/** How many pairs that the request is about are in each state, and how many failed by the pod they lead to. */
function talliesOf(picture: Picture, request: ChoiceRequest): { tally: Uint32Array; failedTo: Uint32Array } {
  const { n, state, into } = picture;
  const tally = new Uint32Array(LINK_STATES.length);
  const failedTo = new Uint32Array(n);
  if (request.pod < 0 && request.touching === null) {
    // Counted with the picture already: a million pairs take 20 ms.
    for (let to = 0; to < n; to++) {
      const self = request.selfLinks ? -1 : (state[to * n + to] ?? -1);
      for (let code = 0; code < STATES; code++) {
        const count = (into[to * STATES + code] ?? 0) - (code === self ? 1 : 0);
        tally[code] = (tally[code] ?? 0) + count;
        if (code === FAILED) failedTo[to] = count;
      }
    }
    tally[GONE] = tally[NOT_PROBED] = tally[NOT_YET] = 0;
    return { tally, failedTo };
  }
  forEachPair(picture, request, ALL, (pair, to) => {
    const code = state[pair] ?? GONE;
    tally[code] = (tally[code] ?? 0) + 1;
    if (code === FAILED) failedTo[to] = (failedTo[to] ?? 0) + 1;
  });
  return { tally, failedTo };
}

/** Every state, by index in `LINK_STATES`. */
const ALL = new Uint8Array(LINK_STATES.length).fill(1);
const ONLY_FAILED = ALL.map((_, code) => (code === FAILED ? 1 : 0));

/** Which states have a chance to be among the worst: where enough are slow, nobody needs to look at the good ones. */
function wanted({ only, limit }: ChoiceRequest, tally: Uint32Array): Uint8Array {
  const isFull = only === 'all' && (tally[FAILED] ?? 0) >= limit;
  if (only === 'failed' || isFull) return new Uint8Array(LINK_STATES.length);
  if (only === 'slow') return ALL.map((_, code) => (code === SLOW ? 1 : 0));
  let least = RANK.slow;
  let count = tally[SLOW] ?? 0;
  while (least > 0 && count < limit) {
    least--;
    for (const [code, rank] of RANKS.entries()) if (rank === least) count += tally[code] ?? 0;
  }
  return ALL.map((_, code) => (code !== FAILED && (RANKS[code] ?? 0) >= least ? 1 : 0));
}

/** Calls back for every pair in one of the wanted states that the request is about; pairs of gone pods are never drawn. */
function forEachPair(
  { n, state, outOf }: Picture,
  { pod, selfLinks, touching }: ChoiceRequest,
  wanted: Uint8Array,
  visit: (pair: number, to: number) => void,
): void {
  const codes = wanted.slice();
  codes[GONE] = 0;
  if (pod < 0) codes[NOT_PROBED] = codes[NOT_YET] = 0;
  const isAsked = (from: number, to: number) =>
    (from !== to || selfLinks) && (touching === null || touching[from] === 1 || touching[to] === 1);
  if (pod >= 0) {
    const consider = (from: number, to: number) => {
      const pair = from * n + to;
      if (codes[state[pair] ?? GONE] === 1 && isAsked(from, to)) visit(pair, to);
    };
    for (let other = 0; other < n; other++) {
      consider(pod, other);
      if (other !== pod) consider(other, pod);
    }
    return;
  }
  for (let from = 0; from < n; from++) {
    const line = from * n;
    if (!codes.some((isWanted, code) => isWanted === 1 && (outOf[from * STATES + code] ?? 0) > 0)) continue;
    for (let to = 0; to < n; to++) {
      if (codes[state[line + to] ?? GONE] === 1 && isAsked(from, to)) visit(line + to, to);
    }
  }
}

/** The failed pairs to show: all, or `limit` of them in turns over the targets, and over each target's pingers. */
function takeFailed(picture: Picture, request: ChoiceRequest, failedTo: Uint32Array, failed: number): number[] {
  const share = failed <= request.limit ? failedTo : inTurns(failedTo, request.limit);
  const seen = new Uint32Array(picture.n);
  const pairs: number[] = [];
  if (failed === 0) return pairs;
  const consider = (pair: number, to: number) => {
    const count = failedTo[to] ?? 0;
    const place = (seen[to] ?? 0) + to;
    seen[to] = (seen[to] ?? 0) + 1;
    // Takes share[to] of count, evenly; starting elsewhere for each target, or all would come from the first pods.
    if ((place * (share[to] ?? 0)) % count < (share[to] ?? 0)) pairs.push(pair);
  };
  if (request.pod >= 0 || request.touching !== null) {
    forEachPair(picture, request, ONLY_FAILED, consider);
    return pairs;
  }
  // Mostly a few targets fail: only what leads to them is looked at.
  const { n, state } = picture;
  for (let to = 0; to < n; to++) {
    if ((share[to] ?? 0) === 0) continue;
    for (let from = 0; from < n; from++) {
      if (state[from * n + to] === FAILED && (from !== to || request.selfLinks)) consider(from * n + to, to);
    }
  }
  return pairs;
}

/** How many each gets when `limit` is dealt out in turns and nobody gets more than its count. */
function inTurns(counts: Uint32Array, limit: number): Uint32Array {
  const share = new Uint32Array(counts.length);
  let left = limit;
  for (let round = 1; left > 0; round++) {
    const before = left;
    for (let i = 0; i < counts.length && left > 0; i++) {
      if ((counts[i] ?? 0) < round) continue;
      share[i] = round;
      left--;
    }
    if (left === before) break;
  }
  return share;
}

function byState(tally: Uint32Array): Record<LinkState, number> {
  return Object.fromEntries(LINK_STATES.map((state, code) => [state, tally[code] ?? 0])) as Record<LinkState, number>;
}
