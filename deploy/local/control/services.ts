import { SerialQueue } from '../../../server/runtime/concurrency.ts';
import { textOf } from '../../../server/runtime/errors.ts';
import type { AddressPool } from '../addresses.ts';
import { isReady, type PodObject, type ServiceObject, selects } from '../api/objects.ts';
import { ENDPOINT_SLICES, PODS, SERVICES } from '../api/resources.ts';
import type { Store } from '../api/store.ts';
import { recordEvent } from '../api/write.ts';
import { type Cleanups, runAll } from '../cleanups.ts';
import { Forwarder, type ForwardTarget } from '../sockets.ts';
import { controlLoop } from './control-loop.ts';

interface ServicePortOptions {
  store: Store;
  namespace: string;
  name: string;
  /** Index of the Service's port, from 0. */
  portIndex: number;
}

/**
 * Listens for one port of a Service. Each TCP connection is forwarded to one ready pod. It is reset if that pod is deleted, or if
 * no pod is ready.
 */
export class ServicePort extends Forwarder {
  readonly #unsubscribe: () => void;

  constructor(options: ServicePortOptions) {
    super(() => choosePod(options));
    this.#unsubscribe = options.store.subscribe(({ resource, type, object }) => {
      if (resource === PODS && type === 'DELETED') this.resetPod(object.metadata.uid);
    });
  }

  override close(): Promise<void> {
    this.#unsubscribe();
    return super.close();
  }
}

/** A random ready pod, as a Service chooses one for every connection; undefined if there is none. */
function choosePod({ store, namespace, name, portIndex }: ServicePortOptions): ForwardTarget | undefined {
  const service = store.get(SERVICES, namespace, name) as ServiceObject | undefined;
  if (!service) return undefined;
  const ready = readyPodsOf(store, service);
  const pod = ready[Math.floor(store.random() * ready.length)];
  const port = pod && targetPortOf(service, pod, portIndex);
  if (!pod || port === undefined) return undefined;
  return { host: pod.status.podIP ?? '', port, podUid: pod.metadata.uid };
}

interface ServiceAddressDeps {
  store: Store;
  addresses: AddressPool;
  /** Whether a Service has an address of another kind: that of the page is 127.0.0.1. */
  isServed(service: ServiceObject): boolean;
}

/**
 * Gives every Service of type LoadBalancer or NodePort its own loopback address and writes it to the Service's status.
 * The address is released when the Service is deleted, or gets other ports or another type. Returns a function that stops it.
 */
export function startServiceAddresses({ store, addresses, isServed }: ServiceAddressDeps): () => Promise<void> {
  /** By uid and ports of the Service: what gives its address back. */
  const assigned = new Map<string, Cleanups>();
  const changes = new SerialQueue();

  async function reconcile(services: ServiceObject[]): Promise<void> {
    const wanted = new Map(services.map((service) => [`${service.metadata.uid} ${portsOf(service)}`, service]));
    for (const [key, cleanups] of assigned) {
      if (wanted.has(key)) continue;
      assigned.delete(key);
      await runAll(cleanups);
      clearAddress(key.split(' ', 1)[0] ?? '');
    }
    for (const [key, service] of wanted) if (!assigned.has(key)) await assign(key, service);
  }

  /** A Service must not name an address that the next one may get. */
  function clearAddress(uid: string): void {
    const service = (store.list(SERVICES) as ServiceObject[]).find(({ metadata }) => metadata.uid === uid);
    if (service === undefined) return;
    const { clusterIP: _, ...spec } = service.spec;
    store.update(SERVICES, { ...service, spec, status: {} });
  }

  async function assign(key: string, service: ServiceObject): Promise<void> {
    const { name, namespace = '', uid } = service.metadata;
    const cleanups: Cleanups = [];
    // Set before the attempt, so that a failed one is not repeated at each change: only other ports try again.
    assigned.set(key, cleanups);
    let ip: string;
    try {
      ip = await addresses.take();
      cleanups.push(() => addresses.release(ip));
      for (const [portIndex, port] of portsOf(service).entries()) {
        const listener = new ServicePort({ store, namespace, name, portIndex });
        cleanups.push(() => listener.close());
        await listener.listen(ip, port);
      }
    } catch (error) {
      recordEvent(store, service, 'service-controller', 'SyncLoadBalancerFailed', textOf(error), 'Warning');
      return;
    }
    const current = store.get(SERVICES, namespace, name) as ServiceObject | undefined;
    if (current?.metadata.uid !== uid) return;
    const ports = (service.spec.ports ?? []).map(({ port, protocol = 'TCP' }) => ({ port, protocol }));
    // On this machine every program is inside of the cluster, so the cluster IP is the same.
    const spec = { ...current.spec, clusterIP: ip };
    store.update(SERVICES, { ...current, spec, status: { loadBalancer: { ingress: [{ ip, ports }] } } });
  }

  const stopLoop = controlLoop(store, [SERVICES], () => {
    const isOpen = (service: ServiceObject) =>
      ['LoadBalancer', 'NodePort'].includes(service.spec.type ?? '') && !isServed(service);
    void changes.run(() => reconcile((store.list(SERVICES) as ServiceObject[]).filter(isOpen)));
  });
  return () => {
    stopLoop();
    return changes.run(() => reconcile([]));
  };
}

