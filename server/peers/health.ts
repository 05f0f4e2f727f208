import { FLAG_NOT_YET } from '../protocol/links.ts';
import type { MergedReport, Mesh, MeshHealth, MeshSettings } from '../protocol/mesh.ts';
import type { DiscoveryStatus, Pod } from '../protocol/pod.ts';
import { OUTCOMES, type Outcome } from '../protocol/sample.ts';

/** The most sentences a pod, and characters of a name in one. */
const MAX_WHY = 5;
const MAX_NAME = 80;

/** What can be told of the mesh apart from its reports. */
type MeshHead = Pick<Mesh, 'atMs' | 'discovery' | 'settings'>;

/**
 * How long a difference between pods' lists is put down to news on its way, ms: one refresh interval and a half (pods
 * that may not watch list once an interval), and 2 s at least, as the API's times are whole seconds.
 */
export function toleranceOf(settings: Pick<MeshSettings, 'refreshIntervalMs'>): number {
  return Math.max(2_000, 1.5 * intervalOf(settings));
}

/** Without pinging, the list is still refreshed about this often. */
function intervalOf({ refreshIntervalMs }: Pick<MeshSettings, 'refreshIntervalMs'>): number {
  return refreshIntervalMs > 0 ? refreshIntervalMs : 30_000;
}

