import type { StreamFigure } from '../../server/protocol/link-quality.ts';
import type { MergedReport, Mesh } from '../../server/protocol/mesh.ts';
import type { Pod } from '../../server/protocol/pod.ts';
import type { Clock, Timer } from '../../server/runtime/clock.ts';
import { textOf } from '../../server/runtime/errors.ts';
import { listen, type OpenStream } from './stream.ts';

/** The state of the connection. Times are ms since the epoch by the browser's clock unless noted. */
export interface ConnectionState {
  /** The last mesh; kept while disconnected. null = none received yet. */
  mesh: Mesh | null;
  /** When the mesh was received, monotonic ms. */
  receivedMs: number;
  /** `polling`: the stream is blocked, so the mesh is fetched repeatedly. */
  status: 'connecting' | 'live' | 'polling' | 'lost';
  /** When this status began. */
  sinceMs: number;
  /** The time of the next attempt while disconnected; 0 = an attempt is running. */
  retryMs: number;
  /** Why it is disconnected, for people. */
  reason: string;
}

/** Dependencies of a `Connection`. */
export interface ConnectionOptions {
  clock: Clock;
  openStream(windowMs: number, figure: StreamFigure, ...stream: Parameters<OpenStream>): ReturnType<OpenStream>;
  fetchMesh(windowMs: number, signal: AbortSignal): Promise<Mesh>;
  /** Receives each report of a mesh that is not complete yet. */
  onReport?(report: MergedReport, pods: readonly Pod[]): void;
}

/** A stream without data for two refresh intervals plus this time counts as blocked. */
const SILENCE_MS = 5_000;
/** How long a stream may take to deliver its first event, and from one event to the next within a mesh. */
const PART_MS = 8_000;
/** Upper bound of the refresh interval that is waited for. */
const LONGEST_REFRESH_MS = 300_000;
/** Pause between two polls. */
export const POLL_MS = 5_000;
/** Says that the mesh is polled. */
export const POLLING_TEXT = `polling every ${POLL_MS / 1000} s`;
/** The stream is tried again after this many polls. */
const POLLS_PER_STREAM = 12;
/** Delays between reconnection attempts; the last one repeats. */
const RETRIES_MS = [1_000, 2_000, 4_000, 8_000, 15_000];
/** Delay before a broken stream is opened again. Usually its pod is gone and another one answers. */
const REOPEN_MS = 250;

/**
 * Keeps the mesh current: by the stream, by polling if the stream is blocked, and by reconnecting if both fail.
 * Every change creates a new state object; listeners are called after each change.
 */
export class Connection {
  readonly #options: ConnectionOptions;
  readonly #listeners = new Set<() => void>();
  #state: ConnectionState;
  #windowMs = 0;
  #figure: StreamFigure = '';
  #breaks = 0;
  #polls = 0;
  #losses = 0;
  #timer: Timer | null = null;
  /** When the last event of an incomplete mesh arrived, monotonic ms; null if no mesh is arriving. */
  #partMs: number | null = null;
  #closeStream: (() => void) | null = null;
  #asking: AbortController | null = null;

  constructor(options: ConnectionOptions) {
    this.#options = options;
    const sinceMs = options.clock.nowMs();
    this.#state = { mesh: null, receivedMs: 0, status: 'connecting', sinceMs, retryMs: 0, reason: '' };
  }

  /** The current state; the same object until it changes. */
  readonly state = (): ConnectionState => this.#state;

  /** Calls `listener` after each change until the returned function is called. */
  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** Connects, with statistics over `windowMs` (0 = none) and those of `figure`. May be called again with others. */
  start(windowMs: number, figure: StreamFigure = ''): void {
    this.#windowMs = windowMs;
    this.#figure = figure;
    this.tryNow();
  }

  /** Reconnects now. */
  readonly tryNow = (): void => {
    this.#halt();
    this.#open();
  };

  /** Closes everything; `start` may be called again. */
  stop(): void {
    this.#halt();
    this.#breaks = 0;
    this.#losses = 0;
  }

