import type { Request, Response } from 'express';
import type { Clock } from '../../../server/runtime/clock.ts';
import type { ContainerLog, LogLine } from '../kubelet/container-log.ts';
import { filterOf, listObjects } from './list.ts';
import type { KubeObject, PodObject } from './objects.ts';
import { countFrom, isTrue, type ObjectRequest } from './request.ts';
import { PODS } from './resources.ts';
import { badRequest, success } from './status.ts';
import type { Store } from './store.ts';
import { requestedTable, type TableInclude, tableOf } from './table.ts';
import { startWatch, type WatchEvent } from './watch.ts';
import {
  createObject,
  deleteObject,
  deleteOptions,
  patchObject,
  replaceObject,
  scaleOf,
  setScale,
  storedObject,
} from './write.ts';

/** What answers are made from. */
export interface ObjectApiOptions {
  store: Store;
  /** Finds the log of a pod's container; undefined if it has none (yet). */
  logOf(podUid: string, container: string): ContainerLog | undefined;
  clock: Clock;
  /** How often a watch that asked for bookmarks gets one. */
  bookmarkMs: number;
}

/** One authorised request, what it works on, and where its answer goes. */
interface Exchange extends ObjectApiOptions {
  target: ObjectRequest;
  /** As express has parsed it. */
  body: unknown;
  contentType: string;
  /** null: the client does not ask for a table. */
  table: TableInclude | null;
  response: Response;
}

/** A real server ends watches after 30 to 60 minutes. */
const MAX_WATCH_MS = 30 * 60_000;
/** A client that stops reading a watch or a log is cut off when this much waits for it. */
const MAX_UNREAD_BYTES = 8 * 1024 * 1024;

/** Answers one authorised request, whose body express has parsed. Throws ApiError before anything has been written. */
export function serveObjects(
  options: ObjectApiOptions,
  target: ObjectRequest,
  { body, headers }: Request,
  response: Response,
): void {
  const { store } = options;
  const { verb, resource, name, query } = target;
  const contentType = headers['content-type'] ?? '';
  const table = requestedTable(headers.accept ?? '', query.get('includeObject'));
  const exchange = { ...options, target, body, contentType, table, response };
  const send = (code: number, object: KubeObject) => {
    sendJson(response, code, table === null ? object : oneRow(exchange, object, table));
  };
  if (target.subresource !== '') serveSubresource(exchange);
  else if (verb === 'get') send(200, storedObject(store, target));
  else if (verb === 'list') sendList(exchange);
  else if (verb === 'watch') serveWatch(exchange);
  else if (verb === 'create') send(201, createObject(store, target, body));
  else if (verb === 'update') send(200, replaceObject(store, target, body));
  else if (verb === 'patch') send(200, patchObject(store, target, body, contentType));
  else {
    const last = deleteObject(store, resource, storedObject(store, target), deleteOptions(body, query));
    // The answer repeats only pods, because they may run on for a while.
    if (resource === PODS) send(200, last);
    else sendJson(response, 200, success(resource, name, last.metadata.uid));
  }
}

function serveSubresource(exchange: Exchange): void {
  const { store, target, body, contentType, response } = exchange;
  const object = storedObject(store, target);
  if (target.subresource === 'log') {
    serveLog(exchange, object as PodObject);
  } else if (target.subresource === 'eviction') {
    const options = deleteOptions((body as { deleteOptions?: unknown } | undefined)?.deleteOptions, target.query);
    const pod = deleteObject(store, PODS, object, options);
    sendJson(response, 201, success(PODS, target.name, pod.metadata.uid));
  } else {
    sendJson(response, 200, target.verb === 'get' ? scaleOf(object) : setScale(store, target, body, contentType));
  }
}

function sendList({ store, target, table, response }: Exchange): void {
  const list = listObjects(store, target);
  if (table !== null) {
    const { items, metadata } = list;
    sendJson(response, 200, tableOf(target.resource, items, table, { metadata, nowMs: store.nowMs() }));
    return;
  }
  // The items of a list do not repeat its kind.
  const items = list.items.map(({ kind: _, apiVersion: __, ...rest }) => rest);
  sendJson(response, 200, { ...list, items });
}