/**
 * Counts what speaks against health while reports come in, so that no single turn looks at a million links.
 * Only pods that are ready are judged, and links between them; not probed, not yet probed and starved-only links are
 * neither good nor bad. A pod that has been ready and is silent now counts too: a node that died is not ready any more
 * half a minute later, and no healthier for it.
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
      const probed = to[i] ?? 0;
      if (((flags[i] ?? 0) & FLAG_NOT_YET) !== 0 || this.#ready[probed] !== 1) continue;
      this.#judged += 1;
      this.#links.add(report.pod, probed, outcome[i] ?? 0);
    }
  }

  /** The verdict on everything added. */
  health(head: MeshHead): MeshHealth {
    const general = generalFaults(head, this.#pods);
    const why = this.#reasons();
    // Right after start nothing speaks against anybody, and nothing for them either.
    if (general.length === 0 && this.#judged === 0 && head.settings.refreshIntervalMs > 0) {
      general.push('no link has been probed yet');
    }
    const reasons = [...why.keys()].sort((a, b) => a - b).map((pod) => ({ pod, why: why.get(pod) ?? [] }));
    return { ok: general.length === 0 && reasons.length === 0, reasons, general };
  }

  #reasons(): Map<number, string[]> {
    const why = new Map<number, string[]>();
    const accuse = (pod: number, sentence: string) => {
      const list = why.get(pod) ?? [];
      if (list.length < MAX_WHY) list.push(sentence.slice(0, 400));
      why.set(pod, list);
    };
    for (const [pod, words] of this.#missing) accuse(pod, words);
    const blames = this.#links.blames();
    for (const [pod, blame] of blames.into) {
      const { failed, probed } = this.#links.into(pod);
      accuse(pod, `${failed} of ${probed} links into it fail${this.#named(blame, failed, 'from')}`);
    }
    for (const [pod, blame] of blames.from) {
      const probed = this.#links.probedFrom(pod);
      accuse(pod, `${blame.count} of ${probed} links from it fail${this.#named(blame, blame.count, 'to')}`);
    }
    for (const pod of this.#differing) accuse(pod, 'knows other pods than the serving pod does');
    return why;
  }

  /** `: refused (from a, b and 3 more)`. */
  #named({ outcomes, others }: Blame, count: number, end: 'from' | 'to'): string {
    if (others.length === 0) return '';
    const names = others.map((pod) => (this.#pods[pod]?.name ?? '').slice(0, MAX_NAME)).join(', ');
    const more = count > others.length ? ` and ${count - others.length} more` : '';
    return `: ${outcomes.map((outcome) => OUTCOMES[outcome]).join(', ')} (${end} ${names}${more})`;
  }
}

/**
 * Why the mesh as a whole is not healthy whatever its reports say: nobody to ping is health only if the list is right and
 * we truly are alone, and a list that could not be refreshed for two intervals may hide anything.
 */
function generalFaults({ atMs, discovery, settings }: MeshHead, pods: readonly Pod[]): string[] {
  const since = new Date(discovery.sinceMs).toISOString();
  const because = discovery.lastError === null ? '' : ` (${discovery.lastError.message.slice(0, 200)})`;
  if (discovery.phase === 'waiting') return [`waiting for the Kubernetes API since ${since}${because}`];
  const faults: string[] = [];
  if (discovery.phase === 'stale' && atMs - discovery.sinceMs > 2 * intervalOf(settings)) {
    faults.push(`the list of pods could not be refreshed since ${since}${because}`);
  }
  if (!pods.some((pod) => pod.lifecycle !== 'gone')) {
    faults.push(`no pod matches ${discovery.labelSelector.slice(0, 200)}`);
  } else if (!pods.some((pod) => pod.lifecycle === 'ready')) {
    faults.push('no pod is ready');
  }
  return faults;
}

/** How the cluster looks from one pod, without asking the others. */
export interface OwnHealth {
  /** Whether the pod list is current, somebody is there, and no link to a pod that is, or was, ready fails. */
  isHealthy: boolean;
  /**
   * Nodes whose ready pods all answer; a node with one that does not is unhealthy, and stays so when that pod is not ready
   * any more. Unprobed ones are in neither.
   */
  healthyNodes: number;
  unhealthyNodes: number;
}

/** A probed link as it is judged: to which pod, and how it ended; null = not probed yet. */
interface OwnLink {
  uid: string;
  outcome: Outcome | null;
}

/**
 * Health as this pod sees it: what the gauges `goldpinger_nodes_health_total` and `goldpinger_cluster_health_total` show,
 * because a scrape must not ask the whole cluster. `/cluster_health` judges all reports.
 */
export function ownHealthOf(pods: readonly Pod[], status: DiscoveryStatus, links: Iterable<OwnLink>): OwnHealth {
  const byUid = new Map(pods.map((pod) => [pod.uid, pod]));
  const nodes = new Map<string, boolean>();
  for (const { uid, outcome } of links) {
    const pod = byUid.get(uid);
    if (pod === undefined || outcome === null) continue;
    if (pod.lifecycle !== 'ready' && (pod.lifecycle !== 'not-ready' || outcome === 'ok')) continue;
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

/** The failed links of one side of one pod, summed up for a sentence. */
interface Blame {
  /** Of those that were kept. */
  count: number;
  /** Indexes in `OUTCOMES`, the first few different ones. */
  outcomes: number[];
  /** The pods at the other ends, the first few. */
  others: number[];
}

/** Blames by pod: for links into it, and for links from it. */
interface Blames {
  into: Map<number, Blame>;
  from: Map<number, Blame>;
}

/** The most failed links that are kept; of more, the rest count against the probed pod. */
const MAX_KEPT = 16_384;
/** The most outcomes and pods named in a blame. */
const MAX_NAMED = 3;

/** Failed links between the pods of a mesh, and whose fault they are. */
class FailedLinks {
  readonly #from: number[] = [];
  readonly #to: number[] = [];
  readonly #outcome: number[] = [];
  readonly #probedIn: Uint32Array;
  readonly #probedOut: Uint32Array;
  readonly #failedIn: Uint32Array;

  constructor(pods: number) {
    this.#probedIn = new Uint32Array(pods);
    this.#probedOut = new Uint32Array(pods);
    this.#failedIn = new Uint32Array(pods);
  }

  /** Takes a probed link into account. `outcome`: index in `OUTCOMES`, 0 = ok. */
  add(from: number, to: number, outcome: number): void {
    increase(this.#probedIn, to);
    increase(this.#probedOut, from);
    if (outcome === 0) return;
    increase(this.#failedIn, to);
    if (this.#from.length >= MAX_KEPT) return;
    this.#from.push(from);
    this.#to.push(to);
    this.#outcome.push(outcome);
  }

  /** Links into a pod: failed and probed. */
  into(pod: number): { failed: number; probed: number } {
    return { failed: this.#failedIn[pod] ?? 0, probed: this.#probedIn[pod] ?? 0 };
  }

  /** Links from a pod that were probed. */
  probedFrom(pod: number): number {
    return this.#probedOut[pod] ?? 0;
  }

  /**
   * Whom the failed links speak against: the probed pod, unless others reach that one and the prober is the odd one
   * out, because nobody reaches it either or because most of its links fail. So one pod that is cut off makes one
   * unhealthy pod and not all of them.
   */
  blames(): Blames {
    const odd = new Uint32Array(this.#probedIn.length);
    const excused = new Uint32Array(this.#probedIn.length);
    for (const [i, from] of this.#from.entries()) increase(this.#isUnreachable(this.#to[i] ?? 0) ? excused : odd, from);
    const isOdd = (pod: number) => {
      const failed = odd[pod] ?? 0;
      return this.#isUnreachable(pod) || (failed >= 2 && failed * 2 > this.probedFrom(pod) - (excused[pod] ?? 0));
    };
    const blames: Blames = { into: new Map(), from: new Map() };
    for (const [i, from] of this.#from.entries()) {
      const to = this.#to[i] ?? 0;
      const outcome = this.#outcome[i] ?? 0;
      if (!this.#isUnreachable(to) && isOdd(from)) blame(blames.from, from, to, outcome);
      else blame(blames.into, to, from, outcome);
    }
    if (this.#from.length < MAX_KEPT) return blames;
    for (const [pod, count] of this.#failedIn.entries()) {
      if (count > 0 && !blames.into.has(pod)) blames.into.set(pod, { count, outcomes: [], others: [] });
    }
    return blames;
  }

  /** Most of those who probe it fail, and not just one. */
  #isUnreachable(pod: number): boolean {
    const { failed, probed } = this.into(pod);
    return failed >= 2 && failed * 2 > probed;
  }
}

function increase(counts: Uint32Array, i: number): void {
  counts[i] = (counts[i] ?? 0) + 1;
}

function blame(blames: Map<number, Blame>, pod: number, other: number, outcome: number): void {
  let found = blames.get(pod);
  if (found === undefined) {
    found = { count: 0, outcomes: [], others: [] };
    blames.set(pod, found);
  }
  found.count += 1;
  if (found.outcomes.length < MAX_NAMED && !found.outcomes.includes(outcome)) found.outcomes.push(outcome);
  if (found.others.length < MAX_NAMED && !found.others.includes(other)) found.others.push(other);
}
