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

/** How the links of one source did in one range. A link beyond the end, or with 0 samples, has no sample in the range. */
interface RangeLinks {
  /** `FIELDS` numbers for each link, in the order of `LinkFigures`. */
  figures: Uint16Array;
  /** `LOSS_FIELDS` further ones, datagrams packed by `pack16`; empty without the UDP probe. */
  loss: Uint16Array;
}
const FIELDS = 7;
const LOSS_FIELDS = 3;

/** What is known of the pods of a range. */
interface RangePods {
  /** Numbers of the pods that were there and have no report. */
  withoutReport: ReadonlySet<number>;
  /** Numbers of the pods that were there at the end. */
  present: ReadonlySet<number>;
  /** Whether the range is shorter than a round of pings, so that some links have no sample in it. */
  isShort: boolean;
}

/** The links of one source in all ranges. */
export interface SourceLinks extends Partial<ByRange<RangeLinks>> {
  from: number;
  /** Each link: the number of its destination * 2, and 1 more over IPv6. */
  keys: Uint32Array;
  /** 1 = the link was bad at the end of the last range in which it has samples; see `isBadAtEndOf`. */
  isBadAtEnd: Uint8Array;
}

/**
 * The links of up to three meshes of the past, joined: 47 bytes a link, 65 with the UDP probe. It copies what a comparison
 * needs, so that only one mesh has to be in memory at a time. Every pod has one number in all of the meshes.
 */
export class LinkTable {
  /** The pods by number. A pod that is in several meshes is as in the mesh that was added last. */
  readonly pods: Pod[] = [];
  /** SLOW_LINK of the mesh that was added last, us. */
  slowUs = 0;
  #nameOf: PodNamer | null = null;
  readonly #numbers = new Map<string, number>();
  readonly #sources: SourceLinks[] = [];
  readonly #pods: Partial<ByRange<RangePods>> = {};

