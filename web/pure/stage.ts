import type { ConnectionStatus } from './notices.ts';
import type { Picture } from './picture.ts';

/**
 * Which screen is shown: the view (`picture`), or a message. `connecting`: no data yet. `unreachable`: no data, and the
 * connection is lost. The others follow from the pod list of the serving pod.
 */
export type Stage = 'connecting' | 'unreachable' | 'waiting' | 'forbidden' | 'empty' | 'alone' | 'picture';

/** Chooses the screen. Data with at least one pod are always shown. */
export function stageOf(picture: Picture | null, status: ConnectionStatus): Stage {
  if (picture === null) return status === 'lost' ? 'unreachable' : 'connecting';
  const { discovery, servedBy } = picture.mesh;
  if (picture.n === 0) {
    const fault = discovery.lastError?.fault;
    if (fault === 'forbidden' || fault === 'unauthorized') return 'forbidden';
    return discovery.phase === 'waiting' ? 'waiting' : 'empty';
  }
  return picture.n === 1 && servedBy.pod === 0 ? 'alone' : 'picture';
}
