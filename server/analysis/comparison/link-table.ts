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
  /** By source. */
  links: Map<number, PackedLinks>;
  /** The pods that were there and have no report. */
  withoutReport: Set<number>;
  /** The pods that were there at the end. */
  present: Set<number>;
  /** Whether the range is shorter than a round of pings, so that some links have no sample in it. */
  isShort: boolean;
}

/**
 * The links of one source that have a sample, as rows of `width` numbers: see `packedLinks`. The columns of a report take twice
 * as much memory, which matters with three meshes of a million links.
 */
interface PackedLinks {
  rows: Uint16Array;
  width: number;
}

/** Bits of a packed link. */
const IPV6 = 1;
const BAD_AT_END = 2;

/** A link, by the numbers of its pods in the table, and its figures in each range; null: it has no sample in the range. */
export interface Link extends ByRange<LinkFigures | null> {
  from: number;
  to: number;
  ipv6: boolean;
  /** Whether it was bad at the end of the last range in which it has samples: see `isBadAtEndOf`. */
  isBadAtEnd: boolean;
}

/** The links of up to three meshes of the past, joined. Every pod has one number in all of the meshes, which are not kept. */
export class LinkTable {
  /** The pods by number. A pod that is in several meshes is as in the mesh that was added last. */
  readonly pods: Pod[] = [];
  /** SLOW_LINK of the mesh that was added last, us. */
  slowUs = 0;
  #nameOf: PodNamer | null = null;
  readonly #numbers = new Map<string, number>();
  readonly #ranges = new Map<RangeName, Range>();

  /**
   * Adds the mesh of a range; ranges come in the order of time. Returns the number of each pod by its index in the mesh. Yields after
   * each report.
   */
  *add(name: RangeName, { pods, reports, past, settings }: Mesh): Generator<void, Int32Array> {
    const numbers = Int32Array.from(pods, (pod) => this.#addPod(pod));
    this.slowUs = settings.slowLinkMs * 1000;
    this.#nameOf = null;
    const links = new Map<number, PackedLinks>();
    const withoutReport = new Set<number>();
    const isThere = (pod: number) => pods[pod]?.lifecycle !== 'gone';
    const present = new Set([...numbers].filter((_, pod) => isThere(pod)));
    for (const report of reports) {
      const from = numbers[report.pod];
      if (from !== undefined && report.missing === '') links.set(from, packedLinks(report, numbers, this.slowUs));
      else if (from !== undefined && isThere(report.pod)) withoutReport.add(from);
      yield;
    }
    const isShort = past !== null && past.toMs - past.fromMs < roundMsOf(settings);
    this.#ranges.set(name, { links, withoutReport, present, isShort });
    return numbers;
  }

  /** The sources that reported in any range. */
  sources(): number[] {
    return [...new Set([...this.#ranges.values()].flatMap(({ links }) => [...links.keys()]))].sort((a, b) => a - b);
  }

  /** The links of a source that have a sample in any range. */
  linksOf(from: number): Link[] {
    const links = new Map<number, Link>();
    for (const [name, range] of this.#ranges) {
      const { rows, width } = range.links.get(from) ?? { rows: [], width: 1 };
      for (let at = 0; at < rows.length; at += width) {
        const [to, flags] = [rows[at] ?? 0, rows[at + 1] ?? 0];
        const ipv6 = (flags & IPV6) !== 0;
        const key = to * 2 + Number(ipv6);
        const link = links.get(key) ?? { from, to, ipv6, isBadAtEnd: false, before: null, during: null, after: null };
        link[name] = unpackedFigures(rows, at + 2, width);
        link.isBadAtEnd = (flags & BAD_AT_END) !== 0;
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

/** How many numbers a row has: see `packedLinks`. */
const WIDTH = 9;
const WIDTH_WITH_LOSS = WIDTH + 3;

/** The links of a report that have a sample. `numbers`: of the pods in the table, by index in the mesh. */
function packedLinks(report: MergedReport, numbers: Int32Array, slowUs: number): PackedLinks {
  const { links, stats, udp } = report;
  const width = udp === null ? WIDTH : WIDTH_WITH_LOSS;
  const rows = new Uint16Array(width * links.length);
  let used = 0;
  for (let i = 0; i < links.length; i++) {
    const flags = links.flags[i] ?? 0;
    if (stats === null || (stats.samples[i] ?? 0) === 0 || (flags & FLAG_NOT_YET) !== 0) continue;
    const at = used;
    used += width;
    rows[at] = numbers[links.to[i] ?? 0] ?? 0;
    // Failures and medians are over these samples, and not over all. Another pod may claim more failures.
    const samples = countedSamples(stats, i);
    rows[at + 2] = samples;
    rows[at + 3] = Math.min(samples, stats.failures[i] ?? 0);
    rows[at + 4] = stats.p50Us[i] ?? NONE16;
    rows[at + 5] = stats.p95Us[i] ?? NONE16;
    rows[at + 6] = stats.maxUs[i] ?? NONE16;
    rows[at + 7] = stats.jitterUs[i] ?? NONE16;
    rows[at + 8] = stats.usualUs[i] ?? NONE16;
    if (udp !== null) {
      rows[at + 9] = udp.windowSent[i] ?? 0;
      rows[at + 10] = udp.windowLost[i] ?? 0;
      rows[at + 11] = udp.windowLossCycles[i] ?? 0;
    }
    const isBad = isBadAtEndOf(unpackedFigures(rows, at + 2, width), report, i, slowUs);
    rows[at + 1] = ((flags & FLAG_IPV6) === 0 ? 0 : IPV6) | (isBad ? BAD_AT_END : 0);
  }
  return { rows: used === rows.length ? rows : rows.slice(0, used), width };
}

/** The figures of a packed link, which begin at `at`. */
function unpackedFigures(rows: ArrayLike<number>, at: number, width: number): LinkFigures {
  const hasLoss = width === WIDTH_WITH_LOSS;
  return {
    samples: rows[at] ?? 0,
    failures: rows[at + 1] ?? 0,
    p50Us16: rows[at + 2] ?? NONE16,
    p95Us16: rows[at + 3] ?? NONE16,
    maxUs16: rows[at + 4] ?? NONE16,
    jitterUs16: rows[at + 5] ?? NONE16,
    usualUs16: rows[at + 6] ?? NONE16,
    sent: hasLoss ? unpack16(rows[at + 7] ?? 0) : 0,
    lost: hasLoss ? unpack16(rows[at + 8] ?? 0) : 0,
    lossCycles: hasLoss ? (rows[at + 9] ?? 0) : 0,
  };
}

/** Whether a link was bad at the end of a range. One failed ping at the end is enough; slow it must be over the range too. */
function isBadAtEndOf(figures: LinkFigures, { links }: MergedReport, i: number, slowUs: number): boolean {
  // The state may be that of a sample before the range, if the range has only a few samples and all are suspect. The failures of the
  // range do not contain that one.
  if (links.outcome[i] !== 0 && figures.failures > 0) return true;
  return (isSlow(unpack16(links.totalUs[i] ?? NONE16), slowUs) && isSlowLink(figures, slowUs)) || isLossy(figures);
}
