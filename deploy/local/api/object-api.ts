import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Clock } from '../../../server/runtime/clock.ts';
import { deleteObject, deleteOptions } from './deletion.ts';
import { type LogSource, serveLog } from './logs.ts';
import type { KubeObject, NewObject, PodObject, Workload } from './objects.ts';
import { patched } from './patch.ts';
import { countFrom, isTrue, jsonBody, type ObjectRequest } from './request.ts';
import { apiVersionOf, NAMESPACES, PODS, type Resource, SERVICES } from './resources.ts';
import { sameJson } from './sameness.ts';
import { type Filter, fieldFilter, labelFilter } from './selectors.ts';
import { badRequest, expired, failure, invalid, notFound, type Status, success, tooLargeVersion } from './status.ts';
import { type Store, sortKey } from './store.ts';
import { type Rendering, renderingOf, tableOf } from './table.ts';
import { validated, validatedUpdate } from './validate.ts';
import { startWatch, type WatchEvent } from './watch.ts';

/** What the object API works on. */
interface ObjectApiOptions {
  store: Store;
  logs: LogSource;
  clock: Clock;
  random: () => number;
  bookmarkMs: number;
}

/** A real server ends watches after 30 to 60 minutes by itself. */
const WATCH_MS = 30 * 60_000;
/** A watcher that stops reading is cut off before its unread events weigh on us. */
const MAX_UNREAD_BYTES = 8 * 1024 * 1024;

/** Carries out requests for objects once they are authorised. */
export class ObjectApi {
  readonly #options: ObjectApiOptions;

  constructor(options: ObjectApiOptions) {
    this.#options = options;
  }

  /** Answers one request. Throws (rejects with) ApiError, before anything has been written. */
  async serve(wanted: ObjectRequest, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { store, random } = this.#options;
    const rendering = renderingOf(request.headers.accept ?? '', wanted.query.get('includeObject'));
    const contentType = request.headers['content-type'] ?? '';
    const body = request.method === 'GET' ? undefined : await jsonBody(request);
    if (wanted.subresource !== '') {
      this.#serveSubresource(wanted, body, contentType, response);
      return;
    }
    const send = (code: number, object: KubeObject | Status) => this.#send(response, code, wanted, rendering, object);
    if (wanted.verb === 'get') send(200, existing(store, wanted));
    else if (wanted.verb === 'list') this.#sendList(response, wanted, rendering);
    else if (wanted.verb === 'watch') this.#serveWatch(response, wanted, rendering);
    else if (wanted.verb === 'create') send(201, createObject(store, wanted, body, random));
    else if (wanted.verb === 'update') send(200, replaceObject(store, wanted, body));
    else if (wanted.verb === 'patch') send(200, patchObject(store, wanted, body, contentType));
    else if (wanted.verb === 'delete') send(200, this.#delete(wanted, body));
    else this.#deleteAll(response, wanted, body);
  }

  #serveSubresource(wanted: ObjectRequest, body: unknown, contentType: string, response: ServerResponse): void {
    const { store, logs, clock } = this.#options;
    const object = existing(store, wanted);
    if (wanted.subresource === 'log') {
      serveLog(response, wanted, object as PodObject, logs, clock.nowMs());
    } else if (wanted.subresource === 'eviction') {
      const options = (body as { deleteOptions?: unknown } | undefined)?.deleteOptions;
      const pod = deleteObject(store, PODS, object, deleteOptions(options, wanted.query), clock.nowMs());
      sendText(response, 201, JSON.stringify(success(PODS, wanted.name, pod.metadata.uid)));
    } else {
      const scale = wanted.verb === 'get' ? scaleOf(object) : setScale(store, wanted, body, contentType);
      sendText(response, 200, JSON.stringify(scale));
    }
  }

