import { STATES } from './cells.ts';
import { codeOf, indexesOf, LINK_STATES, type LinkState } from './links.ts';
import type { Picture } from './mesh-view.ts';
import { Worst } from './worst.ts';

/** Which links the graph shows: the worst of all, or those of one state. Good includes fair, not probed includes pending. */
export const LINK_KINDS = ['all', 'failed', 'slow', 'warning', 'good', 'unknown', 'not-probed'] as const;
export type LinkKind = (typeof LINK_KINDS)[number];

export interface ChoiceRequest {
  limit: number;
  only: LinkKind;
  /** Only links of this pod (index in `Mesh.pods`), including those that were not probed; -1 = all pods. */
  pod: number;
  selfLinks: boolean;
  /** Only failed, slow and lossy links, because the others are drawn in another way. */
  onlyBad?: boolean;
  /** Also links of all pods that were not probed, are pending or ignored, because the filter asks for states. */
  unmeasured?: boolean;
}

export interface LinkChoice {
  /** Links (`from * n + to`), the worst last, so that it is drawn on top. */
  pairs: number[];
  /** How many links there would be without a limit. */
  asked: number;
  /** The lowest latency (us) of a shown slow link if not all slow links are shown; otherwise NaN. */
  slowFromUs: number;
}

const SLOW = codeOf('slow');
const FAILED = codeOf('failed');
const GONE = codeOf('gone');

/**
 * Rank of links that are not failed: slow, lossy, warning, unknown, then good and fair by latency. Unlike in `SEVERITY` an unknown
 * link is below a late one: it has nothing to show, and what is unknown is seen at the pod that did not report.
 */
const RANK: Record<LinkState, number> = {
  good: 1,
  fair: 1,
  warning: 3,
  slow: 4,
  failed: 5,
  'not-probed': 0,
  'not-yet': 0,
  unknown: 2,
  ignored: 0,
  gone: -1,
};
const RANKS = LINK_STATES.map((state) => RANK[state]);
const LOSSY_RANK = 3.5;
/** Greater than any latency in us that a report can hold. */
const RANK_STEP = 1e9;

export interface LinkCounts {
  byState: Record<LinkState, number>;
  /** Those that were probed or whose source did not report. */
  measured: number;
  unreliable: number;
  lossy: number;
}

/** The links of the kind `not-probed`: how many, and which of them there are. */
export function unprobedLinks(counts: Record<LinkState, number>): { count: number; words: string } {
  const { 'not-probed': notProbed, 'not-yet': pending } = counts;
  const words = pending === 0 ? 'not probed' : notProbed === 0 ? 'pending' : 'not probed or pending';
  return { count: notProbed + pending, words };
}

/** Counts the links of a picture, with or without those of pods to themselves. O(n). */
export function countLinks({ n, state, unreliable, counts, ...of }: Picture, selfLinks: boolean): LinkCounts {
  const byState = { ...counts };
  let unreliableLinks = of.unreliableLinks;
  for (let self = 0; self < n * n && !selfLinks; self += n + 1) {
    const own = LINK_STATES[state[self] ?? -1];
    if (own !== undefined) byState[own]--;
    unreliableLinks -= unreliable[self] ?? 0;
  }
  const { good, fair, warning, slow, failed, unknown } = byState;
  const measured = good + fair + warning + slow + failed + unknown;
  // A self-link is never lossy.
  return { byState, measured, unreliable: unreliableLinks, lossy: of.lossyLinks };
}

/**
 * Chooses the links to draw: all failed ones first, then the worst. If there are too many failed links, they are shared
 * out round-robin over their destinations, so that one dead node does not hide a second fault. O(n^2 + chosen). The same
 * picture always gives the same choice. For the links that a filter shows, pass the picture of `shownLinks`.
 */
