import type { IncomingMessage } from 'node:http';
import { addAbortSignal } from 'node:stream';
import type { Clock } from '../runtime/clock.ts';
import { withTimeout } from '../runtime/deadline.ts';
import type { ApiClient } from './api-client.ts';
import { ApiError, asApiError, faultOfStatus } from './api-error.ts';
import { expectOk, jsonOf, notJson } from './api-response.ts';

/** What to watch, and for how long. */
interface WatchCall {
  path: string;
  query: Record<string, string>;
  /** The watch reports changes after this version. */
  resourceVersion: string;
  /** When the server is asked to end the watch. */
  lifetimeMs: number;
  /** Up to the head of the answer. */
  openTimeoutMs: number;
  /** How long after its lifetime we end a watch that the server does not end. */
  slackMs: number;
}

/**
 * What a watch tells. `put`: an object was added or modified. `deleted`: an object was deleted; `object` is its last state.
 * `bookmark`: there is no news up to the version in `object`, so the server is alive.
 */
export type WatchEvent =
  | { type: 'opened'; durationMs: number }
  | { type: 'put' | 'deleted' | 'bookmark'; object: unknown }
  | WatchEnd;

/**
 * Why a watch has ended. `closed`: the server closed it, as agreed. `overdue`: the server did not. `broken`: the
 * connection is dead. `expired`: its version is too old (410, when it is opened or later in an event): only a new list helps.
 */
export interface WatchEnd {
  type: 'end';
  why: 'closed' | 'overdue' | 'broken' | 'expired';
  /** The version to go on from; '' if it has expired. */
  resourceVersion: string;
}

/**
 * Opens a watch and yields its events; the last one is a `WatchEnd`. The caller has logged in. Rejects with an `ApiError` if the
 * watch cannot be opened, if the server sends anything but watch events, or when `stop` aborts.
 */
export async function* watch(
  client: Pick<ApiClient, 'get'>,
  clock: Clock,
  call: WatchCall,
  stop: AbortSignal,
): AsyncGenerator<WatchEvent, void> {
  const query = {
    ...call.query,
    watch: '1',
    allowWatchBookmarks: 'true',
    resourceVersion: call.resourceVersion,
    timeoutSeconds: String(Math.max(1, Math.round(call.lifetimeMs / 1000))),
  };
  // Aborted when the watch is over, however it ended. The signal of `withTimeout` ends with the opening.
  const ended = new AbortController();
  const startMs = clock.monotonicMs();
  try {
    const response = await withTimeout(clock, call.openTimeoutMs, stop, 'opening the watch', async (signal) => {
      const head = await client.get(call.path, query, 'application/json', AbortSignal.any([signal, ended.signal]));
      await expectOk(head);
      return head;
    });
    yield { type: 'opened', durationMs: clock.monotonicMs() - startMs };
    yield* readEvents(response, clock, call, stop);
  } catch (error) {
    if (stop.aborted) throw asApiError(stop.reason);
    const failure = asApiError(error);
    if (failure.status !== 410) throw failure;
    yield { type: 'end', why: 'expired', resourceVersion: '' };
  } finally {
    ended.abort();
  }
}

/** The longest line of a watch, in characters. etcd holds at most 1.5 MB per object, which take a few times as much as JSON. */
const MAX_LINE = 16 * 1024 * 1024;

/** Yields the events of an open watch. Rejects as `watch` does. */
async function* readEvents(
  response: IncomingMessage,
  clock: Clock,
  call: WatchCall,
  stop: AbortSignal,
): AsyncGenerator<WatchEvent, void> {
  response.setEncoding('utf8');
  /** The beginning of a line that has not ended. Adding to a string does not copy it, however many pieces a line comes in. */
  let rest = '';
  let { resourceVersion } = call;
  const end = (why: WatchEnd['why']): WatchEnd => ({ type: 'end', why, resourceVersion });
  let isOverdue = false;
  const giveUp = () => {
    isOverdue = true;
    response.destroy(new Error('overdue'));
  };
  const lifetime = clock.setTimer(giveUp, call.lifetimeMs + call.slackMs);
  addAbortSignal(stop, response);
  try {
    for await (const text of response as AsyncIterable<string>) {
      const [first = '', ...others] = text.split('\n');
      const lines = [rest + first, ...others];
      rest = lines.pop() ?? '';
      if (rest.length > MAX_LINE) throw new ApiError('malformed', 'an event of the watch is too long');
      for (const line of lines) {
        if (line.trim() === '') continue;
        const event = eventOf(line, response);
        resourceVersion = versionOf(event.object) || resourceVersion;
        yield event;
      }
    }
    if (rest !== '') throw new ApiError('malformed', `the watch ended within an event: ${notJson(response)}`);
    yield end('closed');
  } catch (error) {
    if (stop.aborted) throw asApiError(stop.reason);
    if (isOverdue && rest !== '') throw new ApiError('timeout', 'an event of the watch did not end');
    // Errors of the connection have codes. An error without one comes from what the server sent.
    if (!isOverdue && typeof (error as { code?: unknown }).code !== 'string') throw error;
    yield end(isOverdue ? 'overdue' : 'broken');
  } finally {
    lifetime.cancel();
  }
}

/** Reads one line of a watch. Throws an `ApiError` if it is no event, or an ERROR event. */
function eventOf(line: string, response: IncomingMessage) {
  const event = jsonOf(line);
  if (typeof event !== 'object' || event === null)
    throw new ApiError('malformed', `not a watch event: ${notJson(response)}`);
  const { type, object } = event as { type?: unknown; object?: unknown };
  if (type === 'ERROR') {
    const { code, message } = (object ?? {}) as { code?: unknown; message?: unknown };
    const status = typeof code === 'number' ? code : 0;
    throw new ApiError(faultOfStatus(status >= 400 ? status : 500), `watch: ${String(message)}`, status);
  }
  if (type === 'ADDED' || type === 'MODIFIED') return { type: 'put' as const, object };
  if (type === 'DELETED') return { type: 'deleted' as const, object };
  if (type === 'BOOKMARK') return { type: 'bookmark' as const, object };
  throw new ApiError('malformed', `unknown type of watch event: ${String(type)}`);
}

/** The version that a watch has reached with an object; '' if that names none. */
function versionOf(object: unknown): string {
  const version = (object as { metadata?: { resourceVersion?: unknown } } | null)?.metadata?.resourceVersion;
  return typeof version === 'string' ? version.slice(0, 128) : '';
}
