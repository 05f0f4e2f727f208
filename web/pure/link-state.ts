/**
 * What a pair of pods (from, to) is drawn as. The order is that of `Picture.state`.
 * `good` to `slow` are answers by latency, `failed` is any other outcome. `not-probed`: nobody asked (PING_NUMBER, too
 * new). `not-yet`: to be probed, no answer yet, or one of the two is starting. `unknown`: the pod that pings did not
 * report. `suspect`: measured by a starved process. `gone`: one of the two has left.
 */
export const LINK_STATES = [
  'good',
  'fair',
  'warning',
  'slow',
  'failed',
  'not-probed',
  'not-yet',
  'unknown',
  'suspect',
  'gone',
] as const;

/** What a pair of pods is drawn as; see `LINK_STATES`. */
export type LinkState = (typeof LINK_STATES)[number];

/** The index of a state in `LINK_STATES`. */
export function codeOf(state: LinkState): number {
  return LINK_STATES.indexOf(state);
}

/** The state with index `code`; `unknown` for anything that is none. */
export function stateAt(code: number | undefined): LinkState {
  return LINK_STATES[code ?? -1] ?? 'unknown';
}
