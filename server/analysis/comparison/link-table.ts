import type { RangeName } from '../../protocol/comparison.ts';
import { countedSamples } from '../../protocol/link-quality.ts';
import { isSlow, roundMsOf } from '../../protocol/link-state.ts';
import { FLAG_IPV6, FLAG_NOT_YET, NONE16, unpack16 } from '../../protocol/links.ts';
import type { MergedReport, Mesh } from '../../protocol/mesh.ts';
import type { Pod } from '../../protocol/pod.ts';
import { podNameText } from '../text.ts';
import { isLossyLink, isSlowLink, type LinkFigures } from './change.ts';

/** One value for each compared range. */
export type ByRange<T> = Record<RangeName, T>;

/**
 * How the links of one source did in one range: entry i of every column is about link i of the source. A link beyond the end
 * of the columns, or with 0 samples, has no sample in the range. Durations are packed by `pack16`.
 */
interface RangeColumns {
  samples: Uint16Array;
  failures: Uint16Array;
  p50Us16: Uint16Array<ArrayBuffer>;
  p95Us16: Uint16Array;
  maxUs16: Uint16Array;
  jitterUs16: Uint16Array;
  usualUs16: Uint16Array;
  /** Datagrams of the UDP probe, and those that were lost, packed by `pack16`; empty without the probe. */
  sent16: Uint16Array;
  lost16: Uint16Array;
  /** As in `Datagrams`, at most 255. */
  lossCycles: Uint8Array;
}

/** What is known of the pods of a range. */
interface RangeView {
  /** Numbers of the pods that were there without a report, and of those that were there at the end. */
  silent: ReadonlySet<number>;
  present: ReadonlySet<number>;
  isShort: boolean;
}

/** The links of one source in all ranges. */
export interface SourceLinks extends ByRange<RangeColumns> {
  /** Number of the source. */
  from: number;
  /** Numbers of the destinations. */
  to: Uint16Array<ArrayBuffer>;
  /** `FLAG_IPV6`. */
  flags: Uint8Array<ArrayBuffer>;
  /** 1 = the link was bad at the end of the last range in which it has samples; see `isBadAtEndOf`. */
  isBadAtEnd: Uint8Array;
}

/**
 * The links of up to three meshes of the past, joined: 46 bytes a link, 61 with the UDP probe. It copies what a comparison
 * needs, so that only one mesh has to be in memory at a time. Every pod has one number in all of the meshes.
 */
export class LinkTable {
  /** The pods by number. A pod that is in several meshes is as in the mesh that was added last. */
  readonly pods: Pod[] = [];
  /** SLOW_LINK, us. */
  slowUs = 0;
  #namespace = '';
  readonly #numbers = new Map<string, number>();
  readonly #sources: SourceLinks[] = [];
  readonly #views: Partial<ByRange<RangeView>> = {};

