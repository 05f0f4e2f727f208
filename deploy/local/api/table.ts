import { type KubeObject, type PodObject, type ServiceObject, textAt } from './objects.ts';
import type { Resource } from './resources.ts';

/** A table with one row per object (meta/v1 Table). `kubectl get` asks for it and prints it unchanged. */
export interface Table {
  kind: 'Table';
  apiVersion: 'meta.k8s.io/v1';
  metadata: object;
  columnDefinitions: { name: string; type: string; format: string; description: string; priority: number }[];
  rows: { cells: (string | number)[]; object: unknown }[];
}

/** What each row carries of its object: the parameter `includeObject` of a request. */
export type TableInclude = 'Metadata' | 'Object';

/** Returns what to include if the client asks for a table, as kubectl does, else null. */
export function requestedTable(accept: string, includeObject: string | null): TableInclude | null {
  if (!/^application\/json;as=Table;v=v1;g=meta\.k8s\.io(,|$)/.test(accept)) return null;
  return includeObject === 'Object' ? 'Object' : 'Metadata';
}

/** Makes the table of a list or of a single object, whose `metadata` it repeats. */
export function tableOf(
  resource: Resource,
  objects: readonly KubeObject[],
  include: TableInclude,
  { metadata, nowMs, withColumns = true }: { metadata: object; nowMs: number; withColumns?: boolean },
): Table {
  const columns = COLUMNS[resource.plural] ?? OTHER_COLUMNS;
  const definitions = columns.map(([name, , isWide]) => ({
    name,
    type: 'string',
    format: name === 'Name' ? 'name' : '',
    description: '',
    priority: isWide === undefined ? 0 : 1,
  }));
  return {
    kind: 'Table',
    apiVersion: 'meta.k8s.io/v1',
    metadata,
    columnDefinitions: withColumns ? definitions : [],
    rows: objects.map((object) => ({
      cells: columns.map(([, cell]) =>
        typeof cell === 'string' ? textAt(object, cell) || '<none>' : cell(object, nowMs),
      ),
      object: include === 'Object' ? object : metadataOnly(object),
    })),
  };
}

function metadataOnly({ metadata }: KubeObject): object {
  return { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata };
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

/** Formats the age since an RFC 3339 time in one unit, such as `90s`, `5m`, `3h`, `2d`; `<unknown>` if there is none. */
export function ageSince(time: string | undefined, nowMs: number): string {
  const seconds = Math.max(0, Math.trunc((nowMs - Date.parse(time ?? '')) / 1000));
  if (Number.isNaN(seconds)) return '<unknown>';
  if (seconds < 120) return `${seconds}s`;
  if (seconds < 2 * 3600) return `${Math.trunc(seconds / 60)}m`;
  return seconds < 2 * 86_400 ? `${Math.trunc(seconds / 3600)}h` : `${Math.trunc(seconds / 86_400)}d`;
}

/**
 * A column: its name, and its cell from an object at `nowMs` (ms since the epoch), or the path of a text or number in the object.
 * Only `kubectl get -o wide` shows a wide column.
 */
type Column = readonly [name: string, cell: string | ((object: KubeObject, nowMs: number) => string | number), 'wide'?];

const NAME: Column = ['Name', 'metadata.name'];
const AGE: Column = ['Age', ({ metadata }, nowMs) => ageSince(metadata.creationTimestamp, nowMs)];
const OTHER_COLUMNS = [NAME, ['Created At', 'metadata.creationTimestamp']] as const satisfies Column[];

/** Makes a cell of a number that is 0 if it is missing. */
const count = (path: string) => (object: KubeObject) => Number(textAt(object, path));

/** The columns of each resource: most of a real API server's (k8s.io/kubernetes/pkg/printers/internalversion). */
const COLUMNS: Record<string, readonly Column[]> = {
  pods: [
    NAME,
    ['Ready', (object) => readyContainers(object as PodObject)],
    ['Status', (object) => podStatusText(object as PodObject)],
    ['Restarts', (object, nowMs) => restarts(object as PodObject, nowMs)],
    AGE,
    ['IP', 'status.podIP', 'wide'],
    ['Node', 'spec.nodeName', 'wide'],
  ],
  nodes: [
    NAME,
    ['Status', (object) => (textAt(object, 'spec.unschedulable') === 'true' ? 'Ready,SchedulingDisabled' : 'Ready')],
    AGE,
    ['Version', 'status.nodeInfo.kubeletVersion'],
    ['Internal-IP', 'status.addresses.0.address', 'wide'],
  ],
  namespaces: [NAME, ['Status', 'status.phase'], AGE],
  services: [
    NAME,
    ['Type', 'spec.type'],
    ['Cluster-IP', 'spec.clusterIP'],
    ['External-IP', 'status.loadBalancer.ingress.0.ip'],
    ['Port(s)', (object) => servicePorts(object as ServiceObject)],
    AGE,
    ['Selector', (object) => labelTexts((object as ServiceObject).spec.selector), 'wide'],
  ],
  deployments: [
    NAME,
    ['Ready', (object) => `${count('status.readyReplicas')(object)}/${textAt(object, 'spec.replicas')}`],
    ['Up-to-date', count('status.updatedReplicas')],
    ['Available', count('status.availableReplicas')],
    AGE,
  ],
  daemonsets: [
    NAME,
    ['Desired', 'status.desiredNumberScheduled'],
    ['Current', 'status.currentNumberScheduled'],
    ['Ready', 'status.numberReady'],
    ['Up-to-date', 'status.updatedNumberScheduled'],
    ['Available', 'status.numberAvailable'],
    AGE,
  ],
  replicasets: [
    NAME,
    ['Desired', count('spec.replicas')],
    ['Current', count('status.replicas')],
    ['Ready', count('status.readyReplicas')],
    AGE,
  ],
  events: [
    ['Last Seen', (object, nowMs) => ageSince(textAt(object, 'lastTimestamp'), nowMs)],
    ['Type', 'type'],
    ['Reason', 'reason'],
    [
      'Object',
      (object) => `${textAt(object, 'involvedObject.kind').toLowerCase()}/${textAt(object, 'involvedObject.name')}`,
    ],
    ['Message', 'message'],
  ],
};

function readyContainers({ spec, status }: PodObject): string {
  const ready = (status.containerStatuses ?? []).filter((container) => container.ready).length;
  return `${ready}/${spec.containers.length}`;
}

function restarts(pod: PodObject, nowMs: number): string {
  const statuses = pod.status.containerStatuses ?? [];
  const sum = statuses.reduce((total, one) => total + one.restartCount, 0);
  const ends = statuses.flatMap((one) => one.lastState.terminated?.finishedAt ?? []).sort();
  return sum === 0 ? '0' : `${sum} (${ageSince(ends.at(-1), nowMs)} ago)`;
}

function servicePorts({ spec }: ServiceObject): string {
  const texts = (spec.ports ?? []).map(({ port, nodePort, protocol = 'TCP' }) =>
    nodePort === undefined ? `${port}/${protocol}` : `${port}:${nodePort}/${protocol}`,
  );
  return texts.join(',') || '<none>';
}

function labelTexts(labels: Record<string, string> | undefined): string {
  const texts = Object.entries(labels ?? {}).map(([key, value]) => `${key}=${value}`);
  return texts.join(',') || '<none>';
}
