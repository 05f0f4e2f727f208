import type { Pod } from '../../server/protocol/pod.ts';
import { spanText } from './figures.ts';

/**
 * How long a lost pod's place was empty: from its loss until its successor was ready, "about 2 s later"; what the successor is
 * waiting for until then. '' where nothing can be said. Kubernetes tells times of readiness to the second.
 */
export function recoveryText(lost: Pod, successor: Pod): string {
  if (lost.lifecycle !== 'gone') return '';
  if (successor.lifecycle === 'starting' || successor.lifecycle === 'not-ready') {
    return successor.lifecycle === 'starting' ? 'pending: starting' : 'pending: not ready';
  }
  if (successor.lifecycle !== 'ready') return '';
  const tookMs = Math.round((successor.sinceMs - lost.sinceMs) / 1000) * 1000;
  return tookMs < 2000 ? 'within 2 s' : `after about ${spanText(tookMs).replace('.0 s', ' s')}`;
}
