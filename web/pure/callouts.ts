import type { Finding } from '../../server/protocol/finding.ts';
import type { AxisStates } from './axis-states.ts';
import { clockText, plural } from './figures.ts';
import { findingFigure, findingWords } from './finding-words.ts';
import { codeOf, type LinkState, stateAt } from './link-state.ts';
import { shownName } from './names.ts';
import type { Arrangement } from './order.ts';
import type { Picture } from './picture.ts';
import { findingPlace } from './pod-findings.ts';

/** Maximum number of callouts beside a heatmap. The side panel lists all findings. */
export const MAX_CALLOUTS = 6;

/** A text beside a row, a column, or several neighbouring rows. */
export interface Callout {
  axis: 'row' | 'column';
  state: LinkState;
  /** First and last position on the axis. */
  first: number;
  last: number;
  title: string;
  lines: string[];
  /** Index in `Picture.pods` of the pod that it is about; -1 = several pods. */
  pod: number;
}

const [GONE, NOT_YET] = [codeOf('gone'), codeOf('not-yet')];

/**
 * The callouts of a heatmap: the server's findings about whole rows and columns, then pods that are gone or have just
 * started. Returns the `MAX_CALLOUTS` most severe ones in axis order. Pods that are filtered out get none.
 */
export function callouts(picture: Picture, axisStates: AxisStates, arrangement: Arrangement): Callout[] {
  const found = picture.mesh.findings.flatMap((finding) => findingCallout(picture, arrangement, finding) ?? []);
  const lifecycle = runsOf(picture, arrangement, axisStates).map((run) => lifecycleCallout(picture, arrangement, run));
  return [...found, ...lifecycle].slice(0, MAX_CALLOUTS).sort((a, b) => a.first - b.first);
}

function findingCallout(picture: Picture, arrangement: Arrangement, finding: Finding): Callout | null {
  const { mesh } = picture;
  const place = findingPlace(finding, mesh.pods);
  const run = longestRun(arrangement, place?.pods ?? []);
  if (place === null || run === null) return null;
  const { subject, what, where } = findingWords(finding);
  return {
    axis: place.axis,
    state: finding.severity,
    title: subject,
    first: run.first,
    last: run.last,
    lines: [what, where, findingFigure(finding, mesh.atMs)].filter(Boolean),
    pod: place.pods.length === 1 ? (place.pods[0] ?? -1) : -1,
  };
}

/** The longest run of neighbours on the axis among `pods`; null if none of them is shown. */
function longestRun({ positionOf }: Arrangement, pods: readonly number[]): { first: number; last: number } | null {
  const shown = pods.map((pod) => positionOf[pod] ?? -1).filter((position) => position >= 0);
  shown.sort((a, b) => a - b);
  let best: { first: number; last: number } | null = null;
  let first = 0;
  for (const [i, position] of shown.entries()) {
    if (i === 0 || position !== (shown[i - 1] ?? 0) + 1) first = position;
    if (best === null || position - first > best.last - best.first) best = { first, last: position };
  }
  return best;
}

interface Run {
  code: number;
  first: number;
  last: number;
}

/** Rows of pods that are gone or have just started. Neighbours on one node form one run. */
function runsOf(picture: Picture, arrangement: Arrangement, axisStates: AxisStates): Run[] {
  const runs: Run[] = [];
  arrangement.pods.forEach((pod, position) => {
    const code = axisStates.rows[pod] ?? -1;
    if (code !== GONE && code !== NOT_YET) return;
    const last = runs.at(-1);
    const isNext = last !== undefined && last.last === position - 1 && last.code === code;
    if (isNext && sameNode(picture, arrangement, last, pod)) last.last = position;
    else runs.push({ code, first: position, last: position });
  });
  return runs;
}

function sameNode(picture: Picture, arrangement: Arrangement, run: Run, pod: number): boolean {
  const node = picture.pods[pod]?.pod.node ?? '';
  return node !== '' && node === picture.pods[arrangement.pods[run.first] ?? -1]?.pod.node;
}

function lifecycleCallout(picture: Picture, arrangement: Arrangement, { code, first, last }: Run): Callout {
  const run = [...arrangement.pods.subarray(first, last + 1)];
  const views = run.flatMap((pod) => picture.pods[pod] ?? []);
  const pod = run.length > 1 ? -1 : (run[0] ?? -1);
  const base = { axis: 'row', state: stateAt(code), first, last, pod } as const;
  const node = shownName(views[0]?.pod.node ?? '');
  const onNode = picture.pods.filter((other) => shownName(other.pod.node) === node).length;
  // The title names the node if the run has all its pods, otherwise the number of pods.
  const isNode = views.length > 1 && onNode === views.length;
  const many = isNode ? `${plural(views.length, 'pod')}, ` : '';
  const name = views.length === 1 ? (views[0]?.name ?? '') : isNode ? node : `${views.length} pods of ${node}`;
  const is = `${name} ${views.length > 1 && !isNode ? 'are' : 'is'}`;
  if (code === NOT_YET) return { ...base, title: `${name} joined`, lines: [`${many}waiting for the first pings`] };
  const since = views.map((view) => view.pod.sinceMs);
  const [from, to] = [Math.min(...since), Math.max(...since)].map((ms) => clockText(ms, picture.mesh.atMs));
  const left = from === to ? `terminated ${from}` : `terminated ${from} to ${to}`;
  const successor = picture.mesh.pods.find(({ uid }) => views.length === 1 && uid === views[0]?.pod.replacedBy)?.name;
  return {
    ...base,
    title: `${is} gone`,
    lines: [many + left + (successor === undefined ? '' : `, replaced by ${shownName(successor)}`)],
  };
}
