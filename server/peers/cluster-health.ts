import { FLAG_NOT_YET } from '../protocol/links.ts';
import type { MergedReport, Mesh, MeshHealth, MeshSettings } from '../protocol/mesh.ts';
import type { Pod } from '../protocol/pod.ts';
import { OUTCOMES } from '../protocol/sample.ts';

/** The most sentences about one pod, and the most characters of a name in a sentence. */
const MAX_REASONS = 5;
const MAX_NAME = 80;

/** What health depends on besides the reports. */
type MeshHead = Pick<Mesh, 'atMs' | 'discovery' | 'settings'>;

/**
 * Decides the health of the cluster from the reports of all pods. Reports are added one by one as they come in, so that no
 * step looks at a million links.
 * Only ready pods and the links between them are judged. Links that are not probed or not yet probed count neither way. A pod
 * that was ready and is silent now counts too: when a node dies, its pods are not ready any more half a minute later, and
 * that makes them no healthier.
 */
export class HealthTally {
  readonly #pods: readonly Pod[];
  readonly #ready: Uint8Array;
  readonly #links: FailedLinks;
  readonly #missing = new Map<number, string>();
  readonly #differing: number[] = [];
  #judged = 0;

  constructor(pods: readonly Pod[]) {
    this.#pods = pods;
    this.#ready = Uint8Array.from(pods, (pod) => (pod.lifecycle === 'ready' ? 1 : 0));
    this.#links = new FailedLinks(pods.length);
  }

