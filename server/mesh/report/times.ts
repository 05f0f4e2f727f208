/** A moment of the day in UTC: `15:10:12`. */
export function clock(ms: number): string {
  return isoOf(ms).slice(11, 19);
}

/** A day in UTC: `2026-11-22`. */
export function day(ms: number): string {
  return isoOf(ms).slice(0, 10);
}

/** As RFC 3339 tells it, to the ms. What lies beyond the calendar is put down to its end. */
export function isoOf(ms: number): string {
  return new Date(Math.max(0, Math.min(ms, 253_402_300_799_999))).toISOString();
}

/** A length of time in its two largest units: `0.4 s`, `42 s`, `2 min 6 s`, `1 h 30 min`. */
export function span(ms: number): string {
  if (ms < 10_000) return `${(ms / 1000).toFixed(1)} s`;
  const s = Math.round(ms / 1000);
  if (s < 60) return `${s} s`;
  const [large, small, ofLarge, ofSmall] = s < 3600 ? ['min', 's', 60, 1] : ['h', 'min', 3600, 60];
  const rest = Math.floor((s % Number(ofLarge)) / Number(ofSmall));
  return `${Math.floor(s / Number(ofLarge))} ${large}${rest === 0 ? '' : ` ${rest} ${small}`}`;
}

/** Microseconds as milliseconds with two or three figures that mean something; `none` below 0. */
export function milliseconds(us: number, none = '–'): string {
  if (us < 0) return none;
  const ms = us / 1000;
  return `${ms < 1 ? ms.toFixed(2) : ms < 100 ? ms.toFixed(1) : ms.toFixed(0)} ms`;
}
