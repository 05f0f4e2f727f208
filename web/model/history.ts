import type { Annotation } from '../../server/protocol/annotation.ts';
import type { MeshEvent } from '../../server/protocol/event.ts';
import type { MeshHistory } from '../../server/protocol/history.ts';
import type { Round } from '../../server/protocol/rounds.ts';
import type { Clock, Timer } from '../../server/runtime/clock.ts';
import { textOf } from '../../server/runtime/errors.ts';
import type { TimeRange } from '../../server/runtime/time-range.ts';
import { Observed } from './observed.ts';
import { knownFrom, MOST_AUTO_MS } from './timeline.ts';

/** The past as the servers know it, as far as it has been fetched. */
export interface Past {
  history: MeshHistory | null;
  events: readonly MeshEvent[];
  annotations: readonly Annotation[];
  rounds: readonly Round[];
  /** The oldest time with data, ms since the epoch; null = not fetched yet. */
  knownFromMs: number | null;
  /** Why the last fetch of the history failed; '' if it did not. */
  error: string;
}

export interface PastPollOptions {
  clock: Clock;
  /** The serving pod's time, ms since the epoch; null while unknown. */
  servedMs(): number | null;
  fetchHistory(range: TimeRange, signal: AbortSignal): Promise<MeshHistory>;
  fetchEvents(range: TimeRange, signal: AbortSignal): Promise<readonly MeshEvent[]>;
  fetchAnnotations(signal: AbortSignal): Promise<readonly Annotation[]>;
  fetchRounds(range: TimeRange, signal: AbortSignal): Promise<readonly Round[]>;
}

/** Pause between two fetches, and while the serving pod's time is unknown. */
const PAUSE_MS = 10_000;
const UNKNOWN_MS = 500;

/** Fetches the last `spanMs` every `PAUSE_MS`. What cannot be fetched stays as it was. */
export class PastPoll extends Observed<Past> {
  readonly #options: PastPollOptions;
  #spanMs = 0;
  #isAuto = false;
  #timer: Timer | null = null;
  #abort: AbortController | null = null;

  constructor(options: PastPollOptions) {
    super({ history: null, events: [], annotations: [], rounds: [], knownFromMs: null, error: '' });
    this.#options = options;
  }

  /** Fetches the last `spanMs` now and every `PAUSE_MS`. `isAuto`: first finds out how far back data exists, for the span. */
  start(spanMs: number, isAuto = false): void {
    this.#spanMs = spanMs;
    this.#isAuto = isAuto;
    this.#poll();
  }

  readonly fetchNow = (): void => this.#poll();

  stop(): void {
    this.#timer?.cancel();
    this.#timer = null;
    this.#abort?.abort();
    this.#abort = null;
  }

  #poll(): void {
    this.stop();
    const toMs = this.#options.servedMs();
    if (toMs === null) {
      this.#timer = this.#options.clock.setTimer(() => this.#poll(), UNKNOWN_MS);
      return;
    }
    const abort = new AbortController();
    this.#abort = abort;
    void this.#fetch(abort.signal, Math.round(toMs)).then(() => {
      if (this.#abort !== abort) return;
      this.#timer = this.#options.clock.setTimer(() => this.#poll(), PAUSE_MS);
    });
  }

  /** The requests fail independently: a server may have events but no history. */
  async #fetch(signal: AbortSignal, toMs: number): Promise<void> {
    const { fetchHistory, fetchEvents, fetchAnnotations, fetchRounds } = this.#options;
    if (this.#isAuto && this.state().knownFromMs === null) await this.#lookBack(signal, toMs);
    // A listener may have requested another span in the meantime.
    if (signal.aborted) return;
    const range = { fromMs: toMs - this.#spanMs, toMs };
    const [history, events, annotations, rounds] = await Promise.allSettled([
      fetchHistory(range, signal),
      fetchEvents(range, signal),
      fetchAnnotations(signal),
      fetchRounds(range, signal),
    ]);
    if (signal.aborted) return;
    const old = this.state();
    this.become({
      history: history.status === 'fulfilled' ? history.value : old.history,
      events: events.status === 'fulfilled' ? events.value : old.events,
      annotations: annotations.status === 'fulfilled' ? annotations.value : old.annotations,
      rounds: rounds.status === 'fulfilled' ? rounds.value : old.rounds,
      error: history.status === 'fulfilled' ? '' : textOf(history.reason, 200),
    });
  }

  /** Fetches the longest automatic span. A failure is reported by the next fetch. */
  async #lookBack(signal: AbortSignal, toMs: number): Promise<void> {
    const range = { fromMs: toMs - MOST_AUTO_MS, toMs };
    const history = await this.#options.fetchHistory(range, signal).catch(() => null);
    if (history === null || signal.aborted) return;
    this.become({ history, knownFromMs: knownFrom(history) ?? toMs });
  }
}
