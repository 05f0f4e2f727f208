import { podsWithOldList, silentSide } from '../analysis/sides.ts';
import {
  isDoubted,
  isDoubtedByDestination,
  isReportMissing,
  wasStarvedDuring,
  wasStarvedLately,
} from '../protocol/link-state.ts';
import { FLAG_NOT_YET } from '../protocol/links.ts';
import type { MergedReport, Mesh, MeshHealth } from '../protocol/mesh.ts';
import { type DiscoveryStatus, isJudged, isJudgedReady, type Pod } from '../protocol/pod.ts';
import { type PodNamer, podNamer } from '../protocol/pod-names.ts';
import { OUTCOMES, type Outcome } from '../protocol/sample.ts';
import { countText, plural } from '../runtime/count-text.ts';

/** The most characters of a sentence, and of a name in it. */
const MAX_SENTENCE = 400;
const MAX_NAME = 80;

/** The most failed links that are kept. Further ones are only counted, by destination, and so count against it. */
const MAX_KEPT = 16_384;
/** The links from one pod into another: all are ok, or at least one has failed. */
const PAIR_OK = 1;
const PAIR_FAILED = 2;
/** The most outcomes and pods that a summary names. */
const MAX_NAMED = 3;

/** What health depends on besides the reports. */
type MeshHead = Pick<Mesh, 'discovery' | 'settings' | 'servedBy'>;

/** A failed link: indexes of its pods, and of its outcome in `OUTCOMES`. */
interface FailedLink {
  from: number;
  to: number;
  outcome: number;
  /** The report of its source, and the index of the link in it. */
  report: MergedReport;
  link: number;
}

/** What is counted of each pod, by its index. */
function countsOf(pods: number) {
  const zeros = () => new Uint32Array(pods);
  return {
    /** The links into it and from it that are probed and not doubted because of their source. */
    probedInto: zeros(),
    probedFrom: zeros(),
    /** How many pods have links into it and all of these are ok. */
    reachedBy: zeros(),
    /** Failed links into it beyond the first `MAX_KEPT`, and those of them that `isDoubtedByDestination` names. */
    notKept: zeros(),
    notKeptDoubtable: zeros(),
  };
}

/**
 * Decides the health of the cluster from the reports of all pods. Reports are added one by one as they come in, so that no
 * step looks at a million links.
 * Only ready pods and the links between them are judged. These links count neither as good nor as failed: links that are not
 * (yet) probed, timeouts that a starved pod may have caused (`isDoubted`, `isDoubtedByDestination`), and failed links to the
 * silent side of a cut (`silentSide`).
 * A pod that was ready and is silent now counts as unhealthy: when a node dies, its pods become not ready half a minute later,
 * and that makes them no healthier.
 * Intermittent links count while they fail, slow ones never. Findings judge by the same rules: each failed link here is part
 * of a finding whose severity is `failed`.
 */
export class HealthTally {
  readonly #pods: readonly Pod[];
  readonly #nameOf: PodNamer;
  readonly #ready: Uint8Array;
  readonly #reports: MergedReport[] = [];
  /** By pod: its report, if it is or was starved. */
  readonly #starved = new Map<number, MergedReport>();
  readonly #counts: ReturnType<typeof countsOf>;
  /** By destination: `PAIR_OK` or `PAIR_FAILED` for the links of the report that is being added; 0 = none. */
  readonly #pairs: Uint8Array;
  readonly #failed: FailedLink[] = [];
  #isAnyProbed = false;
  /** By pod that should have reported and did not: a sentence that says so. */
  readonly #missing = new Map<number, string>();

  constructor(pods: readonly Pod[]) {
    this.#pods = pods;
    this.#nameOf = podNamer(pods);
    this.#ready = Uint8Array.from(pods, (pod) => (isJudgedReady(pod) ? 1 : 0));
    this.#counts = countsOf(pods.length);
    this.#pairs = new Uint8Array(pods.length);
  }

