import type { Clock, Timer } from '../../../server/runtime/clock.ts';
import type { Filter } from './list.ts';
import type { KubeObject } from './objects.ts';
import { apiVersionOf, type Resource } from './resources.ts';
import { expired, type Status } from './status.ts';
import type { Change, Store } from './store.ts';

/** One line of a watch. */
export type WatchEvent =
  | { type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK'; object: KubeObject }
  | { type: 'ERROR'; object: Status };

/** What a client wants to see. */
export interface WatchRequest {
  resource: Resource;
  /** '' = all. */
  namespace: string;
  filter: Filter;
  /** The watch shows the changes after this version; 0 = first the present objects, then the changes from now on. */
  fromVersion: number;
  bookmarks: boolean;
  /**
   * `sendInitialEvents=true`: however old `fromVersion` is, first the present objects, then a bookmark that says that they are
   * complete (if `bookmarks`), then the changes from now on.
   */
  initialEvents: boolean;
}

/**
 * Starts a watch. Calls `send` for every event until `stop` is called. If the store does not keep all changes after
 * `fromVersion` any more, the watch sends one ERROR event (410) and calls `end`; real servers do that after a 200, too. It also ends
 * after `timeoutMs`. If the client asked for bookmarks, they come every `bookmarkMs` and at the end. Returns `stop`.
 */
export function startWatch(
  store: Store,
  request: WatchRequest,
  sink: { send(event: WatchEvent): void; end(): void },
  { clock, bookmarkMs, timeoutMs }: { clock: Clock; bookmarkMs: number; timeoutMs: number },
): () => void {
  const { resource, namespace, filter, fromVersion, bookmarks, initialEvents } = request;
  const sendBookmark = (annotations?: Record<string, string>) =>
    sink.send(bookmarkAt(resource, store.version, annotations));
  const sendChange = (change: Change) => {
    const event = eventOf(request, change);
    if (event) sink.send(event);
  };
  if (fromVersion === 0 || initialEvents) {
    for (const object of store.list(resource, namespace).filter(filter)) sink.send({ type: 'ADDED', object });
    if (initialEvents && bookmarks) sendBookmark({ 'k8s.io/initial-events-end': 'true' });
  } else {
    const missed = store.changesAfter(fromVersion);
    if (missed === null) {
      const { status } = expired(`too old resource version: ${fromVersion} (${store.version})`);
      sink.send({ type: 'ERROR', object: status });
      sink.end();
      return () => {};
    }
    missed.forEach(sendChange);
  }
  const unsubscribe = store.subscribe(sendChange);
  let bookmarkTimer: Timer | undefined;
  const scheduleBookmark = () => {
    bookmarkTimer = clock.setTimer(() => {
      sendBookmark();
      scheduleBookmark();
    }, bookmarkMs);
  };
  if (bookmarks) scheduleBookmark();
  const stop = () => {
    unsubscribe();
    bookmarkTimer?.cancel();
    endTimer.cancel();
  };
  const endTimer = clock.setTimer(() => {
    stop();
    if (bookmarks) sendBookmark();
    sink.end();
  }, timeoutMs);
  return stop;
}

/**
 * Converts a change into the event that a watch sends; null if the watch does not see it. As with the real server, an
 * object that begins to match is ADDED, and one that stops matching is DELETED, with its last matching state and the
 * new version.
 */
function eventOf({ resource, namespace, filter }: WatchRequest, change: Change): WatchEvent | null {
  if (change.resource !== resource) return null;
  if (namespace !== '' && change.object.metadata.namespace !== namespace) return null;
  const matchedBefore = change.previous !== null && filter(change.previous);
  const matchesNow = change.type !== 'DELETED' && filter(change.object);
  if (matchesNow) return { type: matchedBefore ? 'MODIFIED' : 'ADDED', object: change.object };
  if (!matchedBefore || change.previous === null) return null;
  const metadata = { ...change.previous.metadata, resourceVersion: String(change.version) };
  return { type: 'DELETED', object: { ...change.previous, metadata } };
}

/** A bookmark: it has no object, only the version up to which the client has seen all changes. */
function bookmarkAt(resource: Resource, version: number, annotations?: Record<string, string>): WatchEvent {
  const metadata = { resourceVersion: String(version), creationTimestamp: null, ...(annotations && { annotations }) };
  const object = { kind: resource.kind, apiVersion: apiVersionOf(resource), metadata };
  return { type: 'BOOKMARK', object: object as unknown as KubeObject };
}
