import type { KubeObject, PodObject, ServiceObject, Workload } from './objects.ts';
import { DEPLOYMENTS, EVENTS, NAMESPACES, NODES, PODS, REPLICA_SETS, type Resource, SERVICES } from './resources.ts';

/**
 * A span of time as kubectl prints it (apimachinery's duration.HumanDuration): two units at most, the second one only
 * while it tells something. `spanMs` may be negative by clock skew; up to 2 s of that is 0s.
 */
export function humanSpan(spanMs: number): string {
  const seconds = Math.trunc(spanMs / 1000);
  if (seconds < -1) return '<invalid>';
  if (seconds < 0) return '0s';
  if (seconds < 120) return `${seconds}s`;
  const minutes = Math.trunc(seconds / 60);
  if (minutes < 10) return two(minutes, 'm', seconds % 60, 's');
  if (minutes < 180) return `${minutes}m`;
  const hours = Math.trunc(minutes / 60);
  if (hours < 8) return two(hours, 'h', minutes % 60, 'm');
  if (hours < 48) return `${hours}h`;
  const days = Math.trunc(hours / 24);
  if (hours < 192) return two(days, 'd', hours % 24, 'h');
  if (days < 730) return `${days}d`;
  const years = Math.trunc(days / 365);
  return days < 2920 ? two(years, 'y', days % 365, 'd') : `${years}y`;
}

/** The age of something since an RFC 3339 time; `<unknown>` without one. */
export function ageSince(time: string | undefined, nowMs: number): string {
  return time === undefined ? '<unknown>' : humanSpan(nowMs - Date.parse(time));
}

function two(first: number, unit: string, second: number, secondUnit: string): string {
  return second === 0 ? `${first}${unit}` : `${first}${unit}${second}${secondUnit}`;
}

/** A column of a table; `wide` ones are shown by `kubectl get -o wide` alone. */
interface Column {
  name: string;
  wide?: true;
  /** What stands in it for an object at a time (ms since the epoch). */
  cell(object: KubeObject, nowMs: number): string | number;
}

const NAME: Column = { name: 'Name', cell: (object) => object.metadata.name };
const AGE: Column = { name: 'Age', cell: (object, nowMs) => ageSince(object.metadata.creationTimestamp, nowMs) };

/** The columns of a kind, as a real API server has them (k8s.io/kubernetes/pkg/printers/internalversion). */
function columnsOf(resource: Resource): readonly Column[] {
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

/** How objects are sent: as they are, or as rows of a table. */
export interface Rendering {
  /** `includeObject` of the request: what each row carries of its object; null = no table. */
  table: 'Metadata' | 'Object' | 'None' | null;
}

/** A table with one row per object (meta/v1 Table), which `kubectl get` asks for and prints as it is. */
export interface Table {
  kind: 'Table';
  apiVersion: 'meta.k8s.io/v1';
  metadata: object;
  columnDefinitions: { name: string; type: string; format: string; description: string; priority: number }[];
  rows: { cells: (string | number)[]; object?: unknown }[];
}

/**
 * What the request wants, by its Accept header (`application/json;as=Table;v=v1;g=meta.k8s.io`) and `includeObject`.
 * The first acceptable entry counts; ours are JSON and v1 tables.
 */
export function renderingOf(accept: string, includeObject: string | null): Rendering {
  for (const entry of accept.slice(0, 1000).split(',')) {
    const [type = '', ...params] = entry.split(';').map((part) => part.trim());
    if (type !== 'application/json' && type !== '*/*' && type !== 'application/*') continue;
    if (!params.some((param) => param.startsWith('as='))) return { table: null };
    const wanted = ['as=Table', 'v=v1', 'g=meta.k8s.io'];
    if (wanted.every((param) => params.includes(param))) {
      return { table: includeObject === 'Object' || includeObject === 'None' ? includeObject : 'Metadata' };
    }
  }
  return { table: null };
}

/**
 * Makes the table. `metadata` is that of the list (or of the single object); `withColumns` is false after a watch's
 * first.
 */
export function tableOf(
  resource: Resource,
  objects: readonly KubeObject[],
  include: 'Metadata' | 'Object' | 'None',
  more: { metadata: object; nowMs: number; withColumns?: boolean },
): Table {
  const columns = columnsOf(resource);
  const definitions = columns.map((column) => ({
    name: column.name,
    type: 'string',
    format: column.name === 'Name' ? 'name' : '',
    description: '',
    priority: column.wide ? 1 : 0,
  }));
  return {
    kind: 'Table',
    apiVersion: 'meta.k8s.io/v1',
    metadata: more.metadata,
    columnDefinitions: more.withColumns === false ? [] : definitions,
    rows: objects.map((object) => ({
      cells: columns.map((column) => column.cell(object, more.nowMs)),
      ...(include === 'None' ? {} : { object: include === 'Object' ? object : partial(object) }),
    })),
  };
}

function partial(object: KubeObject): object {
  return { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata: object.metadata };
}
