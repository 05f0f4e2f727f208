import { once } from 'node:events';
import { join } from 'node:path';
import type { Timer } from '../../../server/runtime/clock.ts';
import { pause } from '../../../server/runtime/deadline.ts';
import { textOf } from '../../../server/runtime/errors.ts';
import type { AddressPool } from '../addresses.ts';
import {
  type Container,
  type ContainerStatus,
  conditionOf,
  kubeTime,
  type PodObject,
  type PodStatus,
  textAt,
} from '../api/objects.ts';
import { NODES, PODS } from '../api/resources.ts';
import type { Change, Store } from '../api/store.ts';
import { deleteObject, recordEvent } from '../api/write.ts';
import { type Cleanups, runAll } from '../cleanups.ts';
import { type PodNetwork, redirectsOf, unknownInitImage } from '../pod-network.ts';
import { Forwarder } from '../sockets.ts';
import { ContainerLog } from './container-log.ts';
import { ContainerRunner, type RunnerDeps } from './container-runner.ts';
import type { Images } from './images.ts';

/** Runs every pod that has a node, as real processes of this machine. */
export class Kubelet {
  readonly #deps: WorkerDeps;
  /** By the uid of the pod. */
  readonly #workers = new Map<string, PodWorker>();
  readonly #unsubscribe: () => void;

  constructor(deps: WorkerDeps) {
    this.#deps = deps;
    this.#unsubscribe = deps.store.subscribe((change) => this.#handle(change));
  }

  /** Stops all pods by SIGTERM, and by SIGKILL after `graceMs`. Resolves when no pod is running. */
  async stop(graceMs: number): Promise<void> {
    this.#unsubscribe();
    const workers = [...this.#workers.values()];
    for (const worker of workers) worker.stop(graceMs);
    await Promise.all(workers.map(({ ended }) => ended));
  }

  /** The process id of the pod's first container; 0 while no process runs. */
  pidOf(podUid: string): number {
    return this.#workers.get(podUid)?.pid ?? 0;
  }

  /** Finds the log of a pod's container; undefined if it has none (yet). */
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
    else if (graceS !== undefined && graceS !== previous?.metadata.deletionGracePeriodSeconds)
      worker.stop(graceS * 1000);
  }

  #startWorker(pod: PodObject): void {
    const { uid, deletionTimestamp } = pod.metadata;
    const hasEnded = pod.status.phase === 'Succeeded' || pod.status.phase === 'Failed';
    if (pod.spec.nodeName === undefined || deletionTimestamp !== undefined || hasEnded) return;
    const worker = new PodWorker(this.#deps, pod);
    this.#workers.set(uid, worker);
    void worker.ended.then(() => this.#workers.delete(uid));
  }
}

interface WorkerDeps extends RunnerDeps {
  store: Store;
  addresses: AddressPool;
  images: Images;
  /** Folder for the output of the containers; '' = none. */
  logFolder: string;
  /** How long the containers of a new pod wait before they start, as an image has to be unpacked on a real node. */
  startDelayMs: number;
}

/** Wait before another attempt to get an address. */
const ADDRESS_RETRY_MS = 1000;

/** Runs one pod, from its assignment to a node until it is stopped, and writes its status to the store. */
class PodWorker {
  /** By the name of the container. */
  readonly logs = new Map<string, ContainerLog>();
  /** Resolves when nothing of the pod runs and nothing will run again. */
  readonly ended: Promise<void>;
  readonly #deps: WorkerDeps;
  /** As it was when it got its node. Its spec stays so; labels and annotations are those of that moment. */
  readonly #pod: PodObject;
  readonly #hostIP: string;
  #podIP = '';
  #runners: ContainerRunner[] = [];
  readonly #stopping = new AbortController();
  /** When `stop` was first called, monotonic ms. */
  #stopMs = 0;
  #killTimer: Timer | undefined;