  #halt(): void {
    this.#partMs = null;
    this.#timer?.cancel();
    this.#timer = null;
    this.#closeStream?.();
    this.#closeStream = null;
    this.#asking?.abort();
    this.#asking = null;
  }

  #after(delayMs: number, fn: () => void): void {
    this.#partMs = null;
    this.#timer?.cancel();
    this.#timer = this.#options.clock.setTimer(fn, delayMs);
  }

  #open(): void {
    this.#halt();
    this.#closeStream = listen((onEvent) => this.#options.openStream(this.#windowMs, this.#figure, onEvent), {
      onPart: () => this.#onPart(),
      onReport: (report, pods) => this.#options.onReport?.(report, pods),
      onMesh: (mesh) => {
        this.#breaks = 0;
        this.#losses = 0;
        this.#take(mesh, 'live');
        const refreshMs = Math.min(LONGEST_REFRESH_MS, Math.max(0, mesh.settings.refreshIntervalMs));
        this.#after(SILENCE_MS + 2 * refreshMs, () => this.#ask());
      },
      onBroken: (reason) => this.#broken(reason),
    });
    this.#after(PART_MS, () => this.#ask());
  }

  /** Uses one timer for all events of a mesh, because resetting a timer for each of a thousand reports is slow. */
  #onPart(): void {
    const isFirst = this.#partMs === null;
    if (isFirst) this.#after(PART_MS, () => this.#onSilence());
    this.#partMs = this.#options.clock.monotonicMs();
  }

  #onSilence(): void {
    const partMs = this.#partMs ?? 0;
    const leftMs = partMs + PART_MS - this.#options.clock.monotonicMs();
    if (leftMs <= 0) this.#ask();
    else {
      this.#after(leftMs, () => this.#onSilence());
      this.#partMs = partMs;
    }
  }

  #broken(reason: string): void {
    this.#breaks++;
    if (reason === '' && this.#breaks === 1) this.#after(REOPEN_MS, () => this.#open());
    else this.#ask();
  }

  #ask(): void {
    this.#halt();
    const asking = new AbortController();
    this.#asking = asking;
    this.#options.fetchMesh(this.#windowMs, asking.signal).then(
      (mesh) => {
        if (this.#asking !== asking) return;
        this.#losses = 0;
        this.#polls++;
        this.#take(mesh, 'polling');
        this.#after(POLL_MS, () => (this.#polls % POLLS_PER_STREAM === 0 ? this.#open() : this.#ask()));
      },
      (error: unknown) => {
        if (this.#asking === asking) this.#lose(reasonOf(error));
      },
    );
  }

  #lose(reason: string): void {
    const waitMs = RETRIES_MS[Math.min(this.#losses, RETRIES_MS.length - 1)] ?? 15_000;
    this.#losses++;
    const nowMs = this.#options.clock.nowMs();
    this.#become({ status: 'lost', retryMs: nowMs + waitMs, reason });
    this.#after(waitMs, () => {
      this.#become({ status: 'lost', retryMs: 0 });
      this.#open();
    });
  }

  #take(mesh: Mesh, status: 'live' | 'polling'): void {
    this.#become({ mesh, receivedMs: this.#options.clock.monotonicMs(), status, retryMs: 0, reason: '' });
  }

  #become(change: Partial<ConnectionState>): void {
    const same = change.status === undefined || change.status === this.#state.status;
    const sinceMs = same ? this.#state.sinceMs : this.#options.clock.nowMs();
    this.#state = { ...this.#state, ...change, sinceMs };
    for (const listener of [...this.#listeners]) listener();
  }
}

/** The text of a failure. That of a network failure (see `getJson`) adds nothing to "disconnected", so it is left out. */
function reasonOf(error: unknown): string {
  if (error instanceof TypeError) return '';
  return textOf(error, 200);
}

/** The clock of the browser. */
export const browserClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  setTimer(fn, delayMs) {
    const timer = setTimeout(fn, delayMs);
    return { cancel: () => clearTimeout(timer) };
  },
};
