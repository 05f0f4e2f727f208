import { listChanges, type Pod } from '../protocol/pod.ts';
import * as v from '../protocol/validators.ts';
import type { Clock, Timer } from '../runtime/clock.ts';
import type { Log } from '../runtime/log.ts';
import type { ApiClient } from './api-client.ts';
import { asApiError } from './api-error.ts';
import { listAll } from './list.ts';
import type { PodStore } from './pod-store.ts';
import type { Timing } from './timing.ts';

/** What is read of a pod. */
type NodePod = Pick<Pod, 'namespace' | 'name' | 'uid' | 'node' | 'lifecycle'>;

interface NodeKeeperDeps {
  clock: Clock;
  log: Log;
  random: () => number;
  timing: Pick<Timing, 'nodesRefreshMs' | 'nodesPaceMs'>;
  /** See `listNodes`. */
  list(fieldSelector: string): Promise<NodeFacts[]>;
  store: Pick<PodStore, 'setZones' | 'setCordoned' | 'nodeDeleted'>;
  onChange(): void;
}

/**
 * Time between two lists of the cordoned nodes: the longer of these two. So all pods together ask the API server for at most 17 such
 * lists in a second.
 */
const CORDONED_LIST_MS = 15_000;
const CORDONED_LIST_MS_PER_POD = 60;
/** A node without pods is looked up after this time, ms: by then a DaemonSet has put another pod there, unless the node is gone. */
const LOOK_UP_MS = 10_000;
/** The most nodes that wait to be looked up. Each costs the API server a request. */
const MAX_WAITING = 1_000;

/**
 * Tells the store three facts about the nodes of our pods. Without the right to read nodes nothing is known of them.
 *
 * - Zones: all nodes are listed when the first one is named, again every `nodesRefreshMs`, and when a pod appears on an
 *   unknown node, but not more often than every `nodesPaceMs`.
 * - Cordoned nodes: they alone are listed again and again. The answer is short, because the API server selects them.
 * - Deleted nodes: a node is looked up once after the last of its pods has left.
 */
export class NodeKeeper {
  readonly #deps: NodeKeeperDeps;
  #zones: ReadonlyMap<string, string> = new Map();
  /** The pods of the last call of `setPods`; how many of them have not departed; and both numbers of each node. */
  #pods: readonly NodePod[] = [];
  #liveCount = 0;
  readonly #nodes = new Map<string, { pods: number; live: number }>();
  /** When to list zones and cordoned nodes next, and when zones were last listed; monotonic ms. */
  #zonesDueMs = Number.POSITIVE_INFINITY;
  #zonesListedMs = Number.NEGATIVE_INFINITY;
  #cordonedDueMs = Number.POSITIVE_INFINITY;
  /** When to look up each node whose pods have left, monotonic ms. */
  readonly #lookUps = new Map<string, number>();
  #timer: Timer | null = null;
  #running: Promise<void> | null = null;
  #isStopped = false;

  constructor(deps: NodeKeeperDeps) {
    this.#deps = deps;
  }