  #deleteAll(response: ServerResponse, wanted: ObjectRequest, body: unknown): void {
    const { store, clock } = this.#options;
    const list = listObjects(store, wanted);
    const options = deleteOptions(body, wanted.query);
    for (const item of list.items) deleteObject(store, wanted.resource, item, options, clock.nowMs());
    sendText(response, 200, JSON.stringify(list));
  }

  #delete(wanted: ObjectRequest, body: unknown): KubeObject | Status {
    const { store, clock } = this.#options;
    const options = deleteOptions(body, wanted.query);
    const last = deleteObject(store, wanted.resource, existing(store, wanted), options, clock.nowMs());
    // Only pods answer with themselves (they may go on for a while); the others are gone.
    return wanted.resource === PODS ? last : success(wanted.resource, wanted.name, last.metadata.uid);
  }

  #send(
    response: ServerResponse,
    code: number,
    wanted: ObjectRequest,
    { table }: Rendering,
    object: KubeObject | Status,
  ) {
    if (table === null || object.kind === 'Status') {
      sendText(response, code, JSON.stringify(object));
      return;
    }
    const { resourceVersion } = (object as KubeObject).metadata;
    const more = { metadata: { resourceVersion }, nowMs: this.#options.clock.nowMs() };
    sendText(response, code, JSON.stringify(tableOf(wanted.resource, [object as KubeObject], table, more)));
  }

  #sendList(response: ServerResponse, wanted: ObjectRequest, { table }: Rendering): void {
    const list = listObjects(this.#options.store, wanted);
    if (table === null) {
      // The items of a list do not repeat its kind.
      const items = list.items.map(({ kind: _, apiVersion: __, ...rest }) => rest);
      sendText(response, 200, JSON.stringify({ ...list, items }));
      return;
    }
    const more = { metadata: list.metadata, nowMs: this.#options.clock.nowMs() };
    sendText(response, 200, JSON.stringify(tableOf(wanted.resource, list.items, table, more)));
  }

  #serveWatch(response: ServerResponse, wanted: ObjectRequest, rendering: Rendering): void {
    const { store, clock, bookmarkMs } = this.#options;
    const { query, resource, namespace } = wanted;
    const initialEvents = isTrue(query.get('sendInitialEvents'));
    const watch = {
      resource,
      namespace,
      filter: filterOf(wanted),
      fromVersion: countFrom(query, 'resourceVersion') ?? 0,
      bookmarks: isTrue(query.get('allowWatchBookmarks')),
      initialEvents,
    };
    const timeoutMs = Math.min((countFrom(query, 'timeoutSeconds') ?? 0) * 1000 || WATCH_MS, WATCH_MS);
    let first = true;
    const send = (event: WatchEvent) => {
      response.write(`${JSON.stringify(this.#rendered(event, wanted, rendering, first))}\n`);
      first = false;
      if (response.writableLength > MAX_UNREAD_BYTES) response.destroy();
    };
    response.writeHead(200, { 'content-type': 'application/json' });
    response.flushHeaders();
    const running = startWatch(
      store,
      watch,
      { send, ended: () => response.end() },
      { setTimer: (fn, delayMs) => clock.setTimer(fn, delayMs), bookmarkMs },
    );
    const timer = clock.setTimer(() => {
      running.bookmark();
      response.end();
    }, timeoutMs);
    response.on('close', () => {
      timer.cancel();
      running.stop();
    });
  }

  #rendered(event: WatchEvent, wanted: ObjectRequest, { table }: Rendering, first: boolean): object {
    if (table === null || event.type === 'ERROR' || event.type === 'BOOKMARK') return event;
    const { resourceVersion } = event.object.metadata;
    const more = { metadata: { resourceVersion }, nowMs: this.#options.clock.nowMs(), withColumns: first };
    return { type: event.type, object: tableOf(wanted.resource, [event.object], table, more) };
  }
}

function sendText(response: ServerResponse, code: number, text: string): void {
  response.writeHead(code, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }).end(text);
}

/** A list as it is sent; `metadata` is that of a meta/v1 ListMeta. */
interface ObjectList {
  kind: string;
  apiVersion: string;
  metadata: { resourceVersion: string; continue?: string; remainingItemCount?: number };
  items: KubeObject[];
}

/** The objects that a request's label and field selectors want. Throws ApiError 400. */
function filterOf(request: ObjectRequest): Filter {
  const labels = labelFilter(request.query.get('labelSelector') ?? '');
  const fields = fieldFilter(request.query.get('fieldSelector') ?? '', request.resource);
  const { name } = request;
  return (object) => labels(object) && fields(object) && (name === '' || object.metadata.name === name);
}

/**
 * Answers a list request: selectors, pages (`limit`, `continue`) and versions. All pages of a list show the same
 * version of the store. Throws ApiError 400, 410 once that version has been compacted away, 504 for a version yet to
 * come.
 */
