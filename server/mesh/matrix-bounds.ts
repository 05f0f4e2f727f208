/** How many matrices there may be at once: those that are collected, and those that are kept for who asks next. */
export interface MatrixBounds {
  now: { running: number; kept: number };
  past: { running: number; kept: number };
}

/** Up to so many links (300 pods that all ping each other) a matrix is small. */
const MANY_LINKS = 90_000;
const SMALL: MatrixBounds = { now: { running: 4, kept: 4 }, past: { running: 4, kept: 3 } };
const LARGE: MatrixBounds = { now: { running: 2, kept: 1 }, past: { running: 1, kept: 1 } };

/**
 * The bounds for a mesh of `podCount` pods that ping `pingNumber` others each, 0 = all. Any client may ask for any window
 * and any stretch, so this bounds what plain GETs make us hold. A link takes 14 bytes and its statistics 18
 * (`LINK_BYTES`, `STAT_BYTES`; twice that where both IP families are pinged):
 * 300 pods: 90 000 links, 2.9 MB a matrix, 15 of them 43 MB.
 * 1000 pods: 1 million links, 32 MB a matrix, 5 of them 160 MB; 15 would be 480 MB.
 */
export function matrixBounds(podCount: number, pingNumber: number): MatrixBounds {
  const links = podCount * (pingNumber > 0 ? Math.min(pingNumber, podCount) : podCount);
  return links > MANY_LINKS ? LARGE : SMALL;
}
