import type { Mesh } from '../contract/mesh.ts';
import type { Timer } from '../contract/seams.ts';
import { type CollectDeps, type CollectHooks, Collection, type CollectSettings } from './collection.ts';
import { PeerTables } from './peer-tables.ts';

/** What a caller wants: the window of the statistics (ms, 0 = none) and how old a picture will do (ms, at most 1000). */
export interface CollectOptions {
  windowMs: number;
  maxAgeMs: number;
}

/** Collects the matrix on request; see `createCollector`. */
export interface Collector {
  /** The matrix. Rejects only after `stop`, or if more than `MAX_WINDOWS` different windows are asked for at once. */
  collect(options: CollectOptions): Promise<Mesh>;
  /** Ends collections in flight; rows not yet there are missing in them. Nothing is kept afterwards. */
  stop(): void;
}

/** How long a finished matrix is kept for those who come right after it; 1000 pods are 14 MB. */
const KEEP_MS = 1000;
/** The most different windows collected at once: each is a fan-out of its own. */
const MAX_WINDOWS = 4;

/**
 * Makes a collector. However many callers ask at once, one collection answers them all; a finished one answers callers
 * whom its age suits. A caller who wants no statistics takes part in a collection with any window.
 */
export function createCollector(settings: CollectSettings, deps: CollectDeps, hooks: CollectHooks): Collector {
  const tables = new PeerTables();
  /** Pods that did not answer last time: asked last, so that they hold up nobody. */
  const late = new Set<string>();
  const running = new Map<number, { mesh: Promise<Mesh>; collection: Collection }>();
  const finished = new Map<number, { mesh: Mesh; endMs: number; expiry: Timer }>();
  let stopped = false;

  const suited = <T>(from: Map<number, T>, windowMs: number): T | undefined =>
    from.get(windowMs) ?? (windowMs === 0 ? from.values().next().value : undefined);

  const keep = (windowMs: number, mesh: Mesh) => {
    finished.get(windowMs)?.expiry.cancel();
    const expiry = deps.clock.setTimer(() => finished.delete(windowMs), KEEP_MS);
    finished.set(windowMs, { mesh, endMs: deps.clock.monotonicMs(), expiry });
  };

  const start = (windowMs: number): Promise<Mesh> => {
    const collection = new Collection(settings, deps, hooks, { windowMs, tables, late });
    const mesh = collection.run().finally(() => running.delete(windowMs));
    running.set(windowMs, { mesh, collection });
    return mesh.then((done) => {
      if (!stopped) keep(windowMs, done);
      return done;
    });
  };

  return {
    collect: async ({ windowMs, maxAgeMs }) => {
      if (stopped) throw new Error('the collector has been stopped');
      const recent = suited(finished, windowMs);
      const ageMs = recent === undefined ? 0 : deps.clock.monotonicMs() - recent.endMs;
      if (recent !== undefined && ageMs <= maxAgeMs) return { ...recent.mesh, ageMs };
      const joined = suited(running, windowMs);
      if (joined !== undefined) return joined.mesh;
      if (running.size >= MAX_WINDOWS) throw new Error(`more than ${MAX_WINDOWS} windows asked for at once`);
      return start(windowMs);
    },
    stop: () => {
      stopped = true;
      for (const { collection } of running.values()) collection.abort();
      for (const { expiry } of finished.values()) expiry.cancel();
      finished.clear();
    },
  };
}
