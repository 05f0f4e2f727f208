import type { Mesh } from '../../server/protocol/mesh.ts';
import type { Clock, Timer } from '../../server/runtime/clock.ts';
import { type PictureCells, type PictureOptions, sameOptions } from '../model/cells.ts';
import type { Folding } from '../model/fold.ts';
import { Observed } from '../model/observed.ts';
import { type ConnectionState, connecting } from './connection.ts';
import type { ComputedCells, WorkerMessage, WorkerRequest } from './mesh-worker.ts';
import { unpackMesh } from './transfer.ts';

/** The part of `Worker` that is used; see `openWorker`. Tests pass a fake. */
export interface ReportingWorker {
  postMessage(request: WorkerRequest): void;
  addEventListener(type: 'message', listener: (event: MessageEvent<WorkerMessage>) => void): void;
  addEventListener(type: 'error' | 'messageerror', listener: () => void): void;
}

export interface FeedOptions {
  clock: Clock;
  worker: ReportingWorker;
  base: string;
}

/** The page tells the worker this often that it is still there, ms; see `serveTab`. */
const HEARTBEAT_MS = 30_000;

/** The connection as the page sees it. A worker owns the connection (see `serveTab`); this class holds its last message. */
export class LiveFeed extends Observed<ConnectionState> {
  readonly #options: FeedOptions;
  #computed: ComputedCells[] = [];
  /** The window that was asked for; null = nothing was. */
  #windowMs: number | null = null;
  #heartbeat: Timer | null = null;

  constructor(options: FeedOptions) {
    super(connecting(options.clock));
    this.#options = options;
    options.worker.addEventListener('message', ({ data }) => this.#take(data));
    const fail = () => {
      const { status, sinceMs } = this.state();
      const lostMs = status === 'lost' ? sinceMs : options.clock.nowMs();
      this.become({ status: 'lost', sinceMs: lostMs, retryMs: 0, reason: NO_WORKER });
    };
    options.worker.addEventListener('error', fail);
    options.worker.addEventListener('messageerror', fail);
  }

  /** Connects, with statistics over `windowMs` (0 = none). Does nothing if it is already connected with them. */
  start(windowMs: number): void {
    if (windowMs === this.#windowMs) return;
    this.#windowMs = windowMs;
    this.#options.worker.postMessage({ kind: 'start', base: this.#options.base, windowMs });
    this.#beat();
  }

  #beat(): void {
    this.#heartbeat?.cancel();
    this.#heartbeat = this.#options.clock.setTimer(() => {
      this.#options.worker.postMessage({ kind: 'here' });
      this.#beat();
    }, HEARTBEAT_MS);
  }

  readonly tryNow = (): void => this.#options.worker.postMessage({ kind: 'try' });

  stop(): void {
    this.#windowMs = null;
    this.#heartbeat?.cancel();
    this.#options.worker.postMessage({ kind: 'stop' });
  }

  /** Sets which pictures the worker computes, from the next mesh on. */
  readonly want = (options: readonly PictureOptions[]): void => {
    this.#options.worker.postMessage({ kind: 'want', options });
  };

  /** Sets how the worker folds the cells of the last picture, from the next mesh on. */
  readonly fold = (folding: Folding): void => {
    this.#options.worker.postMessage({ kind: 'fold', folding });
  };

  /** The cells of a picture of the newest mesh, or null if the worker has not computed them. */
  readonly cellsOf = (mesh: Mesh, options: PictureOptions): PictureCells | null => {
    if (mesh !== this.state().mesh) return null;
    return this.#computed.find((one) => sameOptions(one.options, options))?.cells ?? null;
  };

  #take({ state, heldMs, update }: WorkerMessage): void {
    if (update === null) {
      // The last mesh stays. It may be that of an earlier connection.
      this.become(state);
      return;
    }
    this.#computed = update.computed;
    const mesh = unpackMesh(update.mesh, this.state().mesh?.pods ?? []);
    this.become({ ...state, mesh, receivedMs: this.#options.clock.monotonicMs() - heldMs });
  }
}

/** Starts the worker: one for all tabs of the browser, or one for each where that is not possible (Chrome on Android). */
export function openWorker(): ReportingWorker {
  if (typeof SharedWorker === 'undefined') {
    return new Worker(new URL('./worker.ts', import.meta.url), { type: 'module' });
  }
  const shared = new SharedWorker(new URL('./worker.ts', import.meta.url), { type: 'module' });
  return {
    postMessage: (request) => shared.port.postMessage(request),
    addEventListener(type: string, listener: (event: MessageEvent<WorkerMessage>) => void) {
      if (type === 'error') shared.addEventListener('error', listener as () => void);
      else shared.port.addEventListener(type, listener as (event: Event) => void);
      if (type === 'message') shared.port.start();
    },
  };
}

const NO_WORKER = 'a part of this page could not be loaded: reload the page';
