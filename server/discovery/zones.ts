import * as v from 'valibot';
import { validate } from '../protocol/validators.ts';
import type { Clock, Log, Timer } from '../runtime/clock.ts';
import type { Access } from './access.ts';
import { asApiError } from './api-error.ts';
import { listAll } from './list.ts';
import type { Timing } from './timing.ts';

/** Zones by node name; '' for a node without a zone. */
export type ZoneMap = ReadonlyMap<string, string>;

/** What the keeper works with. */
interface ZoneKeeperDeps {
  clock: Clock;
  log: Log;
  random: () => number;
  timing: Pick<Timing, 'nodesRefreshMs' | 'nodesPaceMs'>;
  /** Lists the zones of all nodes: see `listZones`. */
  list(): Promise<ZoneMap>;
  /** Called after each list. */
  onZones(zones: ZoneMap): void;
}

/**
 * Keeps the zones of the nodes current. It lists the nodes when the first one is named, again every `nodesRefreshMs`, and
 * when a pod appears on an unknown node, but not more often than every `nodesPaceMs`. Without the right to read nodes
 * there are no zones, and that is no fault.
 */
export class ZoneKeeper {
  readonly #deps: ZoneKeeperDeps;
  #zones: ZoneMap = new Map();
  /** Nodes that were unknown at the last call of `setNodes`. If the list does not hold them, they wait for the refresh. */
  #unknown: ReadonlySet<string> = new Set();
  /** Monotonic time of the last list. */
  #listedMs = Number.NEGATIVE_INFINITY;
  #timer: Timer | null = null;
  #running: Promise<void> | null = null;
  /** Whether an unknown node was named while a list was under way. */
  #listAgain = false;
  #isStopped = false;

  constructor(deps: ZoneKeeperDeps) {
    this.#deps = deps;
  }

  /** Takes the names of the nodes that pods run on; '' is ignored. */
  setNodes(nodes: Iterable<string>): void {
    const unknown = new Set<string>();
    for (const node of nodes) if (node !== '' && !this.#zones.has(node)) unknown.add(node);
    const hasNew = [...unknown].some((node) => !this.#unknown.has(node));
    this.#unknown = unknown;
    if (!hasNew) return;
    if (this.#running === null) this.#schedule(this.#paceLeftMs());
    else this.#listAgain = true;
  }

  /** Ends all timers. Resolves when a list that is under way has ended; the caller aborts its signal. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#timer?.cancel();
    await this.#running;
  }

  /** How long to wait until the nodes may be listed again; negative if they may be listed now. */
  #paceLeftMs(): number {
    return this.#listedMs + this.#deps.timing.nodesPaceMs - this.#deps.clock.monotonicMs();
  }

  #schedule(delayMs: number): void {
    if (this.#isStopped) return;
    this.#timer?.cancel();
    this.#timer = this.#deps.clock.setTimer(() => {
      this.#running = this.#list();
    }, delayMs);
  }

  async #list(): Promise<void> {
    const { clock, log, timing, random } = this.#deps;
    this.#listedMs = clock.monotonicMs();
    this.#listAgain = false;
    let nextMs = timing.nodesRefreshMs * (0.9 + random() / 5);
    try {
      this.#zones = await this.#deps.list();
      if (!this.#isStopped) this.#deps.onZones(this.#zones);
    } catch (error) {
      const { fault, message } = asApiError(error);
      log.debug({ fault, error: message }, 'nodes cannot be read: peers are shown without their zone');
      // The right to read nodes is rarely granted later. Any other fault passes.
      if (fault !== 'forbidden') nextMs = this.#paceLeftMs();
    }
    this.#running = null;
    this.#schedule(this.#listAgain ? this.#paceLeftMs() : nextMs);
  }
}

/** The well-known label: https://kubernetes.io/docs/reference/labels-annotations-taints/#topologykubernetesiozone */
const ZONE_LABEL = 'topology.kubernetes.io/zone';
const MAX_NODES = 20_000;
/**
 * Asks for metadata only, because the status of a node lists every image that it holds. A server that does not know this
 * media type answers with whole nodes.
 */
export const METADATA_ONLY = 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json';

/** Lists all nodes once and returns their zones. Rejects with an `ApiError`. */
export async function listZones(access: Access, clock: Clock, timeoutMs: number, stop: AbortSignal): Promise<ZoneMap> {
  const call = {
    path: '/api/v1/nodes',
    query: {},
    accept: METADATA_ONLY,
    pageSize: 500,
    maxItems: MAX_NODES,
    pageTimeoutMs: timeoutMs,
    read: readNode,
  };
  return new Map((await listAll(access, clock, call, stop)).items);
}

const nameSchema = v.pipe(v.string(), v.maxLength(253));
const nodeSchema = v.object({
  metadata: v.object({
    name: nameSchema,
    labels: v.nullish(v.object({ [ZONE_LABEL]: v.nullish(nameSchema, '') }), {}),
  }),
});

/** Name and zone of a node; null if the object is none. */
export function readNode(object: unknown): [string, string] | null {
  try {
    const { name, labels } = validate(nodeSchema, object).metadata;
    return [name, labels[ZONE_LABEL] ?? ''];
  } catch {
    return null;
  }
}
