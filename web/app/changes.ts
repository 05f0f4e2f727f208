import { countText, plural } from '../model/format.ts';
import type { Picture } from '../model/mesh-view.ts';
import type { ConnectionStatus } from './notices.ts';

/** The facts that the tab and the announcements for screen readers show. */
export interface PageStatus {
  status: ConnectionStatus;
  failing: string[];
  failed: number;
  slow: number;
  /** External targets that fail. */
  external: number;
  pods: number;
}

/** Collects these facts. */
export function pageStatusOf(picture: Picture | null, status: ConnectionStatus): PageStatus {
  const failing = picture?.pods.filter((pod) => pod.health === 'failing').map((pod) => pod.label) ?? [];
  const pods = picture?.pods.filter(({ pod }) => pod.lifecycle !== 'gone').length ?? 0;
  const external = picture?.targets.filter(({ state }) => state === 'failed').length ?? 0;
  return { status, failing, failed: picture?.counts.failed ?? 0, slow: picture?.counts.slow ?? 0, external, pods };
}

/** One sentence about the most severe change; '' = no relevant change. */
export function changeSentence(before: PageStatus, after: PageStatus): string {
  const lost = after.status === 'lost';
  if (lost !== (before.status === 'lost')) return lost ? 'Disconnected.' : 'Reconnected.';
  const fresh = after.failing.filter((pod) => !before.failing.includes(pod));
  if (fresh.length > 0) return `${listed(fresh)} failing.`;
  const recovered = before.failing.filter((pod) => !after.failing.includes(pod));
  if (recovered.length > 0) return `${listed(recovered)} no longer failing.`;
  if (after.failed !== before.failed)
    return `${plural(after.failed, 'link')} failed (was ${countText(before.failed)}).`;
  if (after.external !== before.external)
    return `${plural(after.external, 'external target')} failing (was ${countText(before.external)}).`;
  if (after.slow !== before.slow) return `${plural(after.slow, 'link')} slow (was ${countText(before.slow)}).`;
  if (after.pods !== before.pods) return `${plural(after.pods, 'pod')} (was ${countText(before.pods)}).`;
  return '';
}

function listed(names: readonly string[]): string {
  if (names.length > 3) return `${countText(names.length)} pods are`;
  return `${names.join(', ')} ${names.length === 1 ? 'is' : 'are'}`;
}

/** The title of the tab. The problem comes first, because tabs are narrow. */
export function tabTitle({ status, failing, failed, external, pods }: PageStatus): string {
  const name = 'goldpinger';
  if (status === 'lost') return `Disconnected · ${name}`;
  if (failing.length > 0) return `${plural(failing.length, 'pod')} failing · ${name}`;
  if (failed > 0) return `${plural(failed, 'link')} failed · ${name}`;
  if (external > 0) return `${plural(external, 'external target')} failing · ${name}`;
  return pods === 0 ? name : `${plural(pods, 'pod')} ok · ${name}`;
}

/** The icon of the tab as SVG: green, red with a cross if something fails, grey if disconnected. */
export function tabIcon({ status, failing, failed, external, pods }: PageStatus): string {
  const bad = failing.length > 0 || failed > 0 || external > 0;
  const colour = status === 'lost' || pods === 0 ? '#7c8894' : bad ? '#c81e1e' : '#1d9a63';
  const inside =
    bad && status !== 'lost'
      ? '<path d="M11 11L21 21M21 11L11 21" stroke="#fff" stroke-width="4" stroke-linecap="round"/>'
      : '<circle cx="16" cy="16" r="5" fill="#fff"/>';
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><circle cx="16" cy="16" r="15" fill="${colour}"/>${inside}</svg>`;
}
