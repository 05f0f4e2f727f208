import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Clock } from '../../../server/contract/seams.ts';
import { jsonBody } from './body.ts';
import { deleteObject, deleteOptions } from './deletion.ts';
import type { LogSource } from './log-source.ts';
import { serveLog } from './logs.ts';
import type { KubeObject, PodObject } from './objects.ts';
import { filterOf, listObjects } from './reading.ts';
import { countFrom, isTrue, type ObjectRequest } from './request.ts';
import { PODS } from './resources.ts';
import { type Status, success } from './status.ts';
import type { Store } from './store.ts';
import { type Rendering, renderingOf, tableOf } from './table.ts';
import { startWatch, type WatchEvent } from './watch.ts';
import { createObject, existing, patchObject, replaceObject, scaleOf, setScale } from './writing.ts';

/** What the object API works on. */
export interface ObjectApiOptions {
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
