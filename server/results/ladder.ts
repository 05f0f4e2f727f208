/** The lengths that a bucket may have, ms, ascending. */
export const LADDER_MS = [
  5_000, 10_000, 15_000, 30_000, 60_000, 120_000, 300_000, 600_000, 900_000, 1_800_000, 3_600_000, 7_200_000,
  21_600_000, 86_400_000,
] as const;

/** Fewer samples than this are no bucket: they take less room as they are. */
const LEAST_SAMPLES = 4;

/** What the length of buckets depends on. */
export interface WidthNeeds {
  /** Links that are probed. */
  links: number;
  /** How many buckets there is room for. */
  buckets: number;
  /** How far back they are to reach. */
  windowMs: number;
  /** How often a link gets a sample; 0 = never. */
  intervalMs: number;
}

/**
 * The shortest length of the ladder at which the buckets of all links reach back `windowMs`, and one holds a few
 * samples; the longest where none does.
 */
export function bucketWidthMs({ links, buckets, windowMs, intervalMs }: WidthNeeds): number {
  const suits = (widthMs: number) =>
    widthMs >= Math.min(LEAST_SAMPLES * intervalMs, windowMs / 2) &&
    // One bucket more for the one that is begun, and one for the stretch's ragged ends.
    links * (windowMs / widthMs + 2) <= buckets;
  return LADDER_MS.find(suits) ?? 86_400_000;
}
