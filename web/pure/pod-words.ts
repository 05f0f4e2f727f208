import type { Finding } from '../../server/protocol/finding.ts';
import { countText, spanText } from './figures.ts';
import { findingWords } from './finding-words.ts';
import type { LinkState } from './link-state.ts';
import { shownName } from './names.ts';
import type { Picture, PodHealth, PodView } from './picture.ts';

/** The texts of a pod: its state, a note ('' = none), and the link states that give their colours. */
export interface PodWords {
  state: string;
  tone: LinkState;
  note: string;
  noteTone: LinkState;
}

const STATE_WORDS: Record<PodHealth, string> = {
  healthy: 'Healthy',
  failing: 'Failing',
  unknown: 'Unknown',
  starved: 'CPU-starved',
  starting: 'Starting',
  'not-ready': 'Not ready',
  terminating: 'Terminating',
  gone: 'Gone',
};

const TONES: Record<PodHealth, LinkState> = {
  healthy: 'good',
  failing: 'failed',
  unknown: 'unknown',
  starved: 'suspect',
  starting: 'not-yet',
  'not-ready': 'not-yet',
  terminating: 'not-yet',
  gone: 'gone',
};

/** The texts of a pod at `nowMs` (serving pod's clock), for example "Failing" and "unreachable from all 3 others". */
export function podWords(picture: Picture, view: PodView, nowMs: number): PodWords {
  const words = { state: STATE_WORDS[view.health], tone: TONES[view.health], note: '', noteTone: TONES[view.health] };
  switch (view.health) {
    case 'failing':
      return { ...words, note: failingNote(view) };
    case 'unknown':
      return { ...words, note: 'no report' };
    case 'starved':
      return { ...words, note: 'measurements unreliable' };
    case 'gone':
      return goneWords(picture, view, nowMs);
    case 'not-ready':
      if (failureOf(view) !== undefined) return { ...words, note: failingNote(view), noteTone: 'failed' };
      return { ...words, note: durationNote(view, nowMs) };
    case 'starting':
    case 'terminating':
      return { ...words, note: durationNote(view, nowMs) };
    default:
      return view.slowToReach ? { ...words, note: slowNote(view), noteTone: 'slow' } : words;
  }
}

/** State and note as one phrase for narrow places: "Starting for 6 s", "slow from all 3 others". */
export function podPhrase(view: PodView, { state, note }: PodWords): string {
  const { health } = view;
  if (note === '') return state;
  if (health === 'gone') return `${state}, ${note}`;
  if (health === 'starved') return `${state}: ${note}`;
  // A duration alone does not say what is wrong; the other notes do.
  if (health === 'starting' || health === 'terminating') return `${state} ${note}`;
  if (health !== 'not-ready') return note;
  return failureOf(view) === undefined ? `${state} ${note}` : `${state}, ${note}`;
}

/** From how many pods a pod is slow: "slow from all 119 others". */
function slowNote({ foundIn }: PodView): string {
  return foundIn === null ? 'slow to reach' : findingWords(foundIn).what;
}

/** The text of the finding that makes the pod failing; without one (the list is full) the number of failed links. */
function failingNote(view: PodView): string {
  const finding = failureOf(view);
  if (finding !== undefined) return findingWords(finding).what;
  return `unreachable from ${countText(view.failedIn)} of ${countText(view.probedIn)}`;
}

/** The finding that makes a pod failing. */
function failureOf({ foundIn, foundOut }: PodView): Finding | undefined {
  return [foundIn, foundOut].find((one) => one?.severity === 'failed') ?? undefined;
}

/** How long the pod has had its lifecycle state. */
function durationNote({ pod }: PodView, nowMs: number): string {
  return `for ${roughSpan(nowMs - pod.sinceMs)}`;
}

/** The server's health reasons about a pod that none of its `findings` explains. */
export function unexplainedReasons(reasons: readonly string[], findings: readonly Finding[]): string[] {
  const isMissingExplained = findings.some(({ kind }) => kind === 'report-missing');
  return reasons.filter((reason) => {
    if (findings.length > 0 && /^\d+ of \d+ links (into|from) it fail/.test(reason)) return false;
    return !isMissingExplained || !/^(is not ready and )?did not report/.test(reason);
  });
}

function goneWords({ mesh, pods }: Picture, { pod }: PodView, nowMs: number): PodWords {
  const successor = pod.replacedBy === '' ? -1 : mesh.pods.findIndex((other) => other.uid === pod.replacedBy);
  const note =
    successor < 0 ? '' : `replaced by ${pods[successor]?.label ?? shownName(mesh.pods[successor]?.name ?? '')}`;
  return { state: `Gone ${roughSpan(nowMs - pod.sinceMs)}`, tone: 'gone', note, noteTone: 'gone' };
}

/** A duration in whole minutes beyond one minute, so that the text does not change with every update. */
function roughSpan(ms: number): string {
  return spanText(
    ms < 60_000 ? Math.max(1000, Math.floor(ms / 1000) * 1000) : Math.floor(ms / 60_000) * 60_000,
  ).replace('.0 s', ' s');
}
