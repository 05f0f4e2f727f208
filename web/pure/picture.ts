import { unpack16 } from '../../server/contract/bytes16.ts';
import { FLAG_NOT_YET, FLAG_SUSPECT, type LinkColumns } from '../../server/contract/links.ts';
import type { Mesh, MeshRow } from '../../server/contract/mesh.ts';
import { codeOf, LINK_STATES, type LinkState, type Thresholds } from './link-state.ts';
import { type PodView, viewPods } from './pod-view.ts';

/** Which figure of a link is shown: the newest, or one over the window (total only). */
export type ValueKind = 'last' | 'p50' | 'p95' | 'max';
/** Which part of the exchange the newest figure is of. */
export type ValuePhase = 'total' | 'connect' | 'first-byte';

/** What a picture is built for. `phase` counts only with `value: 'last'`: windows know totals alone. */
export interface PictureOptions {
  thresholds: Thresholds;
  value: ValueKind;
  phase: ValuePhase;
}

/** The matrix made ready for drawing. Pair (from, to) has index `from * n + to` in `state`, `base`, `valueUs`, `link`. */
export interface Picture {
  mesh: Mesh;
  /** Number of pods, in the order of `mesh.pods`, gone ones included. */
  n: number;
  /** Index in `LINK_STATES` of every pair. */
  state: Uint8Array;
  /** As `state`, but what lies beneath `suspect`: the state that the figure alone would have. */
  base: Uint8Array;
  /** The chosen figure, us; NaN where there is none. */
  valueUs: Float32Array;
  /** Entry of the pair in the links of its row, -1 without one; the worse where both IP families are probed. */
  link: Int32Array;
  /** Pod to index in `mesh.rows`, -1 without a row. */
  rowOf: Int32Array;
  /** How many of all n * n pairs, self-links included, are in each state. */
  counts: Record<LinkState, number>;
  pods: PodView[];
  /** The link to look at first: failed for the longest time, else the slowest; null without any. */
  worst: { from: number; to: number } | null;
}

const GOOD = codeOf('good');
const SLOW = codeOf('slow');
const FAILED = codeOf('failed');
const NOT_PROBED = codeOf('not-probed');
const NOT_YET = codeOf('not-yet');
const UNKNOWN = codeOf('unknown');
const SUSPECT = codeOf('suspect');
const GONE = codeOf('gone');

/**
 * Builds the picture of a matrix: outcome first, latency second. O(n^2).
 * A window's figure that is not there (no window asked for yet, no answer in it) is replaced by the newest total.
 * A phase that was not measured (Goldpinger's `/check`) leaves an answered link `unknown`.
 */
export function buildPicture(mesh: Mesh, options: PictureOptions): Picture {
  const n = mesh.pods.length;
  const rowOf = new Int32Array(n).fill(-1);
  for (const [i, row] of mesh.rows.entries()) if (rowOf[row.pod] === -1) rowOf[row.pod] = i;
  const picture: Picture = {
    mesh,
    n,
    state: new Uint8Array(n * n),
    base: new Uint8Array(n * n),
    valueUs: new Float32Array(n * n).fill(Number.NaN),
    link: new Int32Array(n * n).fill(-1),
    rowOf,
    counts: Object.fromEntries(LINK_STATES.map((state) => [state, 0])) as Record<LinkState, number>,
    pods: [],
    worst: null,
  };
  const special = mesh.pods.flatMap(({ lifecycle }, i) =>
    lifecycle === 'gone' || lifecycle === 'starting' ? [i] : [],
  );
  for (let from = 0; from < n; from++) {
    const row = mesh.rows[rowOf[from] ?? -1];
    fillUnmeasured(picture, from, row, special);
    if (row !== undefined) fillMeasured(picture, from, row, options);
  }
  count(picture);
  picture.pods = viewPods(picture);
  picture.worst = worstOf(picture);
  return picture;
}

/** What pairs from one pod are before any of its links is looked at. `special` are pods that are gone or starting. */
function fillUnmeasured(picture: Picture, from: number, row: MeshRow | undefined, special: readonly number[]): void {
  const { mesh, n, state, base } = picture;
  const start = from * n;
  const lifecycle = mesh.pods[from]?.lifecycle;
  const silent = row === undefined || row.missing !== '';
  const blank = lifecycle === 'gone' ? GONE : lifecycle === 'starting' ? NOT_YET : silent ? UNKNOWN : NOT_PROBED;
  state.fill(blank, start, start + n);
  if (blank !== GONE)
    for (const to of special) state[start + to] = mesh.pods[to]?.lifecycle === 'gone' ? GONE : NOT_YET;
  base.set(state.subarray(start, start + n), start);
}

