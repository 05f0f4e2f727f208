import type { Mesh } from '../../server/protocol/mesh.ts';
import type { Clock } from '../../server/runtime/clock.ts';
import { type PictureOptions, sameOptions } from '../pure/picture.ts';
import type { PictureCells } from '../pure/picture-cells.ts';
import type { ConnectionState } from './connection.ts';
import { type MadeCells, Unpacker } from './parcel.ts';
import type { Order, Report } from './picture-desk.ts';

/** The part of Worker that is used: tests pass their own. */
export interface ReportingWorker {
  postMessage(order: Order): void;
  addEventListener(type: 'message', listener: (event: MessageEvent<Report>) => void): void;
  addEventListener(type: 'error' | 'messageerror', listener: () => void): void;
}

/** What a feed needs from outside. */
export interface FeedNeeds {
  clock: Clock;
  worker: ReportingWorker;
  /** The address that the server's paths are relative to. */
  base: string;
  /** The page's zero of monotonic time, ms since the epoch: the worker has another one. */
  timeOriginMs: number;
}

/** The connection as the page sees it: a worker keeps it (see `PictureDesk`), here is what it told last. */
export class LiveFeed {
  readonly #needs: FeedNeeds;
  readonly #listeners = new Set<() => void>();
  readonly #unpacker = new Unpacker();
  #state: ConnectionState;
  #made: MadeCells[] = [];
  #windowMs = -1;

  constructor(needs: FeedNeeds) {
    this.#needs = needs;
    const sinceMs = needs.clock.nowMs();
    this.#state = { mesh: null, receivedMs: 0, status: 'connecting', sinceMs, retryMs: 0, reason: '' };
    needs.worker.addEventListener('message', ({ data }) => this.#take(data));
    const fail = () => this.#become({ ...this.#state, status: 'lost', retryMs: 0, reason: NO_WORKER });
    needs.worker.addEventListener('error', fail);
    needs.worker.addEventListener('messageerror', fail);
  }

  /** The state now; the same object until it changes. */
  readonly state = (): ConnectionState => this.#state;

  /** Calls `listener` after each change until the function given back is called. */
  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** Connects, with figures over `windowMs` (0 = none); does nothing where it is connected so already. */
  start(windowMs: number): void {
    if (windowMs === this.#windowMs) return;
    this.#windowMs = windowMs;
    this.#needs.worker.postMessage({ kind: 'start', base: this.#needs.base, windowMs });
  }

  /** Tries again at once. */
  readonly tryNow = (): void => this.#needs.worker.postMessage({ kind: 'try' });

  /** Disconnects; `start` may be called again. */
  stop(): void {
    this.#windowMs = -1;
    this.#needs.worker.postMessage({ kind: 'stop' });
  }

  /** Says which pictures will be asked for, so that `cellsOf` has them of the next mesh on. */
  readonly want = (options: readonly PictureOptions[]): void => {
    this.#needs.worker.postMessage({ kind: 'want', options: [...options] });
  };

  /** The cells of a picture of the newest mesh, if the worker has worked them out. */
  readonly cellsOf = (mesh: Mesh, options: PictureOptions): PictureCells | null => {
    if (mesh !== this.#state.mesh) return null;
    return this.#made.find((one) => sameOptions(one.options, options))?.cells ?? null;
  };

  #take(report: Report): void {
    if (report.kind === 'reports') {
      this.#unpacker.add(report.reports);
      return;
    }
    const { state, parcel } = report;
    const mesh = parcel === null ? this.#state.mesh : this.#unpacker.unpack(parcel);
    if (parcel !== null) this.#made = parcel.made;
    this.#become({ ...state, mesh, receivedMs: state.receivedMs - this.#needs.timeOriginMs });
  }

  #become(state: ConnectionState): void {
    this.#state = state;
    for (const listener of [...this.#listeners]) listener();
  }
}

const NO_WORKER = 'a part of this page could not be loaded: reload the page';