  /** Takes one report into account. O(links). */
  add(report: MergedReport): void {
    const isReady = this.#ready[report.pod] === 1;
    if (report.missing !== '' && (isReady || this.#pods[report.pod]?.lifecycle === 'not-ready')) {
      const why = report.missingDetail === '' ? report.missing : `${report.missing}: ${report.missingDetail}`;
      this.#missing.set(report.pod, `${isReady ? '' : 'is not ready and '}did not report (${why})`);
    }
    if (report.missing !== '' || !isReady) return;
    if (!report.samePeers) this.#differing.push(report.pod);
    const { length, to, flags, outcome } = report.links;
    for (let i = 0; i < length; i++) {
      const destination = to[i] ?? 0;
      if (((flags[i] ?? 0) & FLAG_NOT_YET) !== 0 || this.#ready[destination] !== 1) continue;
      this.#judged += 1;
      this.#links.add(report.pod, destination, outcome[i] ?? 0);
    }
  }

  /** Health by all reports that were added. */
  health(head: MeshHead): MeshHealth {
    const general = generalFaults(head, this.#pods);
    // Right after start nothing counts against anybody, and nothing for them either.
    if (general.length === 0 && this.#judged === 0 && head.settings.refreshIntervalMs > 0) {
      general.push('no link has been probed yet');
    }
    const reasons = [...this.#reasons()].map(([pod, why]) => ({ pod, why })).sort((a, b) => a.pod - b.pod);
    return { ok: general.length === 0 && reasons.length === 0, reasons, general };
  }

  /** Why pods are unhealthy, by index of the pod. */
  #reasons(): Map<number, string[]> {
    const reasons = new Map<number, string[]>();
    const push = (pod: number, sentence: string) => {
      const list = reasons.get(pod) ?? [];
      if (list.length < MAX_REASONS) list.push(sentence.slice(0, 400));
      reasons.set(pod, list);
    };
    for (const [pod, sentence] of this.#missing) push(pod, sentence);
    const { into, from } = this.#links.attributed();
    for (const [pod, failures] of into) {
      const { failed, probed } = this.#links.into(pod);
      push(pod, `${failed} of ${probed} links into it fail${this.#summary(failures, failed, 'from')}`);
    }
    for (const [pod, failures] of from) {
      const probed = this.#links.probedFrom(pod);
      push(pod, `${failures.count} of ${probed} links from it fail${this.#summary(failures, failures.count, 'to')}`);
    }
    for (const pod of this.#differing) push(pod, 'knows other pods than the serving pod does');
    return reasons;
  }

  /** For example `: refused (from a, b, c and 3 more)`; '' if no failed link of the pod was kept. */
  #summary({ outcomes, others }: Failures, count: number, end: 'from' | 'to'): string {
    if (others.length === 0) return '';
    const names = others.map((pod) => (this.#pods[pod]?.name ?? '').slice(0, MAX_NAME)).join(', ');
    const more = count > others.length ? ` and ${count - others.length} more` : '';
    return `: ${outcomes.map((outcome) => OUTCOMES[outcome]).join(', ')} (${end} ${names}${more})`;
  }
}

/**
 * Faults of the mesh as a whole. A mesh with nobody to ping is healthy only if the list of pods is right and we are truly
 * alone; a list that could not be refreshed for two intervals may hide anything.
 */
function generalFaults({ atMs, discovery, settings }: MeshHead, pods: readonly Pod[]): string[] {
  const since = new Date(discovery.sinceMs).toISOString();
  const cause = discovery.lastError === null ? '' : ` (${discovery.lastError.message.slice(0, 200)})`;
  if (discovery.phase === 'waiting') return [`waiting for the Kubernetes API since ${since}${cause}`];
  const faults: string[] = [];
  if (discovery.phase === 'stale' && atMs - discovery.sinceMs > 2 * listIntervalMs(settings)) {
    faults.push(`the list of pods could not be refreshed since ${since}${cause}`);
  }
  if (!pods.some((pod) => pod.lifecycle !== 'gone')) {
    faults.push(`no pod matches ${discovery.labelSelector.slice(0, 200)}`);
  } else if (!pods.some((pod) => pod.lifecycle === 'ready')) {
    faults.push('no pod is ready');
  }
  return faults;
}

/**
 * How long the pod lists of two pods may differ, ms, before that counts as a difference: one and a half refresh intervals
 * (pods that may not watch list once per interval), and at least 2 s, because the Kubernetes API gives times in whole seconds.
 */
export function listToleranceMs(settings: Pick<MeshSettings, 'refreshIntervalMs'>): number {
  return Math.max(2_000, 1.5 * listIntervalMs(settings));
}

/** How often the list of pods is refreshed, ms. That goes on when pinging is switched off (REFRESH_INTERVAL=0). */
function listIntervalMs({ refreshIntervalMs }: Pick<MeshSettings, 'refreshIntervalMs'>): number {
  return refreshIntervalMs > 0 ? refreshIntervalMs : 30_000;
}

/** The failed links that are attributed to one pod: those into it, or those from it. */
interface Failures {
  /** Of those that were kept. */
  count: number;
  /** Indexes in `OUTCOMES`: the first few different ones. */
  outcomes: number[];
  /** The pods at the other ends: the first few. */
  others: number[];
}

/** The most failed links that are kept. Any further one counts against its destination. */
const MAX_KEPT = 16_384;
/** The most outcomes and pods that a summary names. */
const MAX_NAMED = 3;

/** Failed links between the pods of a mesh, and to which pod they are attributed. */
class FailedLinks {
  readonly #from: number[] = [];
  readonly #to: number[] = [];
  readonly #outcome: number[] = [];
  readonly #probedInto: Uint32Array;
  readonly #probedFrom: Uint32Array;
  readonly #failedInto: Uint32Array;

  constructor(podCount: number) {
    this.#probedInto = new Uint32Array(podCount);
    this.#probedFrom = new Uint32Array(podCount);
    this.#failedInto = new Uint32Array(podCount);
  }

  /** Takes a probed link into account. `outcome`: index in `OUTCOMES`, 0 = ok. */
  add(from: number, to: number, outcome: number): void {
    increase(this.#probedInto, to);
    increase(this.#probedFrom, from);
    if (outcome === 0) return;
    increase(this.#failedInto, to);
    if (this.#from.length >= MAX_KEPT) return;
    this.#from.push(from);
    this.#to.push(to);
    this.#outcome.push(outcome);
  }

  /** Numbers of links into a pod: failed and probed. */
  into(pod: number): { failed: number; probed: number } {
    return { failed: this.#failedInto[pod] ?? 0, probed: this.#probedInto[pod] ?? 0 };
  }

  /** Number of probed links from a pod. */
  probedFrom(pod: number): number {
    return this.#probedFrom[pod] ?? 0;
  }

  /**
   * Attributes each failed link to one of its pods, by index of the pod. That is the destination, unless others reach the
   * destination and the source is the exception: nobody reaches the source either, or most of its links fail. So one pod
   * that is cut off makes one unhealthy pod and not all of them.
   */
  attributed(): { into: Map<number, Failures>; from: Map<number, Failures> } {
    // Failed links from each pod, to pods that are reachable and to pods that nobody reaches.
    const toReachable = new Uint32Array(this.#probedInto.length);
    const toUnreachable = new Uint32Array(this.#probedInto.length);
    for (const [i, from] of this.#from.entries()) {
      increase(this.#isUnreachable(this.#to[i] ?? 0) ? toUnreachable : toReachable, from);
    }
    const isException = (pod: number) => {
      const failed = toReachable[pod] ?? 0;
      return this.#isUnreachable(pod) || (failed >= 2 && failed * 2 > this.probedFrom(pod) - (toUnreachable[pod] ?? 0));
    };
    const into = new Map<number, Failures>();
    const fromPod = new Map<number, Failures>();
    for (const [i, from] of this.#from.entries()) {
      const to = this.#to[i] ?? 0;
      const outcome = this.#outcome[i] ?? 0;
      if (!this.#isUnreachable(to) && isException(from)) addFailure(fromPod, from, to, outcome);
      else addFailure(into, to, from, outcome);
    }
    if (this.#from.length >= MAX_KEPT) {
      for (const [pod, count] of this.#failedInto.entries()) {
        if (count > 0 && !into.has(pod)) into.set(pod, { count, outcomes: [], others: [] });
      }
    }
    return { into, from: fromPod };
  }

  /** Whether most of the links into a pod fail, and more than one. */
  #isUnreachable(pod: number): boolean {
    const { failed, probed } = this.into(pod);
    return failed >= 2 && failed * 2 > probed;
  }
}

function increase(counts: Uint32Array, i: number): void {
  counts[i] = (counts[i] ?? 0) + 1;
}

function addFailure(byPod: Map<number, Failures>, pod: number, other: number, outcome: number): void {
  const failures = byPod.get(pod) ?? { count: 0, outcomes: [], others: [] };
  byPod.set(pod, failures);
  failures.count += 1;
  if (failures.outcomes.length < MAX_NAMED && !failures.outcomes.includes(outcome)) failures.outcomes.push(outcome);
  if (failures.others.length < MAX_NAMED && !failures.others.includes(other)) failures.others.push(other);
}