function fillMeasured(picture: Picture, from: number, row: MeshRow, options: PictureOptions): void {
  const { n, state, base, valueUs, link } = picture;
  const { links } = row;
  const unreliable = row.starvation?.unreliable === true;
  const failuresStand = !unreliable || failsAtFew(links);
  const goodUs = options.thresholds.goodMs * 1000;
  const warningUs = options.thresholds.warningMs * 1000;
  const problemUs = options.thresholds.problemMs * 1000;
  const { figures, spare } = figuresOf(row, options);
  for (let i = 0; i < links.length; i++) {
    const pair = from * n + (links.to[i] ?? 0);
    const flags = links.flags[i] ?? 0;
    const seen = link[pair] ?? -1;
    const isGone = base[pair] === GONE;
    if ((flags & FLAG_NOT_YET) !== 0) {
      if (seen === -1) {
        link[pair] = i;
        if (!isGone) base[pair] = state[pair] = NOT_YET;
      }
      continue;
    }
    const us = figureAt(figures, spare, i);
    const failed = links.outcome[i] !== 0;
    const code = failed ? FAILED : us < 0 ? UNKNOWN : us < goodUs ? 0 : us < warningUs ? 1 : us < problemUs ? 2 : SLOW;
    if (seen !== -1 && !isWorse(code, us, base[pair] ?? 0, valueUs[pair] ?? 0)) continue;
    link[pair] = i;
    valueUs[pair] = us < 0 ? Number.NaN : us;
    if (isGone) continue;
    base[pair] = code;
    // A judged failure comes from a sample that could be trusted: one starved sample after it does not hide it.
    const stands = failed ? failuresStand : !unreliable && (flags & FLAG_SUSPECT) === 0;
    state[pair] = stands ? code : SUSPECT;
  }
}

/**
 * Whether fewer than half of the measured links fail. Then it is not the starved process that fails: it reaches the
 * others all the same, and to call everything suspect would hide a dead pod for as long as the node is busy.
 */
function failsAtFew({ length, flags, outcome }: LinkColumns): boolean {
  let measured = 0;
  let failed = 0;
  for (let i = 0; i < length; i++) {
    if (((flags[i] ?? 0) & FLAG_NOT_YET) !== 0) continue;
    measured++;
    if (outcome[i] !== 0) failed++;
  }
  return failed * 2 < measured;
}

/** The column of the chosen figure, and what stands in for it where it has none. */
function figuresOf(
  row: MeshRow,
  { value, phase }: PictureOptions,
): { figures: Uint16Array; spare: Uint16Array | null } {
  const { links, stats } = row;
  if (value !== 'last') {
    if (stats === null) return { figures: links.totalUs, spare: null };
    const column = value === 'p50' ? stats.p50Us : value === 'p95' ? stats.p95Us : stats.maxUs;
    return { figures: column, spare: links.totalUs };
  }
  const column = phase === 'connect' ? links.connectUs : phase === 'first-byte' ? links.firstByteUs : links.totalUs;
  return { figures: column, spare: null };
}

function figureAt(figures: Uint16Array, spare: Uint16Array | null, i: number): number {
  const us = unpack16(figures[i] ?? 0);
  return us < 0 && spare !== null ? unpack16(spare[i] ?? 0) : us;
}

/** Of two IP families of one pair the worse is shown: failed, then slower; anything measured before `not-yet`. */
function isWorse(code: number, us: number, oldCode: number, oldUs: number): boolean {
  const rank = (c: number) => (c <= FAILED ? c : -1);
  if (rank(code) !== rank(oldCode)) return rank(code) > rank(oldCode);
  return us > oldUs;
}

function count({ state, counts }: Picture): void {
  const tally = new Uint32Array(LINK_STATES.length);
  // An index, not for-of: over a million pairs the iterator alone takes 20 ms.
  for (let pair = 0; pair < state.length; pair++) {
    const code = state[pair] ?? 0;
    tally[code] = (tally[code] ?? 0) + 1;
  }
  for (const [code, name] of LINK_STATES.entries()) counts[name] = tally[code] ?? 0;
}

function worstOf({ mesh, n, state, valueUs, link, rowOf, counts }: Picture): Picture['worst'] {
  const wantFailed = counts.failed > 0;
  let best = -1;
  let at = -1;
  for (let pair = 0; pair < state.length; pair++) {
    const code = state[pair] ?? 0;
    if (wantFailed ? code !== FAILED : code < GOOD || code > SLOW) continue;
    const row = wantFailed ? mesh.rows[rowOf[Math.floor(pair / n)] ?? -1] : undefined;
    const rank = wantFailed ? unpack16(row?.links.sinceMs[link[pair] ?? -1] ?? 0) : (valueUs[pair] ?? 0);
    if (rank > best) {
      best = rank;
      at = pair;
    }
  }
  return at === -1 ? null : { from: Math.floor(at / n), to: at % n };
}
