import { externalTargets } from './external-targets.ts';
import { clockText, countText, plural, spanText } from './figures.ts';
import { linkFacts } from './link-facts.ts';
import { codeOf } from './link-state.ts';
import { shownName } from './names.ts';
import type { Picture } from './picture.ts';
import type { PodView } from './pod-view.ts';
import { namesOf, notReporting } from './summary.ts';

/** How the page gets its picture; see `ConnectionState`. */
export type ConnectionStatus = 'connecting' | 'live' | 'polling' | 'lost';

/** A sentence above the view. `action` is what its button does. */
export interface Notice {
  id: string;
  kind: 'failed' | 'warning' | 'suspect' | 'info';
  mark: 'cross' | 'cloud' | 'question' | 'wave' | 'dots';
  title: string;
  text: string;
  action: { label: string; filter: string } | { label: string; pod: string } | null;
}

/** The most notices at once; the view needs its place. */
const MAX_NOTICES = 3;
const FAILED = codeOf('failed');

/**
 * What has to be said of a picture whatever view is on, gravest first. The lost connection is not among them: it counts
 * seconds (see the shell).
 */
export function noticesOf(picture: Picture, status: ConnectionStatus, nowMs: number): Notice[] {
  const all = [
    failingNotice(picture),
    starvedNotice(picture),
    staleNotice(picture, nowMs),
    missingNotice(picture),
    status === 'polling' ? POLLING : null,
  ];
  return all.filter((notice) => notice !== null).slice(0, MAX_NOTICES);
}

const POLLING: Notice = {
  id: 'polling',
  kind: 'warning',
  mark: 'dots',
  // A browser does not tell a 503 from a cut connection.
  title: 'Too many live pages on this pod, or a proxy cuts the stream.',
  text: 'Asking every 5 s instead.',
  action: null,
};

function staleNotice({ mesh, pods }: Picture, nowMs: number): Notice | null {
  const { discovery } = mesh;
  if (discovery.phase !== 'stale') return null;
  const known = pods.filter(({ pod }) => pod.lifecycle !== 'gone').length;
  const fault = discovery.lastError?.fault;
  const why =
    fault === 'forbidden' || fault === 'unauthorized'
      ? `Its pods may not be listed any more in ${namespaceText(discovery.namespace)}`
      : fault === 'suspicious-empty'
        ? 'The Kubernetes API suddenly lists no pod at all'
        : 'The Kubernetes API is away';
  return {
    id: 'stale',
    kind: 'warning',
    mark: 'cloud',
    title: `Pod list is ${spanText(nowMs - discovery.lastGoodMs)} old.`,
    text: `${why}; the ${plural(known, 'known pod')} ${known === 1 ? 'is' : 'are'} still pinged.`,
    action: null,
  };
}

/** What is said where nothing calls for a notice: its place is kept, so that one that comes moves nothing. */
export function calmSentence(picture: Picture): string {
  const targets = externalTargets(picture);
  const failing = targets.filter(({ state }) => state === 'failed').length;
  const links = linkSentence(picture);
  if (failing === 0) return links;
  const fail = failing === 1 ? 'fails' : 'fail';
  return `${links} ${countText(failing)} of ${plural(targets.length, 'external target')} ${fail}.`;
}

function linkSentence({ counts }: Picture): string {
  const { failed, slow, warning } = counts;
  if (failed > 0) {
    const also = slow === 0 ? '' : `, ${countText(slow)} ${slow === 1 ? 'is' : 'are'} slow`;
    return `${countText(failed)} ${failed === 1 ? 'link fails' : 'links fail'}${also}. No pod fails as a whole.`;
  }
  if (slow > 0) return `No link fails. ${countText(slow)} ${slow === 1 ? 'is' : 'are'} slow, but ok.`;
  if (counts.good + counts.fair + warning === 0) return 'No link has been probed yet.';
  return 'No link fails and none is slow.';
}

/** A namespace in a sentence; '' means all. */
export function namespaceText(namespace: string): string {
  return namespace === '' ? 'any namespace' : shownName(namespace);
}

function failingNotice(picture: Picture): Notice | null {
  const failing = picture.pods.filter((pod) => pod.health === 'failing');
  const [only] = failing;
  if (only === undefined) return null;
  const base = { id: 'failing', kind: 'failed', mark: 'cross' } as const;
  if (failing.length === 1) {
    const action = { label: 'Show the links', pod: only.pod.uid };
    return { ...base, ...sentenceOf(picture, only), action };
  }
  const node = only.pod.node;
  const oneNode = node !== '' && failing.every(({ pod }) => pod.node === node);
  return {
    ...base,
    title: `${plural(failing.length, 'pod')} are failing${oneNode ? `, ${tail(failing, picture.pods)}` : ''}.`,
    text: failing.length <= 4 ? `${failing.map((pod) => pod.label).join(', ')}.` : '',
    action: oneNode ? { label: 'Show', filter: node } : null,
  };
}

