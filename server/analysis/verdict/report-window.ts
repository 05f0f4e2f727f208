import { countedSamples } from '../../protocol/link-quality.ts';
import { FLAG_NOT_YET, type LinkColumns, NONE16, type StatColumns, unpack16 } from '../../protocol/links.ts';
import type { MergedReport } from '../../protocol/mesh.ts';
import type { VerdictAnswer } from '../../protocol/verdict.ts';
import { DurationCounts } from '../duration-counts.ts';
import type { Stat } from './parse-clause.ts';

/** What the window says about the links of one report, in columns, because a mesh has a million: entry i is about link i. */
export interface ReportWindow {
  report: MergedReport;
  /** Trusted samples in the window, and those of them that failed. Suspect samples count only on a link that has no others. */
  samples: Uint16Array;
  failures: Uint16Array;
  /** Total times of the ok samples in us, packed by `pack16`; `NONE16` without an ok sample. */
  durations: Record<Stat, Uint16Array>;
  /** 1 = at least one clause selects the link. At first none is selected. */
  selected: Uint8Array;
}

/** What the window says about the links of a report. `windowMs`: its length; the statistics of the report are over it. */
export function windowOf(report: MergedReport, windowMs: number): ReportWindow {
  const { length, flags } = report.links;
  const stats = report.stats ?? newestStats(report.links, windowMs);
  const samples = new Uint16Array(length);
  const failures = new Uint16Array(length);
  for (let i = 0; i < length; i++) {
    const counted = ((flags[i] ?? 0) & FLAG_NOT_YET) !== 0 ? 0 : countedSamples(stats, i);
    samples[i] = counted;
    // Another pod may claim more failures than samples.
    failures[i] = Math.min(counted, stats.failures[i] ?? 0);
  }
  const durations = { p50: stats.p50Us, p95: stats.p95Us, max: stats.maxUs };
  return { report, samples, failures, durations, selected: new Uint8Array(length) };
}

/** Of a report from Goldpinger: the newest ping is the only sample of a link, if it is not older than `windowMs`. */
function newestStats({ length, ageMs, outcome, totalUs }: LinkColumns, windowMs: number) {
  const isInWindow = (age16: number) => age16 !== NONE16 && unpack16(age16) <= windowMs;
  const us16 = totalUs.map((us, i) => (outcome[i] === 0 ? us : NONE16));
  return {
    samples: ageMs.map((age16) => (isInWindow(age16) ? 1 : 0)),
    suspect: new Uint16Array(length),
    failures: Uint16Array.from(outcome, (code) => (code === 0 ? 0 : 1)),
    p50Us: us16,
    p95Us: us16,
    maxUs: us16,
  } satisfies Partial<StatColumns>;
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

  add({ report, selected, samples, failures, durations: { p50, p95, max } }: ReportWindow): void {
    for (let i = 0; i < samples.length; i++) {
      const count = samples[i] ?? 0;
      if (selected[i] !== 1 || count === 0) continue;
      this.#samples += count;
      this.#checked += 1;
      const isFailed = report.links.outcome[i] !== 0;
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
