import { isReady, type PodObject, type ServiceObject, selects } from '../api/objects.ts';
import { ENDPOINT_SLICES, PODS, SERVICES } from '../api/resources.ts';
import type { Store } from '../api/store.ts';

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
    const owner = slice.metadata.labels?.[SERVICE_LABEL];
    const { namespace = '', name } = slice.metadata;
    if (!services.some((one) => one.metadata.name === owner && one.metadata.namespace === namespace)) {
      store.remove(ENDPOINT_SLICES, namespace, name);
    }
  }
}

function writeSlice(store: Store, service: ServiceObject): void {
  const { name, namespace = '' } = service.metadata;
  const pods = readyPodsOf(store, service);
  const port = pods[0] && targetPortOf(service, pods[0], 0);
  const slice = {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name: `${name}-local`, namespace, labels: { [SERVICE_LABEL]: name } },
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
