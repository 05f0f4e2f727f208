import { type Draft, type KubeObject, kubeTime, sameJson } from './objects.ts';
import { apiVersionOf, PODS, type Resource } from './resources.ts';
import { alreadyExists, conflict, notFound } from './status.ts';

/** One change of the store. `object` is the state after it; for DELETED the last state, with the new version. */
export interface Change {
  type: 'ADDED' | 'MODIFIED' | 'DELETED';
  resource: Resource;
  object: KubeObject;
  /** The state before it; null for ADDED. */
  previous: KubeObject | null;
  /** The store's version that this change made. */
  version: number;
}

interface StoreOptions {
  /** Ms since the epoch. */
  nowMs: () => number;
  /** Returns [0, 1). */
  random: () => number;
  newUid: () => string;
  /** How many changes are kept for watches. Older ones are compacted away. */
  keepChanges: number;
}

/**
 * All objects of the local cluster and their recent changes. Every write raises the store's version, like etcd's revision.
 * Stored objects are never changed in place, so an object that a caller holds does not change.
 */
export class Store {
  readonly nowMs: () => number;
  readonly random: () => number;
  readonly #newUid: () => string;
  readonly #keepChanges: number;
  readonly #objects = new Map<string, { resource: Resource; object: KubeObject }>();
  readonly #listeners = new Set<(change: Change) => void>();
  readonly #undelivered: Change[] = [];
  readonly #changes: Change[] = [];
  #delivering = false;
  /** Any number above 0, because version 0 of a request means "whatever is there now". */
  #version = 100;

  constructor({ nowMs, random, newUid, keepChanges }: StoreOptions) {
    this.nowMs = nowMs;
    this.random = random;
    this.#newUid = newUid;
    this.#keepChanges = keepChanges;
  }

  /** The version of the newest change. */
  get version(): number {
    return this.#version;
  }

  /** Finds an object; undefined if there is none. `namespace` is '' for cluster-wide kinds. */
  get(resource: Resource, namespace: string, name: string): KubeObject | undefined {
    return this.#objects.get(keyOf(resource, namespace, name))?.object;
  }

  /** Lists the objects of a kind in a namespace ('' = all), ordered by namespace and name. */
  list(resource: Resource, namespace = ''): KubeObject[] {
    return [...this.#objects.values()]
      .filter((entry) => entry.resource === resource)
      .map((entry) => entry.object)
      .filter((object) => namespace === '' || object.metadata.namespace === namespace)
      .sort((a, b) => (sortKey(a) < sortKey(b) ? -1 : 1));
  }

  /** Returns the changes after `version`, oldest first; null if some of them have been compacted away. There are none after the newest. */
  changesAfter(version: number): Change[] | null {
    const missed = this.#version - version;
    return missed > this.#changes.length ? null : this.#changes.slice(this.#changes.length - missed);
  }

  /**
   * Adds an object, and sets its uid, version and creation time. A dry run changes nothing and returns what would be added. Throws
   * ApiError 409 if the name is taken.
   */
  create(resource: Resource, draft: Draft, isDryRun = false): KubeObject {
    const { name, namespace = '' } = draft.metadata;
    if (this.get(resource, namespace, name)) throw alreadyExists(resource, name);
    const metadata = {
      ...draft.metadata,
      name,
      uid: this.#newUid(),
      creationTimestamp: kubeTime(this.nowMs()),
      resourceVersion: '',
      ...('spec' in draft ? { generation: 1 } : {}),
    };
    const { kind } = resource;
    const object = { ...draft, apiVersion: apiVersionOf(resource), kind, metadata };
    return isDryRun ? object : this.#commit('ADDED', resource, object, null);
  }

  /**
   * Replaces an object; an equal object changes nothing, nor does a dry run. Throws ApiError 404 if the object is gone, and 409 if
   * `object` has an older version than the stored one ('' = any).
   */
  update(resource: Resource, object: KubeObject, isDryRun = false): KubeObject {
    const { name, namespace = '', resourceVersion } = object.metadata;
    const previous = this.get(resource, namespace, name);
    if (!previous) throw notFound(resource, name);
    const { uid, creationTimestamp, generation = 1, resourceVersion: version } = previous.metadata;
    if (resourceVersion !== '' && resourceVersion !== version) {
      const advice = 'please apply your changes to the latest version and try again';
      throw conflict(resource, name, `the object has been modified; ${advice}`);
    }
    const metadata = { ...object.metadata, uid, creationTimestamp, resourceVersion: version };
    if ('spec' in object) {
      const isMarked = metadata.deletionTimestamp !== undefined && previous.metadata.deletionTimestamp === undefined;
      // The only change of a pod's spec is its node, which does not count.
      const isChanged = resource !== PODS && !sameJson(object['spec'], previous['spec']);
      metadata.generation = generation + (isMarked || isChanged ? 1 : 0);
    }
    const next = { ...object, metadata };
    if (sameJson(next, previous)) return previous;
    if (isDryRun) return next;
    return this.#commit('MODIFIED', resource, next, previous);
  }

  /** Removes an object and returns its last state. Throws ApiError 404. */
  remove(resource: Resource, namespace: string, name: string): KubeObject {
    const previous = this.get(resource, namespace, name);
    if (!previous) throw notFound(resource, name);
    return this.#commit('DELETED', resource, previous, previous);
  }

  /**
   * Calls `listener` after every change until the returned function is called. Every listener sees the changes in their
   * order, even if a listener itself writes.
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
    if (this.#changes.length > this.#keepChanges) this.#changes.shift();
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

function keyOf(resource: Resource, namespace: string, name: string): string {
  return `${resource.group}/${resource.plural}/${namespace}/${name}`;
}

/** The key by which lists are ordered, and at which continue tokens point. */
export function sortKey(object: KubeObject): string {
  return `${object.metadata.namespace ?? ''}\u0000${object.metadata.name}`;
}
