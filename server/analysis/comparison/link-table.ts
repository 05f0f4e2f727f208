import type { RangeName } from '../../protocol/comparison.ts';
import { countedSamples } from '../../protocol/link-quality.ts';
import { isLossy, isSlow, roundMsOf } from '../../protocol/link-state.ts';
import { FLAG_IPV6, FLAG_NOT_YET, NONE16, unpack16 } from '../../protocol/links.ts';
import type { MergedReport, Mesh } from '../../protocol/mesh.ts';
import type { Pod } from '../../protocol/pod.ts';
import { type PodNamer, podNamer } from '../../protocol/pod-names.ts';
import { isSlowLink, type LinkFigures } from './change.ts';

/** One value for each compared range. */
export type ByRange<T> = Record<RangeName, T>;

/** What is known of a range. Pods are numbers of the table. */
interface Range {
  /** By source: its report. */
  reports: Map<number, MergedReport>;
  /** By index in the mesh: the number of the pod in the table. */
  numbers: Int32Array;
  /** The pods that were there and have no report. */
  withoutReport: Set<number>;
  /** The pods that were there at the end. */
  present: Set<number>;
  /** Whether the range is shorter than a round of pings, so that some links have no sample in it. */
  isShort: boolean;
}

/** A link, by the numbers of its pods in the table, and its figures in each range; null: it has no sample in the range. */
export interface Link extends ByRange<LinkFigures | null> {
  from: number;
  to: number;
  ipv6: boolean;
  /** Whether it was bad at the end of the last range in which it has samples: see `isBadAtEndOf`. */
  isBadAtEnd: boolean;
}

/** The links of up to three meshes of the past, joined. Every pod has one number in all of the meshes. */
export class LinkTable {
  /** The pods by number. A pod that is in several meshes is as in the mesh that was added last. */
  readonly pods: Pod[] = [];
  /** SLOW_LINK of the mesh that was added last, us. */
  slowUs = 0;
  #nameOf: PodNamer | null = null;
  readonly #numbers = new Map<string, number>();
  readonly #ranges = new Map<RangeName, Range>();

  /** Adds the mesh of a range; ranges come in the order of time. Returns the number of each pod by its index in the mesh. */
  add(name: RangeName, { pods, reports: all, past, settings }: Mesh): Int32Array {
    const numbers = Int32Array.from(pods, (pod) => this.#addPod(pod));
    this.slowUs = settings.slowLinkMs * 1000;
    this.#nameOf = null;
    const reports = new Map<number, MergedReport>();
    const withoutReport = new Set<number>();
    const isThere = (pod: number) => pods[pod]?.lifecycle !== 'gone';
    const present = new Set([...numbers].filter((_, pod) => isThere(pod)));
    for (const report of all) {
      const from = numbers[report.pod];
      if (from !== undefined && report.missing === '') reports.set(from, report);
      else if (from !== undefined && isThere(report.pod)) withoutReport.add(from);
    }
    const isShort = past !== null && past.toMs - past.fromMs < roundMsOf(settings);
    this.#ranges.set(name, { reports, numbers, withoutReport, present, isShort });
    return numbers;
  }

  /** The sources that reported in any range. */
  sources(): number[] {
    return [...new Set([...this.#ranges.values()].flatMap(({ reports }) => [...reports.keys()]))].sort((a, b) => a - b);
  }

  /** The links of a source that have a sample in any range. */
  linksOf(from: number): Link[] {
    const links = new Map<number, Link>();
    for (const [name, { reports, numbers }] of this.#ranges) {
      const report = reports.get(from);
      if (report === undefined) continue;
      for (const [i, pod] of report.links.to.entries()) {
        const figures = figuresOf(report, i);
        if (figures === null) continue;
        const to = numbers[pod] ?? 0;
        const ipv6 = ((report.links.flags[i] ?? 0) & FLAG_IPV6) !== 0;
        const key = to * 2 + Number(ipv6);
        const link = links.get(key) ?? { from, to, ipv6, isBadAtEnd: false, before: null, during: null, after: null };
        link[name] = figures;
        link.isBadAtEnd = isBadAtEndOf(figures, report, i, this.slowUs);
        links.set(key, link);
      }
    }
    return [...links.values()];
  }

  /** Whether the mesh of a range has been added. */
  has(range: RangeName): boolean {
    return this.#ranges.has(range);
  }

  /** Whether a source was there in a range without a report, or the range has no mesh. */
  hasNoReport(range: RangeName, from: number): boolean {
    return this.#ranges.get(range)?.withoutReport.has(from) ?? true;
  }

  /** Whether a pod was there at the end of a range. */
  isPresent(range: RangeName, pod: number): boolean {
    return this.#ranges.get(range)?.present.has(pod) ?? false;
  }

  /**
   * Whether a link without a sample in a range may have existed then: its source did not report, or the range is shorter than
   * a round of pings, and both pods were there.
   */
  mayBeUnseen(range: RangeName, from: number, to: number): boolean {
    if (this.hasNoReport(range, from)) return true;
    const isShort = this.#ranges.get(range)?.isShort === true;
    return isShort && this.isPresent(range, from) && this.isPresent(range, to);
  }

  /** The name of a pod in texts, by its number: see `podNamer`. */
  name(number: number): string {
    this.#nameOf ??= podNamer(this.pods);
    return this.#nameOf(this.pods[number]);
  }

  #addPod(pod: Pod): number {
    const uid = pod.uid || `${pod.namespace}/${pod.name}`;
    const number = this.#numbers.get(uid) ?? this.pods.length;
    this.#numbers.set(uid, number);
    this.pods[number] = pod;
    return number;
  }
}

/** The figures of a link of a report; null if it has no sample. */
function figuresOf({ links, stats, udp }: MergedReport, i: number): LinkFigures | null {
  if (stats === null || (stats.samples[i] ?? 0) === 0 || ((links.flags[i] ?? 0) & FLAG_NOT_YET) !== 0) return null;
  return {
    // Failures and medians are over these samples, and not over all.
    samples: countedSamples(stats, i),
    failures: stats.failures[i] ?? 0,
    p50Us16: stats.p50Us[i] ?? NONE16,
    p95Us16: stats.p95Us[i] ?? NONE16,
    maxUs16: stats.maxUs[i] ?? NONE16,
    jitterUs16: stats.jitterUs[i] ?? NONE16,
    usualUs16: stats.usualUs[i] ?? NONE16,
    sent: unpack16(udp?.windowSent[i] ?? 0),
    lost: unpack16(udp?.windowLost[i] ?? 0),
    lossCycles: udp?.windowLossCycles[i] ?? 0,
  };
}

/** Whether a link was bad at the end of a range. One failed ping at the end is enough; slow it must be over the range too. */
function isBadAtEndOf(figures: LinkFigures, { links }: MergedReport, i: number, slowUs: number): boolean {
  // A state may be older than the range, if all pings in the range are suspect. Then a failure is not in its figures.
  if (links.outcome[i] !== 0 && figures.failures > 0) return true;
  return (isSlow(unpack16(links.totalUs[i] ?? NONE16), slowUs) && isSlowLink(figures, slowUs)) || isLossy(figures);
}
