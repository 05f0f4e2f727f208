import { FEW_PAIRS } from './general.ts';
import { FRESH, increase, SPIKE, STANDS } from './layer.ts';

/** A bad pair that no general cause explains. */
export interface Single {
  from: number;
  to: number;
  /** Index in the row's `LinkColumns`. */
  link: number;
  families: number;
}

/** The most singles of each kind that are kept to choose from: some 60 are worded. */
const MAX_KEPT = 1_000;
/**
 * Links that were bad once are told up to this share of so many at least: chance is taken to spoil a hundredth, and of
 * 1200 it spoils three or fewer once in 400 times.
 */
const FRESH_SHARE = 0.0025;
const MANY_PAIRS = 1_200;

/** Bad pairs that no general cause explains: all counted, the first few kept. */
export class Singles {
  /** All of them, by probed and by probing pod. */
  readonly into: Uint32Array;
  readonly outOf: Uint32Array;
  /** At least two samples say so. */
  readonly #standing: Single[] = [];
  /** One sample does, and nothing is known of others. */
  readonly #fresh: Single[] = [];
  #freshCount = 0;

  constructor(podCount: number) {
    this.into = new Uint32Array(podCount);
    this.outOf = new Uint32Array(podCount);
  }

  /** Takes in a pair; `weight` as in `BadRow`. One sample against the others of its window is counted only. */
  add(from: number, to: number, link: number, families: number, weight: number): void {
    increase(this.into, to);
    increase(this.outOf, from);
    if (weight === SPIKE) return;
    if (weight === FRESH) this.#freshCount += 1;
    const kept = weight === STANDS ? this.#standing : this.#fresh;
    if (kept.length < MAX_KEPT) kept.push({ from, to, link, families });
  }

  /**
   * Those that are more than chance, of `judged` pairs: of few each; of more those that were bad twice in a row, and the
   * others only if they are too few for chance.
   */
  worthTelling(judged: number): Single[] {
    const isFew = judged < FEW_PAIRS;
    const isMoreThanChance = judged >= MANY_PAIRS && this.#freshCount <= judged * FRESH_SHARE;
    return isFew || isMoreThanChance ? [...this.#standing, ...this.#fresh] : this.#standing;
  }
}
