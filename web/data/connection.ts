import type { MergedReport, Mesh } from '../../server/protocol/mesh.ts';
import type { Pod } from '../../server/protocol/pod.ts';
import type { Clock, Timer } from '../../server/runtime/clock.ts';
import { textOf } from '../../server/runtime/errors.ts';
import { type EventStream, listen } from './stream.ts';

/** The connection at one moment. Times are ms: `...Ms` of wall time by our own clock, unless said otherwise. */
export interface ConnectionState {
  /** The last picture; kept while the connection is lost. null = none has ever come. */
  mesh: Mesh | null;
  /** When it came, monotonic. */
  receivedMs: number;
  /** `polling`: the stream is cut off, the mesh is asked for instead. */
  status: 'connecting' | 'live' | 'polling' | 'lost';
  /** Since when it is in that status. */
  sinceMs: number;
  /** When it is tried again while lost; 0 = just now. */
  retryMs: number;
  /** Why it is lost, in words. */
  reason: string;
}

/** What a connection needs from outside. */
export interface ConnectionNeeds {
  clock: Clock;
  openStream(windowMs: number): EventStream;
  fetchMesh(windowMs: number, signal: AbortSignal): Promise<Mesh>;
  /** Takes each report of a mesh that is still coming in by the stream. */
  onReport?(report: MergedReport, pods: readonly Pod[]): void;
}

/** A stream that says nothing this long beyond the refresh interval is cut off somewhere. */
const SILENCE_MS = 5_000;
/** How long a stream may take to its first part of a picture, and from one part to the next. */
const PART_MS = 8_000;
/** A refresh interval beyond this is not waited for. */
const LONGEST_REFRESH_MS = 300_000;
/** Pause between two polls. */
const POLL_MS = 5_000;
/** Polls before the stream is tried again. */
const POLLS_A_STREAM = 12;
/** Waits before the stream is tried again while lost; the last one repeats. */
const RETRIES_MS = [1_000, 2_000, 4_000, 8_000, 15_000];
/** A stream that breaks is opened again at once: mostly its pod has left, and another one answers. */
const REOPEN_MS = 250;

/**
 * Keeps a picture current: by the stream, by polling where that is cut off, by trying again where all is lost.
 * States are new objects; listeners are called after each change.
 */
export class Connection {
  readonly #needs: ConnectionNeeds;
  readonly #listeners = new Set<() => void>();
  #state: ConnectionState;
  #windowMs = 0;
  #breaks = 0;
  #polls = 0;
  #losses = 0;
  #timer: Timer | null = null;
  /** When the last part of a picture came, monotonic; null while none is under way. */
  #partMs: number | null = null;
  #closeStream: (() => void) | null = null;
  #asking: AbortController | null = null;

  constructor(needs: ConnectionNeeds) {
    this.#needs = needs;
    const sinceMs = needs.clock.nowMs();
    this.#state = { mesh: null, receivedMs: 0, status: 'connecting', sinceMs, retryMs: 0, reason: '' };
  }

  /** The state now; the same object until it changes. */
  readonly state = (): ConnectionState => this.#state;

  /** Calls `listener` after each change until the function given back is called. */
  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** Connects, with figures over `windowMs` (0 = none); called again with another window, connects anew. */
  start(windowMs: number): void {
    this.#windowMs = windowMs;
    this.tryNow();
  }

  /** Tries again at once. */
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
    this.#timer = this.#needs.clock.setTimer(fn, delayMs);
  }

  #open(): void {
    this.#halt();
    this.#closeStream = listen(this.#needs.openStream(this.#windowMs), {
      onPart: () => this.#onPart(),
      onReport: (report, pods) => this.#needs.onReport?.(report, pods),
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

  /** One timer for all parts of a picture: to set one anew for each of a thousand reports takes longer than to read them. */
  #onPart(): void {
    const isFirst = this.#partMs === null;
    if (isFirst) this.#after(PART_MS, () => this.#onSilence());
    this.#partMs = this.#needs.clock.monotonicMs();
  }

  #onSilence(): void {
    const partMs = this.#partMs ?? 0;
    const leftMs = partMs + PART_MS - this.#needs.clock.monotonicMs();
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
    this.#needs.fetchMesh(this.#windowMs, asking.signal).then(
      (mesh) => {
        if (this.#asking !== asking) return;
        this.#losses = 0;
        this.#polls++;
        this.#take(mesh, 'polling');
        this.#after(POLL_MS, () => (this.#polls % POLLS_A_STREAM === 0 ? this.#open() : this.#ask()));
      },
      (error: unknown) => {
        if (this.#asking === asking) this.#lose(wordsOf(error));
      },
    );
  }

  #lose(reason: string): void {
    const waitMs = RETRIES_MS[Math.min(this.#losses, RETRIES_MS.length - 1)] ?? 15_000;
    this.#losses++;
    const nowMs = this.#needs.clock.nowMs();
    this.#become({ status: 'lost', retryMs: nowMs + waitMs, reason });
    this.#after(waitMs, () => {
      this.#become({ status: 'lost', retryMs: 0 });
      this.#open();
    });
  }

  #take(mesh: Mesh, status: 'live' | 'polling'): void {
    this.#become({ mesh, receivedMs: this.#needs.clock.monotonicMs(), status, retryMs: 0, reason: '' });
  }

  #become(change: Partial<ConnectionState>): void {
    const same = change.status === undefined || change.status === this.#state.status;
    const sinceMs = same ? this.#state.sinceMs : this.#needs.clock.nowMs();
    this.#state = { ...this.#state, ...change, sinceMs };
    for (const listener of [...this.#listeners]) listener();
  }
}

/** A browser says "Failed to fetch" or "NetworkError ..." for anything below HTTP: not worth repeating. */
function wordsOf(error: unknown): string {
  if (error instanceof TypeError) return '';
  if (error instanceof DOMException && error.name === 'TimeoutError') return 'no response within 10 s';
  return textOf(error, 200);
}
