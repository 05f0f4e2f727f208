import type { Timer } from '../../../server/runtime/clock.ts';
import type { KubeObject } from './objects.ts';
import { apiVersionOf, type Resource } from './resources.ts';
import type { Filter } from './selectors.ts';
import { type ApiError, expired, type Status, tooLargeVersion } from './status.ts';
import type { Change, Store } from './store.ts';

/** One line of a watch, before it is rendered. */
export type WatchEvent =
  | { type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK'; object: KubeObject }
  | { type: 'ERROR'; object: Status };

/** What a client wants to watch. */
export interface WatchRequest {
  resource: Resource;
  /** '' = all. */
  namespace: string;
  filter: Filter;
  /** The version after which changes are wanted; 0 = the present objects first, then changes. */
  fromVersion: number;
  bookmarks: boolean;
  /** `sendInitialEvents=true`: the present objects, then a bookmark that says they are complete, then changes. */
  initialEvents: boolean;
}

/**
 * What a change means to a watch: an object that begins to match is ADDED, one that stops to match is DELETED (with its
 * last matching state and the new version), as the real server does. Null if the watch does not see it.
 */
function seenBy(request: Pick<WatchRequest, 'resource' | 'namespace' | 'filter'>, change: Change): WatchEvent | null {
  if (change.resource !== request.resource) return null;
  if (request.namespace !== '' && change.object.metadata.namespace !== request.namespace) return null;
  const before = change.previous !== null && request.filter(change.previous);
  const after = change.type !== 'DELETED' && request.filter(change.object);
  if (after) return { type: before ? 'MODIFIED' : 'ADDED', object: change.object };
  if (!before || change.previous === null) return null;
  const metadata = { ...change.previous.metadata, resourceVersion: String(change.version) };
  return { type: 'DELETED', object: { ...change.previous, metadata } };
}

/**
 * Starts a watch: calls `send` for every event from now on, until `stop` is called. A version that is compacted away,
 * or not reached yet, gives one ERROR event (410 or 504), after which `ended` is called: real servers answer 200 first
 * too. Bookmarks come every `bookmarkMs`, if asked for.
 */
export function startWatch(
  store: Store,
  request: WatchRequest,
  sink: { send(event: WatchEvent): void; ended(): void },
  timing: { setTimer(fn: () => void, delayMs: number): Timer; bookmarkMs: number },
): { bookmark(): void; stop(): void } {
  const bookmark = (annotations?: Record<string, string>) =>
    sink.send(bookmarkAt(request.resource, store.version, annotations));
  const error = sendPast(store, request, sink.send);
  if (error) {
    sink.send({ type: 'ERROR', object: error.status });
    sink.ended();
    return { bookmark: () => {}, stop: () => {} };
  }
  if (request.initialEvents && request.bookmarks) bookmark({ 'k8s.io/initial-events-end': 'true' });
  const unsubscribe = store.subscribe((change) => {
    const event = seenBy(request, change);
    if (event) sink.send(event);
  });
  let timer: Timer | undefined;
  const tick = () => {
    bookmark();
    timer = timing.setTimer(tick, timing.bookmarkMs);
  };
  if (request.bookmarks) timer = timing.setTimer(tick, timing.bookmarkMs);
  return {
    bookmark: () => request.bookmarks && bookmark(),
    stop: () => {
      unsubscribe();
      timer?.cancel();
    },
  };
}

/** Sends what the client has missed; gives the error if that is not known any more. */
function sendPast(store: Store, request: WatchRequest, send: (event: WatchEvent) => void): ApiError | null {
  const { fromVersion, resource, namespace, filter } = request;
  if (fromVersion > store.version) return tooLargeVersion(fromVersion, store.version);
  if (fromVersion === 0 || request.initialEvents) {
    for (const object of store.list(resource, namespace).filter(filter)) send({ type: 'ADDED', object });
    return null;
  }
  const changes = store.changesAfter(fromVersion);
  if (changes === null) return expired(`too old resource version: ${fromVersion} (${store.version})`);
  for (const change of changes) {
    const event = seenBy(request, change);
    if (event) send(event);
  }
  return null;
}

function bookmarkAt(resource: Resource, version: number, annotations?: Record<string, string>): WatchEvent {
  const metadata = {
    resourceVersion: String(version),
    creationTimestamp: null,
    ...(annotations ? { annotations } : {}),
  };
  const object = { kind: resource.kind, apiVersion: apiVersionOf(resource), metadata };
  return { type: 'BOOKMARK', object: object as unknown as KubeObject };
}
