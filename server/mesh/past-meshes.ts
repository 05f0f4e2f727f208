import { BusyError } from '../contract/errors.ts';
import type { Mesh } from '../contract/mesh.ts';
import type { Timer } from '../contract/seams.ts';
import { type PastDeps, type Span, viewOfPast } from './collect-view.ts';
import { type CollectDeps, type CollectHooks, Collection, type CollectSettings } from './collection.ts';
import { InTurn } from './in-turn.ts';
import { matrixBounds } from './matrix-bounds.ts';
import { PeerTables } from './peer-tables.ts';

/** What matrices of the past need besides what every collection needs. */
export interface PastMeshDeps extends CollectDeps, PastDeps {
  /** How fine the past is at an age, as a length of time. */
  resolutionMs(ageMs: number): number;
}

/** Collects matrices of the past on request. */
export interface PastMeshes {
  /**
   * The matrix of a stretch, ms since the epoch by our clock; what lies in the future is left off. Rejects with a
   * BusyError if more than `MAX_ASKED` stretches are asked for at once, and after `stop`.
   */
  of(span: Span): Promise<Mesh>;
  /** The matrix as it was at a moment: of the stretch that ends there and has a sample of each link. */
  at(atMs: number): Promise<Mesh>;
  /** Ends collections in flight. Nothing is kept afterwards. */
  stop(): void;
}

/** Stretches are rounded to this, so that those who ask about the same share one collection. */
const ROUND_MS = 100;
/** The most asked for at once; of a large mesh all but one of them wait: see `matrixBounds`. */
const MAX_ASKED = 4;
const TOO_MANY = `more than ${MAX_ASKED} different stretches of the past asked for at once, try again`;
const SHUTTING_DOWN = 'this pod is shutting down';
/** How long one is kept. */
const KEEP_MS = 5_000;
/** So many REFRESH_INTERVALs have a sample of each link, even if one was late. */
const INTERVALS = 1.5;
/** Without pinging there is nothing to see, whatever the stretch. */
const NO_PINGING_MS = 30_000;

/** Makes the one who collects the past; `jitterFactor` is JITTER_FACTOR. */
export function createPastMeshes(
  settings: CollectSettings & { jitterFactor: number },
  deps: PastMeshDeps,
  hooks: CollectHooks,
): PastMeshes {
  const tables = new PeerTables();
  const late = new Set<string>();
  const asked = new Map<string, Promise<Mesh>>();
  const running = new Set<Collection>();
  const turn = new InTurn(MAX_ASKED, TOO_MANY);
  const kept = new Map<string, { mesh: Mesh; expiry: Timer }>();
  let stopped = false;

  const forget = (key: string) => {
    kept.get(key)?.expiry.cancel();
    kept.delete(key);
  };
  const bounds = () => matrixBounds(deps.snapshot().pods.length, deps.settings().pingNumber).past;
  const keep = (key: string, mesh: Mesh) => {
    const most = bounds().kept;
    for (const oldest of [...kept.keys()]) if (kept.size >= most) forget(oldest);
    kept.set(key, { mesh, expiry: deps.clock.setTimer(() => forget(key), KEEP_MS) });
  };

  const collect = async (span: Span): Promise<Mesh> => {
    if (stopped) throw new BusyError(SHUTTING_DOWN);
    const collection = new Collection(settings, deps, hooks, viewOfPast(span, deps), { tables, late });
    running.add(collection);
    return collection.run().finally(() => running.delete(collection));
  };

  const of = async (span: Span): Promise<Mesh> => {
    if (stopped) throw new BusyError(SHUTTING_DOWN);
    const toMs = Math.round(Math.min(span.toMs, deps.clock.nowMs()) / ROUND_MS) * ROUND_MS;
    const fromMs = Math.min(Math.round(span.fromMs / ROUND_MS) * ROUND_MS, toMs - ROUND_MS);
    const key = `${fromMs}-${toMs}`;
    const there = kept.get(key)?.mesh ?? asked.get(key);
    if (there !== undefined) return there;
    if (asked.size >= MAX_ASKED) throw new BusyError(TOO_MANY);
    const job = () => collect({ fromMs, toMs });
    const mesh = (bounds().running > 1 ? job() : turn.do(job)).finally(() => asked.delete(key));
    asked.set(key, mesh);
    const done = await mesh;
    if (!stopped) keep(key, done);
    return done;
  };

  return {
    of,
    at: (atMs) => {
      const toMs = Math.min(atMs, deps.clock.nowMs());
      const { refreshIntervalMs } = deps.settings();
      const intervalMs = refreshIntervalMs > 0 ? refreshIntervalMs : NO_PINGING_MS;
      const roundMs = INTERVALS * intervalMs * (1 + settings.jitterFactor);
      const lengthMs = Math.max(roundMs, deps.resolutionMs(deps.clock.nowMs() - toMs + roundMs));
      return of({ fromMs: toMs - lengthMs, toMs });
    },
    stop: () => {
      stopped = true;
      for (const collection of running) collection.abort();
      for (const key of [...kept.keys()]) forget(key);
    },
  };
}