function serveWatch(exchange: Exchange): void {
  const { store, clock, bookmarkMs, target, table, response } = exchange;
  const { query, resource, namespace } = target;
  const watch = {
    resource,
    namespace,
    filter: filterOf(target),
    fromVersion: countFrom(query, 'resourceVersion') ?? 0,
    bookmarks: isTrue(query.get('allowWatchBookmarks')),
    initialEvents: isTrue(query.get('sendInitialEvents')),
  };
  const timeoutMs = Math.min((countFrom(query, 'timeoutSeconds') ?? 0) * 1000 || MAX_WATCH_MS, MAX_WATCH_MS);
  let isFirst = true;
  const send = (event: WatchEvent) => {
    const isTable = table !== null && event.type !== 'ERROR' && event.type !== 'BOOKMARK';
    const object = isTable ? oneRow(exchange, event.object, table, isFirst) : event.object;
    writeBounded(response, `${JSON.stringify({ type: event.type, object })}\n`);
    isFirst = false;
  };
  response.writeHead(200, { 'content-type': 'application/json' });
  response.flushHeaders();
  const stop = startWatch(store, watch, { send, end: () => response.end() }, { clock, bookmarkMs, timeoutMs });
  response.on('close', stop);
}

/** Renders one object as a table. Only the first table of a watch names the columns. */
function oneRow({ store, target }: Exchange, object: KubeObject, include: TableInclude, withColumns = true) {
  const { resourceVersion } = object.metadata;
  const more = { metadata: { resourceVersion }, nowMs: store.nowMs(), withColumns };
  return tableOf(target.resource, [object], include, more);
}

/** Sends a JSON answer with exactly the content type of a real API server. */
export function sendJson(response: Response, code: number, body: object): void {
  const text = JSON.stringify(body);
  response.writeHead(code, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }).end(text);
}

/** Writes to an answer that goes on, and cuts off a client that does not read. */
function writeBounded(response: Response, text: string): void {
  response.write(text);
  if (response.writableLength > MAX_UNREAD_BYTES) response.destroy();
}

/**
 * Answers GET .../pods/NAME/log as plain text: `container`, `tailLines`, `sinceSeconds`, `timestamps`, `previous` and `follow` as in
 * the real API, except that `follow` goes on when the container is restarted. Throws ApiError 400 before anything has been written.
 */
function serveLog({ store, logOf, target: { query }, response }: Exchange, pod: PodObject): void {
  const log = logOf(pod.metadata.uid, containerOf(pod, query.get('container') ?? ''));
  const tail = countFrom(query, 'tailLines');
  const sinceMs = store.nowMs() - (countFrom(query, 'sinceSeconds') ?? Number.POSITIVE_INFINITY) * 1000;
  const withTimes = isTrue(query.get('timestamps'));
  const render = (line: LogLine) => `${withTimes ? `${new Date(line.atMs).toISOString()} ` : ''}${line.text}\n`;
  const recent = (log?.lines(isTrue(query.get('previous'))) ?? []).filter(({ atMs }) => atMs >= sinceMs);
  const shown = tail === undefined ? recent : recent.slice(Math.max(0, recent.length - tail));
  response.writeHead(200, { 'content-type': 'text/plain; charset=utf-8' });
  response.flushHeaders(); // The first line may be far away.
  response.write(shown.map(render).join(''));
  if (!isTrue(query.get('follow')) || !log) {
    response.end();
    return;
  }
  const stop = log.follow(
    (line) => writeBounded(response, render(line)),
    () => response.end(),
  );
  response.on('close', stop);
}

/** The container that is asked for ('' = the only one). Throws ApiError 400. */
function containerOf(pod: PodObject, requested: string): string {
  const names = pod.spec.containers.map(({ name }) => name);
  const { name } = pod.metadata;
  if (requested !== '' && !names.includes(requested)) {
    throw badRequest(`container ${requested.slice(0, 100)} is not valid for pod ${name}`);
  }
  if (requested === '' && names.length > 1) {
    throw badRequest(`a container name must be specified for pod ${name}, choose one of: [${names.join(' ')}]`);
  }
  return requested || (names[0] ?? '');
}
