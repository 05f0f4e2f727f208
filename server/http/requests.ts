import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Clock } from '../runtime/clock.ts';
import { TimeSlice } from '../runtime/concurrency.ts';
import { type Client, MAX_PIPELINED } from './connections.ts';
import { sendError, unavailableStatus } from './errors.ts';
import { isPing } from './ping.ts';
import { Places } from './places.ts';

/** Requests in work at once: of all pods, of all others, and of one address. docs/security.md adds them up. */
const MAX_IN_WORK = 16;
const MAX_OF_ADDRESS = 8;
/** Paths that need no place: what Kubernetes' probes must get under any load, and streams, which have their own limits. */
const NEEDS_NO_PLACE = /^\/(ping|healthz|readyz|api\/v1\/stream)(?=[/?]|$)/i;

interface RequestsDeps {
  clock: Clock;
  /** A request that is not over after this time, ms, is ended when another one waits. */
  givesWayMs: number;
  /** Called when the last request of a connection has ended. */
  onIdle(socket: Socket): void;
  /** Called with what the work of a request has thrown. Its connection is closed then. */
  onError(error: unknown): void;
}

/**
 * Decides when a request is worked on. It waits for three things, in this order: its turn on its connection, because each
 * connection has one request in work (`add`); a place, because their number is bounded in all and of each address (`#takePlace`); and
 * a free millisecond of the event loop (`#runSoon`). A request is dropped when its connection closes.
 */
export class Requests {
  readonly #clock: Clock;
  readonly #onIdle: RequestsDeps['onIdle'];
  readonly #onError: RequestsDeps['onError'];
  readonly #pods: Places<ServerResponse>;
  readonly #others: Places<ServerResponse>;
  /** Work that has its place. It begins in time slices, so that pings are answered in between. */
  readonly #ready: (() => void)[] = [];
  /** By connection with a request in work: what starts each of the requests that came after it (HTTP pipelining). */
  readonly #later = new WeakMap<Socket, (() => void)[]>();

  constructor({ clock, givesWayMs, onIdle, onError }: RequestsDeps) {
    this.#clock = clock;
    this.#onIdle = onIdle;
    this.#onError = onError;
    const rules = {
      max: MAX_IN_WORK,
      maxOfAddress: MAX_OF_ADDRESS,
      // The number of connections limits those that wait.
      maxWaiting: Number.POSITIVE_INFINITY,
      mustGiveWay: (_res: ServerResponse, heldMs: number) => heldMs >= givesWayMs,
      end: (res: ServerResponse) => void res.destroy(),
    };
    this.#pods = new Places(rules, clock);
    this.#others = new Places(rules, clock);
  }

  /** Calls `work` when the request's turn has come. Answers 503 itself (a verdict 425) if that takes too long. */
  add(req: IncomingMessage, res: ServerResponse, client: Client, work: () => void): void {
    const start = () => this.#takePlace(req, res, client, work);
    const later = this.#later.get(req.socket);
    if (later === undefined) {
      this.#later.set(req.socket, []);
      start();
    } else if (later.length < MAX_PIPELINED) later.push(start);
    else req.socket.destroy();
  }

  /** Whether a request of this connection is in work, or waits for its place. */
  has(socket: Socket): boolean {
    return this.#later.has(socket);
  }

  #takePlace(req: IncomingMessage, res: ServerResponse, client: Client, work: () => void): void {
    const { socket, url = '' } = req;
    const places = client.isPod ? this.#pods : this.#others;
    res.once('close', () => {
      places.leave(res);
      const next = this.#later.get(socket)?.shift();
      if (next !== undefined && !socket.destroyed) return next();
      this.#later.delete(socket);
      this.#onIdle(socket);
    });
    const refuse = () =>
      sendError(res.setHeader('Retry-After', '1'), unavailableStatus(url), 'too many requests are in work; try again');
    const run = () => {
      try {
        if (!res.closed) work();
      } catch (error) {
        // The requests behind this one must go on.
        this.#onError(error);
        res.destroy();
      }
    };
    const start = () => this.#runSoon(run);
    if (isPing(req.method, url)) run();
    else if (NEEDS_NO_PLACE.test(url)) start();
    else places.take({ holder: res, address: client.address, mayWait: true, start, refuse });
  }

  /** Runs work in a later turn of the event loop, after the work that was added before. */
  #runSoon(work: () => void): void {
    this.#ready.push(work);
    if (this.#ready.length === 1) setImmediate(() => void this.#runReady());
  }

  async #runReady(): Promise<void> {
    const slice = new TimeSlice(this.#clock);
    while (this.#ready.length > 0) {
      this.#ready[0]?.();
      if (slice.isOver()) await slice.next();
      // Only now: as long as the list is not empty, `#runSoon` starts no second loop.
      this.#ready.shift();
    }
  }
}
