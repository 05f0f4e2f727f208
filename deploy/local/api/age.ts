/**
 * A span of time as kubectl prints it (apimachinery's duration.HumanDuration): two units at most, the second one only
 * while it tells something. `spanMs` may be negative by clock skew; up to 2 s of that is 0s.
 */
export function humanSpan(spanMs: number): string {
  const seconds = Math.trunc(spanMs / 1000);
  if (seconds < -1) return '<invalid>';
  if (seconds < 0) return '0s';
  if (seconds < 120) return `${seconds}s`;
  const minutes = Math.trunc(seconds / 60);
  if (minutes < 10) return two(minutes, 'm', seconds % 60, 's');
  if (minutes < 180) return `${minutes}m`;
  const hours = Math.trunc(minutes / 60);
  if (hours < 8) return two(hours, 'h', minutes % 60, 'm');
  if (hours < 48) return `${hours}h`;
  const days = Math.trunc(hours / 24);
  if (hours < 192) return two(days, 'd', hours % 24, 'h');
  if (days < 730) return `${days}d`;
  const years = Math.trunc(days / 365);
  return days < 2920 ? two(years, 'y', days % 365, 'd') : `${years}y`;
}

/** The age of something since an RFC 3339 time; `<unknown>` without one. */
export function ageSince(time: string | undefined, nowMs: number): string {
  return time === undefined ? '<unknown>' : humanSpan(nowMs - Date.parse(time));
}

function two(first: number, unit: string, second: number, secondUnit: string): string {
  return second === 0 ? `${first}${unit}` : `${first}${unit}${second}${secondUnit}`;
}
