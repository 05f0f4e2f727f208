import { ageSince } from './age.ts';
import type { KubeObject, PodObject, ServiceObject, Workload } from './objects.ts';
import { DEPLOYMENTS, EVENTS, NAMESPACES, NODES, PODS, REPLICA_SETS, type Resource, SERVICES } from './resources.ts';

/** A column of a table; `wide` ones are shown by `kubectl get -o wide` alone. */
export interface Column {
  name: string;
  wide?: true;
  /** What stands in it for an object at a time (ms since the epoch). */
  cell(object: KubeObject, nowMs: number): string | number;
}

const NAME: Column = { name: 'Name', cell: (object) => object.metadata.name };
const AGE: Column = { name: 'Age', cell: (object, nowMs) => ageSince(object.metadata.creationTimestamp, nowMs) };

/** The columns of a kind, as a real API server has them (k8s.io/kubernetes/pkg/printers/internalversion). */
export function columnsOf(resource: Resource): readonly Column[] {
  return COLUMNS.get(resource) ?? [NAME, { name: 'Created At', cell: (object) => object.metadata.creationTimestamp }];
}

/** STATUS of a pod in `kubectl get pods`. */
export function podStatusWord(pod: PodObject): string {
  if (pod.metadata.deletionTimestamp !== undefined) return 'Terminating';
  let word: string = pod.status.phase;
  for (const container of (pod.status.containerStatuses ?? []).toReversed()) {
    const { waiting, terminated } = container.state;
    if (waiting) word = waiting.reason;
    else if (terminated) word = terminated.reason;
  }
  return word;
}

const POD_COLUMNS: Column[] = [
  NAME,
  { name: 'Ready', cell: (object) => readyOf(object as PodObject) },
  { name: 'Status', cell: (object) => podStatusWord(object as PodObject) },
  { name: 'Restarts', cell: (object, nowMs) => restartsOf(object as PodObject, nowMs) },
  AGE,
  { name: 'IP', wide: true, cell: (object) => (object as PodObject).status.podIP ?? '<none>' },
  { name: 'Node', wide: true, cell: (object) => (object as PodObject).spec.nodeName ?? '<none>' },
  { name: 'Nominated Node', wide: true, cell: () => '<none>' },
  { name: 'Readiness Gates', wide: true, cell: () => '<none>' },
];

const WORKLOAD_WIDE: Column[] = [
  {
    name: 'Containers',
    wide: true,
    cell: (object) =>
      containers(object)
        .map((one) => one.name)
        .join(','),
  },
  {
    name: 'Images',
    wide: true,
    cell: (object) =>
      containers(object)
        .map((one) => one.image)
        .join(','),
  },
  { name: 'Selector', wide: true, cell: (object) => pairs((object as Workload).spec.selector.matchLabels) },
];

const COLUMNS = new Map<Resource, readonly Column[]>([
  [PODS, POD_COLUMNS],
  [
    NODES,
    [
      NAME,
      { name: 'Status', cell: () => 'Ready' },
      { name: 'Roles', cell: () => '<none>' },
      AGE,
      { name: 'Version', cell: (object) => text(object, 'status', 'nodeInfo', 'kubeletVersion') },
      { name: 'Internal-IP', wide: true, cell: (object) => text(object, 'status', 'addresses', '0', 'address') },
      { name: 'External-IP', wide: true, cell: () => '<none>' },
      { name: 'OS-Image', wide: true, cell: (object) => text(object, 'status', 'nodeInfo', 'osImage') },
      { name: 'Kernel-Version', wide: true, cell: (object) => text(object, 'status', 'nodeInfo', 'kernelVersion') },
      {
        name: 'Container-Runtime',
        wide: true,
        cell: (object) => text(object, 'status', 'nodeInfo', 'containerRuntimeVersion'),
      },
    ],
  ],
  [NAMESPACES, [NAME, { name: 'Status', cell: (object) => text(object, 'status', 'phase') }, AGE]],
  [
    SERVICES,
    [
      NAME,
      { name: 'Type', cell: (object) => (object as ServiceObject).spec.type ?? 'ClusterIP' },
      { name: 'Cluster-IP', cell: (object) => (object as ServiceObject).spec.clusterIP ?? '<none>' },
      { name: 'External-IP', cell: (object) => text(object, 'status', 'loadBalancer', 'ingress', '0', 'ip') },
      { name: 'Port(s)', cell: (object) => portsOf(object as ServiceObject) },
      AGE,
      { name: 'Selector', wide: true, cell: (object) => pairs((object as ServiceObject).spec.selector) },
    ],
  ],
  [
    DEPLOYMENTS,
    [
      NAME,
      { name: 'Ready', cell: (object) => `${figure(object, 'readyReplicas')}/${(object as Workload).spec.replicas}` },
      { name: 'Up-to-date', cell: (object) => figure(object, 'updatedReplicas') },
      { name: 'Available', cell: (object) => figure(object, 'availableReplicas') },
      AGE,
      ...WORKLOAD_WIDE,
    ],
  ],
  [
    REPLICA_SETS,
    [
      NAME,
      { name: 'Desired', cell: (object) => (object as Workload).spec.replicas },
      { name: 'Current', cell: (object) => figure(object, 'replicas') },
      { name: 'Ready', cell: (object) => figure(object, 'readyReplicas') },
      AGE,
      ...WORKLOAD_WIDE,
    ],
  ],
  [
    EVENTS,
    [
      { name: 'Last Seen', cell: (object, nowMs) => ageSince(text(object, 'lastTimestamp'), nowMs) },
      { name: 'Type', cell: (object) => text(object, 'type') },
      { name: 'Reason', cell: (object) => text(object, 'reason') },
      {
        name: 'Object',
        cell: (object) =>
          `${text(object, 'involvedObject', 'kind').toLowerCase()}/${text(object, 'involvedObject', 'name')}`,
      },
      { name: 'Message', cell: (object) => text(object, 'message') },
    ],
  ],
]);

function readyOf(pod: PodObject): string {
  const ready = (pod.status.containerStatuses ?? []).filter((container) => container.ready).length;
  return `${ready}/${pod.spec.containers.length}`;
}

function restartsOf(pod: PodObject, nowMs: number): string {
  const statuses = pod.status.containerStatuses ?? [];
  const restarts = statuses.reduce((sum, one) => sum + one.restartCount, 0);
  if (restarts === 0) return '0';
  const ends = statuses.flatMap((one) => one.lastState.terminated?.finishedAt ?? []).sort();
  return `${restarts} (${ageSince(ends.at(-1), nowMs)} ago)`;
}

function portsOf(service: ServiceObject): string {
  const ports = (service.spec.ports ?? []).map(
    (one) => `${one.port}${one.nodePort === undefined ? '' : `:${one.nodePort}`}/${one.protocol ?? 'TCP'}`,
  );
  return ports.join(',') || '<none>';
}

function containers(object: KubeObject) {
  return (object as Workload).spec.template.spec.containers;
}

function figure(object: KubeObject, name: 'replicas' | 'readyReplicas' | 'updatedReplicas' | 'availableReplicas') {
  return (object as Workload).status?.[name] ?? 0;
}

function pairs(labels: Record<string, string> | undefined): string {
  const all = Object.entries(labels ?? {}).map(([key, value]) => `${key}=${value}`);
  return all.join(',') || '<none>';
}

/** The text at a path, `<none>` where there is none. */
function text(object: unknown, ...path: string[]): string {
  let value = object;
  for (const step of path) value = (value as Record<string, unknown> | null | undefined)?.[step];
  return typeof value === 'string' || typeof value === 'number' ? String(value) : '<none>';
}
