import type { TimeRange } from '../../server/runtime/time-range.ts';
/* Formats numbers and times for the page. */

/** A latency: two digits below 10 ms ("0.56 ms", "1.1 ms"), whole ms below 10 s ("252 ms"), then s; '–' for none. */
export function latencyText(us: number): string {
  const { figure, unit } = latencyParts(us);
  return unit === '' ? figure : `${figure} ${unit}`;
}

/** Like `latencyText`, but number and unit are separate, so that the number can be larger. */
export function latencyParts(us: number): { figure: string; unit: 'ms' | 's' | '' } {
  if (!(us >= 0)) return { figure: '–', unit: '' };
  const ms = us / 1000;
  if (ms >= 9_999.5) return { figure: (ms / 1000).toFixed(1), unit: 's' };
  if (ms >= 9.95) return { figure: ms.toFixed(0), unit: 'ms' };
  return { figure: ms.toFixed(ms < 0.995 ? 2 : 1), unit: 'ms' };
}

/** A share (0..1) in percent with two digits: "12 %", "0.5 %". */
export function shareText(share: number): string {
  return `${Number((100 * share).toPrecision(2))} %`;
}

/** A success rate by its failed share (0..1): "98 %", "99.9 %"; "100 %" only if nothing failed. */
export function successText(failed: number): string {
  return failed < 0 ? '–' : `${Math.floor(1000 * (1 - failed) + 1e-6) / 10} %`;
}

/** A ratio: "1.0 ×", "1.8 ×", "12 ×". */
export function timesText(ratio: number): string {
  return `${ratio.toFixed(ratio < 9.95 ? 1 : 0)} ×`;
}

/** A duration: "0.8 s", "42 s", "2 min 30 s", "3 h 5 min", "2 d 4 h". Negative counts as 0. */
export function spanText(ms: number): string {
  const s = Math.max(0, ms) / 1000;
  if (s < 9.95) return `${s.toFixed(1)} s`;
  const whole = Math.round(s);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return two(Math.floor(whole / 60), 'min', whole % 60, 's');
  const minutes = Math.floor(whole / 60);
  if (minutes < 1440) return two(Math.floor(minutes / 60), 'h', minutes % 60, 'min');
  return two(Math.floor(minutes / 1440), 'd', Math.floor((minutes % 1440) / 60), 'h');
}

function two(large: number, largeUnit: string, small: number, smallUnit: string): string {
  return small === 0 ? `${large} ${largeUnit}` : `${large} ${largeUnit} ${small} ${smallUnit}`;
}

/** Time zones in which the page can show times. */
export const TIME_ZONES = ['local', 'utc'] as const;
/** A time zone of the page. */
export type TimeZone = (typeof TIME_ZONES)[number];

/**
 * The zone of all times on the page. Like the zone of the browser it is one for the whole page, which is why views do not
 * pass it on. After a change everything must be rendered again.
 */
let shownZone: TimeZone = 'local';

/** Sets the zone of all times on the page. */
export function showTimesIn(zone: TimeZone): void {
  shownZone = zone;
}

/** The zone of all times on the page. */
export function timeZone(): TimeZone {
  return shownZone;
}

/** The name of the page's zone at a time: "UTC", "UTC+2", "UTC−3:30". */
export function zoneText(atMs: number): string {
  const offsetMin = offsetMinAt(atMs);
  if (!(Math.abs(offsetMin) > 0)) return 'UTC';
  const [hours, minutes] = [Math.floor(Math.abs(offsetMin) / 60), Math.abs(offsetMin) % 60];
  return `UTC${offsetMin < 0 ? '−' : '+'}${hours}${minutes === 0 ? '' : `:${String(minutes).padStart(2, '0')}`}`;
}

/** The name of the page's zone in a time range; both names if the clock changes in it: "UTC+1, later UTC+2". */
export function zonesText({ fromMs, toMs }: TimeRange): string {
  const [first, last] = [zoneText(fromMs), zoneText(toMs)];
  return first === last ? last : `${first}, later ${last}`;
}

/** The time of day in the page's zone, "15:12:41"; with the date if that is not the day of `nowMs`. */
export function clockText(atMs: number, nowMs = atMs): string {
  const at = dateText(atMs);
  if (at === '') return '–';
  return at.slice(0, 10) === dateText(nowMs).slice(0, 10) ? at.slice(11) : at;
}

/** The date and time of day in the page's zone, "2024-05-14 15:12:41"; '' if it is no time of the years 0 to 9999. */
export function dateText(atMs: number): string {
  const shifted = new Date(atMs + offsetMinAt(atMs) * 60_000);
  return Number.isFinite(shifted.getTime()) ? shifted.toISOString().slice(0, 19).replace('T', ' ') : '';
}

/** How far the page's zone is ahead of UTC at a time, minutes. */
function offsetMinAt(atMs: number): number {
  return shownZone === 'utc' ? 0 : -new Date(atMs).getTimezoneOffset();
}

/** The text with a capital first letter. */
export function capital(text: string): string {
  return `${text.slice(0, 1).toUpperCase()}${text.slice(1)}`;
}

/** Makes a sentence of a text: capital letter first, full stop last; '' stays ''. */
export function sentence(text: string): string {
  return `${capital(text)}${/[.!?]$|^$/.test(text) ? '' : '.'}`;
}
