import type { Pod } from '../../server/protocol/pod.ts';
import type { AxisStates } from './axis-states.ts';
import { type Arrangement, type ArrangeOptions, arrange } from './order.ts';
import type { Picture } from './picture.ts';

/**
 * Keeps an arrangement until the pods or the reader's choice change: new data alone never moves a row. Where it is
 * sorted by how bad things are, `isOutdated` tells that sorting again would move something.
 */
export class KeptOrder {
  #pods: readonly Pod[] | null = null;
  #who = '';
  #key = '';
  #kept: Arrangement | null = null;
  #isOutdated = false;

  /** The arrangement to draw. */
  arrange(picture: Picture, axisStates: AxisStates, options: ArrangeOptions): Arrangement {
    const { pods } = picture.mesh;
    // The same list comes with most pictures: a thousand pods need not be compared each time.
    if (pods !== this.#pods) this.#who = pods.map((pod) => `${pod.uid}@${pod.node}@${pod.zone}`).join();
    this.#pods = pods;
    const key = [options.order, options.group, options.filter, this.#who].join('\n');
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

  /** Whether the data have moved on since the rows were sorted. */
  get isOutdated(): boolean {
    return this.#isOutdated;
  }

  /** Sorts anew at the next `arrange`. */
  resort(): void {
    this.#kept = null;
  }
}
