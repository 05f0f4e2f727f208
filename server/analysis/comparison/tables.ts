import { MAX_REPORT_NAMES, type ReportData, type ReportNames } from '../../protocol/comparison.ts';
import type { Pod } from '../../protocol/pod.ts';

/** All pods of several meshes, one number each. */
export class PodTable {
  /** The pods by number, each as the last mesh that had it tells it. */
  readonly pods: Pod[] = [];
  readonly #byUid = new Map<string, number>();

  /** Takes the pods of a mesh in; gives the number of each, by its index there. */
  take(pods: readonly Pod[]): Int32Array {
    return Int32Array.from(pods, (pod) => this.#take(pod));
  }

  /** The number of the pod with this uid; -1 without one. */
  ofUid(uid: string): number {
    return this.#byUid.get(uid) ?? -1;
  }

  /** A pod's name; '' of none. */
  name(index: number): string {
    return this.pods[index]?.name ?? '';
  }

  #take(pod: Pod): number {
    const uid = pod.uid || `${pod.namespace}/${pod.name}`;
    const index = this.#byUid.get(uid) ?? this.pods.length;
    this.#byUid.set(uid, index);
    this.pods[index] = pod;
    return index;
  }
}

/** Counts things and names the first few. */
export class Names {
  #count = 0;
  readonly #names: string[] = [];

  /** Counts one more; `name` is only asked for where it is kept. */
  add(name: () => string): void {
    this.#count += 1;
    if (this.#names.length < MAX_REPORT_NAMES) this.#names.push(name());
  }

  /** The count and the names. */
  result(): ReportNames {
    return { count: this.#count, names: this.#names };
  }
}

/** All names of a list, counted. */
export function namesOf(names: Iterable<string>): ReportNames {
  const all = new Names();
  for (const name of names) all.add(() => name);
  return all.result();
}

/** `a`, `a and b`, `a, b and 3 more`. */
export function listed({ count, names }: ReportNames, most = 5): string {
  const shown = names.slice(0, most);
  const more = count - shown.length;
  if (more > 0) return `${shown.join(', ')} and ${more} more`;
  return shown.length < 2 ? shown.join('') : `${shown.slice(0, -1).join(', ')} and ${shown.at(-1)}`;
}

/** `1 link`, `3 links`. */
export function counted(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}

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

/** What a title is made of. */
type Titled = Pick<ReportData, 'findings' | 'affected'>;

/** The longest title. */
const MAX_TITLE = 200;

/**
 * The heading of a report that was given none: the gravest finding about links that is new; without one, how many links
 * became worse, as findings tell how the range ended, and a fault may have been over by then; else the gravest finding.
 */
export function titleOf({ findings, affected }: Titled): string {
  const isNew = findings.find(({ before, severity }) => !before && (severity === 'failed' || severity === 'slow'));
  const worse = affected.links === 0 ? '' : worseWords(affected);
  return `Report: ${isNew?.title ?? (worse || (findings[0]?.title ?? 'nothing stood out'))}`.slice(0, MAX_TITLE);
}

/** `3 of 12 links became worse, to goldpinger-chaos`: by the end where there are fewer pods. */
export function worseWords({ links, of, to, from }: ReportData['affected']): string {
  const ends = to.count <= from.count ? `to ${listed(to, 2)}` : `from ${listed(from, 2)}`;
  return `${links} of ${of} links became worse, ${ends}`;
}