export function chooseLinks(picture: Picture, request: ChoiceRequest): LinkChoice {
  const { n, state, valueUs, lossy } = picture;
  const worst = new Worst(request.limit);
  const failedTo = new Uint32Array(n);
  const tally = new Uint32Array(STATES);
  forEachAsked(picture, request, (pair, to) => {
    const code = state[pair] ?? GONE;
    tally[code] = (tally[code] ?? 0) + 1;
    if (code === FAILED) failedTo[to] = (failedTo[to] ?? 0) + 1;
    else {
      const rank = lossy[pair] === 1 ? LOSSY_RANK : (RANKS[code] ?? 0);
      worst.offer(pair, rank * RANK_STEP + (valueUs[pair] || 0));
    }
  });
  const failed = tally[FAILED] ?? 0;
  const failedPairs = failed === 0 ? [] : takeFailed(picture, request, failedTo, failed);
  const room = request.limit - failedPairs.length;
  const pairs = room > 0 ? [...worst.ascending().slice(-room), ...failedPairs] : failedPairs;
  const slowPairs = pairs.filter((pair) => state[pair] === SLOW);
  const [leastSlow = -1] = slowPairs;
  const isCut = slowPairs.length < (tally[SLOW] ?? 0);
  const asked = tally.reduce((sum, count) => sum + count, 0);
  return { pairs, asked, slowFromUs: isCut ? (valueUs[leastSlow] ?? Number.NaN) : Number.NaN };
}

/** By state: 1 = its links are asked for. Those of gone pods never are; others of one pod are, whatever was measured. */
function askedStates({ pod, only, onlyBad, unmeasured }: ChoiceRequest): Uint8Array {
  const left: LinkState[] = ['gone'];
  if (pod < 0 && !unmeasured) left.push('ignored');
  if (pod < 0 && !unmeasured && only !== 'not-probed') left.push('not-probed', 'not-yet');
  let kinds: readonly LinkState[] = LINK_STATES;
  if (only === 'good') kinds = ['good', 'fair'];
  else if (only === 'not-probed') kinds = ['not-probed', 'not-yet'];
  else if (only !== 'all') kinds = [only];
  else if (onlyBad) kinds = ['slow', 'failed'];
  return Uint8Array.from(LINK_STATES, (state) => (kinds.includes(state) && !left.includes(state) ? 1 : 0));
}

/** Calls `visit` for every link that is asked for; among all kinds also for the lossy ones, whatever their state. */
function forEachAsked(
  { n, state, outOf, lossy, lossyLinks }: Picture,
  request: ChoiceRequest,
  visit: (pair: number, to: number) => void,
): void {
  const { pod, selfLinks, only } = request;
  const codes = askedStates(request);
  const withLossy = only === 'all' && lossyLinks > 0;
  for (let from = 0; from < n; from++) {
    const hasAsked = codes.some((one, code) => one === 1 && (outOf[from * STATES + code] ?? 0) > 0);
    if (!hasAsked && !withLossy) continue;
    // Of one pod its row and its column.
    const [first, last] = pod < 0 || pod === from ? [0, n - 1] : [pod, pod];
    for (let to = first; to <= last; to++) {
      const pair = from * n + to;
      const isAsked = codes[state[pair] ?? GONE] === 1 || (withLossy && lossy[pair] === 1);
      if (isAsked && (from !== to || selfLinks)) visit(pair, to);
    }
  }
}

/** The failed links to show, by destination: all, or `limit` of them, shared out over destinations and their sources. */
function takeFailed(
  { n, state }: Picture,
  { pod, selfLinks, limit }: ChoiceRequest,
  failedTo: Uint32Array,
  failed: number,
): number[] {
  const share = failed <= limit ? failedTo : roundRobin(failedTo, limit);
  const seen = new Uint32Array(n);
  const pairs: number[] = [];
  for (const pair of indexesOf(state, FAILED)) {
    const [from, to] = [Math.floor(pair / n), pair % n];
    if ((from === to && !selfLinks) || (pod >= 0 && from !== pod && to !== pod)) continue;
    const place = (seen[to] ?? 0) + to;
    seen[to] = (seen[to] ?? 0) + 1;
    // Takes the share of all evenly. The offset differs by destination; otherwise all links would come from the first pods.
    if ((place * (share[to] ?? 0)) % (failedTo[to] ?? 1) < (share[to] ?? 0)) pairs.push(pair);
  }
  return pairs.sort((a, b) => (a % n) - (b % n) || a - b);
}

/** Shares `limit` out round-robin, nobody getting more than its count. */
function roundRobin(counts: Uint32Array, limit: number): Uint32Array {
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
