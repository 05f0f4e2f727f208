import type { Annotation } from '../../server/contract/annotation.ts';
import { textOf } from '../../server/contract/errors.ts';
import type { MeshEvent } from '../../server/contract/event.ts';
import type { MeshHistory } from '../../server/contract/history.ts';
import type { Clock, Timer } from '../../server/contract/seams.ts';
import type { TimeRange } from '../pure/timeline-ranges.ts';

/** What the servers know of the past, as far as it has been had. */
export interface Past {
  /** null = never had. */
  history: MeshHistory | null;
  events: readonly MeshEvent[];
  annotations: readonly Annotation[];
  /** Why the history could not be had last; '' if it could. */
  error: string;
}

/** What it needs from outside. */
export interface PastNeeds {
  clock: Clock;
  /** The serving pod's time, ms since the epoch; null while unknown. */
  servedMs(): number | null;
  fetchHistory(range: TimeRange, stepMs: number, signal: AbortSignal): Promise<MeshHistory>;
  fetchEvents(range: TimeRange, signal: AbortSignal): Promise<readonly MeshEvent[]>;
  fetchAnnotations(signal: AbortSignal): Promise<readonly Annotation[]>;
}

/** Pause between two askings, and while the serving pod's time is not known yet. */
const PAUSE_MS = 10_000;
const UNKNOWN_MS = 500;
/** So many steps a history has. */
const STEPS = 300;
/** No step is finer. */
const LEAST_STEP_MS = 2_000;

/** Keeps the past of the last `spanMs` current by asking every 10 s. What cannot be had stays as it was. */
export class PastPoll {
  readonly #needs: PastNeeds;
  readonly #listeners = new Set<() => void>();
  #past: Past = { history: null, events: [], annotations: [], error: '' };
  #spanMs = 0;
  #timer: Timer | null = null;
  #asking: AbortController | null = null;

  constructor(needs: PastNeeds) {
    this.#needs = needs;
  }

  /** The past as it is known; the same object until it changes. */
  readonly state = (): Past => this.#past;

  /** Calls `listener` after each change until the function given back is called. */
  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** Asks now and every 10 s for the last `spanMs`; may be called again with another span. */
  start(spanMs: number): void {
    this.#spanMs = spanMs;
    this.#ask();
  }

  /** Asks at once: something has just been written. */
  readonly askNow = (): void => this.#ask();

  /** Asks no more until `start`. */
  stop(): void {
    this.#timer?.cancel();
    this.#timer = null;
    this.#asking?.abort();
    this.#asking = null;
  }

  #ask(): void {
    this.stop();
    const toMs = this.#needs.servedMs();
    if (toMs === null) {
      this.#timer = this.#needs.clock.setTimer(() => this.#ask(), UNKNOWN_MS);
      return;
    }
    const asking = new AbortController();
    this.#asking = asking;
    void this.#fetch(asking.signal, Math.round(toMs)).then(() => {
      if (this.#asking !== asking) return;
      this.#timer = this.#needs.clock.setTimer(() => this.#ask(), PAUSE_MS);
    });
  }

  /** The three questions do not wait for each other's failure: a server may know events but no history. */
  async #fetch(signal: AbortSignal, toMs: number): Promise<void> {
    const { fetchHistory, fetchEvents, fetchAnnotations } = this.#needs;
    const range = { fromMs: toMs - this.#spanMs, toMs };
    const stepMs = Math.max(LEAST_STEP_MS, Math.ceil(this.#spanMs / STEPS / 1000) * 1000);
    const [history, events, annotations] = await Promise.allSettled([
      fetchHistory(range, stepMs, signal),
      fetchEvents(range, signal),
      fetchAnnotations(signal),
    ]);
    if (signal.aborted) return;
    const old = this.#past;
    this.#past = {
      history: history.status === 'fulfilled' ? history.value : old.history,
      events: events.status === 'fulfilled' ? events.value : old.events,
      annotations: annotations.status === 'fulfilled' ? annotations.value : old.annotations,
      error: history.status === 'fulfilled' ? '' : textOf(history.reason, 200),
    };
    for (const listener of [...this.#listeners]) listener();
  }
}
