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

/** The longest duration that Go has, ms: 2^63 - 1 ns. */
const MAX_GO_MS = 2 ** 63 / 1e6;
const NS_PER_MS = 1e6;
const DAY_MS = 24 * 3_600_000;

/** Reads a duration as Go's time.ParseDuration does (`+300ms`, `1h2.5m`, `0`); ms, NaN for a text that Go refuses. */
export function parseGoDurationMs(text: string): number {
  const [, sign = '', rest = ''] = /^([+-]?)(.*)$/s.exec(text) ?? [];
  if (rest === '0') return 0;
  if (!/^(?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+$/.test(rest)) return Number.NaN;
  let totalMs = 0;
  for (const [, number, unit = ''] of rest.matchAll(/([\d.]+)([^\d.]+)/g))
    totalMs += Number(number) * (UNIT_MS[unit] ?? 0);
  if (totalMs > MAX_GO_MS) return Number.NaN;
  // Go has whole nanoseconds. The sum may be a rounding error beside one: 1.1 * 3_600_000 is 3_960_000.0000000005.
  totalMs = Math.round(totalMs * NS_PER_MS) / NS_PER_MS;
  return sign === '-' ? 0 - totalMs : totalMs;
}

/**
 * Reads a duration in Go's notation (`300ms`, `1.5s`, `1m30s`, `0`), from 0 to `mostMs`; a day by default. Returns milliseconds.
 * Throws a RangeError that says what is expected. Negative durations are refused, because nothing has a use for one.
 */
export function parseDurationMs(text: string, mostMs = DAY_MS): number {
  const ms = parseGoDurationMs(text);
  if (Number.isNaN(ms) || ms < 0) throw new RangeError('expected a duration such as 300ms, 1.5s or 1m30s');
  if (ms > mostMs) throw new RangeError(`expected at most ${formatDurationMs(mostMs)}`);
  return ms;
}

/** Writes milliseconds in Go's notation: whole hours or minutes (`2h`, `5m`), else seconds (`1.5s`, `90s`), below 1 s `300ms`. */
export function formatDurationMs(ms: number): string {
  if (ms === 0) return '0';
  if (ms >= 3_600_000 && ms % 3_600_000 === 0) return `${ms / 3_600_000}h`;
  if (ms >= 60_000 && ms % 60_000 === 0) return `${ms / 60_000}m`;
  return ms >= 1000 ? `${ms / 1000}s` : `${ms}ms`;
}
