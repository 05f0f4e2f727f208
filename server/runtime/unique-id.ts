import type { Clock } from './clock.ts';

/**
 * An id of letters, digits and dashes, at most 20 characters long. Ids made later sort later; `random` (0 <= x < 1) keeps
 * those of different processes apart.
 */
export function uniqueId(clock: Clock, random: () => number): string {
  return `${Math.floor(clock.nowMs()).toString(36)}-${Math.floor(random() * 2 ** 40).toString(36)}`;
}