  /** Takes the pods, departed ones included. Begins to ask when the first node is named. */
  setPods(pods: readonly NodePod[]): void {
    const { added, removed } = listChanges(this.#pods, pods);
    this.#pods = pods;
    // First those that are added: a node whose pod has only changed has never been without pods.
    for (const pod of added) this.#count(pod, 1);
    for (const pod of removed) this.#count(pod, -1);
    this.#schedule();
  }

  /** Counts one pod more or less on its node. */
  #count({ node, lifecycle }: NodePod, change: 1 | -1): void {
    const liveChange = lifecycle === 'gone' ? 0 : change;
    this.#liveCount += liveChange;
    if (node === '') return;
    const before = this.#nodes.get(node) ?? { pods: 0, live: 0 };
    // Only its first pod asks for a node that the zones lack: if the next list lacks it too, it waits for the refresh.
    if (before.pods === 0 && !this.#zones.has(node)) this.#listZonesSoon();
    const now = { pods: before.pods + change, live: before.live + liveChange };
    if (now.pods > 0) this.#nodes.set(node, now);
    else this.#nodes.delete(node);
    const nowMs = this.#deps.clock.monotonicMs();
    if (now.live > 0) {
      this.#lookUps.delete(node);
      if (this.#cordonedDueMs === Number.POSITIVE_INFINITY) this.#cordonedDueMs = nowMs;
    } else if (before.live > 0 && this.#lookUps.size < MAX_WAITING) {
      this.#lookUps.set(node, nowMs + LOOK_UP_MS);
    }
  }

  /** Ends all timers. Resolves when a request that is under way has ended; the caller aborts its signal. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#timer?.cancel();
    await this.#running;
  }

  #listZonesSoon(): void {
    this.#zonesDueMs = Math.min(this.#zonesDueMs, this.#zonesListedMs + this.#deps.timing.nodesPaceMs);
  }

  #schedule(): void {
    if (this.#isStopped || this.#running !== null) return;
    const { clock } = this.#deps;
    const dueMs = Math.min(this.#zonesDueMs, this.#cordonedDueMs, ...this.#lookUps.values());
    this.#timer?.cancel();
    if (dueMs === Number.POSITIVE_INFINITY) return;
    const work = () => {
      this.#running = this.#work().finally(() => {
        this.#running = null;
        this.#schedule();
      });
    };
    this.#timer = clock.setTimer(work, Math.max(0, dueMs - clock.monotonicMs()));
  }

  /** Does what is due, one request after the other. Never rejects. */
  async #work(): Promise<void> {
    const { clock } = this.#deps;
    if (this.#zonesDueMs <= clock.monotonicMs()) await this.#listZones();
    if (this.#cordonedDueMs <= clock.monotonicMs() && !this.#isStopped) await this.#listCordoned();
    const [node] = [...this.#lookUps].find(([, dueMs]) => dueMs <= clock.monotonicMs()) ?? [];
    if (node !== undefined && !this.#isStopped) await this.#lookUp(node);
  }

  /** Lists all nodes and tells the store their zones. */
  async #listZones(): Promise<void> {
    const { clock, log, timing, list, store } = this.#deps;
    this.#zonesListedMs = clock.monotonicMs();
    this.#zonesDueMs = this.#zonesListedMs + this.#spread(timing.nodesRefreshMs);
    try {
      this.#zones = new Map(await list(''));
      this.#tell(() => store.setZones(this.#zones));
    } catch (error) {
      const { fault, message } = asApiError(error);
      log.debug({ fault, error: message }, 'nodes cannot be read: peers are shown without their zone');
      // The right to read nodes is rarely granted later. Any other fault passes.
      if (fault !== 'forbidden') this.#listZonesSoon();
    }
  }

  /** Lists the cordoned nodes and tells the store. */
  async #listCordoned(): Promise<void> {
    const { clock, timing, list, store } = this.#deps;
    let waitMs = Math.max(CORDONED_LIST_MS, this.#liveCount * CORDONED_LIST_MS_PER_POD);
    try {
      const cordoned = await list('spec.unschedulable=true');
      this.#tell(() => store.setCordoned(new Set(cordoned.map(([name]) => name).filter((name) => name !== ''))));
    } catch (error) {
      if (asApiError(error).fault === 'forbidden') waitMs = timing.nodesRefreshMs;
    }
    this.#cordonedDueMs = clock.monotonicMs() + this.#spread(waitMs);
  }

  /** Tells the store if a node has been deleted. */
  async #lookUp(node: string): Promise<void> {
    const { list, store } = this.#deps;
    this.#lookUps.delete(node);
    // After a failure it stays unknown.
    const found = await list(`metadata.name=${node}`).catch(() => null);
    const hasPodAgain = (this.#nodes.get(node)?.live ?? 0) > 0;
    if (found?.length === 0 && !hasPodAgain) this.#tell(() => store.nodeDeleted(node));
  }

  /** A time at most a tenth shorter or longer, so that the pods of a cluster do not all ask at once. */
  #spread(ms: number): number {
    return ms * (0.9 + this.#deps.random() / 5);
  }

  /** Changes the store, and announces it if any pod has changed. Not after `stop`. */
  #tell(change: () => boolean): void {
    if (!this.#isStopped && change()) this.#deps.onChange();
  }
}

/** The well-known label: https://kubernetes.io/docs/reference/labels-annotations-taints/#topologykubernetesiozone */
const ZONE_LABEL = 'topology.kubernetes.io/zone';
const MAX_NODES = 20_000;
/** Asks for metadata only, because the status of a node lists every image that it holds. A server may answer with whole nodes. */
const METADATA_ONLY = 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json';

/** Lists the nodes that a field selector ('' = all) selects. `timeoutMs`: of each page. Rejects with an `ApiError`. */
export async function listNodes(
  client: Pick<ApiClient, 'get'>,
  clock: Clock,
  fieldSelector: string,
  timeoutMs: number,
  stop: AbortSignal,
): Promise<NodeFacts[]> {
  const call = {
    path: '/api/v1/nodes',
    query: fieldSelector === '' ? {} : { fieldSelector },
    accept: METADATA_ONLY,
    pageSize: 500,
    maxItems: MAX_NODES,
    pageTimeoutMs: timeoutMs,
    read: readNode,
  };
  return (await listAll(client, clock, call, stop)).items;
}

/** A node. Its zone is '' if it has none. Both are '' if the node cannot be read: it is there all the same. */
type NodeFacts = [name: string, zone: string];

const nameSchema = v.fallback(v.boundedText(253), '');
const noZone = { [ZONE_LABEL]: '' };
const nodeSchema = v.fallback(
  v.object({
    metadata: v.object({ name: nameSchema, labels: v.fallback(v.object({ [ZONE_LABEL]: nameSchema }), noZone) }),
  }),
  { metadata: { name: '', labels: noZone } },
);

/** Reads a node of the Kubernetes API. */
export function readNode(object: unknown): NodeFacts {
  const { name, labels } = v.validate(nodeSchema, object).metadata;
  return [name, labels[ZONE_LABEL]];
}
