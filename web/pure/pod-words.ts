import { outcomeOf } from '../../server/contract/links.ts';
import { OUTCOMES, type Outcome } from '../../server/contract/outcome.ts';
import { countText, spanText } from './figures.ts';
import { codeOf, type LinkState } from './link-state.ts';
import { shownName } from './names.ts';
import type { Picture } from './picture.ts';
import { STATES } from './picture-cells.ts';
import type { PodHealth, PodView } from './pod-view.ts';

/** A pod in words: its state, a note beside it ('' = none), and the link states whose colours they have. */
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
  starved: 'Starved',
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

const DOES: Record<Exclude<Outcome, 'ok'>, string> = {
  refused: 'refuses',
  reset: 'resets',
  timeout: 'times out for',
  unreachable: 'no way from',
  dns: 'not resolved by',
  'http-status': 'answers an error to',
  malformed: 'answers nonsense to',
  'no-address': 'no address for',
};

const FAILED = codeOf('failed');

/** What is to be said of a pod at `nowMs` (serving pod's clock): "Failing", "refuses all 119". */
export function podWords(picture: Picture, view: PodView, nowMs: number): PodWords {
  const words = { state: STATE_WORDS[view.health], tone: TONES[view.health], note: '', noteTone: TONES[view.health] };
  switch (view.health) {
    case 'failing':
      return { ...words, note: failingNote(picture, view) };
    case 'unknown':
      return { ...words, note: 'did not report' };
    case 'starved':
      return { ...words, note: 'not to be trusted' };
    case 'gone':
      return goneWords(picture, view, nowMs);
    case 'starting':
    case 'not-ready':
    case 'terminating':
      return { ...words, note: `for ${roughSpan(nowMs - view.pod.sinceMs)}` };
    default:
      return view.slowToReach ? { ...words, note: 'slow to reach', noteTone: 'slow' } : words;
  }
}

/** Who finds a pod slow: "slow from all 119". */
export function slowNote({ slowIn, probedIn }: PodView): string {
  return probedIn === 0 ? 'slow to reach' : `slow from ${share(slowIn, probedIn)}`;
}

function failingNote(picture: Picture, view: PodView): string {
  const { failedIn, probedIn, failedOut, probedOut } = view;
  if (failedIn * 2 > probedIn) return `${DOES[commonOutcome(picture, view.index)]} ${share(failedIn, probedIn)}`;
  if (failedOut * 2 > probedOut) return `reaches ${countText(probedOut - failedOut)} of ${countText(probedOut)}`;
  return 'does not reach itself';
}

/** So many failed links into a pod tell as much as a thousand. */
const ENOUGH = 100;

/** What most of the failed links into a pod came to, of about a hundred of them; of equal ones the first in `OUTCOMES`. */
function commonOutcome({ mesh, n, state, link, rowOf, into }: Picture, to: number): Exclude<Outcome, 'ok'> {
  const tally = new Map<Outcome, number>();
  const stride = Math.max(1, Math.floor((into[to * STATES + FAILED] ?? 0) / ENOUGH));
  let met = 0;
  for (let from = 0; from < n; from++) {
    const row = mesh.rows[rowOf[from] ?? -1];
    if (state[from * n + to] !== FAILED || row === undefined || met++ % stride !== 0) continue;
    const outcome = outcomeOf(row.links, link[from * n + to] ?? 0);
    tally.set(outcome, (tally.get(outcome) ?? 0) + 1);
  }
  let common: Exclude<Outcome, 'ok'> = 'refused';
  let most = 0;
  for (const outcome of OUTCOMES) {
    const count = tally.get(outcome) ?? 0;
    if (outcome !== 'ok' && count > most) {
      common = outcome;
      most = count;
    }
  }
  return common;
}

function goneWords({ mesh, pods }: Picture, { pod }: PodView, nowMs: number): PodWords {
  const heir = pod.replacedBy === '' ? -1 : mesh.pods.findIndex((other) => other.uid === pod.replacedBy);
  const note = heir < 0 ? '' : `replaced by ${pods[heir]?.label ?? shownName(mesh.pods[heir]?.name ?? '')}`;
  return { state: `Gone ${roughSpan(nowMs - pod.sinceMs)}`, tone: 'gone', note, noteTone: 'gone' };
}

/** Whole minutes beyond one: the words must not change with every picture. */
function roughSpan(ms: number): string {
  return spanText(
    ms < 60_000 ? Math.max(1000, Math.floor(ms / 1000) * 1000) : Math.floor(ms / 60_000) * 60_000,
  ).replace('.0 s', ' s');
}

function share(part: number, whole: number): string {
  return part === whole ? `all ${countText(whole)}` : `${countText(part)} of ${countText(whole)}`;
}
