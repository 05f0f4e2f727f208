import { join } from 'node:path';
import type { Timer } from '../../../server/runtime/clock.ts';
import { textOf } from '../../../server/runtime/errors.ts';
import type { AddressPool } from '../addresses.ts';
import type { KubeObject, PodObject, PodSpec } from '../api/objects.ts';
import { NODES, PODS } from '../api/resources.ts';
import type { Store } from '../api/store.ts';
import { recordEvent } from '../control/events.ts';
import { KeptLog } from './container-log.ts';
import { ContainerRunner, type RunnerDeps } from './container-runner.ts';
import type { Images } from './images.ts';
import type { Placement } from './pod-env.ts';
import { podStatus } from './pod-status.ts';
import { Redirector, redirectsOf, unknownInitImage } from './redirect.ts';

/** What a kubelet runs pods with. */
export interface WorkerDeps extends RunnerDeps {
  store: Store;
  addresses: AddressPool;
  images: Images;
  /** Where the containers' output goes; '' = nowhere. */
  logFolder: string;
}

/** Waits before an address is looked for again. */
const ADDRESS_RETRY_MS = 1000;

/** Runs one pod, from its placement on a node to its end, and writes its status to the store. */
export class PodWorker {
  readonly uid: string;
  readonly logs = new Map<string, KeptLog>();
  readonly #deps: WorkerDeps;
  readonly #namespace: string;
  readonly #name: string;
  #ip = '';
  #hostIP = '';
  #innerIP = '';
  #redirector = new Redirector();
  #runners: ContainerRunner[] = [];
  #stopping = false;
  #over = false;
  #killTimer: Timer | undefined;
  #retryTimer: Timer | undefined;
  readonly #onOver: () => void;

  /** `onOver` is called once, when nothing of the pod runs any more and nothing will. */
  constructor(deps: WorkerDeps, pod: PodObject, onOver: () => void) {
    this.#deps = deps;
    this.uid = pod.metadata.uid;
    this.#namespace = pod.metadata.namespace ?? '';
    this.#name = pod.metadata.name;
    this.#onOver = onOver;
  }

  /** The process ids of its containers that run. */
  get pids(): number[] {
    return this.#runners.map((runner) => runner.pid).filter((pid) => pid > 0);
  }

