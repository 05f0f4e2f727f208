import type { ServerResponse } from 'node:http';
import type { Request, Response } from 'express';
import type { Clock } from '../../../server/runtime/clock.ts';
import { filterOf, listObjects } from './list.ts';
import type { KubeObject, PodObject } from './objects.ts';
import { countFrom, isTrue, type ObjectRequest } from './request.ts';
import { PODS } from './resources.ts';
import { badRequest, type Status, success } from './status.ts';
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

/** What the object API works on. */
export interface ObjectApiOptions {
  store: Store;
  logs: LogSource;
  clock: Clock;
  /** Returns [0, 1). */
  random: () => number;
  /** How often a watch that asked for bookmarks gets one. */
  bookmarkMs: number;
}

/** A real server ends watches after 30 to 60 minutes. */
const MAX_WATCH_MS = 30 * 60_000;
/** A watch whose client stops reading is cut off at this size. */
const MAX_UNREAD_BYTES = 8 * 1024 * 1024;

/** Answers one authorised request, whose body express has parsed. Throws ApiError before anything has been written. */
export function serveObjects(
  options: ObjectApiOptions,
  target: ObjectRequest,
  request: Request,
  response: Response,
): void {
  const { store, random, clock } = options;
  const { verb, resource, name, query } = target;
  const body: unknown = request.body;
  const contentType = request.headers['content-type'] ?? '';
  const table = requestedTable(request.headers.accept ?? '', query.get('includeObject'));
  const send = (code: number, object: KubeObject | Status) => {
    const isTable = table !== null && object.kind !== 'Status';
    sendJson(response, code, isTable ? oneRow(options, target, object as KubeObject, table) : object);
  };
  if (target.subresource !== '') serveSubresource(options, target, body, contentType, response);
  else if (verb === 'get') send(200, storedObject(store, target));
  else if (verb === 'list') sendList(options, target, table, response);
  else if (verb === 'watch') serveWatch(options, target, table, response);
  else if (verb === 'create') send(201, createObject(store, target, body, random));
  else if (verb === 'update') send(200, replaceObject(store, target, body));
  else if (verb === 'patch') send(200, patchObject(store, target, body, contentType));
  else if (verb === 'delete') {
    const last = deleteObject(store, resource, storedObject(store, target), clock.nowMs(), deleteOptions(body, query));
    // The answer repeats only pods, because they may run on for a while.
    send(200, resource === PODS ? last : success(resource, name, last.metadata.uid));
  } else {
    const list = listObjects(store, target);
    for (const item of list.items) deleteObject(store, resource, item, clock.nowMs(), deleteOptions(body, query));
    sendJson(response, 200, list);
  }
}

function serveSubresource(
  { store, logs, clock }: ObjectApiOptions,
  target: ObjectRequest,
  body: unknown,
  contentType: string,
  response: Response,
): void {
  const object = storedObject(store, target);
  if (target.subresource === 'log') {
    serveLog(response, target, object as PodObject, logs, clock.nowMs());
  } else if (target.subresource === 'eviction') {
    const options = deleteOptions((body as { deleteOptions?: unknown } | undefined)?.deleteOptions, target.query);
    const pod = deleteObject(store, PODS, object, clock.nowMs(), options);
    sendJson(response, 201, success(PODS, target.name, pod.metadata.uid));
  } else {
    sendJson(response, 200, target.verb === 'get' ? scaleOf(object) : setScale(store, target, body, contentType));
  }
}

function sendList(
  { store, clock }: ObjectApiOptions,
  target: ObjectRequest,
  table: TableInclude | null,
  response: Response,
): void {
  const list = listObjects(store, target);
  if (table !== null) {
    const { items, metadata } = list;
    sendJson(response, 200, tableOf(target.resource, items, table, { metadata, nowMs: clock.nowMs() }));
    return;
  }
  // The items of a list do not repeat its kind.
  const items = list.items.map(({ kind: _, apiVersion: __, ...rest }) => rest);
  sendJson(response, 200, { ...list, items });
}

