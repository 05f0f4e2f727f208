import type { Clock, Timer } from '../runtime/clock.ts';
import { withTimeout } from '../runtime/deadline.ts';
import type { Access } from './access.ts';
import { asApiError } from './api-error.ts';
import { expectOk, listAll } from './list.ts';
import { METADATA_ONLY, readNode } from './zones.ts';

/** What the keeper works with. */
interface NodeKeeperDeps {
  clock: Clock;
  random: () => number;
  /** Lists the names of the cordoned nodes: see `listCordoned`. */
  listCordoned(): Promise<ReadonlySet<string>>;
  /** Whether a node exists: see `existsNode`. */
  exists(node: string): Promise<boolean>;
  onCordoned(nodes: ReadonlySet<string>): void;
  /** A node whose pods have all left does not exist any more. */
  onDeleted(node: string): void;
}

/** Cordoned nodes are listed this often in a small cluster, ms. */
const CORDONED_MS = 15_000;
/** In a large one the API server gets one such list in this time, ms, from all pods together. */
const SHARE_MS = 60;
/** Without the right to read nodes it is tried again after this time, ms. */
const FORBIDDEN_MS = 600_000;
/** A node without pods is looked up after this time, ms: by then a DaemonSet has put another pod there. */
const LOOK_UP_MS = 10_000;
/** The most nodes that wait to be looked up. */
const MAX_WAITING = 1_000;

/**
 * Knows which nodes are cordoned, and which were deleted. Cordoned nodes are listed again and again: a short answer, because the
 * API server selects them. A node is looked up once after the last of its pods has left. Without the right to read nodes
 * nothing is known of them, and that is no fault.
 */
export class NodeKeeper {
  readonly #deps: NodeKeeperDeps;
  /** When each node without pods is to be looked up, monotonic ms. */
  readonly #empty = new Map<string, number>();
  /** Nodes that have pods, or had when we last looked. */
  #occupied: ReadonlySet<string> = new Set();
  #podCount = 0;
  #nextListMs = Number.NEGATIVE_INFINITY;
  #timer: Timer | null = null;
  #running: Promise<void> | null = null;
  #isStopped = false;

  constructor(deps: NodeKeeperDeps) {
    this.#deps = deps;
  }

  /** Takes the nodes of the pods that have not left. Begins to list when the first one is named. */
  setNodes(nodes: readonly string[]): void {
    const nowMs = this.#deps.clock.monotonicMs();
    const occupied = new Set(nodes.filter((node) => node !== ''));
    this.#podCount = nodes.length;
    for (const node of this.#occupied) {
      if (!occupied.has(node) && this.#empty.size < MAX_WAITING) this.#empty.set(node, nowMs + LOOK_UP_MS);
    }
    for (const node of occupied) this.#empty.delete(node);
    this.#occupied = occupied;
    if (occupied.size > 0 || this.#empty.size > 0) this.#schedule();
  }

  /** Ends all timers. Resolves when a request that is under way has ended; the caller aborts its signal. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#timer?.cancel();
    await this.#running;
  }

  #schedule(): void {
    if (this.#isStopped || this.#running !== null) return;
    const { clock } = this.#deps;
    this.#timer?.cancel();
    const nextMs = Math.min(this.#nextListMs, ...this.#empty.values());
    this.#timer = clock.setTimer(
      () => {
        this.#running = this.#work().finally(() => {
          this.#running = null;
          this.#schedule();
        });
      },
      Math.max(0, nextMs - clock.monotonicMs()),
    );
  }

  /** Does what is due. Never rejects. */
  async #work(): Promise<void> {
    const { clock, random, listCordoned, exists, onCordoned, onDeleted } = this.#deps;
    if (this.#nextListMs <= clock.monotonicMs()) {
      let waitMs = Math.max(CORDONED_MS, this.#podCount * SHARE_MS);
      try {
        const cordoned = await listCordoned();
        if (!this.#isStopped) onCordoned(cordoned);
      } catch (error) {
        if (asApiError(error).fault === 'forbidden') waitMs = FORBIDDEN_MS;
      }
      this.#nextListMs = clock.monotonicMs() + waitMs * (0.9 + random() / 5);
    }
    const due = [...this.#empty].find(([, atMs]) => atMs <= clock.monotonicMs());
    if (due === undefined || this.#isStopped) return;
    const [node] = due;
    this.#empty.delete(node);
    // What cannot be found out stays unknown.
    const isThere = await exists(node).catch(() => true);
    if (!isThere && !this.#isStopped && !this.#occupied.has(node)) onDeleted(node);
  }
}

/** Lists the names of the nodes whose `spec.unschedulable` is true. The API server selects them. Rejects with an `ApiError`. */
export async function listCordoned(
  access: Access,
  clock: Clock,
  timeoutMs: number,
  stop: AbortSignal,
): Promise<ReadonlySet<string>> {
  const call = {
    path: '/api/v1/nodes',
    query: { fieldSelector: 'spec.unschedulable=true' },
    accept: METADATA_ONLY,
    pageSize: 500,
    maxItems: 20_000,
    pageTimeoutMs: timeoutMs,
    read: readNode,
  };
  return new Set((await listAll(access, clock, call, stop)).items.map(([name]) => name));
}

/** Whether the API server has a node of this name. Rejects with an `ApiError` if it does not say. */
export async function existsNode(
  node: string,
  access: Access,
  clock: Clock,
  timeoutMs: number,
  stop: AbortSignal,
): Promise<boolean> {
  try {
    await withTimeout(clock, timeoutMs, stop, 'getting a node', async (signal) => {
      const path = `/api/v1/nodes/${encodeURIComponent(node)}`;
      const response = await access.open(path, {}, METADATA_ONLY.replaceAll('List', ''), signal);
      await expectOk(response);
      response.resume();
    });
    return true;
  } catch (error) {
    const fault = asApiError(error);
    if (fault.fault === 'not-found') return false;
    throw fault;
  }
}