  /**
   * Adds the mesh of a range; ranges come in the order of time. Returns the number of each pod by its index in the mesh.
   * Yields after each report.
   */
  *add(range: RangeName, mesh: Mesh): Generator<void, Int32Array> {
    const numbers = Int32Array.from(mesh.pods, (pod) => this.#addPod(pod));
    this.slowUs = mesh.settings.slowLinkMs * 1000;
    this.#namespace = mesh.discovery.namespace;
    const silent = new Set<number>();
    const present = new Set<number>();
    for (const [i, { lifecycle }] of mesh.pods.entries()) if (lifecycle !== 'gone') present.add(numbers[i] ?? -1);
    this.#views[range] = { silent, present, isShort: isShorterThanRound(mesh) };
    for (const report of mesh.reports) {
      const from = numbers[report.pod];
      if (from !== undefined && report.missing !== '' && mesh.pods[report.pod]?.lifecycle !== 'gone') silent.add(from);
      if (from !== undefined && report.missing === '') {
        const source = this.#sources[from] ?? emptySource(from);
        this.#sources[from] = source;
        addReport(source, range, report, numbers, this.slowUs);
      }
      yield;
    }
    return numbers;
  }

  /** The links of each source that reported, by the number of the source. */
  sources(): SourceLinks[] {
    return this.#sources.filter((source) => source !== undefined);
  }

  /** Whether a range has a mesh. */
  has(range: RangeName): boolean {
    return this.#views[range] !== undefined;
  }

  /** Whether a source was there in a range without a report, or the range has no mesh. */
  isSilent(range: RangeName, from: number): boolean {
    return this.#views[range]?.silent.has(from) ?? true;
  }

  /** Whether a pod was there at the end of a range. */
  isPresent(range: RangeName, pod: number): boolean {
    return this.#views[range]?.present.has(pod) ?? false;
  }

  /**
   * Whether a link without a sample in a range may have existed then: its source did not report, or the range is shorter than
   * a round of pings, and both pods were there.
   */
  mayBeUnseen(range: RangeName, from: number, to: number): boolean {
    if (this.isSilent(range, from)) return true;
    const isShort = this.#views[range]?.isShort === true;
    return isShort && this.isPresent(range, from) && this.isPresent(range, to);
  }

  /** The name of a pod in texts; '' without one. */
  name(number: number): string {
    return podNameText(this.pods[number], this.#namespace);
  }

  #addPod(pod: Pod): number {
    const uid = pod.uid || `${pod.namespace}/${pod.name}`;
    const number = this.#numbers.get(uid) ?? this.pods.length;
    this.#numbers.set(uid, number);
    this.pods[number] = pod;
    return number;
  }
}

/** Whether the range of a mesh is so short that some links have no sample in it only because their turn did not come. */
function isShorterThanRound({ past, settings }: Mesh): boolean {
  return past !== null && past.toMs - past.fromMs < roundMsOf(settings);
}

/** The figures of link `i` in a range; null if it has no sample. */
export function figuresAt(columns: RangeColumns, i: number): LinkFigures | null {
  const samples = columns.samples[i] ?? 0;
  if (samples === 0) return null;
  return {
    samples,
    failures: columns.failures[i] ?? 0,
    p50Us16: columns.p50Us16[i] ?? NONE16,
    p95Us16: columns.p95Us16[i] ?? NONE16,
    maxUs16: columns.maxUs16[i] ?? NONE16,
    jitterUs16: columns.jitterUs16[i] ?? NONE16,
    usualUs16: columns.usualUs16[i] ?? NONE16,
    sent: unpack16(columns.sent16[i] ?? 0),
    lost: unpack16(columns.lost16[i] ?? 0),
    lossCycles: columns.lossCycles[i] ?? 0,
  };
}

/** Adds a report's links to those of its source. `numbers`: of the pods, by index in the mesh. */
function addReport(
  source: SourceLinks,
  range: RangeName,
  { links, stats, udp }: MergedReport,
  numbers: Int32Array,
  slowUs: number,
): void {
  if (stats === null) return;
  const isSeen = (i: number) => ((links.flags[i] ?? 0) & FLAG_NOT_YET) === 0 && (stats.samples[i] ?? 0) > 0;
  const keyAt = (i: number) => linkKey(numbers[links.to[i] ?? 0] ?? 0, links.flags[i] ?? 0);
  // The entry of each link in the columns of the source, in the order of the entries.
  const entries = new Map<number, number>();
  for (const [i, to] of source.to.entries()) entries.set(linkKey(to, source.flags[i] ?? 0), i);
  for (let i = 0; i < links.length; i++) {
    if (isSeen(i) && !entries.has(keyAt(i))) entries.set(keyAt(i), entries.size);
  }
  extend(source, [...entries.keys()].slice(source.to.length));
  const columns = emptyColumns(source.to.length, udp !== null);
  source[range] = columns;
  for (let i = 0; i < links.length; i++) {
    if (!isSeen(i)) continue;
    const entry = entries.get(keyAt(i)) ?? 0;
    // As many as the failures and the medians are of: of suspect samples they know nothing.
    columns.samples[entry] = countedSamples(stats, i);
    columns.failures[entry] = stats.failures[i] ?? 0;
    columns.p50Us16[entry] = stats.p50Us[i] ?? NONE16;
    columns.p95Us16[entry] = stats.p95Us[i] ?? NONE16;
    columns.maxUs16[entry] = stats.maxUs[i] ?? NONE16;
    columns.jitterUs16[entry] = stats.jitterUs[i] ?? NONE16;
    columns.usualUs16[entry] = stats.usualUs[i] ?? NONE16;
    if (udp !== null) {
      columns.sent16[entry] = udp.windowSent[i] ?? 0;
      columns.lost16[entry] = udp.windowLost[i] ?? 0;
      columns.lossCycles[entry] = udp.windowLossCycles[i] ?? 0;
    }
    const figures = figuresAt(columns, entry);
    const totalUs = unpack16(links.totalUs[i] ?? NONE16);
    const isBad = figures !== null && isBadAtEndOf(figures, links.outcome[i] !== 0, totalUs, slowUs);
    source.isBadAtEnd[entry] = isBad ? 1 : 0;
  }
}

/**
 * Whether a link was bad at the end of a range, by its figures of the range and by its state at the end: whether it had failed, and
 * its latency (us; negative = none). One failed ping at the end is enough. One slow ping is not: the link must be slow over the
 * range too. Loss takes many datagrams to see, so the whole range says whether the link was lossy.
 */
function isBadAtEndOf(figures: LinkFigures, hasFailed: boolean, totalUs: number, slowUs: number): boolean {
  // A state may be older than the range, if all pings in the range are suspect. Then a failure is not in its figures.
  if (hasFailed && figures.failures > 0) return true;
  return (isSlow(totalUs, slowUs) && isSlowLink(figures, slowUs)) || isLossyLink(figures);
}

/** Appends links that no earlier range has. The columns of earlier ranges stay as short as they are. */
function extend(source: SourceLinks, keys: readonly number[]): void {
  if (keys.length === 0) return;
  const { to, flags, isBadAtEnd } = source;
  const length = to.length + keys.length;
  source.to = new Uint16Array(length);
  source.to.set(to);
  source.to.set(
    keys.map((key) => key >> 1),
    to.length,
  );
  source.flags = new Uint8Array(length);
  source.flags.set(flags);
  source.flags.set(
    keys.map((key) => ((key & 1) === 1 ? FLAG_IPV6 : 0)),
    flags.length,
  );
  source.isBadAtEnd = new Uint8Array(length);
  source.isBadAtEnd.set(isBadAtEnd);
}

/** Identifies a link of a source: the number of the destination and the IP family. */
function linkKey(to: number, flags: number): number {
  return to * 2 + ((flags & FLAG_IPV6) === 0 ? 0 : 1);
}

function emptySource(from: number): SourceLinks {
  return {
    from,
    to: new Uint16Array(0),
    flags: new Uint8Array(0),
    isBadAtEnd: new Uint8Array(0),
    before: emptyColumns(0),
    during: emptyColumns(0),
    after: emptyColumns(0),
  };
}

/** The medians have a buffer of their own, because they outlive the other columns while a comparison is sent. */
function emptyColumns(length: number, hasUdp = false): RangeColumns {
  const buffer = new Uint16Array(6 * length);
  return {
    samples: buffer.subarray(0, length),
    failures: buffer.subarray(length, 2 * length),
    p50Us16: new Uint16Array(length).fill(NONE16),
    p95Us16: buffer.subarray(2 * length, 3 * length),
    maxUs16: buffer.subarray(3 * length, 4 * length),
    jitterUs16: buffer.subarray(4 * length, 5 * length),
    usualUs16: buffer.subarray(5 * length),
    sent16: new Uint16Array(hasUdp ? length : 0),
    lost16: new Uint16Array(hasUdp ? length : 0),
    lossCycles: new Uint8Array(hasUdp ? length : 0),
  };
}
