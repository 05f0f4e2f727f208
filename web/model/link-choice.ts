import { STATES } from './cells.ts';
import { codeOf, indexesOf, LINK_STATES, type LinkState } from './links.ts';
import type { Picture } from './mesh-view.ts';
import { Worst } from './worst.ts';

/** Which links the graph shows: the worst of all, or those of one state. Good includes fair, not probed includes pending. */
export const LINK_KINDS = ['all', 'failed', 'slow', 'warning', 'good', 'unknown', 'not-probed'] as const;
export type LinkKind = (typeof LINK_KINDS)[number];

/** Input of `chooseLinks`. */
export interface ChoiceRequest {
  /** Maximum number of links. */
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

/** The links to draw. */
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
const NOT_PROBED = codeOf('not-probed');
const NOT_YET = codeOf('not-yet');
const IGNORED = codeOf('ignored');
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

/** Numbers of links. */
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
  const { state, valueUs, lossy } = picture;
  const { tally, failedTo } = talliesOf(picture, request);
  const worst = new Worst(request.limit);
  const isWanted = wanted(request, tally);
  const offer = (pair: number) => {
    const rank = lossy[pair] === 1 ? LOSSY_RANK : (RANKS[state[pair] ?? GONE] ?? 0);
    worst.offer(pair, rank * RANK_STEP + (valueUs[pair] || 0));
  };
  forEachPair(picture, request, isWanted, offer);
  const isAsked = askedStates(request);
  let asked = isAsked.reduce((sum, one, code) => sum + one * (tally[code] ?? 0), 0);
  if (request.only === 'all' && picture.lossyLinks > 0) {
    for (const pair of indexesOf(lossy, 1)) {
      const code = state[pair] ?? GONE;
      if (isWanted[code] === 1 || code === FAILED) continue;
      if (!isRequested(request, Math.floor(pair / picture.n), pair % picture.n)) continue;
      offer(pair);
      if (isAsked[code] === 0) asked++;
    }
  }
  const failedPairs = isAsked[FAILED] === 1 ? takeFailed(picture, request, failedTo, tally[FAILED] ?? 0) : [];
  const room = request.limit - failedPairs.length;
  const pairs = room > 0 ? [...worst.ascending().slice(-room), ...failedPairs] : failedPairs;
  const slow = pairs.filter((pair) => state[pair] === SLOW);
  const [leastSlow] = slow;
  const isCut = slow.length < (tally[SLOW] ?? 0) && leastSlow !== undefined;
  return { pairs, asked, slowFromUs: isCut ? (valueUs[leastSlow] ?? Number.NaN) : Number.NaN };
}

/** Number of requested links by state, and number of failed links by destination. */
function talliesOf(picture: Picture, request: ChoiceRequest): { tally: Uint32Array; failedTo: Uint32Array } {
  const { n, state, into } = picture;
  const tally = new Uint32Array(LINK_STATES.length);
  const failedTo = new Uint32Array(n);
  if (request.pod < 0) {
    // Uses the counts of the picture, because counting a million links takes 20 ms.
    for (let to = 0; to < n; to++) {
      const self = request.selfLinks ? -1 : (state[to * n + to] ?? -1);
      for (let code = 0; code < STATES; code++) {
        const count = (into[to * STATES + code] ?? 0) - (code === self ? 1 : 0);
        tally[code] = (tally[code] ?? 0) + count;
        if (code === FAILED) failedTo[to] = count;
      }
    }
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

/** The states in which links can be drawn. Links of gone pods never are; those of a pod are, whatever was measured. */
function drawableStates({ pod, only, unmeasured }: ChoiceRequest): Uint8Array {
  const codes = ALL.slice();
  codes[GONE] = 0;
  if (pod >= 0 || unmeasured) return codes;
  codes[IGNORED] = 0;
  if (only !== 'not-probed') codes[NOT_PROBED] = codes[NOT_YET] = 0;
  return codes;
}

/** The states of the links that are asked for: of lossy links, see `chooseLinks`. */
function askedStates(request: ChoiceRequest): Uint8Array {
  const drawable = drawableStates(request);
  const kinds = kindsOf(request);
  return drawable.map((one, code) => (kinds === null || kinds.includes(LINK_STATES[code] ?? 'gone') ? one : 0));
}

/** The states of `only` or, with `onlyBad`, the bad ones; null = all. */
function kindsOf({ only, onlyBad }: ChoiceRequest): LinkState[] | null {
  if (only === 'all') return onlyBad ? ['slow', 'failed'] : null;
  if (only === 'good') return ['good', 'fair'];
  return only === 'not-probed' ? ['not-probed', 'not-yet'] : [only];
}

/** The states that can be among the worst. If there are enough slow links, good ones are not visited. */
function wanted(request: ChoiceRequest, tally: Uint32Array): Uint8Array {
  const { only, limit } = request;
  const isFull = only === 'all' && (tally[FAILED] ?? 0) >= limit;
  if (isFull) return new Uint8Array(LINK_STATES.length);
  const kinds = kindsOf(request);
  if (kinds !== null)
    return Uint8Array.from(LINK_STATES, (kind) => (kind !== 'failed' && kinds.includes(kind) ? 1 : 0));
  let least = RANK.slow;
  let count = tally[SLOW] ?? 0;
  while (least > 0 && count < limit) {
    least--;
    for (const [code, rank] of RANKS.entries()) if (rank === least) count += tally[code] ?? 0;
  }
  return ALL.map((_, code) => (code !== FAILED && (RANKS[code] ?? 0) >= least ? 1 : 0));
}

/** Whether a link is one of those that are asked for, whatever its state. */
function isRequested({ pod, selfLinks }: ChoiceRequest, from: number, to: number): boolean {
  if (from === to && !selfLinks) return false;
  return pod < 0 || from === pod || to === pod;
}

/** Calls `visit` for every requested link in one of the wanted states that can be drawn. */
function forEachPair(
  { n, state, outOf }: Picture,
  request: ChoiceRequest,
  wanted: Uint8Array,
  visit: (pair: number, to: number) => void,
): void {
  const { pod } = request;
  const codes = drawableStates(request).map((one, code) => (wanted[code] === 1 ? one : 0));
  if (pod >= 0) {
    const consider = (from: number, to: number) => {
      const pair = from * n + to;
      if (codes[state[pair] ?? GONE] === 1 && isRequested(request, from, to)) visit(pair, to);
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
      if (codes[state[line + to] ?? GONE] === 1 && isRequested(request, from, to)) visit(line + to, to);
    }
  }
}

/** The failed links to show, by destination: all, or `limit` of them, shared out over destinations and their sources. */
function takeFailed({ n, state }: Picture, request: ChoiceRequest, failedTo: Uint32Array, failed: number): number[] {
  const share = failed <= request.limit ? failedTo : roundRobin(failedTo, request.limit);
  const seen = new Uint32Array(n);
  const pairs: number[] = [];
  for (const pair of indexesOf(state, FAILED)) {
    const to = pair % n;
    if (!isRequested(request, Math.floor(pair / n), to)) continue;
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
