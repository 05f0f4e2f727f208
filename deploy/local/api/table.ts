import { columnsOf } from './columns.ts';
import type { KubeObject } from './objects.ts';
import type { Resource } from './resources.ts';

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
