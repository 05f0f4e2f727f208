import { BusyError } from '../contract/errors.ts';
import type { Mesh } from '../contract/mesh.ts';
import type { Timer } from '../contract/seams.ts';
import { withAwaited } from './awaited.ts';
import { type NowDeps, viewOfNow } from './collect-view.ts';
import { type CollectDeps, type CollectHooks, Collection, type CollectSettings } from './collection.ts';
import { matrixBounds } from './matrix-bounds.ts';
import { PeerTables } from './peer-tables.ts';

/** What a caller wants: the window of the statistics (ms, 0 = none) and how old a picture will do (ms, at most 1000). */
export interface CollectOptions {
  windowMs: number;
  maxAgeMs: number;
  /**
   * Answer within this time (ms), with the rows that have come by then; of a pod whose row has not, with that of the last
   * matrix of the same window if it is at most 2 s old. The collection goes on and those who ask next find it. Such a
   * matrix has no findings.
   */
  budgetMs?: number;
}

/** Collects the matrix on request; see `createCollector`. */
export interface Collector {
  /** The matrix. Rejects only after `stop`, or with a BusyError if too many different windows are asked for at once: see `matrixBounds`. */
  collect(options: CollectOptions): Promise<Mesh>;
  /** Ends collections in flight; rows not yet there are missing in them. Nothing is kept afterwards. */
  stop(): void;
}

/** How long a finished matrix is kept for those who come right after it. */
const KEEP_MS = 1000;
/** And so many times longer than it took, for those who cannot wait that long for another. */
const KEEP_LONGER = 2;

/**
 * Makes a collector. However many callers ask at once, one collection answers them all; a finished one answers callers
 * whom its age suits. A caller who wants no statistics takes part in a collection with any window.
 */
export function createCollector(
  settings: CollectSettings,
  deps: CollectDeps & NowDeps,
  hooks: CollectHooks,
): Collector {
  const tables = new PeerTables();
  /** Pods that did not answer last time: asked last, so that they hold up nobody. */
  const late = new Set<string>();
  const running = new Map<number, { mesh: Promise<Mesh>; collection: Collection }>();
  const finished = new Map<number, { mesh: Mesh; endMs: number; expiry: Timer }>();
  let stopped = false;

  const suited = <T>(from: Map<number, T>, windowMs: number): T | undefined =>
    from.get(windowMs) ?? (windowMs === 0 ? from.values().next().value : undefined);

  const bounds = () => matrixBounds(deps.snapshot().pods.length, deps.settings().pingNumber).now;

  const forget = (windowMs: number) => {
    finished.get(windowMs)?.expiry.cancel();
    finished.delete(windowMs);
  };

  const keep = (windowMs: number, mesh: Mesh) => {
    forget(windowMs);
    const keepMs = KEEP_MS + KEEP_LONGER * mesh.collectMs;
    const expiry = deps.clock.setTimer(() => finished.delete(windowMs), keepMs);
    finished.set(windowMs, { mesh, endMs: deps.clock.monotonicMs(), expiry });
    const { kept } = bounds();
    for (const oldest of finished.keys()) {
      if (finished.size <= kept) return;
      forget(oldest);
    }
  };

  const start = (windowMs: number): Promise<Mesh> => {
    const collection = new Collection(settings, deps, hooks, viewOfNow(windowMs, deps), { tables, late });
    const mesh = collection.run().finally(() => running.delete(windowMs));
    running.set(windowMs, { mesh, collection });
    return mesh.then((done) => {
      if (!stopped) keep(windowMs, done);
      return done;
    });
  };

  /** The whole matrix, or what there is of it once the time is up. */
  const within = (budgetMs: number, windowMs: number, whole: Promise<Mesh>): Promise<Mesh> =>
    new Promise((resolve, reject) => {
      // Taken now: by then it may have expired.
      const last = finished.get(windowMs);
      const timer = deps.clock.setTimer(() => {
        const soFar = suited(running, windowMs)?.collection.soFar();
        if (soFar === undefined) return;
        const lent = last && { mesh: last.mesh, agoMs: deps.clock.monotonicMs() - last.endMs };
        resolve(withAwaited(soFar, lent ?? null));
      }, budgetMs);
      whole.then(resolve, reject).finally(() => timer.cancel());
    });

  const collect = async ({ windowMs, maxAgeMs }: CollectOptions): Promise<Mesh> => {
    if (stopped) throw new Error('the collector has been stopped');
    const recent = suited(finished, windowMs);
    const ageMs = recent === undefined ? 0 : deps.clock.monotonicMs() - recent.endMs;
    if (recent !== undefined && ageMs <= maxAgeMs) return { ...recent.mesh, ageMs };
    const joined = suited(running, windowMs);
    if (joined !== undefined) return joined.mesh;
    const most = bounds().running;
    if (running.size >= most) throw new BusyError(`more than ${most} windows asked for at once, try again`);
    return start(windowMs);
  };

  return {
    collect: (options) => {
      const whole = collect(options);
      return options.budgetMs === undefined ? whole : within(options.budgetMs, options.windowMs, whole);
    },
    stop: () => {
      stopped = true;
      for (const { collection } of running.values()) collection.abort();
      for (const { expiry } of finished.values()) expiry.cancel();
      finished.clear();
    },
  };
}
