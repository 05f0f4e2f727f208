import type { IncomingMessage } from 'node:http';
import { StringDecoder } from 'node:string_decoder';
import type { Clock, Timer } from '../runtime/clock.ts';
import type { Access } from './access.ts';
import { expectOk, notJson } from './list.ts';
import { ApiError, asApiError, faultOfStatus } from './status.ts';
import { within } from './timing.ts';

/** What to watch and for how long. */
interface WatchCall {
  path: string;
  query: Record<string, string>;
  /** Only changes after it. */
  resourceVersion: string;
  /** When the server is asked to end the watch, ms. */
  lifetimeMs: number;
  /** For credentials and the answer's head. */
  openTimeoutMs: number;
  /** A watch without an event for so long is given up: bookmarks come about every minute. */
  silenceMs: number;
}

/** What a watch tells while it is open. Throwing from a hook ends the watch as `malformed`. */
interface WatchHooks {
  /** The server has accepted the watch, `durationMs` after it was asked: the answer's head, no event yet. */
  onOpen(durationMs: number): void;
  /** An event has arrived whole, so the server lives. */
  onLife(): void;
  onPut(object: unknown): void;
  onRemove(object: unknown): void;
}

/**
 * How a watch that had been open ended. `closed`: by the server, as agreed. `silent`, `broken`: the connection is dead.
 * `expired`: its version is too old, so only a new list helps.
 */
export interface WatchEnd {
  why: 'closed' | 'silent' | 'broken' | 'expired';
  /** From where to go on. */
  resourceVersion: string;
}

/** No pod takes more than the 1.5 MB that etcd can hold, as JSON. */
const MAX_LINE = 4 * 1024 * 1024;

/**
 * Watches until the watch ends. Rejects with an `ApiError` if it could not be opened, if the server sends anything but
 * watch events, or when `stop` aborts.
 */
export async function watch(
  access: Access,
  clock: Clock,
  call: WatchCall,
  hooks: WatchHooks,
  stop: AbortSignal,
): Promise<WatchEnd> {
  const session = await within(clock, call.openTimeoutMs, stop, 'preparing credentials', () => access.session());
  const query = {
    ...call.query,
    watch: '1',
    allowWatchBookmarks: 'true',
    resourceVersion: call.resourceVersion,
    timeoutSeconds: String(Math.max(1, Math.round(call.lifetimeMs / 1000))),
  };
  // Outlives the deadline for opening: aborted when we are through with the watch, however that comes.
  const ended = new AbortController();
  const startMs = clock.monotonicMs();
  try {
    const response = await within(clock, call.openTimeoutMs, stop, 'opening the watch', async (signal) => {
      const either = AbortSignal.any([signal, ended.signal]);
      const head = await session.open(call.path, query, 'application/json', either);
      await expectOk(head);
      return head;
    });
    hooks.onOpen(clock.monotonicMs() - startMs);
    return await follow(response, clock, call, hooks, stop);
  } catch (error) {
    if (stop.aborted) throw asApiError(stop.reason);
    const failure = asApiError(error);
    if (failure.status === 410) return { why: 'expired', resourceVersion: '' };
    throw failure;
  } finally {
    ended.abort();
    session.close();
  }
}

async function follow(
  response: IncomingMessage,
  clock: Clock,
  call: WatchCall,
  hooks: WatchHooks,
  stop: AbortSignal,
): Promise<WatchEnd> {
  const lines = new Lines(MAX_LINE);
  const watchdog = guard(response, clock, call, stop);
  let resourceVersion = call.resourceVersion;
  try {
    for await (const chunk of response as AsyncIterable<Buffer>) {
      for (const line of cut(lines, chunk)) {
        if (line.trim() === '') continue;
        resourceVersion = take(line, response, hooks) || resourceVersion;
        watchdog.alive();
        hooks.onLife();
      }
    }
    if (lines.unfinished) throw new ApiError('malformed', `the watch ended within an event: ${notJson(response)}`);
    return { why: 'closed', resourceVersion };
  } catch (error) {
    if (stop.aborted) throw asApiError(stop.reason);
    if (watchdog.barked && lines.unfinished) throw new ApiError('timeout', 'an event of the watch did not end');
    if (watchdog.barked) return { why: 'silent', resourceVersion };
    // Only the connection's own errors have codes: anything else went wrong in what it said, or in us.
    if (typeof (error as { code?: unknown }).code === 'string') return { why: 'broken', resourceVersion };
    throw error;
  } finally {
    watchdog.cancel();
  }
}

