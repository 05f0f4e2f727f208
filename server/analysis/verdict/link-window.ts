import { countedSamples } from '../../protocol/link-quality.ts';
import { FLAG_IPV6, FLAG_NOT_YET, type LinkColumns, NONE16, type StatColumns, unpack16 } from '../../protocol/links.ts';
import type { MergedReport } from '../../protocol/mesh.ts';
import type { VerdictAnswer } from '../../protocol/verdict.ts';
import { DurationCounts } from '../duration-counts.ts';
import type { Stat } from './parse-clause.ts';

/**
 * What the window says about one link. A mesh of 1000 pods has a million links, so one instance is used again for all of them.
 */
export class LinkWindow {
  report: MergedReport;
  /** Index of the link in the report. */
  index = 0;
  /** Indexes in `Mesh.pods`. */
  from = 0;
  to = 0;
  /** Trusted samples in the window. Suspect samples count only on a link that has no others. */
  samples = 0;
  /** Those of them that failed. */
  failures = 0;
  /** Whether the link is failed: the sample that stands for it failed, even if that was before the window. */
  isFailed = false;
  /** Total times of the ok samples in us, packed by `pack16`; `NONE16` without an ok sample. */
  p50Us16 = NONE16;
  p95Us16 = NONE16;
  maxUs16 = NONE16;
  /** Datagrams of the UDP probe, and those of them that were lost; 0 and 0 if loss is not measured. */
  sent = 0;
  lost = 0;
  /** Datagrams in one cycle; 0 = not known. */
  cycleSent = 0;
  isIpv6 = false;

  constructor(report: MergedReport) {
    this.report = report;
  }

  /** Reads link `index` of a report. `stats`: those of the report, or `newestStats` of it. */
  read(report: MergedReport, stats: WindowStats, index: number): void {
    const { links, udp } = report;
    const flags = links.flags[index] ?? 0;
    const isNotYet = (flags & FLAG_NOT_YET) !== 0;
    this.report = report;
    this.index = index;
    this.from = report.pod;
    this.to = links.to[index] ?? 0;
    this.samples = isNotYet ? 0 : countedSamples(stats, index);
    this.failures = this.samples === 0 ? 0 : (stats.failures[index] ?? 0);
    this.isFailed = links.outcome[index] !== 0;
    this.p50Us16 = stats.p50Us[index] ?? NONE16;
    this.p95Us16 = stats.p95Us[index] ?? NONE16;
    this.maxUs16 = stats.maxUs[index] ?? NONE16;
    this.sent = udp === null ? 0 : unpack16(udp.windowSent[index] ?? 0);
    this.lost = udp === null ? 0 : unpack16(udp.windowLost[index] ?? 0);
    this.cycleSent = udp?.sent[index] ?? 0;
    this.isIpv6 = (flags & FLAG_IPV6) !== 0;
  }

  /** A duration of the window, us; -1 without an ok sample. */
  durationUs(stat: Stat): number {
    return unpack16(this[`${stat}Us16`]);
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

  add(link: LinkWindow): void {
    const { samples, failures, isFailed, p50Us16 } = link;
    if (samples === 0) return;
    this.#samples += samples;
    this.#checked += 1;
    if (isFailed || failures > 0) this.#failed += 1;
    if (isFailed || p50Us16 === NONE16) return;
    this.#p50s.add(p50Us16);
    this.#p95Us = Math.max(this.#p95Us, link.durationUs('p95'));
    this.#maxUs = Math.max(this.#maxUs, link.durationUs('max'));
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