  /**
   * Adds the mesh of a range; ranges come in the order of time. Returns the number of each pod by its index in the mesh.
   * Yields after each report.
   */
  *add(range: RangeName, mesh: Mesh): Generator<void, Int32Array> {
    const numbers = Int32Array.from(mesh.pods, (pod) => this.#addPod(pod));
    this.slowUs = mesh.settings.slowLinkMs * 1000;
    this.#nameOf = null;
    const withoutReport = new Set<number>();
    const present = new Set<number>();
    for (const [i, { lifecycle }] of mesh.pods.entries()) if (lifecycle !== 'gone') present.add(numbers[i] ?? -1);
    const { past, settings } = mesh;
    const isShort = past !== null && past.toMs - past.fromMs < roundMsOf(settings);
    this.#pods[range] = { withoutReport, present, isShort };
    for (const report of mesh.reports) {
      const from = numbers[report.pod];
      if (from !== undefined && report.missing === '') {
        this.#sources[from] ??= { from, keys: new Uint32Array(0), isBadAtEnd: new Uint8Array(0) };
        addReport(this.#sources[from], range, report, numbers, this.slowUs);
      } else if (from !== undefined && mesh.pods[report.pod]?.lifecycle !== 'gone') withoutReport.add(from);
      yield;
    }
    return numbers;
  }

  /** Takes the links of each source that reported out of the table, by the number of the source: so their memory can be used. */
  *takeSources(): Generator<SourceLinks> {
    for (const from of this.#sources.keys()) {
      const source = this.#sources[from];
      delete this.#sources[from];
      if (source !== undefined) yield source;
    }
  }

  /** Whether the mesh of a range has been added. */
  has(range: RangeName): boolean {
    return this.#pods[range] !== undefined;
  }

  /** Whether a source was there in a range without a report, or the range has no mesh. */
  hasNoReport(range: RangeName, from: number): boolean {
    return this.#pods[range]?.withoutReport.has(from) ?? true;
  }

  /** Whether a pod was there at the end of a range. */
  isPresent(range: RangeName, pod: number): boolean {
    return this.#pods[range]?.present.has(pod) ?? false;
  }

  /**
   * Whether a link without a sample in a range may have existed then: its source did not report, or the range is shorter than
   * a round of pings, and both pods were there.
   */
  mayBeUnseen(range: RangeName, from: number, to: number): boolean {
    if (this.hasNoReport(range, from)) return true;
    const isShort = this.#pods[range]?.isShort === true;
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

/** The figures of link `i` in a range; null if it has no sample, or if there is no such range. */
export function figuresAt(range: RangeLinks | undefined, i: number): LinkFigures | null {
  const samples = range?.figures[FIELDS * i] ?? 0;
  if (range === undefined || samples === 0) return null;
  const { figures, loss } = range;
  const [at, lossAt] = [FIELDS * i, LOSS_FIELDS * i];
  return {
    samples,
    failures: figures[at + 1] ?? 0,
    p50Us16: figures[at + 2] ?? NONE16,
    p95Us16: figures[at + 3] ?? NONE16,
    maxUs16: figures[at + 4] ?? NONE16,
    jitterUs16: figures[at + 5] ?? NONE16,
    usualUs16: figures[at + 6] ?? NONE16,
    sent: unpack16(loss[lossAt] ?? 0),
    lost: unpack16(loss[lossAt + 1] ?? 0),
    lossCycles: loss[lossAt + 2] ?? 0,
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
  // A link keeps the entry that it has in an earlier range; the other links get the next ones. The arrays of the earlier ranges are
  // not made longer: `figuresAt` finds nothing there beyond their end.
  const entries = new Map<number, number>();
  for (const [entry, key] of source.keys.entries()) entries.set(key, entry);
  const entryOf = new Int32Array(links.length).fill(-1);
  for (let i = 0; i < links.length; i++) {
    const flags = links.flags[i] ?? 0;
    if ((flags & FLAG_NOT_YET) !== 0 || (stats.samples[i] ?? 0) === 0) continue;
    const key = (numbers[links.to[i] ?? 0] ?? 0) * 2 + ((flags & FLAG_IPV6) === 0 ? 0 : 1);
    const entry = entries.get(key) ?? entries.size;
    entries.set(key, entry);
    entryOf[i] = entry;
  }
  const isBadAtEnd = new Uint8Array(entries.size);
  isBadAtEnd.set(source.isBadAtEnd);
  const figures = new Uint16Array(FIELDS * entries.size);
  const loss = new Uint16Array(udp === null ? 0 : LOSS_FIELDS * entries.size);
  const seen = { figures, loss };
  for (let i = 0; i < links.length; i++) {
    const entry = entryOf[i] ?? -1;
    if (entry < 0) continue;
    const at = FIELDS * entry;
    // Failures and medians are over these samples, and not over all.
    figures[at] = countedSamples(stats, i);
    figures[at + 1] = stats.failures[i] ?? 0;
    figures[at + 2] = stats.p50Us[i] ?? NONE16;
    figures[at + 3] = stats.p95Us[i] ?? NONE16;
    figures[at + 4] = stats.maxUs[i] ?? NONE16;
    figures[at + 5] = stats.jitterUs[i] ?? NONE16;
    figures[at + 6] = stats.usualUs[i] ?? NONE16;
    if (udp !== null) {
      const { windowSent, windowLost, windowLossCycles } = udp;
      loss.set([windowSent[i] ?? 0, windowLost[i] ?? 0, windowLossCycles[i] ?? 0], LOSS_FIELDS * entry);
    }
    const ofLink = figuresAt(seen, entry);
    const totalUs = unpack16(links.totalUs[i] ?? NONE16);
    const isBad = ofLink !== null && isBadAtEndOf(ofLink, links.outcome[i] !== 0, totalUs, slowUs);
    isBadAtEnd[entry] = isBad ? 1 : 0;
  }
  Object.assign(source, { keys: Uint32Array.from(entries.keys()), isBadAtEnd, [range]: seen });
}

/**
 * Whether a link was bad at the end of a range, by its figures of the range and by its state at the end: whether it had failed, and
 * its latency (us; negative = none). One failed ping at the end is enough. One slow ping is not: the link must be slow over the
 * range too. Loss takes many datagrams to see, so the whole range says whether the link was lossy.
 */
function isBadAtEndOf(figures: LinkFigures, hasFailed: boolean, totalUs: number, slowUs: number): boolean {
  // A state may be older than the range, if all pings in the range are suspect. Then a failure is not in its figures.
  if (hasFailed && figures.failures > 0) return true;
  return (isSlow(totalUs, slowUs) && isSlowLink(figures, slowUs)) || isLossy(figures);
}
