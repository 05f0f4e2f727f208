import { FindingTally } from '../../server/analysis/findings/findings.ts';
import type { Finding } from '../../server/protocol/finding.ts';
import { emptyLinks, emptyStats, FLAG_NOT_YET, NONE16, pack16, phaseFlag } from '../../server/protocol/links.ts';
import type { MergedReport, MissingReason } from '../../server/protocol/mesh.ts';
import type { Pod } from '../../server/protocol/pod.ts';
import { OUTCOMES, type Outcome, type Phase } from '../../server/protocol/sample.ts';
import { runToEnd } from './generator.ts';
import { mergedReportOf, NOW_MS, podOf, statusOf } from './mesh.ts';

const AGE_MS = 5_000;

/** How a test wants one link. */
export interface Wish {
  outcome?: Outcome;
  phase?: Phase | null;
  connectUs?: number;
  firstByteUs?: number;
  /** Whether only the newest sample is so; the window's other nine are fine. */
  fresh?: boolean;
}

/** A delay in the answer alone, as a proxy makes it, and one on the whole way. */
export const LATE_ANSWER: Wish = { connectUs: 200, firstByteUs: 251_000 };
export const LATE_NETWORK: Wish = { connectUs: 120_000, firstByteUs: 121_000 };

/** A mesh in which everybody reaches everybody in 0.5 ms, to be spoiled. */
export class MeshBuilder {
  readonly pods: Pod[];
  readonly reports: MergedReport[];
  status = statusOf();

  /** `n` pods, `perNode` to a node, nodes dealt out to `zones` zones in turn. `pingNumber`: whom each pings, 0 = all. */
  constructor(n: number, { perNode = 1, zones = 0, pingNumber = 0 } = {}) {
    this.pods = Array.from({ length: n }, (_, i) => {
      const node = Math.floor(i / perNode);
      return podOf(i, { node: `node-${node}`, zone: zones === 0 ? '' : `zone-${node % zones}` });
    });
    const reach = pingNumber === 0 ? n : Math.min(n, pingNumber);
    // Filled once and copied: a mesh of 500 pods has 250 000 links.
    const fine = mergedReportOf(0, [], { links: emptyLinks(reach), stats: emptyStats(reach) });
    for (let k = 0; k < reach; k++) fill(fine, k, {});
    this.reports = this.pods.map((_, from) => {
      const { links, stats } = structuredClone({ links: fine.links, stats: fine.stats });
      for (let k = 0; k < reach; k++) links.to[k] = (from + k) % n;
      return mergedReportOf(from, [], { links, stats });
    });
  }

  get size(): number {
    return this.pods.length;
  }

  /** Whether `from` pings `to` and tells of it. */
  has(from: number, to: number): boolean {
    return this.#at(from, to) >= 0;
  }

  /** Spoils one link; does nothing if it is not probed or not told. */
  set(from: number, to: number, wish: Wish): void {
    const report = this.reports[from];
    const at = this.#at(from, to);
    if (report !== undefined && at >= 0) fill(report, at, wish);
  }

  /** Makes it not yet probed. */
  notYet(from: number, to: number): void {
    const flags = this.reports[from]?.links.flags;
    const at = this.#at(from, to);
    if (flags !== undefined && at >= 0) flags[at] = FLAG_NOT_YET;
  }

  /** Spoils every link for which `picks` is true; that of a pod to itself only with `self`. */
  each(picks: (from: number, to: number) => boolean, wish: Wish, self = false): void {
    for (let from = 0; from < this.size; from++) {
      for (let to = 0; to < this.size; to++) if ((self || from !== to) && picks(from, to)) this.set(from, to, wish);
    }
  }

  /** The pod does not give its report. */
  silence(pod: number, reason: MissingReason = 'timeout'): void {
    this.reports[pod] = mergedReportOf(pod, [], { missing: reason, missingDetail: 'words' });
  }

  /** The pod's process did not get the CPU, and half of its links look bad because of that. */
  starve(pod: number): void {
    for (let to = 0; to < this.size; to += 2) this.set(pod, to, { outcome: 'timeout', phase: 'connect' });
    const report = this.reports[pod];
    if (report === undefined) return;
    const starvation = { loopDelayP99Us: 140_000, suspectShare: 0.9, unreliable: true, sinceMs: NOW_MS - 20_000 };
    this.reports[pod] = { ...report, starvation };
  }

  /** What stands out, as pod `servedBy` collected it. */
  findings(servedBy = 0): Finding[] {
    const tally = new FindingTally(this.pods, 100);
    for (const report of this.reports) tally.add(report);
    return runToEnd(tally.findings({ discovery: this.status, servedBy })).result;
  }

  #at(from: number, to: number): number {
    const links = this.reports[from]?.links;
    if (links === undefined || links.length === 0) return -1;
    const at = (to - from + this.size) % this.size;
    return at < links.length ? at : -1;
  }
}

function fill({ links, stats }: MergedReport, i: number, wish: Wish): void {
  const { outcome = 'ok', phase = null, connectUs = 200, firstByteUs = 300, fresh = false } = wish;
  const isOk = outcome === 'ok';
  links.flags[i] = phaseFlag(phase);
  links.outcome[i] = OUTCOMES.indexOf(outcome);
  links.connectUs[i] = isOk ? pack16(connectUs) : NONE16;
  links.firstByteUs[i] = isOk ? pack16(firstByteUs) : NONE16;
  links.totalUs[i] = pack16(isOk ? connectUs + firstByteUs + 20 : 300_000);
  links.ageMs[i] = pack16(AGE_MS);
  links.sinceMs[i] = pack16(!isOk && fresh ? AGE_MS : 60_000);
  if (stats === null) return;
  stats.samples[i] = 10;
  stats.failures[i] = isOk ? 0 : fresh ? 1 : 10;
  const p50 = isOk && !fresh ? pack16(connectUs + firstByteUs) : pack16(500);
  stats.p50Us[i] = p50;
  stats.p95Us[i] = p50;
  stats.maxUs[i] = p50;
}
