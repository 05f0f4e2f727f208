import type { Accused } from './accused.ts';
import { clockText, latencyParts, latencyText, plural } from './figures.ts';
import { linkFacts } from './link-facts.ts';
import { codeOf, type LinkState, stateAt } from './link-state.ts';
import { shownName } from './names.ts';
import type { Arrangement } from './order.ts';
import type { Picture } from './picture.ts';
import { SEVERITY } from './severity.ts';

/** The most callouts beside one picture; the rest would be noise. */
export const MAX_CALLOUTS = 6;

/** Words beside a whole row or column, or beside several rows of one node. */
export interface Callout {
  axis: 'row' | 'column';
  state: LinkState;
  /** First and last position on the axis. */
  first: number;
  last: number;
  title: string;
  lines: string[];
  /** Index in `Picture.pods` of the one pod that it is about; -1 where there are several. */
  pod: number;
}

/** Among so few pods a callout that is alone needs no name: its line leads to the row. */
const FEW = 12;
const [SLOW, FAILED] = [codeOf('slow'), codeOf('failed')];

/**
 * What stands out as a whole row or column, worst first, at most `MAX_CALLOUTS`, then in the order of the axis.
 * Neighbours on one node with one fault become one callout.
 */
export function callouts(picture: Picture, accused: Accused, arrangement: Arrangement): Callout[] {
  const runs = [...runsOf(picture, arrangement, accused, 'row'), ...runsOf(picture, arrangement, accused, 'column')];
  runs.sort((a, b) => rank(b) - rank(a) || a.first - b.first);
  const chosen = runs.slice(0, MAX_CALLOUTS).map((run, _, { length }) => describe(picture, arrangement, run, length));
  return chosen.sort((a, b) => a.first - b.first);
}

interface Run {
  axis: 'row' | 'column';
  code: number;
  first: number;
  last: number;
}

/** Failed and slow first; among the rest, what was measured badly before what came or went. */
function rank({ code, first, last }: Run): number {
  return (code === FAILED || code === SLOW ? 100 : 0) + (SEVERITY[code] ?? 0) + Math.min(0.9, (last - first) / 1000);
}

function runsOf(picture: Picture, arrangement: Arrangement, accused: Accused, axis: 'row' | 'column'): Run[] {
  const states = axis === 'row' ? accused.rows : accused.columns;
  const runs: Run[] = [];
  arrangement.pods.forEach((pod, position) => {
    const code = states[pod] ?? -1;
    // That a pod is gone or new is said once, beside its row.
    if (code < 0 || (axis === 'column' && (accused.rows[pod] ?? -1) >= 0)) return;
    const last = runs.at(-1);
    if (
      last !== undefined &&
      last.last === position - 1 &&
      last.code === code &&
      sameNode(picture, arrangement, last, pod)
    )
      last.last = position;
    else runs.push({ axis, code, first: position, last: position });
  });
  return runs;
}

function sameNode(picture: Picture, arrangement: Arrangement, run: Run, pod: number): boolean {
  const node = picture.pods[pod]?.pod.node ?? '';
  return node !== '' && node === picture.pods[arrangement.pods[run.first] ?? -1]?.pod.node;
}

function describe(picture: Picture, arrangement: Arrangement, run: Run, among: number): Callout {
  const pods = [...arrangement.pods.subarray(run.first, run.last + 1)];
  const view = picture.pods[pods[0] ?? -1];
  const name = view === undefined ? '' : whose(picture, pods, view.name, shownName(view.pod.node));
  const many = pods.length > 1;
  const words = run.axis === 'row' ? rowWords(picture, pods, run.code, name, among) : columnWords(pods, run.code, name);
  return {
    axis: run.axis,
    state: stateAt(run.code),
    first: run.first,
    last: run.last,
    ...words,
    pod: many ? -1 : (pods[0] ?? -1),
  };
}

/** The pod's name; the node's, where these are all of its pods; else how many of them they are. */
function whose(picture: Picture, pods: number[], name: string, node: string): string {
  if (pods.length === 1) return name;
  const onNode = picture.pods.filter((other) => shownName(other.pod.node) === node).length;
  return onNode === pods.length ? node : `${pods.length} pods of ${node}`;
}

type Words = Pick<Callout, 'title' | 'lines'>;