  constructor(deps: WorkerDeps, pod: PodObject) {
    this.#deps = deps;
    this.#pod = pod;
    this.#hostIP = textAt(deps.store.get(NODES, '', pod.spec.nodeName ?? ''), 'status.addresses.0.address');
    this.ended = this.#run();
  }

  /** See `Kubelet.pidOf`. */
  get pid(): number {
    return this.#runners.find(({ pid }) => pid > 0)?.pid ?? 0;
  }

  /**
   * Stops the pod: SIGTERM now and SIGKILL after `graceMs`, or SIGKILL at once if `graceMs` is 0. A later call changes only when
   * SIGKILL comes: its `graceMs` counts from the first call, as in the pod's `deletionTimestamp`.
   */
  stop(graceMs: number): void {
    const { clock } = this.#deps;
    if (!this.#stopping.signal.aborted) {
      this.#stopMs = clock.monotonicMs();
      this.#stopping.abort();
      if (graceMs > 0) {
        this.#event('Killing', 'Stopping the pod', 'Normal');
        this.#signalAll('SIGTERM');
      }
    }
    this.#killTimer?.cancel();
    const leftMs = this.#stopMs + graceMs - clock.monotonicMs();
    if (leftMs > 0) this.#killTimer = clock.setTimer(() => this.#signalAll('SIGKILL'), leftMs);
    else this.#signalAll('SIGKILL');
  }

  async #run(): Promise<void> {
    const { clock, store } = this.#deps;
    const stopping = this.#stopping.signal;
    // Only a pod without a network tries again: `#runContainers` ends when the pod is stopped.
    while (!stopping.aborted) {
      const cleanups: Cleanups = [];
      const network = await this.#setUpNetwork(cleanups);
      if (network !== null && !stopping.aborted) await this.#runContainers(network, stopping);
      await runAll(cleanups);
      if (network === null) await pause(clock, ADDRESS_RETRY_MS, stopping);
    }
    this.#killTimer?.cancel();
    for (const log of this.logs.values()) log.close();
    const pod = this.#storedPod();
    // With grace 0, whoever has deleted the pod also removes it. A pod that ends because the cluster stops is not deleted, and stays.
    if (pod && (pod.metadata.deletionGracePeriodSeconds ?? 0) > 0) deleteObject(store, PODS, pod, { graceSeconds: 0 });
  }

  /**
   * Takes an address, and does what the pod's init containers do to its network. Adds to `cleanups` what undoes it. If it fails, there
   * is an Event that says why, and the result is null.
   */
  async #setUpNetwork(cleanups: Cleanups): Promise<PodNetwork | null> {
    const redirects = redirectsOf(this.#pod.spec);
    try {
      const podIP = await this.#takeAddress(cleanups);
      const innerIP = redirects.length > 0 ? await this.#takeAddress(cleanups) : '';
      for (const { fromPort, toPort } of redirects) {
        const redirect = new Forwarder(() => ({ host: podIP, port: toPort }));
        cleanups.push(() => redirect.close());
        await redirect.listen(podIP, fromPort);
      }
      return { podIP, innerIP, redirected: redirects.map(({ fromPort }) => fromPort) };
    } catch (error) {
      this.#event('FailedCreatePodSandBox', `the pod has no network: ${textOf(error)}`);
      return null;
    }
  }

