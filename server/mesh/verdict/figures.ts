import { NONE16, unpack16 } from '../../contract/bytes16.ts';
import type { VerdictAnswer } from '../../contract/verdict.ts';
import { FAILED, MARRED, type RowWindow, SAMPLED } from './row-window.ts';

/** Packed figures that differ in the lower bits alone are counted together too, so that the median is found quickly. */
const COARSE_BITS = 8;

/** Sums up the links that any clause looks at. */
export class Figures {
  samples = 0;
  checked = 0;
  failed = 0;
  /** The largest, packed; -1 of none. */
  #p95 = -1;
  #max = -1;
  /** Ok links by packed p50, which keeps the order of the figures. */
  readonly #p50s = new Uint32Array(NONE16);
  readonly #coarse = new Uint32Array((NONE16 >> COARSE_BITS) + 1);
  #ok = 0;

  /** Takes the links in that some clause is about. */
  add({ length, isLookedAt, state, samples, p50, p95, max }: RowWindow): void {
    let [sum, checked, failed, ok] = [0, 0, 0, 0];
    let [p95Most, maxMost] = [this.#p95, this.#max];
    const [fine, coarse] = [this.#p50s, this.#coarse];
    for (let k = 0; k < length; k++) {
      const bits = state[k] ?? 0;
      if (isLookedAt[k] !== 1 || (bits & SAMPLED) === 0) continue;
      sum += samples[k] ?? 0;
      checked += 1;
      if ((bits & (MARRED | FAILED)) !== 0) failed += 1;
      const us16 = p50[k] ?? NONE16;
      if ((bits & FAILED) !== 0 || us16 === NONE16) continue;
      ok += 1;
      fine[us16] = (fine[us16] ?? 0) + 1;
      coarse[us16 >> COARSE_BITS] = (coarse[us16 >> COARSE_BITS] ?? 0) + 1;
      const [high, highest] = [p95[k] ?? NONE16, max[k] ?? NONE16];
      if (high !== NONE16 && high > p95Most) p95Most = high;
      if (highest !== NONE16 && highest > maxMost) maxMost = highest;
    }
    this.samples += sum;
    this.checked += checked;
    this.failed += failed;
    this.#ok += ok;
    this.#p95 = p95Most;
    this.#max = maxMost;
  }

  /** The durations of a verdict, ms; null of none. */
  told(): Pick<VerdictAnswer, 'p50_ms' | 'p95_ms' | 'max_ms'> {
    return { p50_ms: inMs(this.#median()), p95_ms: inMs(this.#p95), max_ms: inMs(this.#max) };
  }

  /** The lower median, packed. */
  #median(): number {
    let left = Math.ceil(this.#ok / 2);
    if (left === 0) return -1;
    let group = 0;
    while (left > (this.#coarse[group] ?? left)) left -= this.#coarse[group++] ?? 0;
    let us16 = group << COARSE_BITS;
    while (left > (this.#p50s[us16] ?? left)) left -= this.#p50s[us16++] ?? 0;
    return us16;
  }
}

function inMs(us16: number): number | null {
  return us16 < 0 ? null : unpack16(us16) / 1000;
}
