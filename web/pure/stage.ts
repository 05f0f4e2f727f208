import type { ConnectionStatus } from './notices.ts';
import type { Picture } from './picture.ts';

/**
 * Which screen is shown: the picture, or why there is none. `connecting`: nothing has come yet. `unreachable`: nothing
 * ever came, and the connection is lost. The others are what the serving pod says of its pod list.
 */
export type Stage = 'connecting' | 'unreachable' | 'waiting' | 'forbidden' | 'empty' | 'alone' | 'picture';

/** Chooses the screen. A picture with any pod is always shown, whatever has happened since. */
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
