import { countedSamples } from '../../protocol/link-quality.ts';
import { FLAG_IPV6, FLAG_NOT_YET, type LinkColumns, NONE16, type StatColumns, unpack16 } from '../../protocol/links.ts';
import type { MergedReport } from '../../protocol/mesh.ts';
import type { VerdictAnswer } from '../../protocol/verdict.ts';
import { DurationCounts } from '../duration-counts.ts';
import type { Stat } from './parse-clause.ts';

/**
 * What the window says about the links of one report, in columns: entry i of each is about link i. A mesh of 1000 pods has a million
 * links, so no link has an object.
 */
export class ReportWindow {
  readonly report: MergedReport;
  readonly length: number;
  /** Index in `Mesh.pods` of the source, and those of the destinations. */
  readonly from: number;
  readonly to: Uint16Array;
  /** Trusted samples in the window. Suspect samples count only on a link that has no others. */
  readonly samples: Uint16Array;
  /** Those of them that failed. */
  readonly failures: Uint16Array;
  /** The outcome of the sample that stands for the link, even if that was before the window: 0 = ok, else the link is failed. */
  readonly outcome: Uint8Array;
  /** Total times of the ok samples in us, packed by `pack16`; `NONE16` without an ok sample. */
  readonly durations: Readonly<Record<Stat, Uint16Array>>;
  /** 1 = at least one clause selects the link. At first none is selected. */
  readonly selected: Uint8Array;

  /** `stats`: those of the report, or `newestStats` of it. `used`: a window that is not needed any more, for its memory. */
  constructor(report: MergedReport, stats: WindowStats, used: ReportWindow | null) {
    const { length, to, outcome, flags } = report.links;
    this.report = report;
    this.length = length;
    this.from = report.pod;
    this.to = to;
    this.outcome = outcome;
    this.durations = { p50: stats.p50Us, p95: stats.p95Us, max: stats.maxUs };
    const hasRoom = used !== null && used.selected.length >= length;
    const samples = hasRoom ? used.samples : new Uint16Array(length);
    const failures = hasRoom ? used.failures : new Uint16Array(length);
    this.samples = samples;
    this.failures = failures;
    this.selected = hasRoom ? used.selected.fill(0) : new Uint8Array(length);
    for (let i = 0; i < length; i++) {
      const counted = ((flags[i] ?? 0) & FLAG_NOT_YET) !== 0 ? 0 : countedSamples(stats, i);
      samples[i] = counted;
      failures[i] = counted === 0 ? 0 : (stats.failures[i] ?? 0);
    }
  }

  isIpv6(link: number): boolean {
    return ((this.report.links.flags[link] ?? 0) & FLAG_IPV6) !== 0;
  }

  /** Datagrams of the UDP probe; 0 if loss is not measured. */
  sent(link: number): number {
    return unpack16(this.report.udp?.windowSent[link] ?? 0);
  }

  /** Those of them that were lost. */
  lost(link: number): number {
    return unpack16(this.report.udp?.windowLost[link] ?? 0);
  }

  /** Datagrams in one cycle; 0 = not known. */
  cycleSent(link: number): number {
    return this.report.udp?.sent[link] ?? 0;
  }
}

type WindowStats = Pick<StatColumns, 'samples' | 'suspect' | 'failures' | 'p50Us' | 'p95Us' | 'maxUs'>;

/**
 * Statistics of a report from Goldpinger's `/check`, which has only the newest ping of each link. That ping is the only
 * sample of the link if it is not older than `windowMs`.
 */
export function newestStats({ length, ageMs, outcome, totalUs }: LinkColumns, windowMs: number): WindowStats {
  const isInWindow = (age16: number) => age16 !== NONE16 && unpack16(age16) <= windowMs;
  const us16 = totalUs.map((us, i) => (outcome[i] === 0 ? us : NONE16));
  return {
    samples: ageMs.map((age16) => (isInWindow(age16) ? 1 : 0)),
    suspect: new Uint16Array(length),
    failures: Uint16Array.from(outcome, (code) => (code === 0 ? 0 : 1)),
    p50Us: us16,
    p95Us: us16,
    maxUs: us16,
  };
}

/** Counts of all links that at least one clause selects. */
export class LinkSummary {
  #samples = 0;
  #checked = 0;
  #failed = 0;
  /** The largest values of ok links, us; -1 = none. */
  #p95Us = -1;
  #maxUs = -1;
  readonly #p50s = new DurationCounts();

  /** Adds the links of a report that are selected. */
  add({ length, selected, samples, failures, outcome, durations: { p50, p95, max } }: ReportWindow): void {
    for (let i = 0; i < length; i++) {
      const count = samples[i] ?? 0;
      if (selected[i] !== 1 || count === 0) continue;
      this.#samples += count;
      this.#checked += 1;
      const isFailed = outcome[i] !== 0;
      if (isFailed || failures[i] !== 0) this.#failed += 1;
      const p50Us16 = p50[i] ?? NONE16;
      if (isFailed || p50Us16 === NONE16) continue;
      this.#p50s.add(p50Us16);
      this.#p95Us = Math.max(this.#p95Us, unpack16(p95[i] ?? NONE16));
      this.#maxUs = Math.max(this.#maxUs, unpack16(max[i] ?? NONE16));
    }
  }

  /** The fields of a verdict about these links; durations in ms, null where no ok link was checked. */
  fields(): Pick<VerdictAnswer, 'samples' | 'links_checked' | 'links_failed' | 'p50_ms' | 'p95_ms' | 'max_ms'> {
    const milliseconds = (us: number) => (us < 0 ? null : us / 1000);
    return {
      samples: this.#samples,
      links_checked: this.#checked,
      links_failed: this.#failed,
      p50_ms: milliseconds(this.#p50s.medianUs()),
      p95_ms: milliseconds(this.#p95Us),
      max_ms: milliseconds(this.#maxUs),
    };
  }
}
