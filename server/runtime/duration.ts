/** Milliseconds in each unit of Go's duration notation (https://pkg.go.dev/time#ParseDuration). */
const UNIT_MS: Record<string, number> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  μs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};

/**
 * Reads a duration in Go's notation (`300ms`, `1.5s`, `1m30s`, `0`) and returns milliseconds.
 * Throws a RangeError that says what is expected. Negative durations are refused, because no setting has a use for one.
 */
export function parseDurationMs(text: string): number {
  if (text === '0') return 0;
  const parts = [...text.matchAll(/(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)/gy)];
  const matched = parts.reduce((length, part) => length + part[0].length, 0);
  if (text === '' || matched !== text.length) {
    throw new RangeError('expected a duration such as 300ms, 1.5s or 1m30s');
  }
  const totalMs = parts.reduce((sum, part) => sum + Number(part[1]) * (UNIT_MS[part[2] ?? ''] ?? 0), 0);
  // A longer duration is a typo; setTimeout cannot wait longer than 24.8 days anyway.
  if (totalMs > 24 * 3_600_000) throw new RangeError('expected at most 24h');
  return totalMs;
}

/** Writes milliseconds in Go's notation, in the largest unit that is exact: `300ms`, `1.5s`, `5m`. */
export function formatDurationMs(ms: number): string {
  if (ms === 0) return '0';
  if (ms >= 3_600_000 && ms % 3_600_000 === 0) return `${ms / 3_600_000}h`;
  if (ms >= 60_000 && ms % 60_000 === 0) return `${ms / 60_000}m`;
  return ms >= 1000 ? `${ms / 1000}s` : `${ms}ms`;
}
