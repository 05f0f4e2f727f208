/**
 * The states in which a link is drawn. `Picture.state` holds indexes in this list.
 * `good` to `slow` are ok links by latency; `failed` is any other outcome. `not-probed`: the source does not ping the
 * destination (PING_NUMBER, or the pod is new). `not-yet`: pending, or one of the pods is starting and there is no result.
 * `unknown`: the source did not report. `ignored`: the node of one of the pods is cordoned, and IGNORE_CORDONED leaves it out:
 * however the ping ended, it counts for nothing. `gone`: one of the pods is gone. Whether a measurement is unreliable is not a
 * state: see `PictureCells`.
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
  'ignored',
  'gone',
] as const;

export type LinkState = (typeof LINK_STATES)[number];

/** What gives a text or a mark its colour: a link state, or `suspect` for unreliable measurements (the server's word). */
export type Tone = LinkState | 'suspect';

export function codeOf(state: LinkState): number {
  return LINK_STATES.indexOf(state);
}

/** The state with index `code`; `unknown` if there is none. */
export function stateAt(code: number | undefined): LinkState {
  return LINK_STATES[code ?? -1] ?? 'unknown';
}

/** The indexes at which a list has a value, in order. */
export function* indexesOf(list: Uint8Array, value: number): Generator<number> {
  for (let at = list.indexOf(value); at >= 0; at = list.indexOf(value, at + 1)) yield at;
}

/** Whether the pings of a link in this state are answered, and not slow. */
export function arePingsFine(state: LinkState): boolean {
  return state === 'good' || state === 'fair' || state === 'warning';
}

/** Converts counts by index in `LINK_STATES` to counts by state. */
export function countsByState(tally: ArrayLike<number>): Record<LinkState, number> {
  return Object.fromEntries(LINK_STATES.map((state, code) => [state, tally[code] ?? 0])) as Record<LinkState, number>;
}

/**
 * The states from least to most important. `unknown` is above good and late states, so that a green neighbour never
 * hides it; only `slow` and `failed` may.
 */
const FROM_LEAST: readonly LinkState[] = [
  'gone',
  'not-probed',
  'ignored',
  'not-yet',
  'good',
  'fair',
  'warning',
  'unknown',
  'slow',
  'failed',
];

/** The importance of a state, by its index in `LINK_STATES`. If several links share a pixel, the highest is drawn. */
export const SEVERITY: Uint8Array = Uint8Array.from(LINK_STATES, (state) => FROM_LEAST.indexOf(state));

/** The index in `LINK_STATES` by severity: the inverse of `SEVERITY`. */
export const BY_SEVERITY: Uint8Array = Uint8Array.from(FROM_LEAST, codeOf);

/** 1 = a link in that state was measured, or should have been reported. By index in `LINK_STATES`. */
export const COUNTS: Uint8Array = Uint8Array.from(LINK_STATES, (state) =>
  ['gone', 'ignored', 'not-probed', 'not-yet'].includes(state) ? 0 : 1,
);

/** Whether late links mark a row, an arc or a folded cell: only more than a tenth of its links, because single ones always are. */
export function areManyLate(late: number, all: number): boolean {
  return late * 10 > all;
}

/** The importance of a tone; see `SEVERITY`. `suspect` is just below `warning`. */
export function severityOf(tone: Tone): number {
  return tone === 'suspect' ? FROM_LEAST.indexOf('warning') - 0.5 : FROM_LEAST.indexOf(tone);
}

/** Whether the state with code `a` is more important than the one with code `b`; -1 = no state. */
export function isWorse(a: number, b: number): boolean {
  return a >= 0 && (b < 0 || (SEVERITY[a] ?? 0) > (SEVERITY[b] ?? 0));
}
