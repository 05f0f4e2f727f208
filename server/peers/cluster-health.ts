import { failsNow } from '../analysis/findings/counts.ts';
import type { Analysis, DefectAnalysis } from '../analysis/findings/evidence.ts';
import { podsWithOldList } from '../analysis/sides.ts';
import { outcomeOf } from '../protocol/links.ts';
import type { MeshHealth } from '../protocol/mesh.ts';
import { type DiscoveryStatus, isJudged, type Pod } from '../protocol/pod.ts';
import { OUTCOMES, type Outcome } from '../protocol/sample.ts';
import { countText, plural } from '../runtime/count-text.ts';

/** The most characters of a sentence, and of a name in it. */
const MAX_SENTENCE = 400;
const MAX_NAME = 80;
/** The most outcomes and pods that a sentence names. */
const MAX_NAMED = 3;

/**
 * Decides the health of the cluster by the same links and causes as `findingsFrom`: each failed link here is part of a finding
 * whose severity is `failed`, and such a finding names pods that are unhealthy here. `servedBy`: the pod that collected the mesh,
 * -1 = none.
 *
 * Intermittent links count while their newest ping has failed; slow and lossy ones never. These count neither as good nor as
 * failed: links that are not (yet) probed, timeouts that a starved pod may have caused, and failed links to the silent side of a
 * cut (`silentSide`). A pod that was ready counts as one that is: when a node dies, its pods become not ready half a minute
 * later, and that makes them no healthier.
 *
 * O(bad pairs). Yields after each report and each pod that is to blame.
 */
export function* healthFrom(
  analysis: Analysis,
  { discovery, servedBy }: { discovery: DiscoveryStatus; servedBy: number },
): Generator<void, MeshHealth> {
  const { mesh, causes } = analysis.failed;
  const { silent } = causes;
  const general = generalFaults(discovery, mesh.topology.pods);
  // Right after start nothing shows that the cluster is healthy, so it is not called so. Without pings (REFRESH_INTERVAL 0)
  // nothing ever would.
  const isWaiting = mesh.settings.refreshIntervalMs > 0 && !mesh.isAnyProbed;
  if (general.length === 0 && isWaiting) general.push('no link has been probed yet');
  if (silent.size > 0) {
    general.push(`${plural(silent.size, 'pod')} cannot be judged, because no pod that reports reaches them`);
  }
  const reasons = yield* reasonsOf(analysis, servedBy);
  const sorted = [...reasons].map(([pod, why]) => ({ pod, why })).sort((a, b) => a.pod - b.pod);
  return { ok: general.length === 0 && sorted.length === 0, reasons: sorted, general };
}

/** The two ends of a pod at which links fail, as sentences name them. */
const ENDS = [
  { end: 'into', place: 'intoPod', otherEnd: 'from' },
  { end: 'from', place: 'outOfPod', otherEnd: 'to' },
] as const;

/** Why pods are unhealthy: sentences without their subject, by index of the pod. */
function* reasonsOf(analysis: Analysis, servedBy: number): Generator<void, Map<number, string[]>> {
  const { mesh, pairs, causes } = analysis.failed;
  const { silent } = causes;
  const { judged } = pairs;
  const { topology } = mesh;
  const reasons = new Map<number, string[]>();
  const push = (pod: number, sentence: string) =>
    reasons.set(pod, [...(reasons.get(pod) ?? []), sentence.slice(0, MAX_SENTENCE)]);
  if (silent.size > 0) {
    // This side cannot tell which of the two is cut off. It calls itself unhealthy and accuses nobody.
    for (const pod of mesh.reports.keys())
      push(pod, `reaches none of the ${countText(silent.size)} pods that do not report`);
  }
  for (const { pod, missing, missingDetail } of mesh.missing) {
    if (silent.has(pod)) continue;
    const why = missingDetail === '' ? missing : `${missing}: ${missingDetail}`;
    push(pod, `${topology.pods[pod]?.lifecycle === 'ready' ? '' : 'is not ready and '}did not report (${why})`);
  }
  const links = yield* blamedLinks(analysis);
  for (const { end, place, otherEnd } of ENDS) {
    for (const [pod, { isBlamed, count, outcomes, others }] of links[end].entries()) {
      if (!isBlamed) continue;
      const share = `${countText(count)} of ${countText(judged.at(place, pod))}`;
      const named = OUTCOMES.filter((_, i) => ((outcomes >>> i) & 1) !== 0).slice(0, MAX_NAMED);
      const names = others.map((other) => topology.name(other).slice(0, MAX_NAME)).join(', ');
      const more = count > others.length ? ` and ${countText(count - others.length)} more` : '';
      push(pod, `${share} links ${end} it fail: ${named.join(', ')} (${otherEnd} ${names}${more})`);
      yield;
    }
  }
  for (const { pod, link } of mesh.selfFailed) {
    const own = mesh.reports.get(pod)?.links;
    // If others do not reach the pod either, this says nothing new.
    if (own !== undefined && !reasons.has(pod)) push(pod, `does not reach itself: ${outcomeOf(own, link)}`);
  }
  for (const pod of podsWithOldList(mesh.reports.values(), servedBy)) {
    push(pod, `knows other pods than ${pod === servedBy ? 'most others do' : 'the serving pod does'}`);
  }
  return reasons;
}

