import { NONE16, unpack16 } from '../../contract/bytes16.ts';
import type { Clause, Stat } from './clause.ts';
import { FAILED, MARRED, SAMPLED } from './row-window.ts';

/** What a link says of a clause; `SHORT` = too few samples to say, `MEASURED` = its figure tells. */
export const HOLDS = 0;
export const VIOLATES = 1;
export const SHORT = 2;
export const MEASURED = 3;

/**
 * A clause's condition, made ready to be held against a million links: what each combination of the bits of
 * `RowWindow.state` says, and which packed figures are as wanted. Packed figures are in the order of what they stand for,
 * so none needs to be unpacked.
 */
export interface Yardstick {
  byState: Uint8Array;
  /** Samples that a link needs unless it violates the condition whatever their number. */
  min: number;
  /** The figure that `MEASURED` looks at, and between which packed values (inclusive) it holds; from > to: never. */
  stat: Stat;
  fromUs16: number;
  toUs16: number;
}

/**
 * The yardstick of a clause.
 * healthy: at least `min` samples, none failed; one that failed violates it whatever their number.
 * failed: the newest of at least `min` samples failed; one that is ok now violates it.
 * latency: at least `min` samples, the newest ok, and the figure over the ok ones as wanted; a failed link violates it.
 */
export function yardstickOf({ condition, stat, min }: Clause): Yardstick {
  const byState = new Uint8Array((SAMPLED | MARRED | FAILED) + 1).map((_, state) => {
    const is = (bit: number) => (state & bit) !== 0;
    if (!is(SAMPLED)) return SHORT;
    if (condition.kind === 'healthy') return is(MARRED) ? VIOLATES : is(FAILED) ? SHORT : HOLDS;
    if (condition.kind === 'failed') return is(FAILED) ? HOLDS : VIOLATES;
    return is(FAILED) ? VIOLATES : MEASURED;
  });
  if (condition.kind !== 'latency') return { byState, min, stat, fromUs16: 0, toUs16: NONE16 };
  const { operator, limitUs } = condition;
  const first = operator === '<' || operator === '>=' ? firstFrom(limitUs) : firstFrom(limitUs + 1);
  const isUpTo = operator === '<' || operator === '<=';
  return { byState, min, stat, fromUs16: isUpTo ? 0 : first, toUs16: isUpTo ? first - 1 : NONE16 - 1 };
}

/** The smallest packed figure that stands for `us` or more; `NONE16` if there is none. `us` is a whole number. */
function firstFrom(us: number): number {
  let [low, high] = [0, NONE16];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (unpack16(middle) >= us) high = middle;
    else low = middle + 1;
  }
  return low;
}
