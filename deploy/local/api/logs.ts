import type { ServerResponse } from 'node:http';
import type { PodObject } from './objects.ts';
import { countFrom, isTrue, type ObjectRequest } from './request.ts';
import { badRequest } from './status.ts';

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
const MAX_UNREAD_BYTES = 1024 * 1024;

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
      if (response.writableLength > MAX_UNREAD_BYTES) response.destroy();
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
