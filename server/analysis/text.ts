import { MAX_REPORT_NAMES, type NameList } from '../protocol/comparison.ts';
import type { Mesh } from '../protocol/mesh.ts';
import { podNamer } from '../protocol/pod-names.ts';
import { countText } from '../runtime/count-text.ts';
import { LAST_MOMENT_MS } from '../runtime/time.ts';

/* For the messages of findings, verdicts and reports. Durations and latencies: `runtime/measure-text.ts`. */

/** The number of names, and the first `MAX_REPORT_NAMES` of them. */
export function countedNames(names: readonly string[]): NameList {
  return { count: names.length, names: names.slice(0, MAX_REPORT_NAMES) };
}

/** `a`, `a and b`, `a, b and 3 more`; at most `max` names. */
export function listText({ count, names }: NameList, max = 5): string {
  const shown = names.slice(0, max);
  const more = count - shown.length;
  if (more > 0) return `${shown.join(', ')} and ${countText(more)} more`;
  return shown.length < 2 ? shown.join('') : `${shown.slice(0, -1).join(', ')} and ${shown.at(-1)}`;
}

/** A function that names the pods of a mesh in texts by their index; '' without a pod. See `podNamer`. */
export function namesIn({ pods }: Pick<Mesh, 'pods'>): (pod: number) => string {
  const nameOf = podNamer(pods);
  return (pod) => nameOf(pods[pod]);
}

/** `98 %`; 100 % only if it is all. */
export function percent(part: number, of: number): string {
  return `${part === of ? 100 : Math.min(99, Math.round((part / of) * 100))} %`;
}

/** `15:10:02`, UTC. */
export function timeText(ms: number): string {
  return isoText(ms).slice(11, 19);
}

/** `2026-11-22`, UTC. */
export function dateText(ms: number): string {
  return isoText(ms).slice(0, 10);
}

/** RFC 3339 with milliseconds. A time outside the years 1970 to 9999 becomes the nearest time inside. */
export function isoText(ms: number): string {
  return new Date(Math.max(0, Math.min(ms, LAST_MOMENT_MS))).toISOString();
}
