import type { TimeRange } from '../../server/runtime/time-range.ts';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const STEPS = [
  ...[5, 10, 15, 30].map((seconds) => seconds * SECOND),
  ...[1, 2, 5, 10, 15, 30].map((minutes) => minutes * MINUTE),
  ...[1, 2, 3, 6].map((hours) => hours * HOUR),
];
/** Minimum distance between two times on the axis, px. */
const ROOM = 76;

/** Round local times within a range that is `width` px wide, and whether they need seconds. */
export function axisTimes({ fromMs, toMs }: TimeRange, width: number): { times: number[]; seconds: boolean } {
  const most = Math.max(1, Math.floor(width / ROOM));
  const step = STEPS.find((ms) => (toMs - fromMs) / ms <= most) ?? 12 * HOUR;
  const offsetMs = new Date(toMs).getTimezoneOffset() * MINUTE;
  const times: number[] = [];
  for (let at = Math.ceil((fromMs - offsetMs) / step) * step + offsetMs; at <= toMs; at += step) times.push(at);
  return { times, seconds: step < MINUTE };
}

/** Step of an arrow key on a timeline of `spanMs`, ms. */
export function keyStepMs(spanMs: number): number {
  return STEPS.find((ms) => spanMs / ms <= 300) ?? HOUR;
}

/** Automatic time spans of the timeline, ms. */
const AUTO_SPANS = [5, 10, 20, 30, 60].map((minutes) => minutes * MINUTE);
/** The longest automatic span. */
export const MOST_AUTO_MS = Math.max(...AUTO_SPANS);

/** The shortest automatic span that includes `knownFromMs`, the oldest time with data; otherwise the longest. */
export function autoSpan(knownFromMs: number, nowMs: number): number {
  return AUTO_SPANS.find((ms) => ms >= nowMs - knownFromMs) ?? MOST_AUTO_MS;
}

/** The shortest of `spans` that includes `fromMs` and is not below `chosenMs`; otherwise the longest. */
export function spanFor(spans: readonly number[], chosenMs: number, fromMs: number, nowMs: number): number {
  return spans.find((ms) => ms >= chosenMs && ms >= nowMs - fromMs) ?? Math.max(chosenMs, spans.at(-1) ?? 0);
}
