/* Formats shares and times for the page. */
import type { TimeRange } from '../../server/runtime/time-range.ts';

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

export const TIME_ZONES = ['local', 'utc'] as const;
export type TimeZone = (typeof TIME_ZONES)[number];

/**
 * The zone of all times on the page. Like the zone of the browser it is one for the whole page, which is why views do not
 * pass it on. After a change everything must be rendered again.
 */
let shownZone: TimeZone = 'local';

export function showTimesIn(zone: TimeZone): void {
  shownZone = zone;
}

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

export function capital(text: string): string {
  return `${text.slice(0, 1).toUpperCase()}${text.slice(1)}`;
}

/** Makes a sentence of a text: capital letter first, full stop last; '' stays ''. */
export function sentence(text: string): string {
  return `${capital(text)}${/[.!?]$|^$/.test(text) ? '' : '.'}`;
}