/** "all of worker-07" */
function tail(few: readonly PodView[], all: readonly PodView[]): string {
  const text = namesOf(few, all);
  const node = shownName(few[0]?.pod.node ?? '');
  return few.length > 2 ? text.slice(text.indexOf(', ') + 2) : `on ${node}`;
}

function sentenceOf(picture: Picture, view: PodView): { title: string; text: string } {
  const { failedIn, probedIn, failedOut, probedOut } = view;
  if (failedIn * 2 > probedIn) {
    const { words, sinceMs } = commonFailure(picture, view.index);
    const reaches = failedOut === 0 && probedOut > 0 ? 'It reaches all others.' : '';
    return {
      title: `${view.name} ${words} ${countText(failedIn)} of ${countText(probedIn)} pods`,
      text: `since ${clockText(sinceMs, picture.mesh.atMs)}. ${reaches}`,
    };
  }
  if (failedOut * 2 > probedOut) {
    return {
      title: `${view.name} does not reach ${countText(failedOut)} of ${countText(probedOut)} pods.`,
      text: 'Others reach it: look at its way out.',
    };
  }
  return { title: `${view.name} does not reach itself.`, text: '' };
}

const PASSIVE = {
  refused: 'refuses',
  reset: 'resets connections of',
  timeout: 'does not answer',
  unreachable: 'is unreachable from',
  dns: 'is not resolved by',
  'http-status': 'answers an error to',
  malformed: 'answers nonsense to',
  'no-address': 'has no address for',
} as const;

/** What the links into a pod fail with most often, and since when at the latest all of those do. */
function commonFailure(picture: Picture, to: number): { words: string; sinceMs: number } {
  const tally = new Map<keyof typeof PASSIVE, { count: number; sinceMs: number }>();
  for (let from = 0; from < picture.n; from++) {
    if (from === to || picture.state[from * picture.n + to] !== FAILED) continue;
    const { outcome, sinceMs } = linkFacts(picture, from, to);
    if (outcome === null || outcome === 'ok') continue;
    const seen = tally.get(outcome);
    tally.set(outcome, { count: (seen?.count ?? 0) + 1, sinceMs: Math.min(seen?.sinceMs ?? sinceMs, sinceMs) });
  }
  const [first] = [...tally].sort((a, b) => b[1].count - a[1].count);
  return { words: PASSIVE[first?.[0] ?? 'refused'], sinceMs: first?.[1].sinceMs ?? picture.mesh.atMs };
}

function starvedNotice({ mesh, rowOf }: Picture): Notice | null {
  const starvation = mesh.rows[rowOf[mesh.servedBy.pod] ?? -1]?.starvation;
  if (starvation?.unreliable !== true) return null;
  return {
    id: 'starved',
    kind: 'suspect',
    mark: 'wave',
    title: 'This pod is starved.',
    text: `Its event loop is ${Math.round(starvation.loopDelayP99Us / 1000)} ms late; its own column is not to be trusted.`,
    action: null,
  };
}

const REASONS: Record<string, string> = {
  refused: 'refused',
  reset: 'broke off',
  timeout: 'gave no answer in time',
  unreachable: 'could not be reached',
  dns: 'was not resolved',
  'http-status': 'answered an error',
  malformed: 'gave a malformed answer',
  'no-address': 'has no address',
  'not-asked': 'was not asked in time',
  'no-history': 'has no history of it',
};

function missingNotice(picture: Picture): Notice | null {
  const missing = notReporting(picture);
  // Whoever fails is said to fail already; that it does not report either is no news.
  const quiet = missing.filter((pod) => pod.health !== 'failing');
  if (quiet.length === 0) return null;
  const here = picture.pods.filter(({ pod }) => pod.lifecycle !== 'gone').length;
  const [only] = quiet;
  const sentences = quiet.slice(0, 2).map((pod) => {
    const reason = picture.mesh.rows[picture.rowOf[pod.index] ?? -1]?.missing ?? 'not-asked';
    return `${pod.label} ${REASONS[reason] ?? 'did not answer'}`;
  });
  const more = quiet.length > 2 ? `, and ${countText(quiet.length - 2)} more` : '';
  return {
    id: 'missing',
    kind: 'warning',
    mark: 'question',
    title: `${countText(quiet.length)} of ${plural(here, 'pod')} did not report.`,
    text: `${sentences.join(', ')}${more}.`,
    action: quiet.length === 1 && only !== undefined ? { label: 'Show', pod: only.pod.uid } : null,
  };
}