  /** Takes one report into account. O(links + pods). */
  add(report: MergedReport): void {
    const from = report.pod;
    const isReady = this.#ready[from] === 1;
    this.#reports.push(report);
    const pod = this.#pods[from];
    if (isReportMissing(report) && pod !== undefined && isJudged(pod)) {
      const why = report.missingDetail === '' ? report.missing : `${report.missing}: ${report.missingDetail}`;
      this.#missing.set(from, `${isReady ? '' : 'is not ready and '}did not report (${why})`);
    }
    if (report.missing !== '') return;
    if (wasStarvedLately(report.starvation)) this.#starved.set(from, report);
    if (!isReady) return;
    const { links } = report;
    const { probedInto, probedFrom, notKept, notKeptDoubtable } = this.#counts;
    this.#pairs.fill(0);
    for (let i = 0; i < links.length; i++) {
      const to = links.to[i] ?? 0;
      if (((links.flags[i] ?? 0) & FLAG_NOT_YET) !== 0 || this.#ready[to] !== 1) continue;
      this.#isAnyProbed = true;
      const outcome = links.outcome[i] ?? 0;
      const hasFailed = outcome !== 0;
      if (hasFailed && isDoubted(outcome) && wasStarvedDuring(report, report, i)) continue;
      increase(probedInto, to);
      increase(probedFrom, from);
      this.#countPair(to, hasFailed);
      if (!hasFailed) continue;
      if (this.#failed.length < MAX_KEPT) {
        this.#failed.push({ from, to, outcome, report, link: i });
        continue;
      }
      increase(notKept, to);
      if (isDoubtedByDestination(links, i)) increase(notKeptDoubtable, to);
    }
  }

  /** Keeps `reachedBy`. If both IP families are probed, a pod has two links into another. */
  #countPair(to: number, hasFailed: boolean): void {
    const before = this.#pairs[to];
    if (hasFailed) {
      if (before === PAIR_OK) increase(this.#counts.reachedBy, to, -1);
      this.#pairs[to] = PAIR_FAILED;
    } else if (before === 0) {
      increase(this.#counts.reachedBy, to);
      this.#pairs[to] = PAIR_OK;
    }
  }

  /** Health by all reports that were added. */
  health(head: MeshHead): MeshHealth {
    const general = generalFaults(head, this.#pods);
    // Right after start nothing shows that the cluster is healthy, so it is not called so. Without pings (REFRESH_INTERVAL 0)
    // nothing ever would.
    const isWaiting = head.settings.refreshIntervalMs > 0 && !this.#isAnyProbed;
    if (general.length === 0 && isWaiting) general.push('no link has been probed yet');
    const silent = unjudgedPods({ pods: this.#pods, reports: this.#reports });
    if (silent.size > 0)
      general.push(`${plural(silent.size, 'pod')} cannot be judged, because no pod that reports reaches them`);
    const reasons = [...this.#reasons(silent, head.servedBy.pod)].map(([pod, why]) => ({ pod, why }));
    return {
      ok: general.length === 0 && reasons.length === 0,
      reasons: reasons.sort((a, b) => a.pod - b.pod),
      general,
    };
  }

  /** Why pods are unhealthy, by index of the pod: at most five sentences of each. */
  #reasons(silent: ReadonlySet<number>, servedBy: number): Map<number, string[]> {
    const reasons = new Map<number, string[]>();
    const push = (pod: number, sentence: string) => listOf(reasons, pod).push(sentence.slice(0, MAX_SENTENCE));
    const readyReports = this.#reports.filter(({ pod }) => this.#ready[pod] === 1);
    if (silent.size > 0) {
      // This side cannot tell which of the two is cut off. It calls itself unhealthy and accuses nobody.
      for (const { pod, missing } of readyReports)
        if (missing === '') push(pod, `reaches none of the ${countText(silent.size)} pods that do not report`);
    }
    for (const [pod, sentence] of this.#missing) if (!silent.has(pod)) push(pod, sentence);
    const judged = this.#judged(silent);
    const { into, from, failedInto } = attributed(judged);
    for (const [pod, links] of into) {
      const failed = failedInto[pod] ?? 0;
      const summary = this.#summary(links, judged.notKept[pod] ?? 0, 'from');
      push(pod, `${countText(failed)} of ${countText(judged.probedInto[pod] ?? 0)} links into it fail${summary}`);
    }
    for (const [pod, links] of from) {
      const summary = this.#summary(links, 0, 'to');
      const probed = judged.probedFrom[pod] ?? 0;
      push(pod, `${countText(links.length)} of ${countText(probed)} links from it fail${summary}`);
    }
    for (const pod of podsWithOldList(readyReports, servedBy)) {
      const than = pod === servedBy ? 'most others do' : 'the serving pod does';
      push(pod, `knows other pods than ${than}`);
    }
    return reasons;
  }

  /** The links that count, now that starved pods and the silent side are known; those not kept by destination only. */
  #judged(silent: ReadonlySet<number>): JudgedLinks {
    const counts = structuredClone(this.#counts);
    const { probedInto, probedFrom, notKept } = counts;
    const failed = this.#failed.filter(({ from, to, report, link }) => {
      const starved = this.#starved.get(to);
      const isByDestination = starved !== undefined && isDoubtedByDestination(report.links, link);
      if (!silent.has(to) && !(isByDestination && wasStarvedDuring(starved, report, link))) return true;
      increase(probedInto, to, -1);
      increase(probedFrom, from, -1);
      return false;
    });
    const takeOut = (to: number, links: number) => {
      increase(probedInto, to, -links);
      increase(notKept, to, -links);
    };
    for (const to of silent) takeOut(to, notKept[to] ?? 0);
    // Of these links only the number is known: whoever was starved at some time of the last round may explain them.
    for (const to of this.#starved.keys()) takeOut(to, counts.notKeptDoubtable[to] ?? 0);
    return { ...counts, failed };
  }

  /**
   * For example `: refused (from a, b, c and 3 more)`; '' if no failed link of the pod was kept. `notKept`: how many were not.
   * `end`: which pods are named, those that the links come from or those they lead to.
   */
  #summary(links: readonly FailedLink[], notKept: number, end: 'from' | 'to'): string {
    if (links.length === 0) return '';
    const outcomes = [...new Set(links.map(({ outcome }) => OUTCOMES[outcome]))].slice(0, MAX_NAMED);
    // Two pods have two links if both IP families are probed.
    const others = [...new Set(links.map((link) => link[end]))].sort((a, b) => a - b);
    const names = others.slice(0, MAX_NAMED).map((pod) => this.#nameOf(this.#pods[pod]).slice(0, MAX_NAME));
    const more = others.length - names.length + notKept;
    return `: ${outcomes.join(', ')} (${end} ${names.join(', ')}${more > 0 ? ` and ${countText(more)} more` : ''})`;
  }
}

/** The links that count for health, and those of them that failed and were kept. */
interface JudgedLinks extends ReturnType<typeof countsOf> {
  failed: readonly FailedLink[];
}

/**
 * Attributes each failed link to one of its pods, by index of the pod: `into` has the links that count against their
 * destination, `from` those that count against their source. `failedInto`: all failed links into each pod.
 * A link counts against its destination, unless most links into the destination work and the source is the exception. A source
 * is the exception if most links into it fail too, if most of its links fail (those to pods into which most links fail left
 * out), or if it alone does not reach two pods or more. So one pod that is cut off makes one unhealthy pod and not all of them.
 */
function attributed({ failed, notKept, probedInto, probedFrom, reachedBy }: JudgedLinks) {
  const count = probedFrom.length;
  // If both IP families are probed, two pods have two links, and are one pair.
  const pairs = [...new Map(failed.map((link) => [link.from * count + link.to, link])).values()];
  const failedInto = notKept.slice();
  const failedPodsInto = notKept.slice();
  for (const { to } of failed) increase(failedInto, to);
  for (const { to } of pairs) increase(failedPodsInto, to);
  const isUnreachable = (pod: number) => isMost(failedPodsInto[pod] ?? 0, failedInto[pod] ?? 0, probedInto[pod] ?? 0);
  // Failed links from each pod, to pods that are reachable and to those that are not.
  const toReachable = new Uint32Array(count);
  const toUnreachable = new Uint32Array(count);
  for (const { from, to } of failed) increase(isUnreachable(to) ? toUnreachable : toReachable, from);
  // By pod: the reachable pods that it does not reach, and those of them that all others reach, two or more.
  const reachablePods = new Uint32Array(count);
  const alone = new Uint32Array(count);
  for (const { from, to } of pairs) {
    if (!isUnreachable(to)) increase(reachablePods, from);
    if (failedPodsInto[to] === 1 && (reachedBy[to] ?? 0) >= 2) increase(alone, from);
  }
  const isException = (pod: number) =>
    isUnreachable(pod) ||
    (alone[pod] ?? 0) >= 2 ||
    isMost(reachablePods[pod] ?? 0, toReachable[pod] ?? 0, (probedFrom[pod] ?? 0) - (toUnreachable[pod] ?? 0));
  const into = new Map<number, FailedLink[]>();
  const from = new Map<number, FailedLink[]>();
  for (const link of failed) {
    if (!isUnreachable(link.to) && isException(link.from)) listOf(from, link.from).push(link);
    else listOf(into, link.to).push(link);
  }
  for (const [pod, count] of notKept.entries()) if (count > 0) listOf(into, pod);
  return { into, from, failedInto };
}

/** The pods that nobody on this side of a cut can judge: see `silentSide`. */
export function unjudgedPods({ pods, reports }: Reported): Set<number> {
  const judged = Uint8Array.from(pods, (pod) => (isJudged(pod) ? 1 : 0));
  return silentSide(judged, reports);
}

interface Reported {
  pods: readonly Pod[];
  reports: readonly MergedReport[];
}

/** Whether more than half of the probed links fail, and not only those between two pods. `pods`: at the other end of the failed. */
function isMost(pods: number, failed: number, probed: number): boolean {
  return pods >= 2 && failed * 2 > probed;
}

function increase(counts: Uint32Array, i: number, by = 1): void {
  counts[i] = (counts[i] ?? 0) + by;
}

function listOf<T>(lists: Map<number, T[]>, key: number): T[] {
  const list = lists.get(key) ?? [];
  lists.set(key, list);
  return list;
}

/** Faults of the mesh as a whole. A pod that knows no other is healthy only if its list is current. */
function generalFaults({ discovery }: MeshHead, pods: readonly Pod[]): string[] {
  const since = (ms: number) => `since ${new Date(ms).toISOString()}`;
  const cause = discovery.lastError === null ? '' : ` (${discovery.lastError.message.slice(0, 200)})`;
  if (discovery.phase === 'waiting') return [`waiting for the Kubernetes API ${since(discovery.sinceMs)}${cause}`];
  const faults: string[] = [];
  if (discovery.phase === 'stale') {
    faults.push(`nothing was heard from the Kubernetes API ${since(discovery.lastGoodMs)}${cause}`);
  }
  if (!pods.some((pod) => pod.lifecycle !== 'gone')) {
    const where = discovery.namespace === '' ? 'any namespace' : `namespace ${discovery.namespace}`;
    faults.push(`no pod matches ${discovery.labelSelector.slice(0, 200)} in ${where}`);
  } else if (!pods.some((pod) => pod.lifecycle === 'ready')) {
    faults.push('no pod is ready');
  }
  return faults;
}

/** How the cluster looks from one pod, without asking the others. */
export interface OwnHealth {
  /**
   * Whether the pod list is current, a pod has been probed, and no link to a pod that is, or was, ready fails. Without pings
   * (REFRESH_INTERVAL 0): whether the pod list is current and a pod is ready.
   */
  isHealthy: boolean;
  /**
   * Nodes whose ready pods all answer, and the other nodes. A pod that was ready and does not answer makes its node unhealthy;
   * one that was ready and answers counts in neither. Neither do nodes that have not been probed.
   */
  healthyNodes: number;
  unhealthyNodes: number;
}

/**
 * Decides health as this pod alone sees it: the gauges `goldpinger_nodes_health_total` and `goldpinger_cluster_health_total`,
 * because a scrape must not ask the whole cluster. `/cluster_health` judges the reports of all pods: see `HealthTally`.
 * `links`: uid of each pod that this one pings, and the outcome of the last ping; null = not pinged yet. `hasPings`: whether
 * this pod pings at all.
 */
export function ownHealthOf(
  pods: readonly Pod[],
  status: DiscoveryStatus,
  links: Iterable<{ uid: string; outcome: Outcome | null }>,
  hasPings: boolean,
): OwnHealth {
  const byUid = new Map(pods.map((pod) => [pod.uid, pod]));
  const nodes = new Map<string, boolean>();
  for (const { uid, outcome } of links) {
    const pod = byUid.get(uid);
    if (pod === undefined || outcome === null || !isJudged(pod)) continue;
    if (pod.lifecycle === 'not-ready' && outcome === 'ok') continue;
    const node = pod.hostIPs[0] || pod.node || pod.uid;
    nodes.set(node, (nodes.get(node) ?? true) && outcome === 'ok');
  }
  const healthyNodes = [...nodes.values()].filter(Boolean).length;
  const unhealthyNodes = nodes.size - healthyNodes;
  const isAnyKnown = hasPings ? nodes.size > 0 : pods.some(({ lifecycle }) => lifecycle === 'ready');
  return {
    isHealthy: status.phase === 'synced' && isAnyKnown && unhealthyNodes === 0,
    healthyNodes,
    unhealthyNodes,
  };
}
