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

/** Limits of latency, ms, ascending: below `goodMs` good, below `warningMs` fair, below `problemMs` warning, else slow. */
export interface Thresholds {
  goodMs: number;
  warningMs: number;
  problemMs: number;
}

/** The thresholds of Goldpinger's users' runbooks. */
export const DEFAULT_THRESHOLDS: Thresholds = { goodMs: 2, warningMs: 5, problemMs: 100 };

/** The state of an answer that took `us` microseconds. */
export function latencyState(us: number, t: Thresholds): 'good' | 'fair' | 'warning' | 'slow' {
  if (us < t.goodMs * 1000) return 'good';
  if (us < t.warningMs * 1000) return 'fair';
  return us < t.problemMs * 1000 ? 'warning' : 'slow';
}

/** The index of a state in `LINK_STATES`. */
export function codeOf(state: LinkState): number {
  return LINK_STATES.indexOf(state);
}

/** The state with index `code`; `unknown` for anything that is none. */
export function stateAt(code: number | undefined): LinkState {
  return LINK_STATES[code ?? -1] ?? 'unknown';
}
