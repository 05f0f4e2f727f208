import type { TimeRange } from '../../server/runtime/time-range.ts';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const STEPS = [
  ...[5, 10, 15, 30].map((seconds) => seconds * SECOND),
  ...[1, 2, 5, 10, 15, 30].map((minutes) => minutes * MINUTE),
  ...[1, 2, 3, 6].map((hours) => hours * HOUR),
];
/** The least room that a time has on the axis, px. */
const ROOM = 76;

/** Round times (in the reader's zone) within a range drawn `width` px wide, and whether they are told with seconds. */
export function axisTimes({ fromMs, toMs }: TimeRange, width: number): { times: number[]; seconds: boolean } {
  const most = Math.max(1, Math.floor(width / ROOM));
  const step = STEPS.find((ms) => (toMs - fromMs) / ms <= most) ?? 12 * HOUR;
  const offsetMs = new Date(toMs).getTimezoneOffset() * MINUTE;
  const times: number[] = [];
  for (let at = Math.ceil((fromMs - offsetMs) / step) * step + offsetMs; at <= toMs; at += step) times.push(at);
  return { times, seconds: step < MINUTE };
}

/** How far an arrow key moves on a timeline of `spanMs`. */
export function keyStepMs(spanMs: number): number {
  return STEPS.find((ms) => spanMs / ms <= 300) ?? HOUR;
}

/** How far back a timeline goes where nobody has said, ms. */
const AUTO_SPANS = [5, 10, 20, 30, 60].map((minutes) => minutes * MINUTE);
/** The longest of them. */
export const MOST_AUTO_MS = Math.max(...AUTO_SPANS);

/** The shortest usual span that goes back from `nowMs` to `knownFromMs`, where what is known begins; the longest where none does. */
export function autoSpan(knownFromMs: number, nowMs: number): number {
  return AUTO_SPANS.find((ms) => ms >= nowMs - knownFromMs) ?? MOST_AUTO_MS;
}

/** The least of `spans` that goes back to `fromMs` from `nowMs`, not less than the one chosen; the longest where none does. */
export function spanFor(spans: readonly number[], chosenMs: number, fromMs: number, nowMs: number): number {
  return spans.find((ms) => ms >= chosenMs && ms >= nowMs - fromMs) ?? Math.max(chosenMs, spans.at(-1) ?? 0);
}
