import { podsWithOldList, silentSide } from '../analysis/sides.ts';
import { isDoubted, isDoubtedByDestination, isSilent, isStarved } from '../protocol/link-state.ts';
import { FLAG_NOT_YET } from '../protocol/links.ts';
import type { MergedReport, Mesh, MeshHealth, MeshSettings } from '../protocol/mesh.ts';
import {
  type DiscoveryStatus,
  isJudged,
  isJudgedReady,
  isPodListOld,
  listIntervalMs,
  type Pod,
} from '../protocol/pod.ts';
import { OUTCOMES, type Outcome } from '../protocol/sample.ts';
import { countText, plural } from '../runtime/count-text.ts';

/** The most sentences about one pod, and the most characters of a name in a sentence. */
const MAX_REASONS = 5;
const MAX_NAME = 80;

/** The most failed links that are kept. Any further one counts against its destination. */
const MAX_KEPT = 16_384;
/** The most outcomes and pods that a summary names. */
const MAX_NAMED = 3;

/** What health depends on besides the reports. */
type MeshHead = Pick<Mesh, 'atMs' | 'discovery' | 'settings' | 'servedBy'>;

/** A failed link: indexes of its pods, and of its outcome in `OUTCOMES`. */
interface FailedLink {
  from: number;
  to: number;
  outcome: number;
  /** Whether the failure is doubted if the destination is starved; see `isDoubtedByDestination`. */
  isDoubtedByDestination: boolean;
}

/**
 * Decides the health of the cluster from the reports of all pods. Reports are added one by one as they come in, so that no
 * step looks at a million links.
 * Only ready pods and the links between them are judged. Links that are not probed or not yet probed count neither way, and
 * neither do timeouts of links with a starved pod: `isDoubted`. A pod that was ready and is silent now counts too: when a
 * node dies, its pods are not ready any more half a minute later, and that makes them no healthier.
 * Intermittent links count while they fail, slow ones never. Findings judge by the same rules: each failed link here is part
 * of a finding whose severity is `failed`.
 */
export class HealthTally {
  readonly #pods: readonly Pod[];
  readonly #ready: Uint8Array;
  readonly #reports: MergedReport[] = [];
  readonly #starved = new Set<number>();
  /** Numbers of judged links by pod: into it and from it. */
  readonly #probedInto: Uint32Array;
  readonly #probedFrom: Uint32Array;
  readonly #failed: FailedLink[] = [];
  /** By destination: failed links beyond the first `MAX_KEPT`. */
  readonly #notKept: Uint32Array;
  readonly #missing = new Map<number, string>();

  constructor(pods: readonly Pod[]) {
    this.#pods = pods;
    this.#ready = Uint8Array.from(pods, (pod) => (isJudgedReady(pod) ? 1 : 0));
    this.#probedInto = new Uint32Array(pods.length);
    this.#probedFrom = new Uint32Array(pods.length);
    this.#notKept = new Uint32Array(pods.length);
  }

