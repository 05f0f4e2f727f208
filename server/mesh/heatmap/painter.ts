import { BusyError } from '../../contract/errors.ts';
import type { HeatmapLimits } from './cells.ts';
import { type DrawnMesh, heatmapPng } from './heatmap-png.ts';

/** Paints heatmaps on request. */
export interface HeatmapPainter {
  /** The PNG of a matrix; see `heatmapPng`. Rejects if more than `MAX_WAITING` are wanted at once. */
  paint(mesh: DrawnMesh, limits: HeatmapLimits): Promise<Uint8Array>;
}

/** Who wants the same picture of the same rows gets the same; kept only as long as the rows themselves. */
type Pictures = Map<string, Promise<Uint8Array>>;

/** The most different limits kept for one matrix. */
const MAX_KEPT = 8;
/** The most pictures that wait to be painted, each holding its matrix. */
const MAX_WAITING = 32;

/**
 * Makes a painter that paints one picture at a time: a picture of 1000 pods takes some megabytes while it is painted,
 * and clients who ask together mostly want the same one.
 */
export function createHeatmapPainter(): HeatmapPainter {
  const painted = new WeakMap<DrawnMesh['rows'], Pictures>();
  let last: Promise<unknown> = Promise.resolve();
  let waiting = 0;
  return {
    paint: (mesh, limits) => {
      const pictures = painted.get(mesh.rows) ?? new Map();
      painted.set(mesh.rows, pictures);
      const key = [limits.t0Ms, limits.t1Ms, limits.t2Ms].join(' ');
      const found = pictures.get(key);
      if (found !== undefined) return found;
      if (waiting >= MAX_WAITING) return Promise.reject(new BusyError('too many heatmaps asked for at once'));
      if (pictures.size >= MAX_KEPT) pictures.clear();
      waiting += 1;
      const picture = last
        .then(() => heatmapPng(mesh, limits))
        .finally(() => {
          waiting -= 1;
        });
      pictures.set(key, picture);
      last = picture.catch(() => pictures.delete(key));
      return picture;
    },
  };
}
