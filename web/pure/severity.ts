import { codeOf, LINK_STATES, type LinkState } from './link-state.ts';

/**
 * The states from least to most important. `unknown` is above good and late states, so that a green neighbour never
 * hides it; only `slow` and `failed` may.
 */
const FROM_LEAST: readonly LinkState[] = [
  'gone',
  'not-probed',
  'not-yet',
  'good',
  'fair',
  'suspect',
  'warning',
  'unknown',
  'slow',
  'failed',
];

/** The importance of a state, by its index in `LINK_STATES`. If several links share a pixel, the highest is drawn. */
export const SEVERITY: Uint8Array = Uint8Array.from(LINK_STATES, (state) => FROM_LEAST.indexOf(state));

/** The index in `LINK_STATES` by severity: the inverse of `SEVERITY`. */
export const BY_SEVERITY: Uint8Array = Uint8Array.from(FROM_LEAST, codeOf);

/** The importance of a state; see `SEVERITY`. */
export function severityOf(state: LinkState): number {
  return FROM_LEAST.indexOf(state);
}

/** Whether the state with code `a` is more important than the one with code `b`; -1 = no state. */
export function isWorse(a: number, b: number): boolean {
  return a >= 0 && (b < 0 || (SEVERITY[a] ?? 0) > (SEVERITY[b] ?? 0));
}