function portsOf({ spec }: ServiceObject): number[] {
  return (spec.ports ?? []).map(({ port }) => port);
}

const SERVICE_LABEL = 'kubernetes.io/service-name';

/** Lists the pods that a Service leads to, by name: selected, ready and not being deleted. */
export function readyPodsOf(store: Store, service: ServiceObject): PodObject[] {
  return (store.list(PODS, service.metadata.namespace) as PodObject[]).filter(
    (pod) =>
      selects(service.spec.selector, pod.metadata.labels) &&
      isReady(pod) &&
      pod.metadata.deletionTimestamp === undefined &&
      pod.status.podIP !== undefined,
  );
}

/** Returns the pod's port to which a port of a Service leads; undefined if the Service has no port at `index`. */
export function targetPortOf(service: ServiceObject, pod: PodObject, index: number): number | undefined {
  const port = service.spec.ports?.[index];
  if (!port) return undefined;
  if (typeof port.targetPort === 'number') return port.targetPort;
  const named = pod.spec.containers.flatMap((one) => one.ports ?? []).find((one) => one.name === port.targetPort);
  return named?.containerPort ?? port.port;
}

/** Keeps one EndpointSlice for each Service with a selector. `kubectl describe service` shows it. */
export function reconcileEndpoints(store: Store): void {
  const services = store.list(SERVICES) as ServiceObject[];
  for (const service of services.filter((one) => one.spec.selector !== undefined)) writeSlice(store, service);
  for (const slice of store.list(ENDPOINT_SLICES)) {
    const owner = slice.metadata.labels?.[SERVICE_LABEL] ?? '';
    const { namespace = '', name } = slice.metadata;
    const isOurs = name === sliceName(owner);
    if (isOurs && !services.some((one) => one.metadata.name === owner && one.metadata.namespace === namespace)) {
      store.remove(ENDPOINT_SLICES, namespace, name);
    }
  }
}

function sliceName(service: string): string {
  return `${service}-local`;
}

function writeSlice(store: Store, service: ServiceObject): void {
  const { name, namespace = '' } = service.metadata;
  const pods = readyPodsOf(store, service);
  const port = pods[0] && targetPortOf(service, pods[0], 0);
  const slice = {
    metadata: { name: sliceName(name), namespace, labels: { [SERVICE_LABEL]: name } },
    addressType: 'IPv4',
    endpoints: pods.map((pod) => ({
      addresses: [pod.status.podIP],
      conditions: { ready: true, serving: true, terminating: false },
      nodeName: pod.spec.nodeName,
      targetRef: { kind: 'Pod', namespace, name: pod.metadata.name, uid: pod.metadata.uid },
    })),
    ports: port === undefined ? [] : [{ name: service.spec.ports?.[0]?.name ?? '', protocol: 'TCP', port }],
  };
  const stored = store.get(ENDPOINT_SLICES, namespace, slice.metadata.name);
  if (!stored) store.create(ENDPOINT_SLICES, slice);
  else store.update(ENDPOINT_SLICES, { ...stored, ...slice, metadata: { ...stored.metadata, ...slice.metadata } });
}
