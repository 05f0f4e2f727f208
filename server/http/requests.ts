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
/**
 * A request that is not over after this time, ms, is ended when another one waits: its client does not read, or the work takes
 * too long.
 */
const GIVES_WAY_MS = 10_000;
/** Short answers, which Kubernetes' probes must get under any load, and streams, which have limits of their own. */
const IS_FREE = /^\/(ping|healthz|readyz|api\/v1\/stream)(?=[/?]|$)/i;

/**
 * Decides when a request is worked on: one at a time of each connection, and a bounded number in all and of each address.
 * What is queued is dropped when its connection closes.
 */
export class Requests {
  readonly #clock: Clock;
  readonly #onIdle: (socket: Socket) => void;
  readonly #pods: Places<ServerResponse>;
  readonly #others: Places<ServerResponse>;
  /** Work that may begin: for a millisecond in each turn of the event loop, so that pings are answered in between. */
  readonly #ready: (() => void)[] = [];
  /** The connections with a request in work, and what starts the requests that have been sent after it. */
  readonly #pipelined = new WeakMap<Socket, (() => void)[]>();

  /** `onIdle` is called when the last request of a connection has ended. */
  constructor(clock: Clock, onIdle: (socket: Socket) => void) {
    this.#clock = clock;
    this.#onIdle = onIdle;
    const rules = {
      max: MAX_IN_WORK,
      maxOfAddress: MAX_OF_ADDRESS,
      // The number of connections limits those that wait.
      maxWaiting: Number.POSITIVE_INFINITY,
      mustGiveWay: (_res: ServerResponse, heldMs: number) => heldMs >= GIVES_WAY_MS,
      end: (res: ServerResponse) => void res.destroy(),
    };
    this.#pods = new Places(rules, clock);
    this.#others = new Places(rules, clock);
  }

  /** Calls `work` when the request's turn has come. Answers 503 itself (a verdict 425) if that takes too long. */
  add(req: IncomingMessage, res: ServerResponse, client: Client, work: () => void): void {
    const start = () => this.#start(req, res, client, work);
    const queue = this.#pipelined.get(req.socket);
    if (queue === undefined) {
      this.#pipelined.set(req.socket, []);
      start();
    } else if (queue.length < MAX_PIPELINED) queue.push(start);
    else req.socket.destroy();
  }

  /** Whether a request of this connection is in work, or waits for its place. */
  has(socket: Socket): boolean {
    return this.#pipelined.has(socket);
  }

  #start(req: IncomingMessage, res: ServerResponse, client: Client, work: () => void): void {
    const { socket, url = '' } = req;
    const places = client.isPod ? this.#pods : this.#others;
    res.once('close', () => {
      places.leave(res);
      const next = this.#pipelined.get(socket)?.shift();
      if (next !== undefined && !socket.destroyed) return next();
      this.#pipelined.delete(socket);
      this.#onIdle(socket);
    });
    const refuse = () =>
      sendError(res.setHeader('Retry-After', '1'), unavailableStatus(url), 'too many requests are in work; try again');
    const begin = () =>
      this.#begin(() => {
        if (!res.closed) work();
      });
    if (isPing(req.method, url)) work();
    else if (IS_FREE.test(url)) begin();
    else places.take({ holder: res, address: client.address, mayWait: true }, begin, refuse);
  }

  /** Begins work in a later turn of the event loop, when the work before it has begun. */
  #begin(work: () => void): void {
    this.#ready.push(work);
    if (this.#ready.length === 1) setImmediate(() => void this.#beginReady());
  }

  async #beginReady(): Promise<void> {
    const slice = new TimeSlice(this.#clock);
    while (this.#ready.length > 0) {
      this.#ready[0]?.();
      if (slice.isOver()) await slice.next();
      this.#ready.shift();
    }
  }
}
