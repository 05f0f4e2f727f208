import { NONE16, unpack16 } from '../../contract/bytes16.ts';
import { FLAG_NOT_YET } from '../../contract/links.ts';
import type { MeshRow } from '../../contract/mesh.ts';
import type { Clause } from './clause.ts';

/** What the window tells of one link. Durations packed as in `LinkColumns`. */
export interface LinkWindow {
  /** Those that can be trusted; suspect ones only where there are no others, as for the other figures. */
  samples: number;
  failures: number;
  /** Whether its newest sample failed. */
  isFailed: boolean;
  p50: number;
  p95: number;
  max: number;
}

/**
 * Reads link `i` of a row into `into`, which is given back: a million links are looked at. A pod that only speaks
 * Goldpinger tells its newest ping alone, and if that is no older than the window it is the one sample.
 */
export function windowOf({ links, stats }: MeshRow, i: number, windowMs: number, into: LinkWindow): LinkWindow {
  const isFailed = links.outcome[i] !== 0;
  const isNotYet = ((links.flags[i] ?? 0) & FLAG_NOT_YET) !== 0;
  if (stats === null || isNotYet) {
    const ageMs = unpack16(links.ageMs[i] ?? NONE16);
    into.samples = !isNotYet && ageMs >= 0 && ageMs <= windowMs ? 1 : 0;
    into.failures = isFailed ? into.samples : 0;
    into.p50 = isFailed ? NONE16 : (links.totalUs[i] ?? NONE16);
    into.p95 = into.p50;
    into.max = into.p50;
  } else {
    const samples = stats.samples[i] ?? 0;
    into.samples = samples - (stats.suspect[i] ?? 0) || samples;
    into.failures = stats.failures[i] ?? 0;
    into.p50 = stats.p50Us[i] ?? NONE16;
    into.p95 = stats.p95Us[i] ?? NONE16;
    into.max = stats.maxUs[i] ?? NONE16;
  }
  into.isFailed = isFailed && into.samples > 0;
  return into;
}

/** What a link says of a clause: `short` = too few samples to say. */
export type LinkVerdict = 'holds' | 'violates' | 'short';

/**
 * Whether a clause holds on one link.
 * healthy: at least `min` samples, none failed; one that failed violates it whatever their number.
 * failed: the newest of at least `min` samples failed; one that is ok now violates it.
 * latency: at least `min` samples, the newest ok, and the figure over the ok ones as wanted; a failed link violates it.
 */
export function judgeLink({ condition, stat, min }: Clause, link: LinkWindow): LinkVerdict {
  if (link.samples === 0) return 'short';
  if (condition.kind === 'healthy') {
    if (link.failures > 0) return 'violates';
    return link.samples < min || link.isFailed ? 'short' : 'holds';
  }
  if (condition.kind === 'failed') {
    if (!link.isFailed) return 'violates';
    return link.samples < min ? 'short' : 'holds';
  }
  if (link.isFailed) return 'violates';
  const us = unpack16(link[stat]);
  if (us < 0 || link.samples < min) return 'short';
  const { operator, limitUs } = condition;
  const holds =
    operator === '<'
      ? us < limitUs
      : operator === '<='
        ? us <= limitUs
        : operator === '>'
          ? us > limitUs
          : us >= limitUs;
  return holds ? 'holds' : 'violates';
}
