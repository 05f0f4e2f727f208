import { codeOf, LINK_STATES, type LinkState } from './link-state.ts';
import type { Picture } from './picture.ts';
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
  const { n, state, valueUs } = picture;
  const total = noCounts();
  const failedTo = new Uint32Array(n);
  const worst = new Worst(request.limit);
  let failed = 0;
  forEachPair(picture, request, (pair, to) => {
    const code = state[pair] ?? GONE;
    const name = LINK_STATES[code] ?? 'gone';
    total[name]++;
    if (code === FAILED) {
      failed++;
      failedTo[to] = (failedTo[to] ?? 0) + 1;
    } else if (request.only === 'all' || (request.only === 'slow' && code === SLOW)) {
      const us = valueUs[pair] ?? 0;
      worst.offer(pair, (RANKS[code] ?? 0) * RANK_STEP + (us || 0));
    }
  });
  const failedPairs = request.only === 'slow' ? [] : takeFailed(picture, request, failedTo, failed);
  const room = request.limit - failedPairs.length;
  const pairs = room > 0 ? [...worst.ascending().slice(-room), ...failedPairs] : failedPairs;
  const shown = noCounts();
  for (const pair of pairs) shown[LINK_STATES[state[pair] ?? GONE] ?? 'gone']++;
  const leastSlow = pairs.find((pair) => state[pair] === SLOW);
  return {
    pairs,
    shown,
    total,
    all: total.good + total.fair + total.warning + total.slow + total.failed + total.suspect + total.unknown,
    slowFromUs: shown.slow < total.slow && leastSlow !== undefined ? (valueUs[leastSlow] ?? Number.NaN) : Number.NaN,
  };
}

/** Calls back for every pair that the request is about; pairs of gone pods are never drawn. */
function forEachPair({ n, state }: Picture, request: ChoiceRequest, visit: (pair: number, to: number) => void): void {
  const { pod, selfLinks, touching } = request;
  const consider = (from: number, to: number) => {
    const pair = from * n + to;
    const code = state[pair] ?? GONE;
    if (code === GONE || (from === to && !selfLinks)) return;
    if (pod < 0 && (code === NOT_PROBED || code === NOT_YET)) return;
    if (touching !== null && touching[from] !== 1 && touching[to] !== 1) return;
    visit(pair, to);
  };
  if (pod >= 0) {
    for (let other = 0; other < n; other++) {
      consider(pod, other);
      if (other !== pod) consider(other, pod);
    }
    return;
  }
  for (let from = 0; from < n; from++) for (let to = 0; to < n; to++) consider(from, to);
}

/** The failed pairs to show: all, or `limit` of them in turns over the targets, and over each target's pingers. */
function takeFailed(picture: Picture, request: ChoiceRequest, failedTo: Uint32Array, failed: number): number[] {
  const share = failed <= request.limit ? failedTo : inTurns(failedTo, request.limit);
  const seen = new Uint32Array(picture.n);
  const pairs: number[] = [];
  if (failed === 0) return pairs;
  forEachPair(picture, request, (pair, to) => {
    if (picture.state[pair] !== FAILED) return;
    const count = failedTo[to] ?? 0;
    const place = (seen[to] ?? 0) + to;
    seen[to] = (seen[to] ?? 0) + 1;
    // Takes share[to] of count, evenly; starting elsewhere for each target, or all would come from the first pods.
    if ((place * (share[to] ?? 0)) % count < (share[to] ?? 0)) pairs.push(pair);
  });
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

function noCounts(): Record<LinkState, number> {
  return Object.fromEntries(LINK_STATES.map((state) => [state, 0])) as Record<LinkState, number>;
}
