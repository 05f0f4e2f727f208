import { type KubeObject, type PodObject, type ServiceObject, textAt, type Workload } from './objects.ts';
import type { Resource } from './resources.ts';

/** A table with one row per object (meta/v1 Table). `kubectl get` asks for it and prints it unchanged. */
export interface Table {
  kind: 'Table';
  apiVersion: 'meta.k8s.io/v1';
  metadata: object;
  columnDefinitions: { name: string; type: string; format: string; description: string; priority: number }[];
  rows: { cells: (string | number)[]; object?: unknown }[];
}

/** What each row carries of its object: the parameter `includeObject` of a request. */
export type TableInclude = 'Metadata' | 'Object' | 'None';

/**
 * Returns what to include if the client asks for a table, else null. Clients ask by the Accept header
 * (`application/json;as=Table;v=v1;g=meta.k8s.io`); the first entry that the server can serve counts.
 */
export function requestedTable(accept: string, includeObject: string | null): TableInclude | null {
  for (const entry of accept.slice(0, 1000).split(',')) {
    const [type = '', ...params] = entry.split(';').map((part) => part.trim());
    if (type !== 'application/json' && type !== '*/*' && type !== 'application/*') continue;
    if (!params.some((param) => param.startsWith('as='))) return null;
    if (['as=Table', 'v=v1', 'g=meta.k8s.io'].every((param) => params.includes(param))) {
      return includeObject === 'Object' || includeObject === 'None' ? includeObject : 'Metadata';
    }
  }
  return null;
}

/** Makes the table of a list or of a single object, whose `metadata` it repeats. */
export function tableOf(
  resource: Resource,
  objects: readonly KubeObject[],
  include: TableInclude,
  { metadata, nowMs, withColumns = true }: { metadata: object; nowMs: number; withColumns?: boolean },
): Table {
  const columns = COLUMNS[resource.plural] ?? OTHER_COLUMNS;
  const definitions = columns.map(({ name, wide }) => ({
    name,
    type: 'string',
    format: name === 'Name' ? 'name' : '',
    description: '',
    priority: wide ? 1 : 0,
  }));
  return {
    kind: 'Table',
    apiVersion: 'meta.k8s.io/v1',
    metadata,
    columnDefinitions: withColumns ? definitions : [],
    rows: objects.map((object) => ({
      cells: columns.map((column) => column.cell(object, nowMs)),
      ...(include !== 'None' && { object: include === 'Object' ? object : metadataOnly(object) }),
    })),
  };
}

function metadataOnly(object: KubeObject): object {
  return { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata: object.metadata };
}

/** Returns STATUS of a pod as `kubectl get pods` shows it. */
export function podStatusText(pod: PodObject): string {
  if (pod.metadata.deletionTimestamp !== undefined) return 'Terminating';
  let text: string = pod.status.phase;
  for (const { state } of (pod.status.containerStatuses ?? []).toReversed()) {
    text = state.waiting?.reason ?? state.terminated?.reason ?? text;
  }
  return text;
}

/**
 * Formats a duration as kubectl does (apimachinery's duration.HumanDuration), with at most two units. A negative duration
 * up to 2 s, from clock skew, counts as 0s.
 */
export function humanDuration(durationMs: number): string {
  const seconds = Math.trunc(durationMs / 1000);
  if (seconds < -1) return '<invalid>';
  if (seconds < 0) return '0s';
  if (seconds < 120) return `${seconds}s`;
  const minutes = Math.trunc(seconds / 60);
  if (minutes < 10) return twoUnits(minutes, 'm', seconds % 60, 's');
  if (minutes < 180) return `${minutes}m`;
  const hours = Math.trunc(minutes / 60);
  if (hours < 8) return twoUnits(hours, 'h', minutes % 60, 'm');
  if (hours < 48) return `${hours}h`;
  const days = Math.trunc(hours / 24);
  if (hours < 192) return twoUnits(days, 'd', hours % 24, 'h');
  if (days < 730) return `${days}d`;
  const years = Math.trunc(days / 365);
  return days < 2920 ? twoUnits(years, 'y', days % 365, 'd') : `${years}y`;
}

function twoUnits(first: number, unit: string, second: number, secondUnit: string): string {
  return second === 0 ? `${first}${unit}` : `${first}${unit}${second}${secondUnit}`;
}

/** Formats the age since an RFC 3339 time; `<unknown>` if there is none. */
export function ageSince(time: string | undefined, nowMs: number): string {
  const timeMs = Date.parse(time ?? '');
  return Number.isNaN(timeMs) ? '<unknown>' : humanDuration(nowMs - timeMs);
}

/** Computes a cell's value. `nowMs`: ms since the epoch. */
type Cell = (object: KubeObject, nowMs: number) => string | number;

interface Column {
  name: string;
  /** Only `kubectl get -o wide` shows the column. */
  wide: boolean;
  cell: Cell;
}

/** Makes a column from a function, or from the path of a text or number in the object, e.g. `status.phase`. */
const column = (name: string, cell: Cell | string, wide = false): Column => ({
  name,
  wide,
  cell: typeof cell === 'string' ? (object) => textAt(object, cell) || '<none>' : cell,
});
const wideColumn = (name: string, cell: Cell | string) => column(name, cell, true);

