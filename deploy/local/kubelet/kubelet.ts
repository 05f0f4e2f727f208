import { join } from 'node:path';
import type { Timer } from '../../../server/runtime/clock.ts';
import { textOf } from '../../../server/runtime/errors.ts';
import type { AddressPool } from '../addresses.ts';
import { type ContainerStatus, conditionOf, kubeTime, type PodObject, type PodStatus, textAt } from '../api/objects.ts';
import { NODES, PODS } from '../api/resources.ts';
import type { Change, Store } from '../api/store.ts';
import { deleteObject, recordEvent } from '../api/write.ts';
import { NO_NETWORK, redirectsOf, unknownInitImage } from '../pod-network.ts';
import { Forwarder } from '../sockets.ts';
import { ContainerLog } from './container-log.ts';
import { ContainerRunner, type RunnerDeps } from './container-runner.ts';
import type { Images } from './images.ts';

/** Runs every pod that has a node, as real processes of this machine. */
export class Kubelet {
  readonly #deps: WorkerDeps;
  readonly #workers = new Map<string, PodWorker>();
  readonly #unsubscribe: () => void;
  #onLastEnd = () => {};

  constructor(deps: WorkerDeps) {
    this.#deps = deps;
    this.#unsubscribe = deps.store.subscribe((change) => this.#handle(change));
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

  pidsOf(podUid: string): number[] {
    return this.#workers.get(podUid)?.pids ?? [];
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
    const worker = new PodWorker(this.#deps, pod.metadata, () => {
      this.#workers.delete(uid);
      if (this.#workers.size === 0) this.#onLastEnd();
    });
    this.#workers.set(uid, worker);
    void worker.start();
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

/** Runs one pod, from its assignment to a node to its end, and writes its status to the store. */
class PodWorker {
  readonly logs = new Map<string, ContainerLog>();
  readonly #deps: WorkerDeps;
  readonly #metadata: PodObject['metadata'];
  readonly #onEnd: () => void;
  #network = NO_NETWORK;
  #hostIP = '';
  #redirects: Forwarder[] = [];
  #runners: ContainerRunner[] = [];
  #isStopping = false;
  #hasEnded = false;
  #killTimer: Timer | undefined;
  #startTimer: Timer | undefined;

  /** `onEnd` is called once, when nothing of the pod runs and nothing will run again. */
  constructor(deps: WorkerDeps, metadata: PodObject['metadata'], onEnd: () => void) {
    this.#deps = deps;
    this.#metadata = metadata;
    this.#onEnd = onEnd;
  }

  get pids(): number[] {
    return this.#runners.map((runner) => runner.pid).filter((pid) => pid > 0);
  }

  /** Gives the pod an address and starts its containers. Tries again after a while if that fails. */
  async start(): Promise<void> {
    const hasNetwork = await this.#setUpNetwork();
    const pod = this.#pod();
    if (hasNetwork && pod && !this.#isStopping) {
      this.#startContainers(pod);
      return;
    }
    this.#releaseNetwork();
    if (this.#isStopping || !pod) this.#finish();
    else this.#startTimer = this.#deps.clock.setTimer(() => void this.start(), ADDRESS_RETRY_MS);
  }

  /** Stops the pod: SIGTERM now and SIGKILL after `graceMs`, or SIGKILL at once if `graceMs` is 0. */
  stop(graceMs: number): void {
    if (this.#hasEnded) return;
    const isFirst = !this.#isStopping;
    this.#isStopping = true;
    this.#startTimer?.cancel();
    this.#killTimer?.cancel();
    if (graceMs <= 0) {
      this.#signalAll('SIGKILL');
    } else {
      this.#killTimer = this.#deps.clock.setTimer(() => this.#signalAll('SIGKILL'), graceMs);
      if (isFirst) {
        this.#event('Killing', 'Stopping the pod', 'Normal');
        this.#signalAll('SIGTERM');
      }
    }
    if (this.#runners.length === 0) this.#finish();
  }

  /** Takes an address, and does what the pod's init containers do to its network. Returns whether it succeeded. */
  async #setUpNetwork(): Promise<boolean> {
    const { addresses } = this.#deps;
    const podIP = (await addresses.take()) ?? '';
    if (podIP === '') {
      this.#event('FailedCreatePodSandBox', `no free address: ${addresses.advice}`);
      return false;
    }
    this.#network = { ...NO_NETWORK, podIP };
    const pod = this.#pod();
    const redirects = pod ? redirectsOf(pod.spec) : [];
    if (redirects.length === 0 || this.#isStopping) return true;
    const innerIP = (await addresses.take()) ?? '';
    this.#network = { podIP, innerIP, redirected: redirects.map(({ fromPort }) => fromPort) };
    if (innerIP === '') return false;
    try {
      for (const { fromPort, toPort } of redirects) {
        const redirect = new Forwarder(() => ({ host: podIP, port: toPort }));
        this.#redirects.push(redirect);
        await redirect.listen(podIP, fromPort);
      }
      return true;
    } catch (error) {
      this.#event('FailedCreatePodSandBox', `cannot redirect: ${textOf(error)}`);
      return false;
    }
  }

  #releaseNetwork(): void {
    for (const redirect of this.#redirects) void redirect.close();
    this.#redirects = [];
    const { podIP, innerIP } = this.#network;
    for (const address of [podIP, innerIP]) if (address !== '') this.#deps.addresses.release(address);
    this.#network = NO_NETWORK;
  }

  #startContainers(pod: PodObject): void {
    const { clock, images, logFolder, startDelayMs, store } = this.#deps;
    const { name, namespace = '' } = this.#metadata;
    this.#hostIP = textAt(store.get(NODES, '', pod.spec.nodeName ?? ''), 'status.addresses.0.address');
    const unknownImage = unknownInitImage(pod.spec);
    this.#runners = pod.spec.containers.map((container) => {
      const file = `${namespace}_${name}_${container.name}.log`;
      const log = new ContainerLog(logFolder === '' ? '' : join(logFolder, file), clock.nowMs);
      this.logs.set(container.name, log);
      const command = unknownImage === '' ? images(container, pod, { ...this.#network, hostIP: this.#hostIP }) : null;
      if (command && command.ignored.length > 0) {
        const ignored = command.ignored.join(', ');
        this.#event('VariablesIgnored', `Container ${container.name} does not get ${ignored}: not its settings`);
      }
      return new ContainerRunner(this.#deps, {
        container,
        command,
        missingImage: unknownImage || container.image,
        ip: this.#network.podIP,
        restartPolicy: pod.spec.restartPolicy ?? 'Always',
        log,
        onChange: () => this.#handleChange(),
        onEvent: (reason, message, type) => this.#event(reason, message, type),
      });
    });
    this.#writeStatus();
    const begin = () => {
      for (const runner of this.#runners) runner.start();
    };
    if (startDelayMs === 0) begin();
    else this.#startTimer = clock.setTimer(begin, startDelayMs);
  }

  #signalAll(signal: 'SIGTERM' | 'SIGKILL'): void {
    for (const runner of this.#runners) runner.stop(signal);
  }

  #handleChange(): void {
    this.#writeStatus();
    if (this.#isStopping && this.#runners.every((runner) => runner.finished)) this.#finish();
  }

  #finish(): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    this.#killTimer?.cancel();
    this.#startTimer?.cancel();
    for (const log of this.logs.values()) log.close();
    this.#releaseNetwork();
    this.#onEnd();
    const pod = this.#pod();
    // With grace 0, whoever has deleted the pod also removes it.
    if ((pod?.metadata.deletionGracePeriodSeconds ?? 0) > 0 && pod) {
      deleteObject(this.#deps.store, PODS, pod, { graceSeconds: 0 });
    }
  }

  /** Finds this pod in the store; undefined if it has been removed, or replaced by a pod of the same name. */
  #pod(): PodObject | undefined {
    const { namespace = '', name, uid } = this.#metadata;
    const pod = this.#deps.store.get(PODS, namespace, name);
    return pod?.metadata.uid === uid ? (pod as PodObject) : undefined;
  }

  #writeStatus(): void {
    const { store } = this.#deps;
    const pod = this.#pod();
    if (!pod) return;
    const status = podStatus(
      pod,
      { podIP: this.#network.podIP, hostIP: this.#hostIP },
      this.#runners.map((runner) => runner.status),
      this.#runners.every((runner) => runner.finished),
      store.nowMs(),
    );
    store.update(PODS, { ...pod, status });
  }

  #event(reason: string, message: string, type: 'Normal' | 'Warning' = 'Warning'): void {
    const pod = this.#pod();
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
    state.running !== undefined || lastState.terminated !== undefined;
  return containers.every(hasStarted) ? 'Running' : 'Pending';
}
