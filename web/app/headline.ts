import { countText, plural } from '../../server/runtime/count-text.ts';
import type { ConnectionState } from '../data/connection.ts';
import { countTargets } from '../model/external-targets.ts';
import type { Picture } from '../model/mesh-view.ts';

/** The facts that tab, header and announcements for screen readers show. */
export interface PageStatus {
  status: ConnectionState['status'];
  /** Failing pods. Labels change with other pods, so they do not identify a pod. */
  failing: { uid: string; label: string }[];
  failed: number;
  slow: number;
  external: number;
  paths: number;
  isHealthy: boolean;
  /** Pods whose report is missing although they do not fail. */
  missing: number;
  /** The pod list is old, because the Kubernetes API does not answer. */
  isStale: boolean;
  pods: number;
}

export function pageStatusOf(picture: Picture | null, status: PageStatus['status']): PageStatus {
  const pods = picture?.pods ?? [];
  return {
    status,
    failing: pods.filter(({ health }) => health === 'failing').map(({ pod, label }) => ({ uid: pod.uid, label })),
    failed: picture?.counts.failed ?? 0,
    slow: picture?.counts.slow ?? 0,
    external: countTargets(picture?.targets ?? [], false).failing,
    paths: countTargets(picture?.targets ?? [], true).failing,
    isHealthy: picture?.mesh.health.ok ?? true,
    missing: (picture?.mesh.findings ?? []).reduce(
      (n, { kind, affected }) => n + (kind === 'report-missing' ? affected : 0),
      0,
    ),
    isStale: picture?.mesh.discovery.phase === 'stale',
    pods: pods.filter(({ pod }) => pod.lifecycle !== 'gone').length,
  };
}

/** How bad the state of the page is (`none`: nothing is known any more), and why, in few words. */
export interface Headline {
  tone: 'good' | 'warning' | 'slow' | 'failed' | 'none';
  words: string;
}

/** The most severe thing that is wrong, in few words; '' = no pods yet. Title and icon of the tab and the header agree on it. */
export function headlineOf(page: PageStatus): Headline {
  const { failing, failed, slow, external, paths, missing, pods } = page;
  if (page.status === 'lost') return { tone: 'none', words: 'Disconnected' };
  if (failing.length > 0) return { tone: 'failed', words: `${plural(failing.length, 'pod')} failing` };
  if (failed > 0) return { tone: 'failed', words: `${plural(failed, 'link')} failed` };
  if (paths > 0) return { tone: 'failed', words: `${plural(paths, 'path')} failing` };
  if (external > 0) return { tone: 'failed', words: `${plural(external, 'external target')} failing` };
  if (page.isStale) return { tone: 'warning', words: 'Pod list is old' };
  if (missing > 0) return { tone: 'warning', words: `${plural(missing, 'report')} missing` };
  if (pods === 0) return { tone: 'none', words: '' };
  if (!page.isHealthy) return { tone: 'failed', words: 'Cluster health 418' };
  if (slow > 0) return { tone: 'slow', words: `${plural(slow, 'link')} slow` };
  return { tone: 'good', words: `${plural(pods, 'pod')} ok` };
}

/** One sentence about the most severe change, and one about the connection if it was lost or is back; '' = none. */
export function changeSentence(before: PageStatus, after: PageStatus): string {
  const lost = after.status === 'lost';
  const connection = lost === (before.status === 'lost') ? '' : lost ? 'Disconnected.' : 'Reconnected.';
  return [connection, meshSentence(before, after)].filter(Boolean).join(' ');
}

function meshSentence(before: PageStatus, after: PageStatus): string {
  const fresh = without(after.failing, before.failing);
  if (fresh.length > 0) return `${listed(fresh)} failing.`;
  const recovered = without(before.failing, after.failing);
  if (recovered.length > 0) return `${listed(recovered)} no longer failing.`;
  // In the order of `headlineOf`.
  const sentences = [
    countSentence(after.failed, before.failed, 'link', 'failed'),
    countSentence(after.paths, before.paths, 'path', 'failing'),
    countSentence(after.external, before.external, 'external target', 'failing'),
    after.isStale === before.isStale ? '' : after.isStale ? 'The pod list is old.' : 'The pod list is current again.',
    countSentence(after.missing, before.missing, 'report', 'missing'),
    after.isHealthy === before.isHealthy ? '' : `Cluster health is ${after.isHealthy ? '200 OK' : '418'}.`,
    countSentence(after.slow, before.slow, 'link', 'slow'),
  ];
  const worst = sentences.find((sentence) => sentence !== '');
  if (worst !== undefined) return worst;
  return after.pods === before.pods ? '' : `${plural(after.pods, 'pod')} (was ${countText(before.pods)}).`;
}

function countSentence(now: number, was: number, noun: string, word: string): string {
  return now === was ? '' : `${plural(now, noun)} ${word} (was ${countText(was)}).`;
}

type FailingPods = PageStatus['failing'];

function without(pods: FailingPods, others: FailingPods): FailingPods {
  const uids = new Set(others.map(({ uid }) => uid));
  return pods.filter(({ uid }) => !uids.has(uid));
}

function listed(pods: FailingPods): string {
  if (pods.length > 3) return `${countText(pods.length)} pods are`;
  return `${pods.map(({ label }) => label).join(', ')} ${pods.length === 1 ? 'is' : 'are'}`;
}

export function tabTitle(page: PageStatus): string {
  return [headlineOf(page).words, 'goldpinger'].filter(Boolean).join(' · ');
}

const CROSS = '<path d="M11 11L21 21M21 11L11 21" stroke="#fff" stroke-width="4" stroke-linecap="round"/>';
const BARS = '<path d="M10 13H22M10 19H22" stroke="#fff" stroke-width="3.5" stroke-linecap="round"/>';
const DOT = '<circle cx="16" cy="16" r="5" fill="#fff"/>';
const ICONS: Record<Headline['tone'], [colour: string, mark: string]> = {
  good: ['#1d9a63', DOT],
  warning: ['#a36700', BARS],
  slow: ['#d2361d', BARS],
  failed: ['#5e0b24', CROSS],
  none: ['#7c8894', DOT],
};

/** The icon of the tab as SVG: colour and mark say how bad the state is; grey = disconnected. */
export function tabIcon(page: PageStatus): string {
  const [colour, mark] = ICONS[headlineOf(page).tone];
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><circle cx="16" cy="16" r="15" fill="${colour}"/>${mark}</svg>`;
}
