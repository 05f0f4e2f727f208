import type { Clock } from '../../server/runtime/clock.ts';
import { deleteObject } from './api/deletion.ts';
import { isReady, type PodObject, type Workload } from './api/objects.ts';
import { DEPLOYMENTS, PODS } from './api/resources.ts';
import { notFound } from './api/status.ts';
import type { Store } from './api/store.ts';
import { podStatusWord } from './api/table.ts';
import type { ApiAccess } from './kubeconfig.ts';
import type { Kubelet } from './kubelet/kubelet.ts';
import { newsOf, type PodNews } from './pod-news.ts';
import { APP, NAMESPACE } from './seed.ts';

/** One pod of the Deployment as it is now. */
export interface LocalPod {
  name: string;
  namespace: string;
  uid: string;
  /** '' until it has one. */
  ip: string;
  /** '' until it is placed. */
  node: string;
  /** Of its first container; 0 while no process runs. */
  pid: number;
  /** As in the column STATUS of kubectl: Running, Terminating, CrashLoopBackOff, ... */
  status: string;
  ready: boolean;
  terminating: boolean;
  restarts: number;
}

interface Parts {
  store: Store;
  clock: Clock;
  kubelet: Kubelet;
  stop: () => Promise<void>;
  access: ApiAccess;
  kubeconfigPath: string;
  serviceUrl: string;
  logFolder: string;
}

/** A running local cluster, for its own process; other processes use its Kubernetes API. */
export class LocalCluster {
  /** Kubeconfig of the administrator. */
  readonly kubeconfigPath: string;
  /** URL, token and authority of the administrator, for requests without a kubeconfig. */
  readonly access: ApiAccess;
  /** e.g. `http://127.0.0.1:8080/`; '' without a service address. */
  readonly serviceUrl: string;
  /** Folder of the pods' logs, one file a container: NAMESPACE_POD_CONTAINER.log. */
  readonly logFolder: string;
  readonly #parts: Parts;
  readonly #waiting = new Set<() => void>();
  #stopped: Promise<void> | undefined;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.kubeconfigPath = parts.kubeconfigPath;
    this.access = parts.access;
    this.serviceUrl = parts.serviceUrl;
    this.logFolder = parts.logFolder;
  }

  /** URL of the Kubernetes API. */
  get apiUrl(): string {
    return this.access.url;
  }

  /** All pods of the namespace, by name. */
  pods(): LocalPod[] {
    return (this.#parts.store.list(PODS, NAMESPACE) as PodObject[]).map((pod) => ({
      name: pod.metadata.name,
      namespace: NAMESPACE,
      uid: pod.metadata.uid,
      ip: pod.status.podIP ?? '',
      node: pod.spec.nodeName ?? '',
      pid: this.#parts.kubelet.pidsOf(pod.metadata.uid)[0] ?? 0,
      status: podStatusWord(pod),
      ready: isReady(pod),
      terminating: pod.metadata.deletionTimestamp !== undefined,
      restarts: pod.status.containerStatuses?.reduce((sum, one) => sum + one.restartCount, 0) ?? 0,
    }));
  }

  /** Deletes a pod, as `kubectl delete pod` does without waiting; grace 0 kills it at once. Throws ApiError 404. */
  deletePod(name: string, options: { graceSeconds?: number } = {}): void {
    const { store, clock } = this.#parts;
    const pod = store.get(PODS, NAMESPACE, name);
    if (!pod) throw notFound(PODS, name);
    deleteObject(store, PODS, pod, options, clock.nowMs());
  }

  /** Sets the replicas of the Deployment. */
  scale(replicas: number): void {
    const deployment = this.#deployment();
    this.#parts.store.update(DEPLOYMENTS, { ...deployment, spec: { ...deployment.spec, replicas } });
  }

  /** Calls `listener` whenever a pod comes, goes or changes its state; gives a function that stops it. */
  onEvent(listener: (news: PodNews) => void): () => void {
    return this.#parts.store.subscribe((change) => {
      const news = newsOf(change, this.#parts.clock.nowMs());
      if (news) listener(news);
    });
  }

  /**
   * Resolves once as many pods are ready as the Deployment wants. Rejects after `timeoutMs`, or if the cluster is
   * stopped, with an Error that tells the state of each pod.
   */
  ready(timeoutMs = 60_000): Promise<void> {
    const { store, clock } = this.#parts;
    return new Promise((resolve, reject) => {
      const done = (act: () => void) => {
        this.#waiting.delete(giveUp);
        unsubscribe();
        timer.cancel();
        act();
      };
      const look = () => {
        const ready = this.pods().filter((pod) => pod.ready && !pod.terminating).length;
        if (ready >= this.#deployment().spec.replicas) done(resolve);
      };
      const timer = clock.setTimer(() => {
        const states = this.pods().map((pod) => `${pod.name} ${pod.status}${pod.ready ? ' ready' : ''}`);
        done(() => reject(new Error(`not all pods are ready after ${timeoutMs} ms: ${states.join(', ')}`)));
      }, timeoutMs);
      const giveUp = () => done(() => reject(new Error('the cluster has been stopped')));
      const unsubscribe = store.subscribe(look);
      this.#waiting.add(giveUp);
      look();
    });
  }

  /** Ends the cluster and every process of it; may be called more than once. */
  stop(): Promise<void> {
    for (const giveUp of [...this.#waiting]) giveUp();
    this.#stopped ??= this.#parts.stop();
    return this.#stopped;
  }

  #deployment(): Workload {
    const deployment = this.#parts.store.get(DEPLOYMENTS, NAMESPACE, APP);
    if (!deployment) throw notFound(DEPLOYMENTS, APP);
    return deployment as Workload;
  }
}
