import type { MergedReport, Mesh } from '../../server/protocol/mesh.ts';
import type { Clock, Timer } from '../../server/runtime/clock.ts';
import { textOf } from '../../server/runtime/errors.ts';
import { Observed } from '../model/observed.ts';
import { BatchReader, type OpenStream } from './stream.ts';

/** The state of the connection. Times are ms since the epoch by the browser's clock unless noted. */
export interface ConnectionState {
  /** The last mesh; kept while disconnected. null = none received yet. */
  mesh: Mesh | null;
  /** When the mesh was received, monotonic ms. */
  receivedMs: number;
  /** `polling`: the stream is blocked, so the mesh is fetched repeatedly. */
  status: 'connecting' | 'live' | 'polling' | 'lost';
  sinceMs: number;
  /** The time of the next attempt while disconnected; 0 = an attempt is running. */
  retryMs: number;
  reason: string;
}

export function connecting(clock: Clock): ConnectionState {
  return { mesh: null, receivedMs: 0, status: 'connecting', sinceMs: clock.nowMs(), retryMs: 0, reason: '' };
}

export interface ConnectionOptions {
  clock: Clock;
  openStream(windowMs: number, ...stream: Parameters<OpenStream>): ReturnType<OpenStream>;
  fetchMesh(windowMs: number, signal: AbortSignal): Promise<Mesh>;
}

/** How long a stream may take until its first bytes. The server sends some at once. */
const FIRST_BYTES_MS = 8_000;
/**
 * A stream without a byte for this time counts as blocked. The server sends a comment every 5 s. A mesh may take longer than that:
 * the server collects less often if a collection takes long.
 */
const SILENCE_MS = 15_000;
/** Pause between two polls. */
export const POLL_MS = 5_000;
/** Says that the mesh is polled. */
export const POLLING_TEXT = `polling every ${POLL_MS / 1000} s`;
/** The stream is tried again after the first poll, then after this many polls each. */
const POLLS_PER_STREAM = 12;
/** Delays between reconnection attempts; the last one repeats. */
const RETRIES_MS = [1_000, 2_000, 4_000, 8_000, 15_000];
/** Delay before a broken stream is opened again. Usually its pod is gone and another one answers. */
const REOPEN_MS = 250;

/**
 * Keeps the mesh current: by the stream, by polling if the stream is blocked, and by reconnecting if both fail.
 * Every change creates a new state object; listeners are called after each change.
 */
export class Connection extends Observed<ConnectionState> {
  readonly #options: ConnectionOptions;
  #windowMs = 0;
  /**
   * Breaks since a stream last brought a mesh more than `POLL_MS` after it was opened. Shorter ones do not count as working: a
   * gateway may end every response soon, and each new stream sends the whole mesh.
   */
  #breaks = 0;
  /** Successful polls since then. */
  #polls = 0;
  /** When the stream was opened, monotonic ms. */
  #openedMs = 0;
  #losses = 0;
  #timer: Timer | null = null;
  /** When the stream last sent something, or was opened, monotonic ms. */
  #bytesMs = 0;
  #closeStream: (() => void) | null = null;
  #asking: AbortController | null = null;
  /** Called with each report of the stream, before its mesh is complete. `head`: see `BatchReader.report`. */
  readonly reportListeners = new Set<(head: Mesh, report: MergedReport) => void>();

  constructor(options: ConnectionOptions) {
    super(connecting(options.clock));
    this.#options = options;
  }

  /** Connects, with statistics over `windowMs` (0 = none). May be called again with another window. */
  start(windowMs: number): void {
    this.#windowMs = windowMs;
    this.tryNow();
  }

  readonly tryNow = (): void => {
    if (this.state().status === 'lost') this.#become({ retryMs: 0 });
    this.#open();
  };

  /** Closes everything; `start` may be called again. */
  stop(): void {
    this.#halt();
    this.#breaks = 0;
    this.#losses = 0;
    this.#polls = 0;
  }

  #halt(): void {
    this.#timer?.cancel();
    this.#timer = null;
    this.#closeStream?.();
    this.#closeStream = null;
    this.#asking?.abort();
    this.#asking = null;
  }

  #after(delayMs: number, fn: () => void): void {
    this.#timer?.cancel();
    this.#timer = this.#options.clock.setTimer(fn, delayMs);
  }

  #open(): void {
    this.#halt();
    let silenceMs = FIRST_BYTES_MS;
    this.#openedMs = this.#options.clock.monotonicMs();
    this.#bytesMs = this.#openedMs;
    const reader = new BatchReader();
    this.#closeStream = this.#options.openStream(this.#windowMs, (type, data) => {
      this.#bytesMs = this.#options.clock.monotonicMs();
      silenceMs = SILENCE_MS;
      try {
        this.#onEvent(reader, type, data);
      } catch {
        this.#broken(true);
      }
    });
    // One timer for all that arrives, because resetting a timer for each part of a large mesh is slow.
    const check = () => {
      const leftMs = this.#bytesMs + silenceMs - this.#options.clock.monotonicMs();
      if (leftMs <= 0) this.#ask();
      else this.#after(leftMs, check);
    };
    this.#after(silenceMs, check);
  }

  #onEvent(reader: BatchReader, type: string, data: string): void {
    if (type === 'error') this.#broken(false);
    else if (type === 'head') reader.head(data);
    else if (type === 'report') {
      const { head, report } = reader.report(data);
      for (const listener of this.reportListeners) listener(head, report);
    } else if (type === 'end') {
      const mesh = reader.end();
      this.#losses = 0;
      if (this.#bytesMs - this.#openedMs > POLL_MS) {
        this.#breaks = 0;
        this.#polls = 0;
      }
      this.#take(mesh, 'live');
    }
  }

  /** `isInvalid`: the stream did not break, but its data are invalid, so opening it again would hardly help. */
  #broken(isInvalid: boolean): void {
    this.#closeStream?.();
    this.#breaks++;
    if (!isInvalid && this.#breaks === 1) this.#after(REOPEN_MS, () => this.#open());
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
        // The server answers. The stream may have broken only because its pod is gone.
        const isFirst = this.#polls === 1;
        this.#take(mesh, isFirst ? 'live' : 'polling');
        if (isFirst) this.#open();
        else this.#after(POLL_MS, () => (this.#polls % POLLS_PER_STREAM === 0 ? this.#open() : this.#ask()));
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
    const { status, sinceMs } = this.state();
    const isSame = change.status === undefined || change.status === status;
    this.become({ ...change, sinceMs: isSame ? sinceMs : this.#options.clock.nowMs() });
  }
}

/** The text of a failure. That of a network failure (see `getJson`) adds nothing to "disconnected", so it is left out. */
function reasonOf(error: unknown): string {
  if (error instanceof TypeError) return '';
  return textOf(error, 200);
}

export const browserClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  setTimer(fn, delayMs) {
    const timer = setTimeout(fn, delayMs);
    return { cancel: () => clearTimeout(timer) };
  },
};
