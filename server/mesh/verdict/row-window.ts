import { NONE16, unpack16 } from '../../contract/bytes16.ts';
import { FLAG_NOT_YET, type LinkColumns, type StatColumns } from '../../contract/links.ts';
import type { MeshRow } from '../../contract/mesh.ts';

/** The most links of a row that are read and judged at a time. */
export const CHUNK = 512;

/** Bits of `state`: the window has a sample of the link; a probe of it failed; the newest one did. */
export const SAMPLED = 1;
export const MARRED = 2;
export const FAILED = 4;

const NO_COLUMN = new Uint16Array(0);

/**
 * What the window tells of up to `CHUNK` links of one row; entry k of each column is about the same link, of which the
 * row has number `start + k`. Used again and again: a matrix has a million links. Columns that need no change are views.
 */
export class RowWindow {
  start = 0;
  length = 0;
  /** The probed pod. */
  to: Uint16Array = NO_COLUMN;
  readonly state = new Uint8Array(CHUNK);
  /** Those that can be trusted; suspect ones only where there are no others, as for the other figures. */
  readonly samples = new Uint16Array(CHUNK);
  failures: Uint16Array = NO_COLUMN;
  /** Packed as in `LinkColumns`. */
  p50: Uint16Array = NO_COLUMN;
  p95: Uint16Array = NO_COLUMN;
  max: Uint16Array = NO_COLUMN;
  /** 1 = some clause is about it. */
  readonly isLookedAt = new Uint8Array(CHUNK);

  /**
   * Reads the links of a row from number `start` on. A pod that only speaks Goldpinger tells its newest ping alone, and
   * if that is no older than the window it is the one sample.
   */
  read(row: MeshRow, start: number, windowMs: number): void {
    this.start = start;
    this.length = Math.min(CHUNK, row.links.length - start);
    this.to = row.links.to.subarray(start, start + this.length);
    this.isLookedAt.fill(0);
    if (row.stats === null) this.#readNewest(row.links, windowMs);
    else this.#readStats(row.links, row.stats);
  }

  #readStats(links: LinkColumns, stats: StatColumns): void {
    const { start, length, state } = this;
    const view = (column: Uint16Array) => column.subarray(start, start + length);
    this.failures = view(stats.failures);
    this.p50 = view(stats.p50Us);
    this.p95 = view(stats.p95Us);
    this.max = view(stats.maxUs);
    for (let k = 0; k < length; k++) {
      const i = start + k;
      const isNotYet = ((links.flags[i] ?? 0) & FLAG_NOT_YET) !== 0;
      const all = isNotYet ? 0 : (stats.samples[i] ?? 0);
      const trusted = all - (stats.suspect[i] ?? 0);
      this.samples[k] = trusted > 0 ? trusted : all;
      state[k] = stateOf(all, stats.failures[i] ?? 0, links.outcome[i] ?? 0);
    }
  }

  #readNewest(links: LinkColumns, windowMs: number): void {
    const us16 = new Uint16Array(this.length);
    this.failures = new Uint16Array(this.length);
    for (let k = 0; k < this.length; k++) {
      const i = this.start + k;
      const isNotYet = ((links.flags[i] ?? 0) & FLAG_NOT_YET) !== 0;
      const ageMs = unpack16(links.ageMs[i] ?? NONE16);
      const outcome = links.outcome[i] ?? 0;
      const samples = !isNotYet && ageMs >= 0 && ageMs <= windowMs ? 1 : 0;
      this.samples[k] = samples;
      this.failures[k] = outcome === 0 ? 0 : 1;
      this.state[k] = stateOf(samples, outcome === 0 ? 0 : 1, outcome);
      us16[k] = outcome === 0 ? (links.totalUs[i] ?? NONE16) : NONE16;
    }
    this.p50 = us16;
    this.p95 = us16;
    this.max = us16;
  }
}

function stateOf(samples: number, failures: number, outcome: number): number {
  return samples === 0 ? 0 : SAMPLED | (failures > 0 ? MARRED : 0) | (outcome === 0 ? 0 : FAILED);
}
