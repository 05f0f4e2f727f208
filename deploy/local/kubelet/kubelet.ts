import type { ContainerLog, LogSource } from '../api/logs.ts';
import type { PodObject } from '../api/objects.ts';
import { PODS } from '../api/resources.ts';
import type { Change } from '../api/store.ts';
import { PodWorker, type WorkerDeps } from './pod-worker.ts';

/** Runs every pod that has been placed on a node, as real processes of this machine. */
export class Kubelet implements LogSource {
  readonly #deps: WorkerDeps;
  readonly #workers = new Map<string, PodWorker>();
  #unsubscribe = () => {};
  #allOver = () => {};
  #stopped = false;

  constructor(deps: WorkerDeps) {
    this.#deps = deps;
  }

  /** Begins to follow the store. */
  start(): void {
    this.#unsubscribe = this.#deps.store.subscribe((change) => this.#see(change));
  }

  /** Ends all pods, first asked to, then killed after `graceMs`; resolves when none runs. */
  async stop(graceMs: number): Promise<void> {
    this.#stopped = true;
    this.#unsubscribe();
    const over = new Promise<void>((resolve) => {
      this.#allOver = resolve;
    });
    for (const worker of [...this.#workers.values()]) worker.stop(graceMs);
    if (this.#workers.size > 0) await over;
  }

  /** The process ids of a pod's containers. */
  pidsOf(podUid: string): number[] {
    return this.#workers.get(podUid)?.pids ?? [];
  }

  logOf(podUid: string, container: string): ContainerLog | undefined {
    return this.#workers.get(podUid)?.logs.get(container);
  }

  #see({ resource, type, object, previous }: Change): void {
    if (resource !== PODS || this.#stopped) return;
    const pod = object as PodObject;
    const { uid, deletionGracePeriodSeconds: graceS } = pod.metadata;
    const worker = this.#workers.get(uid);
    if (type === 'DELETED') worker?.stop(0);
    else if (worker === undefined) this.#adopt(pod);
    // Only a new period counts: the worker's own writes while the pod ends come by here too.
    else if (graceS !== undefined && graceS !== previous?.metadata.deletionGracePeriodSeconds)
      worker.stop(graceS * 1000);
  }

  #adopt(pod: PodObject): void {
    const { uid, deletionTimestamp } = pod.metadata;
    const ended = pod.status.phase === 'Succeeded' || pod.status.phase === 'Failed';
    if (pod.spec.nodeName === undefined || deletionTimestamp !== undefined || ended) return;
    const worker = new PodWorker(this.#deps, pod, () => {
      this.#workers.delete(uid);
      if (this.#workers.size === 0) this.#allOver();
    });
    this.#workers.set(uid, worker);
    void worker.start();
  }
}
