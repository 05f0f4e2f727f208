import type { Finding } from '../../server/protocol/finding.ts';
import { codeOf, LINK_STATES } from './link-state.ts';
import type { Picture } from './picture.ts';
import { isAboutSelfLink } from './pod-findings.ts';
import { BY_SEVERITY, SEVERITY } from './severity.ts';

/** How many states there are: the width of a pod's entry in a tally. */
const WIDTH = LINK_STATES.length;
const [GOOD, SLOW, FAILED] = [codeOf('good'), codeOf('slow'), codeOf('failed')];
const [NOT_YET, UNKNOWN] = [codeOf('not-yet'), codeOf('unknown')];
const [SUSPECT, GONE] = [codeOf('suspect'), codeOf('gone')];
/** The share of a found pod's links, in tenths, that must be bad before its other axis is put down to the same. */
const TENTHS = 9;

/** One failed or slow pair marks its row; of anything milder it takes one in so many, or every row would be marked. */
const SMALL_SHARE = 10;

/**
 * Which pods stand out as a whole, as the server's findings have it. All arrays are by pod index and hold indexes in
 * `LINK_STATES`, -1 = nothing. A row is all pairs *into* a pod, a column all pairs *out of* it, as the heatmap draws them.
 */
export interface AxisStates {
  /** `failed` or `slow`: a finding says so of the links into it. `gone`, `not-yet`: it left, it is new. */
  rows: Int8Array;
  /** `unknown`: did not report. `suspect`: starved. `failed`, `slow`: a finding says so of the links out of it. */
  columns: Int8Array;
  /** The worst of each row, leaving out what an accused column explains; an accused row has its own state. */
  rowWorst: Int8Array;
  /** The worst of each column, leaving out what an accused row explains. */
  columnWorst: Int8Array;
  /** Pairs into and out of each pod by state: `into[pod * 10 + code]`. */
  into: Uint32Array;
  outOf: Uint32Array;
}

/** Tells which rows and columns stand out as a whole, so that the rest can be read without them. O(n^2). */
export function axisStatesOf(picture: Picture): AxisStates {
  const { n, into, outOf } = picture;
  const rows = Int8Array.from({ length: n }, (_, pod) => rowStateOf(picture, into, pod));
  const outside = without(picture, outOf, rows, (pod, other) => pod * n + other);
  const columns = Int8Array.from({ length: n }, (_, pod) => columnStateOf(picture, outside, pod));
  const inside = without(picture, into, columns, (pod, other) => other * n + pod);
  return { rows, columns, rowWorst: worst(rows, inside), columnWorst: worst(columns, outside), into, outOf };
}

/** Counts by state, less those of pairs with an accused pod on the other axis. */
function without(
  { n, state }: Picture,
  counts: Uint32Array,
  axisStates: Int8Array,
  pair: (pod: number, other: number) => number,
): Uint32Array {
  const rest = counts.slice();
  for (let other = 0; other < n; other++) {
    if ((axisStates[other] ?? -1) < 0) continue;
    for (let pod = 0; pod < n; pod++) {
      const at = pod * WIDTH + (state[pair(pod, other)] ?? 0);
      rest[at] = (rest[at] ?? 0) - 1;
    }
  }
  return rest;
}

function rowStateOf({ mesh, n, pods }: Picture, into: Uint32Array, pod: number): number {
  const lifecycle = mesh.pods[pod]?.lifecycle;
  if (lifecycle === 'gone') return GONE;
  const at = (code: number) => into[pod * WIDTH + code] ?? 0;
  if (lifecycle === 'starting' || (n > 1 && at(NOT_YET) * 10 >= (n - at(GONE)) * TENTHS)) return NOT_YET;
  return codeOfFinding(pods[pod]?.foundIn ?? null);
}

function columnStateOf({ mesh, reportOf, pods }: Picture, outside: Uint32Array, pod: number): number {
  const lifecycle = mesh.pods[pod]?.lifecycle;
  if (lifecycle === 'gone') return GONE;
  if (lifecycle === 'starting') return NOT_YET;
  const report = mesh.reports[reportOf[pod] ?? -1];
  if (report === undefined || report.missing !== '') return UNKNOWN;
  if (report.starvation?.unreliable === true) return SUSPECT;
  const view = pods[pod];
  const found = codeOfFinding(view?.foundOut ?? null);
  if (found >= 0) return found;
  // A finding tells of one direction, and in words that the other is no better.
  const seen = codeOfFinding(view?.foundIn ?? null);
  return seen >= 0 && isMostly(seen, (code) => outside[pod * WIDTH + code] ?? 0) ? seen : -1;
}

/** The state that a finding about a whole pod stands for; one about its link to itself says nothing of its row. */
function codeOfFinding(finding: Finding | null): number {
  if (finding === null || isAboutSelfLink(finding)) return -1;
  return finding.severity === 'failed' ? FAILED : finding.severity === 'slow' ? SLOW : -1;
}

function isMostly(state: number, at: (code: number) => number): boolean {
  let judged = 0;
  for (let code = GOOD; code <= FAILED; code++) judged += at(code);
  const bad = at(FAILED) + (state === SLOW ? at(SLOW) : 0);
  return judged > 0 && bad * 10 >= judged * TENTHS;
}

function worst(axisStates: Int8Array, counts: Uint32Array): Int8Array {
  return axisStates.map((own, pod) => {
    if (own >= 0) return own;
    const start = pod * WIDTH;
    let all = 0;
    for (let at = start; at < start + WIDTH; at++) all += counts[at] ?? 0;
    for (let severity = WIDTH - 1; severity >= 0; severity--) {
      const code = BY_SEVERITY[severity] ?? 0;
      const count = counts[start + code] ?? 0;
      if (count > 0 && (code === FAILED || code === SLOW || count >= all / SMALL_SHARE)) return code;
    }
    return -1;
  });
}

/** A figure to sort pods by, worst first: failed pairs before slow ones before late ones. `counts` as in `Accused`. */
export function badness(counts: Uint32Array, pod: number): number {
  const at = (code: number) => counts[pod * WIDTH + code] ?? 0;
  return (at(FAILED) * 65_536 + at(SLOW)) * 65_536 + at(SLOW - 1) + at(UNKNOWN) / 65_536;
}

/** Whether code `a` is more worth seeing than code `b`; -1 is less than all. */
export function isWorse(a: number, b: number): boolean {
  return a >= 0 && (b < 0 || (SEVERITY[a] ?? 0) > (SEVERITY[b] ?? 0));
}
