import type { Finding } from '../../server/protocol/finding.ts';
import type { Thresholds } from '../../server/protocol/link-state.ts';
import { type LinkSamples, OUTCOMES, type Outcome, type RecentSample } from '../../server/protocol/sample.ts';
import { countText } from '../../server/runtime/count-text.ts';
import { durationText } from '../../server/runtime/measure-text.ts';
import { shownLink } from './cells.ts';
import { FIGURE_NOUNS, type Figure, valueText } from './figures.ts';
import { findingWords } from './finding-words.ts';
import { clockText } from './format.ts';
import { foldWords, isAboutWhole } from './levels.ts';
import { type LinkFacts, linkFacts } from './link-facts.ts';
import { codeOf, indexesOf, type LinkState, stateAt, type Tone } from './links.ts';
import type { Picture, PodHealth, PodView } from './mesh-view.ts';
import { shownName } from './names.ts';

/** The words for the states of links, in the order of the legend: common states first. */
const STATE_TEXTS: Record<LinkState, string> = {
  good: 'Good',
  fair: 'Fair',
  warning: 'Warning',
  slow: 'Slow',
  failed: 'Failed',
  'not-probed': 'Not probed',
  unknown: 'Unknown',
  'not-yet': 'Pending',
  ignored: 'Left out',
  gone: 'Gone',
};

/** The states in a legend. Pods that are left out are the exception, so their links are listed only where there are any. */
export function legendStates(counts: Record<LinkState, number>): LinkState[] {
  const states = Object.keys(STATE_TEXTS) as LinkState[];
  return states.filter((state) => state !== 'ignored' || counts.ignored > 0);
}

/** The explanation of a state in the legend. `failedBy`: the outcome that all failed links share; '' = none. */
export function stateNote(state: LinkState, t: Thresholds, retentionMs: number, failedBy: string): string {
  const notes: Record<LinkState, string> = {
    good: `< ${t.goodMs} ms`,
    fair: `${t.goodMs}–${t.warningMs} ms`,
    warning: `${t.warningMs}–${t.problemMs} ms`,
    slow: `≥ ${t.problemMs} ms`,
    failed: failedBy || 'no valid response',
    'not-probed': 'PING_NUMBER, new pod',
    unknown: 'no report',
    'not-yet': 'pod is starting',
    ignored: 'cordoned node',
    gone: `terminated, shown ${durationText(retentionMs)}`,
  };
  return notes[state];
}

const MAX_READ = 500;

/** The outcome that all failed links share, as far as they are read; '' if they differ. */
export function sharedOutcome(picture: Picture): string {
  const pods = picture.fold?.pods ?? picture;
  const { mesh, n, state, reportOf } = pods;
  const outcomes = new Set<number>();
  let seen = 0;
  for (const pair of indexesOf(state, codeOf('failed'))) {
    const from = Math.floor(pair / n);
    const links = mesh.reports[reportOf[from] ?? -1]?.links;
    if (links !== undefined) outcomes.add(links.outcome[shownLink(pods, links, from, pair % n)] ?? 0);
    if (outcomes.size > 1 || ++seen === MAX_READ) break;
  }
  const [shared = 0] = outcomes;
  return outcomes.size !== 1 || shared === 0 ? '' : (OUTCOMES[shared] ?? '');
}

/** A link's state with details: "Slow", "Timed out in connect", "Warning, unreliable"; of a lossy link "Loses datagrams" instead. */
export function factsTitle(facts: LinkFacts, figure: Figure | null = null): string {
  const hasPhase = facts.state === 'failed' && facts.phase !== null && facts.outcome !== 'refused';
  const phase = hasPhase ? ` in ${facts.phase?.replace('-', ' ')}` : '';
  const words = facts.lossy ? LOSES : `${linkWords(facts, figure)}${phase}`;
  return facts.unreliable ? `${words}, unreliable` : words;
}

/** The state that gives the title of a link its colour. */
export function factsTone({ lossy, state }: LinkFacts): LinkState {
  return lossy ? 'warning' : state;
}

/** The text of a link for screen readers: "from a to b: 252 ms, slow", "from a to b: 12 % of pings failed, high". */
export function cellSentence(picture: Picture, from: number, to: number): string {
  const [source, target] = [picture.pods[from], picture.pods[to]];
  if (source === undefined || target === undefined) return '';
  const pair = from * picture.n + to;
  const state = stateAt(picture.state[pair]);
  const { figure } = picture;
  const value = picture.valueUs[pair] ?? Number.NaN;
  const noun = figure === null ? '' : ` ${FIGURE_NOUNS[figure]}`;
  const shown = value >= 0 && (state !== 'failed' || figure !== null) ? `${valueText(figure, value)}${noun}, ` : '';
  const other = from === to ? 'itself' : target.name;
  const facts = linkFacts(picture, from, to);
  const words = linkWords(facts, figure).toLowerCase();
  const count = foldWords(picture, from, to);
  const ends = [
    `${shown}${words}`,
    facts.unreliable ? 'unreliable' : '',
    count || (facts.lossy ? LOSES.toLowerCase() : ''),
  ]
    .filter(Boolean)
    .join(', ');
  return `from ${source.name} to ${other}: ${ends}`;
}