function serveWatch(
  options: ObjectApiOptions,
  target: ObjectRequest,
  table: TableInclude | null,
  response: Response,
): void {
  const { store, clock, bookmarkMs } = options;
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
    if (response.writableEnded) return; // The watch stops only when the connection is closed.
    const isTable = table !== null && event.type !== 'ERROR' && event.type !== 'BOOKMARK';
    const object = isTable ? oneRow(options, target, event.object, table, isFirst) : event.object;
    response.write(`${JSON.stringify({ type: event.type, object })}\n`);
    isFirst = false;
    if (response.writableLength > MAX_UNREAD_BYTES) response.destroy();
  };
  response.writeHead(200, { 'content-type': 'application/json' });
  response.flushHeaders();
  const running = startWatch(store, watch, { send, end: () => response.end() }, { clock, bookmarkMs });
  const timer = clock.setTimer(() => {
    running.bookmark();
    response.end();
  }, timeoutMs);
  response.on('close', () => {
    timer.cancel();
    running.stop();
  });
}

/** Renders one object as a table. Only the first table of a watch names the columns. */
function oneRow(
  { clock }: ObjectApiOptions,
  { resource }: ObjectRequest,
  object: KubeObject,
  include: TableInclude,
  withColumns = true,
) {
  const { resourceVersion } = object.metadata;
  return tableOf(resource, [object], include, { metadata: { resourceVersion }, nowMs: clock.nowMs(), withColumns });
}

/** Sends a JSON answer with exactly the content type of a real API server. */
export function sendJson(response: Response, code: number, body: object): void {
  const text = JSON.stringify(body);
  response.writeHead(code, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(text) }).end(text);
}

/** One line of a container's output. */
export interface LogLine {
  /** When it was read, ms since the epoch. */
  atMs: number;
  text: string;
}

/** The bounded log of one container, as the API serves it. */
export interface ContainerLog {
  /** Returns the newest lines of the running process, or with `previous` those of the process before it. */
  lines(previous: boolean): readonly LogLine[];
  /** Calls `listener` for every new line, and `ended` after the last one. Returns a function that stops it. */
  follow(listener: (line: LogLine) => void, ended: () => void): () => void;
}

/** Finds logs for the API; the kubelet implements it. */
export interface LogSource {
  /** Finds the log of a pod's container; undefined if it has none (yet). */
  logOf(podUid: string, container: string): ContainerLog | undefined;
}

/** A client that stops reading is cut off at this size. */
const LOGS_MAX_UNREAD_BYTES = 1024 * 1024;

/**
 * Answers GET .../pods/NAME/log as plain text: `container`, `tailLines`, `sinceSeconds`, `timestamps`, `previous`,
 * `limitBytes` and `follow` as in the real API. Throws ApiError 400 before anything has been written.
 */
export function serveLog(
  response: ServerResponse,
  request: ObjectRequest,
  pod: PodObject,
  logs: LogSource,
  nowMs: number,
): void {
  const { query } = request;
  const log = logs.logOf(pod.metadata.uid, containerOf(pod, query.get('container')));
  const tail = countFrom(query, 'tailLines');
  const sinceSeconds = countFrom(query, 'sinceSeconds');
  const limitBytes = countFrom(query, 'limitBytes') ?? Number.POSITIVE_INFINITY;
  const withTimes = isTrue(query.get('timestamps'));
  const render = (line: LogLine) => `${withTimes ? `${new Date(line.atMs).toISOString()} ` : ''}${line.text}\n`;
  const recent = (log?.lines(isTrue(query.get('previous'))) ?? []).filter(
    (line) => sinceSeconds === undefined || line.atMs >= nowMs - sinceSeconds * 1000,
  );
  const shown = tail === undefined ? recent : recent.slice(Math.max(0, recent.length - tail));
  response.writeHead(200, { 'content-type': 'text/plain; charset=utf-8' });
  const text = shown.map(render).join('');
  if (!isTrue(query.get('follow')) || !log || text.length >= limitBytes) {
    response.end(Buffer.from(text).subarray(0, Math.min(limitBytes, 2 ** 31)));
    return;
  }
  response.flushHeaders(); // The next line may be far away.
  response.write(text);
  const stop = log.follow(
    (line) => {
      response.write(render(line));
      if (response.writableLength > LOGS_MAX_UNREAD_BYTES) response.destroy();
    },
    () => response.end(),
  );
  response.on('close', stop);
}

function containerOf(pod: PodObject, requested: string | null): string {
  const names = pod.spec.containers.map((container) => container.name);
  if (requested !== null && requested !== '') {
    if (names.includes(requested)) return requested;
    throw badRequest(`container ${requested.slice(0, 100)} is not valid for pod ${pod.metadata.name}`);
  }
  const [only, ...more] = names;
  if (only !== undefined && more.length === 0) return only;
  throw badRequest(
    `a container name must be specified for pod ${pod.metadata.name}, choose one of: [${names.join(' ')}]`,
  );
}
