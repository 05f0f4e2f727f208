/** The value below which the share `q` (0..1) of the figures lies; NaN without figures. Nearest rank. */
export function quantile(figures: readonly number[], q: number): number {
  const sorted = [...figures].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(q * sorted.length) - 1))] ?? Number.NaN;
}

/** The middle figure. */
export function median(figures: readonly number[]): number {
  return quantile(figures, 0.5);
}