/** The failed links into a pod, or from it. */
interface FailedLinks {
  count: number;
  /** One bit for each outcome, by its index in `OUTCOMES`. */
  outcomes: number;
  /** The first pods at the other end. */
  others: number[];
  /** Whether the pod is to blame for at least one of them. */
  isBlamed: boolean;
}

/**
 * The failed links of each pod, by its index: those into it, and those from it; and whether the pod is to blame. If a finding
 * explains a link, its cause says which end is to blame. Any other link speaks against its destination, unless there are two pods or
 * more that its source alone does not reach. No pod of the silent side is blamed. So one pod that is cut off makes one unhealthy pod
 * and not all of them.
 */
function* blamedLinks({ failed, intermittent, slow }: Analysis) {
  const { mesh, pairs, causes } = failed;
  const { pods } = mesh.topology;
  const none = () => pods.map((): FailedLinks => ({ count: 0, outcomes: 0, others: [], isBlamed: false }));
  const [into, from] = [none(), none()];
  /** Calls `visit` for each failed link of each report. Yields after each report. */
  function* eachFailed(visit: (from: number, to: number, outcome: number) => void) {
    for (const ofReport of pairs.reports) {
      const { report, to: destinations, link } = ofReport;
      for (let k = 0; k < destinations.length; k++) {
        if (failsNow(ofReport, k)) visit(report.pod, destinations[k] ?? 0, report.links.outcome[link[k] ?? 0] ?? 0);
      }
      yield;
    }
  }
  yield* eachFailed((source, to, outcome) => {
    addTo(into[to], outcome, source);
    addTo(from[source], outcome, to);
  });
  // By pod: how many pods it does not reach although all others do. At least three pods have a judged link to each of those, so at
  // least two others reach it.
  const alone = new Uint32Array(pods.length);
  for (const [pod, { count, others }] of into.entries()) {
    const [source = 0] = others;
    if (count === 1 && pairs.judged.at('intoPod', pod) >= 3) alone[source] = (alone[source] ?? 0) + 1;
  }
  const graver = [failed, intermittent];
  const all = [...graver, slow];
  /** Whether a failed link speaks against its source; else it speaks against its destination. */
  const blamesSource = (source: number, to: number, isTimeout: boolean) => {
    const hasFinding = (one: DefectAnalysis) => one.evidenceOf(source, to) !== undefined;
    // The causes of slow links include those of failed and intermittent ones. Slowness itself explains only timeouts.
    const isExplained = slow.causes.explains(source, to);
    const by = isExplained ? (isTimeout ? all : graver).find(hasFinding) : undefined;
    return by === undefined ? (alone[source] ?? 0) >= 2 : by.causes.blamesSource(source, to);
  };
  yield* eachFailed((source, to, outcome) => {
    if (causes.silent.has(to)) return;
    const blamed = blamesSource(source, to, OUTCOMES[outcome] === 'timeout') ? from[source] : into[to];
    if (blamed !== undefined) blamed.isBlamed = true;
  });
  return { into, from };
}

function addTo(links: FailedLinks | undefined, outcome: number, other: number): void {
  if (links === undefined) return;
  links.count += 1;
  links.outcomes |= 1 << outcome;
  if (links.others.length < MAX_NAMED) links.others.push(other);
}

/** Faults of the mesh as a whole. A pod that knows no other is healthy only if its list is current. */
function generalFaults(discovery: DiscoveryStatus, pods: readonly Pod[]): string[] {
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
 * because a scrape must not ask the whole cluster. `/cluster_health` judges the reports of all pods: see `healthFrom`.
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