function rowWords(picture: Picture, pods: number[], code: number, name: string, among: number): Words {
  const state = stateAt(code);
  const pod = picture.pods[pods[0] ?? -1]?.pod;
  const many = pods.length > 1 ? `${plural(pods.length, 'pod')}, ` : '';
  if (state === 'gone' || pod === undefined) {
    const by = picture.mesh.pods.find((other) => other.uid === pod?.replacedBy)?.name;
    const left = `left ${clockText(pod?.sinceMs ?? 0, picture.mesh.atMs)}`;
    return {
      title: `${name} is gone`,
      lines: [many + left + (by === undefined ? '' : `, replaced by ${shownName(by)}`)],
    };
  }
  if (state === 'not-yet') return { title: `${name} is new`, lines: [`${many}first pings still on their way`] };
  const into = gather(picture, pods, code);
  if (state === 'slow') {
    const title = among === 1 && picture.n <= FEW ? 'Slow to reach from everywhere' : `${name} is slow`;
    return { title, lines: [`${many}${fromWords(into)}, ${rangeText(into.us)}`, into.phase].filter(Boolean) };
  }
  const since = into.sinceMs < 0 ? '' : `since ${clockText(into.sinceMs, picture.mesh.atMs)}`;
  return {
    title: `${name} does not answer`,
    lines: [`${many}${into.outcome} ${fromWords(into)}`, since].filter(Boolean),
  };
}

function columnWords(pods: number[], code: number, name: string): Words {
  const state = stateAt(code);
  const verb =
    pods.length > 1 && name.includes(' pods of ')
      ? ['are', 'their columns']
      : ['is', pods.length > 1 ? 'its columns' : 'its column'];
  if (state === 'unknown') return { title: `${name} did not report`, lines: [`what ${verb[1]} would say is unknown`] };
  if (state === 'suspect') return { title: `${name} ${verb[0]} starved`, lines: [`do not trust ${verb[1]}`] };
  if (state === 'slow') return { title: `${name} finds all others slow`, lines: ['its own way out, or its process'] };
  return { title: `${name} reaches nobody`, lines: ['others answer each other: its own way out'] };
}

interface Gathered {
  sources: number;
  probed: number;
  us: [least: number, most: number];
  /** The most frequent outcome, in words. */
  outcome: string;
  /** Where the time goes; '' where it is not known. */
  phase: string;
  /** The earliest failure still lasting, ms since the epoch; -1 = none. */
  sinceMs: number;
}

/** The most links of one callout that are looked at closely: a dead node of 100 pods in 1000 has 100 000. */
const MAX_GATHERED = 500;

/** The facts of all links into `pods` that are in state `code`; outcome, phase and since are of an even sample of them. */
function gather(picture: Picture, pods: number[], code: number): Gathered {
  const { n, state } = picture;
  const stride = Math.ceil((pods.length * n) / MAX_GATHERED);
  const outcomes = new Map<string, number>();
  const sources = new Set<number>();
  const probed = new Set<number>();
  const us: [number, number] = [Number.POSITIVE_INFINITY, 0];
  let [sinceMs, measured, connectLate, met] = [-1, 0, 0, 0];
  for (const to of pods) {
    for (let from = 0; from < n; from++) {
      const at = state[from * n + to] ?? -1;
      // Its link to itself counts where it says the same: no network has a part in it.
      if (at >= 0 && at <= FAILED && (from !== to || at === code)) probed.add(from);
      if (at !== code) continue;
      sources.add(from);
      const figure = picture.valueUs[from * n + to] ?? Number.NaN;
      if (figure < us[0]) us[0] = figure;
      if (figure > us[1]) us[1] = figure;
      if (met++ % stride !== 0) continue;
      const facts = linkFacts(picture, from, to);
      const where = facts.phase === null || facts.outcome === 'refused' ? '' : ` in ${facts.phase.replace('-', ' ')}`;
      const words = `${facts.outcome ?? 'ok'}${where}`;
      outcomes.set(words, (outcomes.get(words) ?? 0) + 1);
      if (facts.sinceMs >= 0 && (sinceMs < 0 || facts.sinceMs < sinceMs)) sinceMs = facts.sinceMs;
      if (facts.connectUs >= 0 && facts.firstByteUs >= 0) measured++;
      if (facts.connectUs > facts.firstByteUs) connectLate++;
    }
  }
  const outcome = [...outcomes].sort((a, b) => b[1] - a[1])[0]?.[0] ?? '';
  const phase =
    measured === 0 ? '' : connectLate === 0 ? FIRST_BYTE_LATE : connectLate === measured ? CONNECT_LATE : '';
  return { sources: sources.size, probed: probed.size, us, outcome, phase, sinceMs };
}

const FIRST_BYTE_LATE = 'first byte only: its process or a proxy';
const CONNECT_LATE = 'connect is late too: the network or its node';

function fromWords({ sources, probed }: Gathered): string {
  return sources === probed ? `from all ${plural(probed, 'pod')}` : `from ${sources} of ${plural(probed, 'pod')}`;
}

function rangeText([least, most]: [number, number]): string {
  if (!(least <= most)) return 'no figure';
  const [low, high] = [latencyParts(least), latencyParts(most)];
  if (low.figure === high.figure || low.unit !== high.unit) return latencyText(most);
  return `${low.figure}–${high.figure} ${high.unit}`;
}