/** What is said of a lossy link instead of its state: its pings are fine. */
const LOSES = 'Loses datagrams';

const OUTCOME_TEXTS: Record<Outcome, string> = {
  ok: 'Ok',
  refused: 'Refused',
  reset: 'Reset',
  timeout: 'Timed out',
  unreachable: 'Unreachable',
  dns: 'Not resolved',
  'http-status': 'HTTP error',
  malformed: 'Malformed response',
  'no-address': 'No address',
};

/** Name and note of lossy and of unreliable links in legends. */
export const LOSSY = [LOSES, 'pings are good'] as const;
export const UNRELIABLE = ['Unreliable', 'a pod short of CPU'] as const;

/** The word for a link state: "Not probed". `figure`: that of the heatmap that the state is about; null = latency. */
export function stateWords(state: LinkState, figure: Figure | null = null): string {
  if (figure !== null && state === 'slow') return 'High';
  return figure !== null && state === 'not-probed' ? 'Not measured' : STATE_TEXTS[state];
}

/** The word for the state of a link. For a failed link it is the outcome, for example "Refused". `figure`: see `stateWords`. */
export function linkWords(
  { state, outcome }: Pick<LinkFacts, 'state' | 'outcome'>,
  figure: Figure | null = null,
): string {
  return state === 'failed' && outcome !== null ? OUTCOME_TEXTS[outcome] : stateWords(state, figure);
}

/** The texts of a pod: its state, a note ('' = none), and their colours. */
export interface PodWords {
  state: string;
  tone: LinkState;
  note: string;
  noteTone: Tone;
}

const HEALTH_WORDS: Record<PodHealth, [state: string, tone: LinkState]> = {
  healthy: ['Healthy', 'good'],
  failing: ['Failing', 'failed'],
  unknown: ['Unknown', 'unknown'],
  starting: ['Starting', 'not-yet'],
  'not-ready': ['Not ready', 'not-yet'],
  terminating: ['Terminating', 'not-yet'],
  gone: ['Gone', 'gone'],
};

/** The texts of a pod at `nowMs` (serving pod's clock), for example "Failing" and "unreachable from all 3 others". */
export function podWords(picture: Picture, view: PodView, nowMs: number): PodWords {
  const [state, tone] = HEALTH_WORDS[view.health];
  const words = { state, tone, note: '', noteTone: tone };
  switch (view.health) {
    case 'failing':
      return {
        ...words,
        state: view.pod.lifecycle === 'not-ready' ? 'Not ready' : state,
        note: failingNote(picture, view),
      };
    case 'unknown':
      return { ...words, note: 'no report' };
    case 'gone':
      return goneWords(picture, view, nowMs);
    case 'not-ready':
    case 'starting':
    case 'terminating':
      return { ...words, note: `for ${roughSpan(nowMs - view.pod.sinceMs)}${reasonNote(view)}` };
    default:
      if (view.slowToReach)
        return { ...words, note: findingNote(picture, view, view.foundIn) || 'slow to reach', noteTone: 'slow' };
      if (view.pod.cordon !== '') return { ...words, note: CORDON_NOTES[view.pod.cordon] };
      if (view.passive) return { ...words, note: PASSIVE };
      return view.starved ? { ...words, note: 'CPU-starved', noteTone: 'suspect' } : words;
  }
}

/** Why the pod is in its stage, as the API says: " (ImagePullBackOff)"; '' = it does not say. */
function reasonNote({ pod }: PodView): string {
  return pod.reason === '' ? '' : ` (${shownName(pod.reason)})`;
}

const CORDON_NOTES = { cordoned: 'cordoned', ignored: 'cordoned, left out' };

export const PASSIVE = 'passive, not asked';

/** State and note as one phrase for narrow places: "Starting for 6 s", "slow from all 3 others". */
export function podPhrase(view: PodView, { state, note }: PodWords): string {
  const { health } = view;
  if (note === '') return state;
  if (health === 'gone') return `${state}, ${note}`;
  // A duration alone does not say what is wrong; the other notes do.
  if (health === 'starting' || health === 'terminating' || health === 'not-ready') return `${state} ${note}`;
  return view.pod.lifecycle === 'not-ready' ? `${state}, ${note}` : note;
}

