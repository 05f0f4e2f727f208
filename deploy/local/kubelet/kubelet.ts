import type { ContainerLog, LogSource } from '../api/logs.ts';
import type { PodObject } from '../api/objects.ts';
import { PODS } from '../api/resources.ts';
import type { Change } from '../api/store.ts';
import { PodWorker, type WorkerDeps } from './pod-worker.ts';

/** Runs every pod that has a node, as real processes of this machine. */
export class Kubelet implements LogSource {
  readonly #deps: WorkerDeps;
  readonly #workers = new Map<string, PodWorker>();
  #unsubscribe = () => {};
  #onLastEnd = () => {};

  constructor(deps: WorkerDeps) {
    this.#deps = deps;
  }

  /** Starts to follow the store. */
  start(): void {
    this.#unsubscribe = this.#deps.store.subscribe((change) => this.#handle(change));
  }

  /** Stops all pods by SIGTERM, and by SIGKILL after `graceMs`. Resolves when no pod is running. */
  async stop(graceMs: number): Promise<void> {
    this.#unsubscribe();
    const allEnded = new Promise<void>((resolve) => {
      this.#onLastEnd = resolve;
    });
    for (const worker of [...this.#workers.values()]) worker.stop(graceMs);
    if (this.#workers.size > 0) await allEnded;
  }

  /** Returns the process ids of a pod's containers. */
  pidsOf(podUid: string): number[] {
    return this.#workers.get(podUid)?.pids ?? [];
  }

  logOf(podUid: string, container: string): ContainerLog | undefined {
    return this.#workers.get(podUid)?.logs.get(container);
  }

  #handle({ resource, type, object, previous }: Change): void {
    if (resource !== PODS) return;
    const pod = object as PodObject;
    const { uid, deletionGracePeriodSeconds: graceS } = pod.metadata;
    const worker = this.#workers.get(uid);
    if (type === 'DELETED') worker?.stop(0);
    else if (worker === undefined) this.#startWorker(pod);
    // Only a new grace period counts, because the worker's own writes also cause changes.
    else if (graceS !== undefined && graceS !== previous?.metadata.deletionGracePeriodSeconds) {
      worker.stop(graceS * 1000);
    }
  }

  #startWorker(pod: PodObject): void {
    const { uid, deletionTimestamp } = pod.metadata;
    const hasEnded = pod.status.phase === 'Succeeded' || pod.status.phase === 'Failed';
    if (pod.spec.nodeName === undefined || deletionTimestamp !== undefined || hasEnded) return;
    const worker = new PodWorker(this.#deps, pod, () => {
      this.#workers.delete(uid);
      if (this.#workers.size === 0) this.#onLastEnd();
    });
    this.#workers.set(uid, worker);
    void worker.start();
  }
}