  async #takeAddress(cleanups: Cleanups): Promise<string> {
    const { addresses } = this.#deps;
    const address = await addresses.take();
    cleanups.push(() => addresses.release(address));
    return address;
  }

  /** Runs the containers until the pod is stopped, also if all of them have ended before. */
  async #runContainers(network: PodNetwork, stopping: AbortSignal): Promise<void> {
    const { clock, startDelayMs } = this.#deps;
    this.#podIP = network.podIP;
    this.#runners = this.#pod.spec.containers.map((container) => this.#newRunner(container, network));
    this.#writeStatus();
    if (startDelayMs > 0) await pause(clock, startDelayMs, stopping);
    if (stopping.aborted) return;
    await Promise.all(this.#runners.map((runner) => runner.run(stopping)));
    if (!stopping.aborted) await once(stopping, 'abort');
  }

  #newRunner(container: Container, network: PodNetwork): ContainerRunner {
    const { clock, images, logFolder } = this.#deps;
    const { metadata, spec } = this.#pod;
    const file = `${metadata.namespace}_${metadata.name}_${container.name}.log`;
    const log = new ContainerLog(logFolder === '' ? '' : join(logFolder, file), () => clock.nowMs());
    this.logs.set(container.name, log);
    const unknownImage = unknownInitImage(spec);
    const command = unknownImage === '' ? images(container, this.#pod, { ...network, hostIP: this.#hostIP }) : null;
    if (command && command.ignored.length > 0) {
      const ignored = command.ignored.join(', ');
      this.#event('VariablesIgnored', `Container ${container.name} does not get ${ignored}: not its settings`);
    }
    return new ContainerRunner(this.#deps, {
      container,
      command,
      missingImage: unknownImage || container.image,
      ip: network.podIP,
      restartPolicy: spec.restartPolicy ?? 'Always',
      log,
      onChange: () => this.#writeStatus(),
      onEvent: (reason, message, type) => this.#event(reason, message, type),
    });
  }

  #signalAll(signal: 'SIGTERM' | 'SIGKILL'): void {
    for (const runner of this.#runners) runner.kill(signal);
  }

  /** Finds this pod in the store; undefined if it has been removed, or replaced by a pod of the same name. */
  #storedPod(): PodObject | undefined {
    const { namespace = '', name, uid } = this.#pod.metadata;
    const pod = this.#deps.store.get(PODS, namespace, name);
    return pod?.metadata.uid === uid ? (pod as PodObject) : undefined;
  }

  #writeStatus(): void {
    const { store } = this.#deps;
    const pod = this.#storedPod();
    if (!pod) return;
    const status = podStatus(
      pod,
      { podIP: this.#podIP, hostIP: this.#hostIP },
      this.#runners.map((runner) => runner.status),
      this.#runners.every((runner) => runner.finished),
      store.nowMs(),
    );
    store.update(PODS, { ...pod, status });
  }

  #event(reason: string, message: string, type: 'Normal' | 'Warning' = 'Warning'): void {
    const pod = this.#storedPod();
    if (pod) recordEvent(this.#deps.store, pod, 'kubelet', reason, message, type);
  }
}

/** Returns `status` of a pod that has a node. `finished`: no container will run again. Conditions keep the time of their last change. */
export function podStatus(
  pod: PodObject,
  { podIP, hostIP }: { podIP: string; hostIP: string },
  containers: ContainerStatus[],
  finished: boolean,
  nowMs: number,
): PodStatus {
  const ready = containers.length > 0 && containers.every((container) => container.ready);
  const condition = (type: string, holds: boolean) =>
    conditionOf(pod.status.conditions, type, holds, nowMs, holds ? undefined : 'ContainersNotReady');
  return {
    ...pod.status,
    phase: phaseOf(containers, finished),
    conditions: [
      condition('Initialized', true),
      condition('Ready', ready),
      condition('ContainersReady', ready),
      condition('PodScheduled', true),
    ],
    hostIP,
    hostIPs: [{ ip: hostIP }],
    ...(podIP === '' ? {} : { podIP, podIPs: [{ ip: podIP }] }),
    startTime: pod.status.startTime ?? kubeTime(nowMs),
    containerStatuses: containers,
  };
}

function phaseOf(containers: ContainerStatus[], finished: boolean): PodStatus['phase'] {
  if (containers.length === 0) return 'Pending';
  if (finished) return containers.every((one) => one.state.terminated?.exitCode === 0) ? 'Succeeded' : 'Failed';
  const hasStarted = ({ state, lastState }: ContainerStatus) =>
    (state.running ?? state.terminated ?? lastState.terminated) !== undefined;
  return containers.every(hasStarted) ? 'Running' : 'Pending';
}