const NAME = column('Name', 'metadata.name');
const AGE = column('Age', (object, nowMs) => ageSince(object.metadata.creationTimestamp, nowMs));
const OTHER_COLUMNS = [NAME, column('Created At', (object) => object.metadata.creationTimestamp)];
const WORKLOAD_WIDE = [
  wideColumn('Containers', (object) => containersOf(object, 'name')),
  wideColumn('Images', (object) => containersOf(object, 'image')),
  wideColumn('Selector', (object) => labelTexts((object as Workload).spec.selector.matchLabels)),
];

/** Makes a cell of a number that is 0 if it is missing. */
const count = (path: string) => (object: KubeObject) => Number(textAt(object, path));
/** The path of a field that no object has here: each cell is `<none>`. */
const NONE = '';

/** The columns of each resource, as in a real API server (k8s.io/kubernetes/pkg/printers/internalversion). */
const COLUMNS: Record<string, readonly Column[]> = {
  pods: [
    NAME,
    column('Ready', (object) => readyContainers(object as PodObject)),
    column('Status', (object) => podStatusText(object as PodObject)),
    column('Restarts', (object, nowMs) => restarts(object as PodObject, nowMs)),
    AGE,
    wideColumn('IP', 'status.podIP'),
    wideColumn('Node', 'spec.nodeName'),
    wideColumn('Nominated Node', NONE),
    wideColumn('Readiness Gates', NONE),
  ],
  nodes: [
    NAME,
    column('Status', () => 'Ready'),
    column('Roles', NONE),
    AGE,
    column('Version', 'status.nodeInfo.kubeletVersion'),
    wideColumn('Internal-IP', 'status.addresses.0.address'),
    wideColumn('External-IP', NONE),
    wideColumn('OS-Image', 'status.nodeInfo.osImage'),
    wideColumn('Kernel-Version', 'status.nodeInfo.kernelVersion'),
    wideColumn('Container-Runtime', 'status.nodeInfo.containerRuntimeVersion'),
  ],
  namespaces: [NAME, column('Status', 'status.phase'), AGE],
  services: [
    NAME,
    column('Type', (object) => textAt(object, 'spec.type') || 'ClusterIP'),
    column('Cluster-IP', 'spec.clusterIP'),
    column('External-IP', 'status.loadBalancer.ingress.0.ip'),
    column('Port(s)', (object) => servicePorts(object as ServiceObject)),
    AGE,
    wideColumn('Selector', (object) => labelTexts((object as ServiceObject).spec.selector)),
  ],
  deployments: [
    NAME,
    column('Ready', (object) => `${count('status.readyReplicas')(object)}/${textAt(object, 'spec.replicas')}`),
    column('Up-to-date', count('status.updatedReplicas')),
    column('Available', count('status.availableReplicas')),
    AGE,
    ...WORKLOAD_WIDE,
  ],
  daemonsets: [
    NAME,
    column('Desired', 'status.desiredNumberScheduled'),
    column('Current', 'status.currentNumberScheduled'),
    column('Ready', 'status.numberReady'),
    column('Up-to-date', 'status.updatedNumberScheduled'),
    column('Available', 'status.numberAvailable'),
    column('Node Selector', NONE),
    AGE,
    ...WORKLOAD_WIDE,
  ],
  replicasets: [
    NAME,
    column('Desired', count('spec.replicas')),
    column('Current', count('status.replicas')),
    column('Ready', count('status.readyReplicas')),
    AGE,
    ...WORKLOAD_WIDE,
  ],
  events: [
    column('Last Seen', (object, nowMs) => ageSince(textAt(object, 'lastTimestamp'), nowMs)),
    column('Type', 'type'),
    column('Reason', 'reason'),
    column('Object', (object) => {
      return `${textAt(object, 'involvedObject.kind').toLowerCase()}/${textAt(object, 'involvedObject.name')}`;
    }),
    column('Message', 'message'),
  ],
};

function readyContainers({ spec, status }: PodObject): string {
  const ready = (status.containerStatuses ?? []).filter((container) => container.ready).length;
  return `${ready}/${spec.containers.length}`;
}

function restarts(pod: PodObject, nowMs: number): string {
  const statuses = pod.status.containerStatuses ?? [];
  const count = statuses.reduce((sum, one) => sum + one.restartCount, 0);
  if (count === 0) return '0';
  const ends = statuses.flatMap((one) => one.lastState.terminated?.finishedAt ?? []).sort();
  return `${count} (${ageSince(ends.at(-1), nowMs)} ago)`;
}

function servicePorts({ spec }: ServiceObject): string {
  const texts = (spec.ports ?? []).map(({ port, nodePort, protocol = 'TCP' }) =>
    nodePort === undefined ? `${port}/${protocol}` : `${port}:${nodePort}/${protocol}`,
  );
  return texts.join(',') || '<none>';
}

function containersOf(object: KubeObject, field: 'name' | 'image'): string {
  return (object as Workload).spec.template.spec.containers.map((one) => one[field]).join(',');
}

function labelTexts(labels: Record<string, string> | null | undefined): string {
  const texts = Object.entries(labels ?? {}).map(([key, value]) => `${key}=${value}`);
  return texts.join(',') || '<none>';
}
