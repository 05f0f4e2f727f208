import * as v from 'valibot';
import { figure } from './wire.ts';

/*
 * Between pods, times of the past are ages: ms before the moment at which the asked pod answers, by its own clock that
 * never jumps. So no two clocks need to agree; only the pod that was asked by a user turns ages into times of its own.
 */

/** The longest stretch that can be asked for: what HISTORY_WINDOW may be at most. */
export const MAX_PAST_MS = 24 * 3_600_000;

/** A stretch of the past as ages: `fromAgeMs` > `toAgeMs` >= 0. */
export interface AgeRange {
  fromAgeMs: number;
  toAgeMs: number;
}

/** What a row of the past covers. */
export interface RowPast extends AgeRange {
  /** How fine the figures are: samples older than the raw ones are kept in buckets of this many ms; 0 = all raw. */
  resolutionMs: number;
  /** How far back this pod knows anything, as an age: it started then, or has forgotten what is older. */
  knownAgeMs: number;
}

/** What a matrix of the past covers, by the serving pod's clock (ms since the epoch). */
export interface MeshPast {
  fromMs: number;
  toMs: number;
  /** The coarsest `RowPast.resolutionMs` among its rows. */
  resolutionMs: number;
}

/** `RowPast` on the wire. */
export const rowPastSchema = v.object({
  fromAgeMs: figure,
  toAgeMs: figure,
  resolutionMs: figure,
  knownAgeMs: figure,
});

/** `MeshPast` on the wire. */
export const meshPastSchema = v.object({ fromMs: figure, toMs: figure, resolutionMs: figure });