/** What a finding says of a pod. Of a group, some of whose pods it is about, it names them. '' = none. */
function findingNote(picture: Picture, { index }: PodView, finding: Finding | null): string {
  if (finding === null) return '';
  const note = findingWords(finding).what;
  return isAboutWhole(picture, finding, index) ? note : `${findingWords(finding).subject}: ${note}`;
}

/** The text of the finding that makes the pod failing; without one (the list is full) the number of failed links. */
function failingNote(picture: Picture, view: PodView): string {
  const { foundIn, foundOut, into } = view;
  const finding = [foundIn, foundOut].find((one) => one?.severity === 'failed') ?? null;
  return (
    findingNote(picture, view, finding) || `unreachable from ${countText(into.failed)} of ${countText(into.probed)}`
  );
}

/** The server's health reasons about a pod that none of its `findings` explains. */
export function unexplainedReasons(reasons: readonly string[], findings: readonly Finding[]): string[] {
  const isMissingExplained = findings.some(({ kind }) => kind === 'report-missing');
  return reasons.filter((reason) => {
    if (findings.length > 0 && /^[\d,]+ of [\d,]+ links (into|from) it fail/.test(reason)) return false;
    return !isMissingExplained || !/^(is not ready and )?did not report/.test(reason);
  });
}

function goneWords({ mesh, pods }: Picture, { pod }: PodView, nowMs: number): PodWords {
  const successor = pod.replacedBy === '' ? -1 : mesh.pods.findIndex((other) => other.uid === pod.replacedBy);
  const note =
    successor < 0 ? '' : `replaced by ${pods[successor]?.label ?? shownName(mesh.pods[successor]?.name ?? '')}`;
  const { namespace, name } = pod;
  const times = mesh.pods.filter(
    (other) => other.lifecycle === 'gone' && other.name === name && other.namespace === namespace,
  ).length;
  const count = times > 1 ? ` ×${times}, the last` : '';
  return { state: `Gone${count} ${roughSpan(nowMs - pod.sinceMs)}`, tone: 'gone', note, noteTone: 'gone' };
}

/** A duration in whole minutes beyond one minute, so that the text does not change with every update. */
function roughSpan(ms: number): string {
  return durationText(
    ms < 60_000 ? Math.max(1000, Math.floor(ms / 1000) * 1000) : Math.floor(ms / 60_000) * 60_000,
  ).replace('.0 s', ' s');
}

/** When a link became late, by the serving pod's clock. `isOlder`: the oldest kept sample was already late, so it began earlier. */
interface LateSince {
  atMs: number;
  isOlder: boolean;
}

/**
 * When the current run of samples with at least `lateUs` began; null = the newest sample is not late. A pod report cannot
 * tell, because a slow link is ok. Suspect samples neither start nor end a run. `nowMs`: the serving pod's time; times of
 * the samples are converted by their age.
 */
export function lateSince({ samples, nowMs: thereMs }: LinkSamples, lateUs: number, nowMs: number): LateSince | null {
  const isLate = ({ outcome, totalUs }: RecentSample) => outcome === 'ok' && totalUs >= lateUs;
  const trusted = samples.filter(({ suspect }) => !suspect);
  const before = trusted.findLastIndex((sample) => !isLate(sample));
  const first = trusted[before + 1];
  return first === undefined ? null : { atMs: nowMs - (thereMs - first.atMs), isOlder: before === -1 };
}

/**
 * Since when a link has its state ("ok since 15:10:00", of a slow one "no failure since 15:10:00"), and for how long ("2 min 30 s").
 * Both '' if not measured. `late`: the result of `lateSince` for a slow or warning link; null = unknown.
 */
export function sinceWords(facts: LinkFacts, late: LateSince | null, nowMs: number): { since: string; span: string } {
  if (facts.sinceMs < 0 || facts.outcome === null) return { since: '', span: '' };
  const isLate = facts.state === 'slow' || facts.state === 'warning';
  if (late !== null && isLate) {
    const word = facts.state === 'slow' ? 'slow' : 'late';
    const since = late.isOlder ? 'for more than' : `since ${clockText(late.atMs, nowMs)}`;
    return { since: `${word} ${since}`, span: durationText(nowMs - late.atMs) };
  }
  // Beside "Slow", "ok" would contradict it.
  const word = facts.outcome !== 'ok' ? 'failing' : isLate ? 'no failure' : 'ok';
  return { since: `${word} since ${clockText(facts.sinceMs, nowMs)}`, span: durationText(nowMs - facts.sinceMs) };
}
