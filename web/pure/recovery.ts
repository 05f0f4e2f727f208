import type { Pod } from '../../server/protocol/pod.ts';
import { spanText } from './figures.ts';

/**
 * How long after the loss of a pod its successor became ready, for example "after about 2 s", or why it is still pending.
 * '' = unknown. Kubernetes reports times of readiness in whole seconds.
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