export function listObjects(store: Store, request: ObjectRequest): ObjectList {
  const { resource, namespace, query } = request;
  const page = pageOf(store, query);
  const all = store.listAt(resource, namespace, page.version);
  if (all === null)
    throw expired(
      page.after === '' ? `The resourceVersion for the provided list is too old: ${page.version}` : TOKEN_TOO_OLD,
    );
  const filter = filterOf(request);
  const wanted = all.filter((object) => sortKey(object) > page.after && filter(object));
  const limit = countFrom(query, 'limit') ?? 0;
  const items = limit > 0 ? wanted.slice(0, limit) : wanted;
  const last = items.at(-1);
  const left = wanted.length - items.length;
  const filtered = Boolean(query.get('labelSelector') || query.get('fieldSelector'));
  return {
    kind: `${resource.kind}List`,
    apiVersion: apiVersionOf(resource),
    metadata: {
      resourceVersion: String(page.version),
      ...(left > 0 && last ? { continue: tokenOf({ version: page.version, after: sortKey(last) }) } : {}),
      // Real servers do not count what is left behind a selector.
      ...(left > 0 && !filtered ? { remainingItemCount: left } : {}),
    },
    items,
  };
}

const TOKEN_TOO_OLD =
  'The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter.';

interface Page {
  version: number;
  /** The sort key of the last object of the page before; '' = from the beginning. */
  after: string;
}

function pageOf(store: Store, query: URLSearchParams): Page {
  const token = query.get('continue');
  if (token) return readToken(token, store.version);
  const asked = countFrom(query, 'resourceVersion') ?? 0;
  if (asked > store.version) throw tooLargeVersion(asked, store.version);
  const exact = query.get('resourceVersionMatch') === 'Exact' && asked > 0;
  return { version: exact ? asked : store.version, after: '' };
}

function tokenOf(page: Page): string {
  return Buffer.from(JSON.stringify(page)).toString('base64url');
}

function readToken(token: string, current: number): Page {
  try {
    const page: unknown = JSON.parse(Buffer.from(token.slice(0, 4096), 'base64url').toString());
    const { version, after } = page as Page;
    if (Number.isInteger(version) && version <= current && typeof after === 'string' && after !== '')
      return { version, after };
  } catch {
    // Told below, with all other nonsense.
  }
  throw badRequest('continue key is not valid');
}

/** The letters that Kubernetes makes name endings from: no vowels, so that no words come out. */
const LETTERS = 'bcdfghjklmnpqrstvwxz2456789';

/** The ending of a generated name. `random` gives [0, 1). */
export function nameEnding(random: () => number, length = 5): string {
  return Array.from({ length }, () => LETTERS[Math.floor(random() * LETTERS.length)]).join('');
}

/** Creates the object that a body describes. Throws ApiError 400, 404 (namespace), 409, 422. */
function createObject(store: Store, request: ObjectRequest, body: unknown, random: () => number): KubeObject {
  const { resource, namespace } = request;
  const draft = validated(resource, body);
  const { generateName } = draft.metadata;
  const name = draft.metadata.name ?? (generateName === undefined ? undefined : generateName + nameEnding(random));
  if (name === undefined) {
    throw invalid(resource, '', [
      { field: 'metadata.name', message: 'Required value: name or generateName is required' },
    ]);
  }
  const inBody = draft.metadata.namespace ?? namespace;
  if (resource.namespaced && inBody !== namespace) {
    throw badRequest('the namespace of the provided object does not match the namespace sent on the request');
  }
  if (resource.namespaced && !store.get(NAMESPACES, '', namespace)) throw notFound(NAMESPACES, namespace);
  const { namespace: _, deletionTimestamp: __, deletionGracePeriodSeconds: ___, ...metadata } = draft.metadata;
  const complete = { ...draft, metadata: { ...metadata, name, ...(resource.namespaced ? { namespace } : {}) } };
  const ready = withDefaults(resource, complete);
  return isDryRun(request) ? preview(ready) : store.create(resource, ready);
}

/** Replaces the named object by the body. Throws ApiError 400, 404, 409, 422. */
function replaceObject(store: Store, request: ObjectRequest, body: unknown): KubeObject {
  const stored = existing(store, request);
  return put(store, request, stored, validatedUpdate(request.resource, body, stored));
}

/** Applies a patch to the named object. Throws ApiError 400, 404, 409, 415, 422. */
function patchObject(store: Store, request: ObjectRequest, body: unknown, contentType: string): KubeObject {
  const stored = existing(store, request);
  return put(store, request, stored, validatedUpdate(request.resource, patched(stored, body, contentType), stored));
}

