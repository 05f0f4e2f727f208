import { roundMsOf } from '../protocol/link-state.ts';
import type { Mesh } from '../protocol/mesh.ts';
import { intervalWithoutPingsMs } from '../protocol/pod.ts';
import { SerialQueue } from '../runtime/concurrency.ts';
import { SharedResults } from '../runtime/shared-results.ts';
import type { TimeRange } from '../runtime/time-range.ts';
import { type CollectDeps, viewOfPast } from './collect-view.ts';
import { Collection, FINDINGS_WINDOW_MS, meshLimits } from './collector.ts';

/**
 * Both ends of a range are rounded to multiples of this, so that clients who ask for nearly the same range share one collection.
 */
const ROUND_MS = 100;
/** The most ranges asked for at once. In a large mesh they are collected one after the other: see `meshLimits`. */
const MAX_ASKED = 4;
/** A collected mesh is kept this long. */
const KEEP_MS = 5_000;
/** A link has a state for this many rounds of pings after its last sample, so that one late ping does not take it away. */
const STATE_ROUNDS = 1.5;

/** Collects the mesh of a past time range on request, and shares each collection among all who ask for the same range. */
export class PastMeshes {
  readonly #deps: CollectDeps;
  readonly #queue = new SerialQueue();
  readonly #meshes: SharedResults<Mesh>;

  constructor(deps: CollectDeps) {
    this.#deps = deps;
    const tooMany = `more than ${MAX_ASKED} different time ranges were requested at once, try again`;
    this.#meshes = new SharedResults(deps.clock, MAX_ASKED, tooMany);
  }

  /**
   * Returns the mesh of a time range, in ms since the epoch by our clock. The part of the range that lies in the future is
   * cut off. Rejects with a BusyError if more than `MAX_ASKED` ranges are requested at once, and after `stop`.
   */
  of(range: TimeRange): Promise<Mesh> {
    return this.#collected(range, null);
  }

  /** The mesh of a range, collected once for all who ask. `freshMs`: see `viewOfPast`. */
  #collected(range: TimeRange, freshMs: number | null): Promise<Mesh> {
    const toMs = Math.round(Math.min(range.toMs, this.#deps.clock.nowMs()) / ROUND_MS) * ROUND_MS;
    const fromMs = Math.min(Math.round(range.fromMs / ROUND_MS) * ROUND_MS, toMs - ROUND_MS);
    const { pods } = this.#deps.snapshot();
    const { running, kept } = meshLimits(pods.length, this.#deps.settings().pingNumber).past;
    const collect = async () => {
      // It may have waited in the queue since before `stop`.
      this.#meshes.assertRunning();
      return new Collection(this.#deps, viewOfPast({ fromMs, toMs }, this.#deps, freshMs)).run();
    };
    const collectInTurn = () => (running > 1 ? collect() : this.#queue.run(collect));
    return this.#meshes.get(`${fromMs}-${toMs}-${freshMs}`, collectInTurn, () => KEEP_MS, kept);
  }

  /**
   * Returns the mesh at a moment: that of a range which ends at `atMs` and is as long as the window of the live findings. A link
   * has a state if it was pinged in the last round before.
   */
  at(atMs: number): Promise<Mesh> {
    const nowMs = this.#deps.clock.nowMs();
    // Rounded down, because what came after the moment must not show: a pod that hung until then may have answered right after it.
    const toMs = Math.floor(Math.min(atMs, nowMs) / ROUND_MS) * ROUND_MS;
    const settings = this.#deps.settings();
    const refreshIntervalMs = intervalWithoutPingsMs(settings.refreshIntervalMs);
    const freshMs = STATE_ROUNDS * roundMsOf({ ...settings, refreshIntervalMs });
    const windowMs = Math.max(freshMs, FINDINGS_WINDOW_MS);
    const resolutionMs = this.#deps.resolutionMs(nowMs - toMs + windowMs);
    return this.#collected({ fromMs: toMs - Math.max(windowMs, resolutionMs), toMs }, freshMs + resolutionMs);
  }

  /** Drops the meshes that were kept. Collections in progress end when the client is stopped. */
  stop(): void {
    this.#meshes.stop();
  }
}
