import type { Finding } from '../../server/protocol/finding.ts';
import { STATES } from './cells.ts';
import { isAboutSelfLink } from './findings.ts';
import { areManyLate, BY_SEVERITY, COUNTS, codeOf } from './links.ts';
import type { Picture } from './mesh-view.ts';

const [GOOD, SLOW, FAILED] = [codeOf('good'), codeOf('slow'), codeOf('failed')];
const [NOT_YET, UNKNOWN] = [codeOf('not-yet'), codeOf('unknown')];
const GONE = codeOf('gone');
/** A finding about one direction also marks the other one if this share of those links, in tenths, is bad. */
const MOSTLY_TENTHS = 9;

/**
 * The states of whole rows and columns of the heatmap, from the server's findings. All arrays are by pod index and hold
 * indexes in `LINK_STATES`; -1 = none. A row has the links *into* a pod, a column the links *out of* it.
 */
export interface AxisStates {
  /** `failed`, `slow`: a finding is about the links into the pod. `gone`: the pod is gone. `not-yet`: it starts, or is hardly pinged yet. */
  rows: Int8Array;
  /**
   * `unknown`: no report. `failed`, `slow`: a finding is about the links out of the pod, or about those into it, and most of the
   * links out of it are bad too. `gone`, `not-yet`: the pod is gone, or starts.
   */
  columns: Int8Array;
  /** The state of each row, or else the worst of its links without those in a column that has a state. */
  rowWorst: Int8Array;
  /** The same for columns. */
  columnWorst: Int8Array;
}

export function axisStatesOf(picture: Picture): AxisStates {
  const { n, into, outOf } = picture;
  const rows = Int8Array.from({ length: n }, (_, pod) => rowStateOf(picture, into, pod));
  const starved = Int8Array.from(picture.pods, (view) => (view.starved ? 0 : -1));
  const outside = without(picture, outOf, rows, (pod, other) => pod * n + other);
  const columns = Int8Array.from({ length: n }, (_, pod) => columnStateOf(picture, outside, pod));
  // Links out of a starved pod are unreliable, so they do not mark the rows of others.
  const inside = without(
    picture,
    into,
    columns.map((code, pod) => (code >= 0 ? code : (starved[pod] ?? -1))),
    (pod, other) => other * n + pod,
  );
  const isMarked = (code: number) => code === FAILED || (code === SLOW && picture.figure === null);
  return {
    rows,
    columns,
    rowWorst: worst(rows, inside, isMarked),
    columnWorst: worst(columns, outside, isMarked),
  };
}

/** Counts by state without the links whose other pod has a state in `otherAxis`. */
function without(
  { n, state }: Picture,
  counts: Uint32Array,
  otherAxis: Int8Array,
  pair: (pod: number, other: number) => number,
): Uint32Array {
  const rest = counts.slice();
  for (let other = 0; other < n; other++) {
    if ((otherAxis[other] ?? -1) < 0) continue;
    for (let pod = 0; pod < n; pod++) {
      const at = pod * STATES + (state[pair(pod, other)] ?? 0);
      rest[at] = (rest[at] ?? 0) - 1;
    }
  }
  return rest;
}

function rowStateOf({ mesh, n, pods, figure }: Picture, into: Uint32Array, pod: number): number {
  const lifecycle = mesh.pods[pod]?.lifecycle;
  if (lifecycle === 'gone') return GONE;
  const at = (code: number) => into[pod * STATES + code] ?? 0;
  if (lifecycle === 'starting' || (n > 1 && at(NOT_YET) * 10 >= (n - at(GONE)) * MOSTLY_TENTHS)) return NOT_YET;
  return codeOfFinding(figure, pods[pod]?.foundIn ?? null);
}

function columnStateOf({ mesh, pods, figure }: Picture, outside: Uint32Array, pod: number): number {
  const lifecycle = mesh.pods[pod]?.lifecycle;
  if (lifecycle === 'gone') return GONE;
  if (lifecycle === 'starting') return NOT_YET;
  const view = pods[pod];
  if (view?.silent !== false) return UNKNOWN;
  const found = codeOfFinding(figure, view.foundOut);
  if (found >= 0) return found;
  // A finding is about one direction. It marks the other one only if that is mostly bad too.
  const seen = codeOfFinding(figure, view.foundIn);
  return seen >= 0 && isMostly(seen, (code) => outside[pod * STATES + code] ?? 0) ? seen : -1;
}

/** The state for a finding about a whole pod; -1 = none. A slow finding says nothing about another figure than latency. */
function codeOfFinding(figure: Picture['figure'], finding: Finding | null): number {
  if (finding === null || isAboutSelfLink(finding)) return -1;
  return finding.severity === 'failed' ? FAILED : finding.severity === 'slow' && figure === null ? SLOW : -1;
}

function isMostly(state: number, at: (code: number) => number): boolean {
  let judged = 0;
  for (let code = GOOD; code <= FAILED; code++) judged += at(code);
  const bad = at(FAILED) + (state === SLOW ? at(SLOW) : 0);
  return judged > 0 && bad * 10 >= judged * MOSTLY_TENTHS;
}

/**
 * `isMarked`: whether one link in the state with this code marks its row or column. Of the others, and of high figures, there
 * must be many: no finding says which of the two pods they are about.
 */
function worst(states: Int8Array, counts: Uint32Array, isMarked: (code: number) => boolean): Int8Array {
  return states.map((own, pod) => {
    if (own >= 0) return own;
    const start = pod * STATES;
    let all = 0;
    for (let code = 0; code < STATES; code++) all += (counts[start + code] ?? 0) * (COUNTS[code] ?? 0);
    for (let severity = STATES - 1; severity >= 0; severity--) {
      const code = BY_SEVERITY[severity] ?? 0;
      const count = counts[start + code] ?? 0;
      if (count > 0 && (isMarked(code) || areManyLate(count, all))) return code;
    }
    return -1;
  });
}

/** The sort key of a pod, larger = worse: failed links count most, then slow, then late ones. `counts`: `into` or `outOf` of the picture. */
export function badness(counts: Uint32Array, pod: number): number {
  const at = (code: number) => counts[pod * STATES + code] ?? 0;
  return (at(FAILED) * 65_536 + at(SLOW)) * 65_536 + at(SLOW - 1) + at(UNKNOWN) / 65_536;
}