  /** Gives the pod an address and starts its containers. */
  async start(): Promise<void> {
    const { addresses, clock } = this.#deps;
    const taken = await addresses.take();
    if (taken === null) {
      this.#event('Warning', 'FailedCreatePodSandBox', `no free address: ${addresses.advice}`);
      if (!this.#stopping) this.#retryTimer = clock.setTimer(() => void this.start(), ADDRESS_RETRY_MS);
      return;
    }
    const pod = this.#pod();
    if (this.#stopping || !pod) {
      addresses.release(taken);
      this.#finish();
      return;
    }
    this.#ip = taken;
    const network = await this.#network(pod.spec, taken);
    if (network === null || this.#stopping) {
      this.#release();
      if (this.#stopping) this.#finish();
      else this.#retryTimer = clock.setTimer(() => void this.start(), ADDRESS_RETRY_MS);
      return;
    }
    const node = this.#deps.store.get(NODES, '', pod.spec.nodeName ?? '');
    this.#hostIP = internalAddress(node);
    const placement = { podIP: taken, hostIP: this.#hostIP, ...network };
    const missing = unknownInitImage(pod.spec);
    this.#runners = pod.spec.containers.map((container) => {
      const file = `${this.#namespace}_${this.#name}_${container.name}.log`;
      const log = new KeptLog(this.#deps.logFolder === '' ? '' : join(this.#deps.logFolder, file), () => clock.nowMs());
      this.logs.set(container.name, log);
      return new ContainerRunner(this.#deps, {
        container,
        command: missing === '' ? this.#deps.images(container, pod, placement) : null,
        missing: missing || container.image,
        ip: taken,
        restartPolicy: pod.spec.restartPolicy ?? 'Always',
        log,
        onChange: (what) => this.#changed(container.name, what),
      });
    });
    this.#writeStatus();
    for (const runner of this.#runners) runner.start();
  }

  /** Sets up what the pod's init containers do to its network; null if that failed. */
  async #network(spec: PodSpec, podIP: string): Promise<Pick<Placement, 'redirected' | 'innerIP'> | null> {
    const redirects = redirectsOf(spec);
    const redirected = redirects.map(({ fromPort }) => fromPort);
    if (redirects.length === 0) return { redirected, innerIP: '' };
    const innerIP = await this.#deps.addresses.take();
    if (innerIP === null) return null;
    this.#innerIP = innerIP;
    try {
      await this.#redirector.open(podIP, redirects);
    } catch (error) {
      this.#event('Warning', 'FailedCreatePodSandBox', `cannot redirect: ${textOf(error)}`);
      return null;
    }
    return { redirected, innerIP };
  }

  #release(): void {
    this.#redirector.close();
    this.#redirector = new Redirector();
    for (const address of [this.#ip, this.#innerIP]) if (address !== '') this.#deps.addresses.release(address);
    this.#ip = '';
    this.#innerIP = '';
  }

  /** Ends the pod: SIGTERM now, SIGKILL after `graceMs` if it has not ended by itself; 0 kills at once. */
  stop(graceMs: number): void {
    const first = !this.#stopping;
    this.#stopping = true;
    this.#retryTimer?.cancel();
    this.#killTimer?.cancel();
    if (graceMs > 0) this.#killTimer = this.#deps.clock.setTimer(() => this.#stopAll('SIGKILL'), graceMs);
    if (graceMs <= 0) this.#stopAll('SIGKILL');
    else if (first) {
      this.#event('Normal', 'Killing', 'Stopping the pod');
      this.#stopAll('SIGTERM');
    }
    if (this.#runners.length === 0) this.#finish();
  }

  #stopAll(signal: 'SIGTERM' | 'SIGKILL'): void {
    for (const runner of this.#runners) runner.stop(signal);
  }

  #changed(container: string, what: string): void {
    if (what === 'Started') this.#event('Normal', 'Started', `Started container ${container}`);
    if (what === 'BackOff') this.#event('Warning', 'BackOff', `Back-off restarting failed container ${container}`);
    if (what === 'Unready') this.#event('Warning', 'Unhealthy', `Readiness probe of container ${container} failed`);
    if (what === 'ImagePullBackOff')
      this.#event('Warning', 'Failed', `No image for container ${container} on this machine`);
    this.#writeStatus();
    if (this.#stopping && this.#runners.every((runner) => runner.finished)) this.#finish();
  }

  #finish(): void {
    if (this.#over) return;
    this.#over = true;
    this.#killTimer?.cancel();
    this.#retryTimer?.cancel();
    for (const log of this.logs.values()) log.close();
    this.#release();
    if (this.#pod()?.metadata.deletionTimestamp !== undefined)
      this.#deps.store.remove(PODS, this.#namespace, this.#name);
    this.#onOver();
  }

  #pod(): PodObject | undefined {
    const pod = this.#deps.store.get(PODS, this.#namespace, this.#name);
    return pod?.metadata.uid === this.uid ? (pod as PodObject) : undefined;
  }

  #writeStatus(): void {
    const pod = this.#pod();
    if (!pod) return;
    const facts = {
      podIP: this.#ip,
      hostIP: this.#hostIP,
      containers: this.#runners.map((runner) => runner.status),
      finished: this.#runners.every((runner) => runner.finished),
    };
    this.#deps.store.update(PODS, { ...pod, status: podStatus(pod, facts, this.#deps.clock.nowMs()) });
  }

  #event(type: 'Normal' | 'Warning', reason: string, message: string): void {
    const pod = this.#pod();
    if (pod)
      recordEvent(this.#deps.store, this.#deps.clock.nowMs(), pod, { type, reason, message, component: 'kubelet' });
  }
}

function internalAddress(node: KubeObject | undefined): string {
  const status = node?.['status'] as { addresses?: { type: string; address: string }[] } | undefined;
  return status?.addresses?.find((one) => one.type === 'InternalIP')?.address ?? '';
}
