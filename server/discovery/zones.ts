import * as v from 'valibot';
import type { Clock, Log, Timer } from '../runtime/clock.ts';
import type { Access } from './access.ts';
import { listAll } from './list.ts';
import { ApiError, asApiError } from './status.ts';
import type { Tuning } from './timing.ts';

/** Zones by node name; '' for a node without one. */
export type ZoneMap = ReadonlyMap<string, string>;

/** The well-known label: https://kubernetes.io/docs/reference/labels-annotations-taints/#topologykubernetesiozone */
const ZONE_LABEL = 'topology.kubernetes.io/zone';
const MAX_NODES = 20_000;
/** Asks for names and labels only: a node's status lists every image it holds. Older servers answer in full. */
const METADATA_ONLY = 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json';

const label = v.pipe(v.string(), v.maxLength(253));
const nodeSchema = v.object({
  metadata: v.object({ name: label, labels: v.nullish(v.object({ [ZONE_LABEL]: v.nullish(label, '') }), {}) }),
});

/** Lists all nodes once and gives their zones. Rejects with an `ApiError`. */
export async function listZones(access: Access, clock: Clock, timeoutMs: number, stop: AbortSignal): Promise<ZoneMap> {
  const call = {
    path: '/api/v1/nodes',
    query: {},
    accept: METADATA_ONLY,
    pageSize: 500,
    maxItems: MAX_NODES,
    pageTimeoutMs: timeoutMs,
  };
  const { items } = await listAll(access, clock, call, readNode, stop, () => {});
  return new Map(items);
}

function readNode(object: unknown): [string, string] {
  const node = v.safeParse(nodeSchema, object);
  if (!node.success) throw new ApiError('malformed', `not a node: ${node.issues[0].message}`);
  const { name, labels } = node.output.metadata;
  return [name, labels[ZONE_LABEL] ?? ''];
}

/** What the keeper is handed. `list` is `listZones` with everything filled in. */
interface ZoneDeps {
  clock: Clock;
  log: Log;
  random: () => number;
  tuning: Pick<Tuning, 'nodesRefreshMs' | 'nodesPaceMs'>;
  list: () => Promise<ZoneMap>;
}

/**
 * Keeps the zones: lists the nodes when first told of one, again every `nodesRefreshMs`, and when a pod turns up on a
 * node it does not know, no oftener than every `nodesPaceMs`. Without the right to read nodes there are no zones, and
 * nobody is troubled.
 */
export class ZoneKeeper {
  readonly #deps: ZoneDeps;
  readonly #onZones: (zones: ZoneMap) => void;
  #zones: ZoneMap = new Map();
  /** Unknown nodes that have been asked for: one that the list did not hold waits for the next refresh. */
  #asked: ReadonlySet<string> = new Set();
  #listedMs = Number.NEGATIVE_INFINITY;
  #timer: Timer | null = null;
  #running: Promise<void> | null = null;
  #again = false;
  #stopped = false;

  constructor(deps: ZoneDeps, onZones: (zones: ZoneMap) => void) {
    this.#deps = deps;
    this.#onZones = onZones;
  }

  /** Takes the names of the nodes that pods run on now. */
  see(nodes: Iterable<string>): void {
    const unknown = new Set<string>();
    for (const node of nodes) if (node !== '' && !this.#zones.has(node)) unknown.add(node);
    const news = [...unknown].some((node) => !this.#asked.has(node));
    this.#asked = unknown;
    if (!news) return;
    if (this.#running === null) this.#schedule(this.#paceMs());
    else this.#again = true;
  }

  /** Ends all timers; resolves when a list that is under way has ended (its signal is the caller's to abort). */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#timer?.cancel();
    await this.#running;
  }

  #paceMs(): number {
    return this.#listedMs + this.#deps.tuning.nodesPaceMs - this.#deps.clock.monotonicMs();
  }

  #schedule(delayMs: number): void {
    if (this.#stopped) return;
    this.#timer?.cancel();
    this.#timer = this.#deps.clock.setTimer(() => {
      this.#running = this.#list();
    }, delayMs);
  }

  async #list(): Promise<void> {
    const { clock, log, tuning, list, random } = this.#deps;
    this.#listedMs = clock.monotonicMs();
    this.#again = false;
    let nextMs = tuning.nodesRefreshMs * (0.9 + random() / 5);
    try {
      this.#zones = await list();
      if (!this.#stopped) this.#onZones(this.#zones);
    } catch (error) {
      const { fault, message } = asApiError(error);
      log.debug({ fault, error: message }, 'nodes cannot be read: peers are shown without zone');
      // The right to read nodes is rarely granted later; anything else passes.
      if (fault !== 'forbidden') nextMs = this.#paceMs();
    }
    this.#running = null;
    this.#schedule(this.#again ? this.#paceMs() : nextMs);
  }
}
