import type { Annotation } from '../../server/protocol/annotation.ts';
import type { MeshEvent } from '../../server/protocol/event.ts';
import type { MeshHistory } from '../../server/protocol/history.ts';
import type { Clock, Timer } from '../../server/runtime/clock.ts';
import { textOf } from '../../server/runtime/errors.ts';
import type { TimeRange } from '../../server/runtime/time-range.ts';
import { MOST_AUTO_MS } from '../pure/timeline-axis.ts';
import { knownFrom } from '../pure/timeline-steps.ts';

/** What the servers know of the past, as far as it has been had. */
export interface Past {
  /** null = never had. */
  history: MeshHistory | null;
  events: readonly MeshEvent[];
  annotations: readonly Annotation[];
  /** Where what is known begins, as far as it has been looked for, ms since the epoch; null = not looked for yet. */
  knownFromMs: number | null;
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

/** How long the steps of a history of `spanMs` are. */
const stepOf = (spanMs: number) => Math.max(LEAST_STEP_MS, Math.ceil(spanMs / STEPS / 1000) * 1000);

/** Keeps the past of the last `spanMs` current by asking every 10 s. What cannot be had stays as it was. */
export class PastPoll {
  readonly #needs: PastNeeds;
  readonly #listeners = new Set<() => void>();
  #past: Past = { history: null, events: [], annotations: [], knownFromMs: null, error: '' };
  #spanMs = 0;
  #isAuto = false;
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

  /**
   * Asks now and every 10 s for the last `spanMs`; may be called again with another span. `isAuto`: the span is to follow
   * from what is known, so at first it is looked how far back that goes.
   */
  start(spanMs: number, isAuto = false): void {
    this.#spanMs = spanMs;
    this.#isAuto = isAuto;
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
    if (this.#isAuto && this.#past.knownFromMs === null) await this.#lookBack(signal, toMs);
    // Whoever heard how far back it goes may have asked for another span by now.
    if (signal.aborted) return;
    const range = { fromMs: toMs - this.#spanMs, toMs };
    const [history, events, annotations] = await Promise.allSettled([
      fetchHistory(range, stepOf(this.#spanMs), signal),
      fetchEvents(range, signal),
      fetchAnnotations(signal),
    ]);
    if (signal.aborted) return;
    const old = this.#past;
    this.#change({
      history: history.status === 'fulfilled' ? history.value : old.history,
      events: events.status === 'fulfilled' ? events.value : old.events,
      annotations: annotations.status === 'fulfilled' ? annotations.value : old.annotations,
      knownFromMs: old.knownFromMs,
      error: history.status === 'fulfilled' ? '' : textOf(history.reason, 200),
    });
  }

  /** Asks for the longest span that may follow from what is known. A failure is told by the question that comes next. */
  async #lookBack(signal: AbortSignal, toMs: number): Promise<void> {
    const range = { fromMs: toMs - MOST_AUTO_MS, toMs };
    const history = await this.#needs.fetchHistory(range, stepOf(MOST_AUTO_MS), signal).catch(() => null);
    if (history === null || signal.aborted) return;
    this.#change({ ...this.#past, history, knownFromMs: knownFrom(history) ?? toMs });
  }

  #change(past: Past): void {
    this.#past = past;
    for (const listener of [...this.#listeners]) listener();
  }
}
