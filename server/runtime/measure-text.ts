/**
 * A latency in a text for people, of the server and of the page, so that a figure beside a sentence agrees with it: `0.25 ms` in
 * hundredths below 1 ms, `1.2 ms` in tenths below 10 ms, then `252 ms`, `10.2 s`; '–' if it is not known (negative or NaN).
 */
export function latencyText(us: number): string {
  const { figure, unit } = latencyParts(us);
  return unit === '' ? figure : `${figure} ${unit}`;
}

/** As `latencyText`, with number and unit apart, so that the page can draw the number larger. */
export function latencyParts(us: number): { figure: string; unit: 'ms' | 's' | '' } {
  if (!(us >= 0)) return { figure: '–', unit: '' };
  const ms = us / 1000;
  // The limits are where rounding reaches the next unit or number of digits: 9.95 ms would be `10.0 ms`.
  if (ms >= 9_999.5) return { figure: (ms / 1000).toFixed(1), unit: 's' };
  if (ms >= 9.95) return { figure: ms.toFixed(0), unit: 'ms' };
  return { figure: ms.toFixed(ms < 0.995 ? 2 : 1), unit: 'ms' };
}

/**
 * A duration, by its two largest units: `0.4 s` in tenths below 10 s, then `42 s`, `2 min 6 s`, `1 h 30 min`, `2 d 4 h`. Below
 * 0 it is 0.
 */
export function durationText(ms: number): string {
  const s = Math.max(0, ms) / 1000;
  if (s < 9.95) return `${s.toFixed(1)} s`;
  const whole = Math.round(s);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return twoUnits(Math.floor(whole / 60), 'min', whole % 60, 's');
  const minutes = Math.floor(whole / 60);
  if (minutes < 1440) return twoUnits(Math.floor(minutes / 60), 'h', minutes % 60, 'min');
  return twoUnits(Math.floor(minutes / 1440), 'd', Math.floor((minutes % 1440) / 60), 'h');
}

function twoUnits(large: number, largeUnit: string, small: number, smallUnit: string): string {
  return small === 0 ? `${large} ${largeUnit}` : `${large} ${largeUnit} ${small} ${smallUnit}`;
}
