import { codeOf, LINK_STATES, type LinkState } from './link-state.ts';

/**
 * The states from least to most worth seeing. What was measured badly or not at all comes before what is a little late:
 * `unknown` must not vanish under a green neighbour, and only `slow` and `failed` may cover it.
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

/** How much a state is worth seeing, by its index in `LINK_STATES`: where pairs share a pixel the highest is drawn. */
export const SEVERITY: Uint8Array = Uint8Array.from(LINK_STATES, (state) => FROM_LEAST.indexOf(state));

/** The index in `LINK_STATES` of each severity: the inverse of `SEVERITY`. */
export const BY_SEVERITY: Uint8Array = Uint8Array.from(FROM_LEAST, codeOf);
