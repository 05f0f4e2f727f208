import type { Pod } from '../../server/protocol/pod.ts';
import type { AxisStates } from './axis-states.ts';
import { type Arrangement, type ArrangeOptions, arrange } from './order.ts';
import type { Picture } from './picture.ts';

/**
 * Keeps an arrangement until the pods or the reader's choices change, so that new data never moves a row. If it is
 * sorted by severity, `isOutdated` says whether sorting again would move something.
 */
export class KeptOrder {
  #pods: readonly Pod[] | null = null;
  #podKey = '';
  #key = '';
  #kept: Arrangement | null = null;
  #isOutdated = false;

  /** The arrangement to draw. */
  arrange(picture: Picture, axisStates: AxisStates, options: ArrangeOptions): Arrangement {
    const { pods } = picture.mesh;
    // Most updates have the same list, so a thousand pods are not compared each time.
    if (pods !== this.#pods) this.#podKey = pods.map((pod) => `${pod.uid}@${pod.node}@${pod.zone}`).join();
    this.#pods = pods;
    const key = [options.order, options.group, options.filter, this.#podKey].join('\n');
    const fresh = this.#kept === null || key !== this.#key;
    const sorted = options.order === 'worst-row' || options.order === 'worst-column';
    if (!fresh && !sorted && this.#kept !== null) return this.#kept;
    const now = arrange(picture, axisStates, options);
    if (fresh || this.#kept === null) {
      this.#key = key;
      this.#kept = now;
      this.#isOutdated = false;
      return now;
    }
    this.#isOutdated = now.pods.some((pod, position) => pod !== this.#kept?.pods[position]);
    return this.#kept;
  }

  /** Whether the order no longer matches the data. */
  get isOutdated(): boolean {
    return this.#isOutdated;
  }

  /** Makes the next `arrange` sort again. */
  resort(): void {
    this.#kept = null;
  }
}