function cut(lines: Lines, chunk: Buffer): string[] {
  try {
    return lines.push(chunk);
  } catch (error) {
    throw new ApiError('malformed', error);
  }
}

/** Handles one event and gives the version it brings us to. */
function take(line: string, response: IncomingMessage, hooks: WatchHooks): string {
  const { type, object } = parse(line, response);
  if (type === 'ERROR') {
    const { code, message } = (object ?? {}) as { code?: unknown; message?: unknown };
    const status = typeof code === 'number' ? code : 0;
    throw new ApiError(faultOfStatus(status >= 400 ? status : 500), `watch: ${String(message)}`, status);
  }
  if (type === 'ADDED' || type === 'MODIFIED') hooks.onPut(object);
  else if (type === 'DELETED') hooks.onRemove(object);
  else if (type !== 'BOOKMARK') throw new ApiError('malformed', `unknown watch event ${String(type)}`);
  const version = (object as { metadata?: { resourceVersion?: unknown } } | null)?.metadata?.resourceVersion;
  return typeof version === 'string' ? version.slice(0, 128) : '';
}

function parse(line: string, response: IncomingMessage): { type?: unknown; object?: unknown } {
  try {
    const event: unknown = JSON.parse(line);
    if (typeof event === 'object' && event !== null) return event;
  } catch {
    // Said below, together with JSON that is no event.
  }
  throw new ApiError('malformed', `no watch event: ${notJson(response)}`);
}

interface Watchdog {
  /** Whether it has ended the watch. */
  readonly barked: boolean;
  alive(): void;
  cancel(): void;
}

/** Ends a watch that is silent for `silenceMs`, or that outlives what was agreed by as much, or that is to stop. */
function guard(response: IncomingMessage, clock: Clock, call: WatchCall, stop: AbortSignal): Watchdog {
  const endMs = clock.monotonicMs() + call.lifetimeMs + call.silenceMs;
  let heardMs = clock.monotonicMs();
  let barked = false;
  let timer: Timer;
  const check = () => {
    const leftMs = Math.min(heardMs + call.silenceMs, endMs) - clock.monotonicMs();
    // Timers fire up to a millisecond early.
    if (leftMs > 1) {
      timer = clock.setTimer(check, leftMs);
    } else {
      barked = true;
      response.destroy(new Error('silent'));
    }
  };
  const onStop = () => response.destroy(new Error('stopped'));
  timer = clock.setTimer(check, call.silenceMs);
  stop.addEventListener('abort', onStop, { once: true });
  if (stop.aborted) onStop();
  return {
    get barked() {
      return barked;
    },
    alive: () => {
      heardMs = clock.monotonicMs();
    },
    cancel: () => {
      timer.cancel();
      stop.removeEventListener('abort', onStop);
    },
  };
}

/** Cuts a stream of bytes into lines, holding back at most `maxLength` characters of an unfinished one. */
export class Lines {
  readonly #decoder = new StringDecoder('utf8');
  readonly #maxLength: number;
  #rest: string[] = [];
  #restLength = 0;

  constructor(maxLength: number) {
    this.#maxLength = maxLength;
  }

  /** Whether a line has begun that has not ended. */
  get unfinished(): boolean {
    return this.#restLength > 0;
  }

  /** Takes the next bytes and gives the lines they complete, without line ends. Throws a RangeError on a line too long. */
  push(chunk: Buffer): string[] {
    const pieces = this.#decoder.write(chunk).split('\n');
    const last = pieces.pop() ?? '';
    const lines: string[] = [];
    for (const piece of pieces) {
      lines.push(this.#keep(piece).join(''));
      this.#rest = [];
      this.#restLength = 0;
    }
    this.#keep(last);
    return lines;
  }

  // Pieces are joined once, at the end of their line: a line that comes in many small chunks costs its length, once.
  #keep(piece: string): string[] {
    this.#restLength += piece.length;
    if (this.#restLength > this.#maxLength) throw new RangeError(`a line is longer than ${this.#maxLength} characters`);
    if (piece !== '') this.#rest.push(piece);
    return this.#rest;
  }
}