  /** Takes one report into account. O(links). */
  add(report: MergedReport): void {
    const from = report.pod;
    const isReady = this.#ready[from] === 1;
    this.#reports.push(report);
    const pod = this.#pods[from];
    if (isSilent(report) && pod !== undefined && isJudged(pod)) {
      const why = report.missingDetail === '' ? report.missing : `${report.missing}: ${report.missingDetail}`;
      this.#missing.set(from, `${isReady ? '' : 'is not ready and '}did not report (${why})`);
    }
    if (report.missing === '' && isStarved(report.starvation)) this.#starved.add(from);
    if (report.missing !== '' || !isReady) return;
    const { links } = report;
    for (let i = 0; i < links.length; i++) {
      const to = links.to[i] ?? 0;
      if (((links.flags[i] ?? 0) & FLAG_NOT_YET) !== 0 || this.#ready[to] !== 1) continue;
      increase(this.#probedInto, to);
      increase(this.#probedFrom, from);
      const outcome = links.outcome[i] ?? 0;
      if (outcome === 0) continue;
      if (this.#failed.length < MAX_KEPT) {
        this.#failed.push({ from, to, outcome, isDoubtedByDestination: isDoubtedByDestination(links, i) });
      } else increase(this.#notKept, to);
    }
  }

  /** Health by all reports that were added. */
  health(head: MeshHead): MeshHealth {
    const general = generalFaults(head, this.#pods);
    // Right after start nothing counts against anybody, and nothing for them either.
    const isProbed = head.settings.refreshIntervalMs <= 0 || this.#probedFrom.some((count) => count > 0);
    if (general.length === 0 && !isProbed) general.push('no link has been probed yet');
    const { reasons, unjudged } = this.#reasons(head.servedBy.pod);
    if (unjudged > 0)
      general.push(`${plural(unjudged, 'pod')} cannot be judged, because no pod that reports reaches them`);
    const sorted = [...reasons].map(([pod, why]) => ({ pod, why })).sort((a, b) => a.pod - b.pod);
    return { ok: general.length === 0 && sorted.length === 0, reasons: sorted, general };
  }

  /** Why pods are unhealthy, by index of the pod, and how many pods nobody can judge. */
  #reasons(servedBy: number): { reasons: Map<number, string[]>; unjudged: number } {
    const reasons = new Map<number, string[]>();
    const push = (pod: number, sentence: string) => {
      const list = listOf(reasons, pod);
      if (list.length < MAX_REASONS) list.push(sentence.slice(0, 400));
    };
    const silent = unjudgedPods({ pods: this.#pods, reports: this.#reports });
    if (silent.size > 0) {
      // This side cannot tell which of the two is cut off. It calls itself unhealthy and accuses nobody.
      for (const { pod, missing } of this.#reports) {
        if (missing === '' && this.#ready[pod] === 1)
          push(pod, `reaches none of the ${countText(silent.size)} pods that do not report`);
      }
    }
    for (const [pod, sentence] of this.#missing) if (!silent.has(pod)) push(pod, sentence);
    const isCounted = ({ from, to, outcome, isDoubtedByDestination }: FailedLink) =>
      !silent.has(to) &&
      !(isDoubted(outcome) && this.#starved.has(from)) &&
      !(isDoubtedByDestination && this.#starved.has(to));
    const { into, from, failedInto } = this.#attributed(this.#failed.filter(isCounted));
    for (const [pod, links] of into) {
      const summary = this.#summary(links, failedInto[pod] ?? 0, 'from');
      push(
        pod,
        `${countText(failedInto[pod] ?? 0)} of ${countText(this.#probedInto[pod] ?? 0)} links into it fail${summary}`,
      );
    }
    for (const [pod, links] of from) {
      const summary = this.#summary(links, links.length, 'to');
      push(pod, `${countText(links.length)} of ${countText(this.#probedFrom[pod] ?? 0)} links from it fail${summary}`);
    }
    const readyReports = this.#reports.filter(({ pod }) => this.#ready[pod] === 1);
    for (const pod of podsWithOldList(readyReports, servedBy)) {
      push(
        pod,
        pod === servedBy ? 'knows other pods than most others do' : 'knows other pods than the serving pod does',
      );
    }
    return { reasons, unjudged: silent.size };
  }

  /** For example `: refused (from a, b, c and 3 more)`; '' if no failed link of the pod was kept. `end`: the other pods. */
  #summary(links: readonly FailedLink[], count: number, end: 'from' | 'to'): string {
    if (links.length === 0) return '';
    const outcomes = [...new Set(links.map(({ outcome }) => OUTCOMES[outcome]))].slice(0, MAX_NAMED);
    const others = [...new Set(links.map((link) => link[end]))].sort((a, b) => a - b).slice(0, MAX_NAMED);
    const names = others.map((pod) => (this.#pods[pod]?.name ?? '').slice(0, MAX_NAME));
    const more = count > names.length ? ` and ${countText(count - names.length)} more` : '';
    return `: ${outcomes.join(', ')} (${end} ${names.join(', ')}${more})`;
  }

  /**
   * Attributes each failed link to one of its pods, by index of the pod. That is the destination, unless others reach the
   * destination and the source is the exception: nobody reaches the source either, most of its links fail, or it alone
   * does not reach two pods or more. So one pod that is cut off makes one unhealthy pod and not all of them.
   */
  #attributed(failed: readonly FailedLink[]) {
    const failedInto = this.#notKept.slice();
    for (const { to } of failed) increase(failedInto, to);
    const isUnreachable = (pod: number) => isMost(failedInto[pod] ?? 0, this.#probedInto[pod] ?? 0);
    // Failed links from each pod, to pods that are reachable and to pods that nobody reaches.
    const toReachable = new Uint32Array(this.#pods.length);
    const toUnreachable = new Uint32Array(this.#pods.length);
    for (const { from, to } of failed) increase(isUnreachable(to) ? toUnreachable : toReachable, from);
    // Failed links from each pod, to pods that two others or more reach.
    const alone = new Uint32Array(this.#pods.length);
    for (const { from, to } of failed) {
      if (failedInto[to] === 1 && (this.#probedInto[to] ?? 0) >= 3) increase(alone, from);
    }
    const isException = (pod: number) =>
      isUnreachable(pod) ||
      (alone[pod] ?? 0) >= 2 ||
      isMost(toReachable[pod] ?? 0, (this.#probedFrom[pod] ?? 0) - (toUnreachable[pod] ?? 0));
    const into = new Map<number, FailedLink[]>();
    const from = new Map<number, FailedLink[]>();
    for (const link of failed) {
      if (!isUnreachable(link.to) && isException(link.from)) listOf(from, link.from).push(link);
      else listOf(into, link.to).push(link);
    }
    for (const [pod, count] of this.#notKept.entries()) if (count > 0) listOf(into, pod);
    return { into, from, failedInto };
  }
}

/** The pods that nobody on this side of a cut can judge: see `silentSide`. */
export function unjudgedPods({
  pods,
  reports,
}: {
  pods: readonly Pod[];
  reports: readonly MergedReport[];
}): Set<number> {
  return silentSide(
    Uint8Array.from(pods, (pod) => (isJudged(pod) ? 1 : 0)),
    reports,
  );
}

/** Whether most of the probed links fail, and more than one. */
function isMost(failed: number, probed: number): boolean {
  return failed >= 2 && failed * 2 > probed;
}

function increase(counts: Uint32Array, i: number): void {
  counts[i] = (counts[i] ?? 0) + 1;
}

function listOf<T>(lists: Map<number, T[]>, key: number): T[] {
  const list = lists.get(key) ?? [];
  lists.set(key, list);
  return list;
}

/**
 * Faults of the mesh as a whole. A mesh with nobody to ping is healthy only if the list of pods is right and we are truly
 * alone; an old list may hide anything.
 */
function generalFaults({ atMs, discovery }: MeshHead, pods: readonly Pod[]): string[] {
  const since = (ms: number) => `since ${new Date(ms).toISOString()}`;
  const cause = discovery.lastError === null ? '' : ` (${discovery.lastError.message.slice(0, 200)})`;
  if (discovery.phase === 'waiting') return [`waiting for the Kubernetes API ${since(discovery.sinceMs)}${cause}`];
  const faults: string[] = [];
  if (isPodListOld(discovery, atMs)) {
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

/**
 * How long the pod lists of two pods may differ, ms, before that counts as a difference: one and a half refresh intervals
 * (pods that may not watch list once per interval), and at least 2 s, because the Kubernetes API gives times in whole seconds.
 */
export function listToleranceMs({ refreshIntervalMs }: Pick<MeshSettings, 'refreshIntervalMs'>): number {
  return Math.max(2_000, 1.5 * listIntervalMs(refreshIntervalMs));
}

/** How the cluster looks from one pod, without asking the others. */
export interface OwnHealth {
  /** Whether the pod list is current, somebody is there, and no link to a pod that is, or was, ready fails. */
  isHealthy: boolean;
  /**
   * Nodes whose ready pods all answer. A node with a pod that does not is unhealthy, and stays so when that pod is not ready
   * any more. Nodes that have not been probed count in neither.
   */
  healthyNodes: number;
  unhealthyNodes: number;
}

/**
 * Decides health as this pod alone sees it: the gauges `goldpinger_nodes_health_total` and `goldpinger_cluster_health_total`,
 * because a scrape must not ask the whole cluster. `/cluster_health` judges the reports of all pods: see `HealthTally`.
 * `links`: uid of each pod that this one pings, and the outcome of the last ping; null = not pinged yet.
 */
export function ownHealthOf(
  pods: readonly Pod[],
  status: DiscoveryStatus,
  links: Iterable<{ uid: string; outcome: Outcome | null }>,
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
  return {
    isHealthy: status.phase === 'synced' && nodes.size > 0 && unhealthyNodes === 0,
    healthyNodes,
    unhealthyNodes,
  };
}
