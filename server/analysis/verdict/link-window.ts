import { countedSamples } from '../../protocol/link-quality.ts';
import { FLAG_NOT_YET, type LinkColumns, NONE16, type StatColumns, unpack16 } from '../../protocol/links.ts';
import type { MergedReport } from '../../protocol/mesh.ts';
import type { VerdictAnswer } from '../../protocol/verdict.ts';

/** The most links that a `LinkWindow` holds at a time. */
export const MAX_WINDOW_LINKS = 512;

/** Bit of `LinkWindow.state`: the window has a sample of the link. */
export const SAMPLED = 1;
/** Bit of `LinkWindow.state`: a probe of the link failed in the window. */
export const HAD_FAILURE = 2;
/** Bit of `LinkWindow.state`: the newest probe of the link failed. */
export const FAILED = 4;

const NO_COLUMN = new Uint16Array(0);
/** The column of a report without results of the UDP probe. */
const NOT_MEASURED = new Uint16Array(MAX_WINDOW_LINKS);

/**
 * What the window says about up to `MAX_WINDOW_LINKS` links of one report. Entry k of each column is about link
 * `start + k` of the report. A mesh of 1000 pods has a million links, so one instance is used again for all of them, and
 * columns that need no conversion are views of the report.
 */
export class LinkWindow {
  start = 0;
  length = 0;
  /** The destination: an index in `Mesh.pods`. */
  to: Uint16Array = NO_COLUMN;
  /** `SAMPLED`, `HAD_FAILURE` and `FAILED`, or-ed. */
  readonly state = new Uint8Array(MAX_WINDOW_LINKS);
  /** Trusted samples. Suspect samples count only on a link that has no others. */
  readonly samples = new Uint16Array(MAX_WINDOW_LINKS);
  failures: Uint16Array = NO_COLUMN;
  /** Total time in us, packed as in `LinkColumns`. */
  p50: Uint16Array = NO_COLUMN;
  p95: Uint16Array = NO_COLUMN;
  max: Uint16Array = NO_COLUMN;
  /** Datagrams of the UDP probe, packed; 0 = loss is not measured. */
  sent: Uint16Array = NO_COLUMN;
  /** Those of them that were lost, packed. */
  lost: Uint16Array = NO_COLUMN;
  /** 1 = at least one clause selects the link. */
  readonly isSelected = new Uint8Array(MAX_WINDOW_LINKS);

  /** Reads the links of a report from link `start` on. `stats`: those of the report, or `newestStats` of it. */
  read({ links, udp }: MergedReport, stats: WindowStats, start: number): void {
    const length = Math.min(MAX_WINDOW_LINKS, links.length - start);
    const view = (column: Uint16Array) => column.subarray(start, start + length);
    this.start = start;
    this.length = length;
    this.to = view(links.to);
    this.failures = view(stats.failures);
    this.p50 = view(stats.p50Us);
    this.p95 = view(stats.p95Us);
    this.max = view(stats.maxUs);
    this.sent = udp === null ? NOT_MEASURED : view(udp.windowSent);
    this.lost = udp === null ? NOT_MEASURED : view(udp.windowLost);
    this.isSelected.fill(0);
    const { state, samples } = this;
    for (let k = 0, i = start; k < length; k++, i++) {
      const isNotYet = ((links.flags[i] ?? 0) & FLAG_NOT_YET) !== 0;
      const all = isNotYet ? 0 : (stats.samples[i] ?? 0);
      samples[k] = isNotYet ? 0 : countedSamples(stats, i);
      const bits = SAMPLED | ((stats.failures[i] ?? 0) > 0 ? HAD_FAILURE : 0) | (links.outcome[i] === 0 ? 0 : FAILED);
      state[k] = all === 0 ? 0 : bits;
    }
  }
}

/** The statistics that a verdict reads. */
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
  /** Number of links that are ok and have a p50. */
  #ok = 0;
  /** The largest values, packed; -1 = none. */
  #p95 = -1;
  #max = -1;
  /** Ok links by packed p50. Packed values sort like the durations they stand for. */
  readonly #byP50 = new Uint32Array(NONE16);

  /** Adds the selected links of a window. */
  add({ length, isSelected, state, samples, p50, p95, max }: LinkWindow): void {
    let [sum, checked, failed, ok] = [0, 0, 0, 0];
    let [largestP95, largestMax] = [this.#p95, this.#max];
    const byP50 = this.#byP50;
    for (let k = 0; k < length; k++) {
      const bits = state[k] ?? 0;
      if (isSelected[k] !== 1 || (bits & SAMPLED) === 0) continue;
      sum += samples[k] ?? 0;
      checked += 1;
      if ((bits & (HAD_FAILURE | FAILED)) !== 0) failed += 1;
      const us16 = p50[k] ?? NONE16;
      if ((bits & FAILED) !== 0 || us16 === NONE16) continue;
      ok += 1;
      byP50[us16] = (byP50[us16] ?? 0) + 1;
      const [linkP95, linkMax] = [p95[k] ?? NONE16, max[k] ?? NONE16];
      if (linkP95 !== NONE16 && linkP95 > largestP95) largestP95 = linkP95;
      if (linkMax !== NONE16 && linkMax > largestMax) largestMax = linkMax;
    }
    this.#samples += sum;
    this.#checked += checked;
    this.#failed += failed;
    this.#ok += ok;
    this.#p95 = largestP95;
    this.#max = largestMax;
  }

  /** The fields of a verdict about these links; durations in ms, null where no ok link was checked. */
  fields(): Pick<VerdictAnswer, 'samples' | 'links_checked' | 'links_failed' | 'p50_ms' | 'p95_ms' | 'max_ms'> {
    return {
      samples: this.#samples,
      links_checked: this.#checked,
      links_failed: this.#failed,
      p50_ms: millisecondsOf(this.#median()),
      p95_ms: millisecondsOf(this.#p95),
      max_ms: millisecondsOf(this.#max),
    };
  }

  /** The lower median of the p50s, packed; -1 = none. */
  #median(): number {
    let left = Math.ceil(this.#ok / 2);
    if (left === 0) return -1;
    let us16 = 0;
    while (left > (this.#byP50[us16] ?? left)) left -= this.#byP50[us16++] ?? 0;
    return us16;
  }
}

function millisecondsOf(us16: number): number | null {
  return us16 < 0 ? null : unpack16(us16) / 1000;
}
