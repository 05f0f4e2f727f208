import {
  CHANGES,
  type ComparedColumns,
  emptyComparedColumns,
  FLAG_AFFECTED,
  failedPercent,
} from '../../protocol/comparison.ts';
import { FLAG_IPV6, NONE16 } from '../../protocol/links.ts';
import { changeOf, isWorse } from './change.ts';
import type { ComparedLink } from './range-links.ts';

/** Collects all compared links in columns, as the Compare view draws them: 13 bytes a link. */
export class LinkColumnsBuilder {
  readonly #slowUs: number;
  /** Columns of the pod whose links come now, with room for links to all pods over both IP families. */
  readonly #current: ComparedColumns;
  readonly #done: ComparedColumns[] = [];

  constructor(podCount: number, slowUs: number) {
    this.#slowUs = slowUs;
    this.#current = emptyComparedColumns(0, podCount * 2);
    this.#current.length = 0;
  }

  /** Adds a link. All links of one source must come one after the other. */
  add({ from, to, ipv6, before, during, after }: ComparedLink): void {
    const columns = this.#current;
    if (from !== columns.from) this.#finish();
    columns.from = from;
    const i = columns.length++;
    const isAffected = during !== null && isWorse(before, during, this.#slowUs);
    columns.to[i] = to;
    columns.flags[i] = (ipv6 ? FLAG_IPV6 : 0) | (isAffected ? FLAG_AFFECTED : 0);
    columns.change[i] = CHANGES.indexOf(changeOf(before, during, this.#slowUs));
    columns.beforeP50Us[i] = before?.p50Us16 ?? NONE16;
    columns.duringP50Us[i] = during?.p50Us16 ?? NONE16;
    columns.afterP50Us[i] = after?.p50Us16 ?? NONE16;
    columns.beforeFailed[i] = failedPercent(before);
    columns.duringFailed[i] = failedPercent(during);
    columns.afterFailed[i] = failedPercent(after);
  }

  /** The columns of each source that has links. */
  result(): ComparedColumns[] {
    this.#finish();
    return this.#done;
  }

  #finish(): void {
    const current = this.#current;
    if (current.length === 0) return;
    const end = current.length;
    this.#done.push({
      length: end,
      from: current.from,
      to: current.to.slice(0, end),
      flags: current.flags.slice(0, end),
      change: current.change.slice(0, end),
      beforeP50Us: current.beforeP50Us.slice(0, end),
      duringP50Us: current.duringP50Us.slice(0, end),
      afterP50Us: current.afterP50Us.slice(0, end),
      beforeFailed: current.beforeFailed.slice(0, end),
      duringFailed: current.duringFailed.slice(0, end),
      afterFailed: current.afterFailed.slice(0, end),
    });
    current.length = 0;
  }
}