/** The object that a request names. Throws ApiError 404. */
function existing(store: Store, { resource, namespace, name }: ObjectRequest): KubeObject {
  const object = store.get(resource, namespace, name);
  if (!object) throw notFound(resource, name);
  return object;
}

/** A workload's `scale` subresource (autoscaling/v1 Scale). */
function scaleOf(workload: KubeObject): KubeObject {
  const { name, namespace, uid, resourceVersion, creationTimestamp } = workload.metadata;
  const { spec, status } = workload as Workload;
  const labels = Object.entries(spec.selector.matchLabels ?? {}).map(([key, value]) => `${key}=${value}`);
  return {
    kind: 'Scale',
    apiVersion: 'autoscaling/v1',
    metadata: { name, uid, resourceVersion, creationTimestamp, ...(namespace === undefined ? {} : { namespace }) },
    spec: { replicas: spec.replicas },
    status: { replicas: status?.replicas ?? 0, selector: labels.join(',') },
  };
}

/** Sets a workload's replicas by its `scale` subresource: a Scale as body, or a patch of one. */
function setScale(store: Store, request: ObjectRequest, body: unknown, contentType: string): KubeObject {
  const stored = existing(store, request) as Workload;
  const scale = request.verb === 'patch' ? patched(scaleOf(stored), body, contentType) : body;
  const { spec, metadata } = (scale ?? {}) as {
    spec?: { replicas?: unknown };
    metadata?: { resourceVersion?: unknown };
  };
  const version = typeof metadata?.resourceVersion === 'string' ? metadata.resourceVersion : '';
  const next = { ...stored, spec: { ...stored.spec, replicas: spec?.replicas ?? 0 } };
  const checked = validatedUpdate(request.resource, next, stored);
  return scaleOf(
    put(store, request, stored, { ...checked, metadata: { ...checked.metadata, resourceVersion: version } }),
  );
}

function put(store: Store, request: ObjectRequest, stored: KubeObject, next: KubeObject): KubeObject {
  const { resource } = request;
  if (resource === PODS && !sameJson(next['spec'], stored['spec'])) {
    const message = 'Forbidden: pod updates may not change fields other than metadata in this cluster';
    throw failure(422, 'Invalid', `Pod "${stored.metadata.name}" is invalid: spec: ${message}`);
  }
  // What an object is at the moment is for the controllers to say, not for its writer.
  const status = 'status' in stored ? { status: stored['status'] } : {};
  const { deletionTimestamp, deletionGracePeriodSeconds } = stored.metadata;
  const deletion = deletionTimestamp === undefined ? {} : { deletionTimestamp, deletionGracePeriodSeconds };
  const whole = { ...next, ...status, metadata: { ...next.metadata, ...deletion } } as KubeObject;
  return isDryRun(request) ? whole : store.update(resource, whole);
}

function withDefaults<T extends NewObject>(resource: Resource, draft: T): T {
  const spec = draft['spec'] as Record<string, unknown> | undefined;
  if (resource === PODS) return pendingPod(draft);
  if (resource === SERVICES) return { ...draft, spec: { type: 'ClusterIP', ...spec }, status: { loadBalancer: {} } };
  if (resource === NAMESPACES) return { ...draft, status: { phase: 'Active' } };
  return draft;
}

/** A new pod with the defaults of its spec, as it waits for a node. */
export function pendingPod<T extends NewObject>(draft: T): T & Pick<PodObject, 'status'> {
  const given = draft['spec'] as { serviceAccount?: unknown } | undefined;
  // `serviceAccount` is the old name, which the chapter uses.
  const serviceAccountName = typeof given?.serviceAccount === 'string' ? given.serviceAccount : 'default';
  const defaults = { restartPolicy: 'Always', terminationGracePeriodSeconds: 30, serviceAccountName };
  const spec = { ...defaults, ...given };
  return { ...draft, spec, status: { phase: 'Pending', qosClass: 'BestEffort' } };
}

function isDryRun({ query }: ObjectRequest): boolean {
  return query.get('dryRun') === 'All';
}

function preview(draft: NewObject & { metadata: { name: string } }): KubeObject {
  return { ...draft, metadata: { uid: '', resourceVersion: '', creationTimestamp: '', ...draft.metadata } };
}
