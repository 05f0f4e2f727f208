import type { KubeObject, NewObject } from './objects.ts';
import { kubeTime } from './objects.ts';
import type { Resource } from './resources.ts';
import { sameJson } from './sameness.ts';
import { alreadyExists, conflict, modifiedMeanwhile, notFound } from './status.ts';

/** One change of the store. `object` is the state after it (for DELETED: the last state, with the new version). */
export interface Change {
  type: 'ADDED' | 'MODIFIED' | 'DELETED';
  resource: Resource;
  object: KubeObject;
  /** The state before it; null for ADDED. */
  previous: KubeObject | null;
  /** The store's version that this change made. */
  version: number;
}

/** What a store is made with. */
interface StoreOptions {
  nowMs: () => number;
  newUid: () => string;
  /** How many changes are kept for watches and old lists; older versions are compacted away. */
  keepChanges: number;
}

/**
 * All objects of the local cluster and the recent changes, under one version that every write raises (as etcd's
 * revision does). Objects are never changed in place: what was handed out stays as it was.
 */
export class Store {
  readonly #options: StoreOptions;
  readonly #objects = new Map<string, { resource: Resource; object: KubeObject }>();
  readonly #listeners = new Set<(change: Change) => void>();
  readonly #undelivered: Change[] = [];
  #changes: Change[] = [];
  #delivering = false;
  #version = 100;
  #compacted = 100;

  constructor(options: StoreOptions) {
    this.#options = options;
  }

  /** The version of the newest change. */
  get version(): number {
    return this.#version;
  }

  /** The object, or undefined. `namespace` is '' for cluster-wide kinds. */
  get(resource: Resource, namespace: string, name: string): KubeObject | undefined {
    return this.#objects.get(keyOf(resource, namespace, name))?.object;
  }

  /** All objects of a kind in a namespace ('' = all), ordered by namespace and name. */
  list(resource: Resource, namespace = ''): KubeObject[] {
    return select(this.#objects, resource, namespace);
  }

  /**
   * As `list`, as it was at `version`; null if that has been compacted away. Later versions than ours are the present.
   */
  listAt(resource: Resource, namespace: string, version: number): KubeObject[] | null {
    if (version < this.#compacted) return null;
    const then = new Map(this.#objects);
    for (const change of this.#changes.toReversed()) {
      if (change.version <= version) break;
      const key = keyOf(change.resource, change.object.metadata.namespace ?? '', change.object.metadata.name);
      if (change.previous === null) then.delete(key);
      else then.set(key, { resource: change.resource, object: change.previous });
    }
    return select(then, resource, namespace);
  }

  /** The changes after `version`, oldest first; null if some of them have been compacted away. */
  changesAfter(version: number): Change[] | null {
    return version < this.#compacted ? null : this.#changes.filter((change) => change.version > version);
  }

  /** Adds an object; uid, version and creation time are filled in. Throws ApiError 409 if the name is taken. */
  create(resource: Resource, draft: NewObject & { metadata: { name: string } }): KubeObject {
    const { name, namespace = '' } = draft.metadata;
    if (this.get(resource, namespace, name)) throw alreadyExists(resource, name);
    const metadata = {
      ...draft.metadata,
      name,
      uid: this.#options.newUid(),
      creationTimestamp: kubeTime(this.#options.nowMs()),
      resourceVersion: '',
      ...('spec' in draft ? { generation: 1 } : {}),
    };
    return this.#commit('ADDED', resource, { ...draft, metadata }, null);
  }

  /**
   * Replaces an object. Throws ApiError 404 if it is gone, 409 if `object` carries another uid or an older version than
   * the stored one. An object that does not differ is no change.
   */
  update(resource: Resource, object: KubeObject): KubeObject {
    const { name, namespace = '', uid, resourceVersion } = object.metadata;
    const previous = this.get(resource, namespace, name);
    if (!previous) throw notFound(resource, name);
    if (uid !== '' && uid !== previous.metadata.uid)
      throw conflict(
        resource,
        name,
        `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${previous.metadata.uid}`,
      );
    if (resourceVersion !== '' && resourceVersion !== previous.metadata.resourceVersion)
      throw modifiedMeanwhile(resource, name);
    const { creationTimestamp, generation = 1 } = previous.metadata;
    const grown = sameJson(object['spec'], previous['spec']) ? generation : generation + 1;
    const metadata = {
      ...object.metadata,
      uid: previous.metadata.uid,
      creationTimestamp,
      resourceVersion: previous.metadata.resourceVersion,
      ...('spec' in object ? { generation: grown } : {}),
    };
    const next = { ...object, metadata };
    if (sameJson(next, previous)) return previous;
    return this.#commit('MODIFIED', resource, next, previous);
  }

  /** Removes an object and gives its last state. Throws ApiError 404. */
  remove(resource: Resource, namespace: string, name: string): KubeObject {
    const previous = this.get(resource, namespace, name);
    if (!previous) throw notFound(resource, name);
    return this.#commit('DELETED', resource, previous, previous);
  }

  /**
   * Calls `listener` after every change until the returned function is called. Every listener sees every change in
   * order, also when a listener itself writes.
   */
  subscribe(listener: (change: Change) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #commit(type: Change['type'], resource: Resource, object: KubeObject, previous: KubeObject | null): KubeObject {
    this.#version += 1;
    const metadata = { ...object.metadata, resourceVersion: String(this.#version) };
    const stored = structuredClone({ ...object, metadata });
    const key = keyOf(resource, metadata.namespace ?? '', metadata.name);
    if (type === 'DELETED') this.#objects.delete(key);
    else this.#objects.set(key, { resource, object: stored });
    const change = { type, resource, object: stored, previous, version: this.#version };
    this.#changes.push(change);
    if (this.#changes.length > this.#options.keepChanges * 2) {
      this.#changes = this.#changes.slice(-this.#options.keepChanges);
      this.#compacted = (this.#changes[0]?.version ?? this.#version + 1) - 1;
    }
    this.#deliver(change);
    return stored;
  }

  #deliver(change: Change): void {
    this.#undelivered.push(change);
    if (this.#delivering) return;
    this.#delivering = true;
    try {
      for (let next = this.#undelivered.shift(); next; next = this.#undelivered.shift()) {
        for (const listener of [...this.#listeners]) listener(next);
      }
    } finally {
      this.#delivering = false;
    }
  }
}

/** Sorts by namespace, then name: "/" is below every character that a name may have, save "-" and ".". */
function keyOf(resource: Resource, namespace: string, name: string): string {
  return `${resource.group}/${resource.plural}/${namespace}/${name}`;
}

function select(from: Map<string, { resource: Resource; object: KubeObject }>, resource: Resource, namespace: string) {
  const found: KubeObject[] = [];
  for (const entry of from.values()) {
    if (entry.resource !== resource) continue;
    if (namespace === '' || entry.object.metadata.namespace === namespace) found.push(entry.object);
  }
  return found.sort((a, b) => compare(sortKey(a), sortKey(b)));
}

/** What lists are ordered by and continue tokens point at. */
export function sortKey(object: KubeObject): string {
  return `${object.metadata.namespace ?? ''}\u0000${object.metadata.name}`;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
