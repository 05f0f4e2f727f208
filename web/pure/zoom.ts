import type { Point } from './curve.ts';

/** Zoom and pan of the stage: a point p of the scene is drawn at p * k + (x, y) px. */
export interface Zoom {
  k: number;
  x: number;
  y: number;
}

/** No zoom and no pan. */
export const NO_ZOOM: Zoom = { k: 1, x: 0, y: 0 };

const LEAST = 0.5;
const MOST = 12;
/** At least this much of the scene stays on the stage, px. */
const MIN_VISIBLE = 80;

/** Zooms by `factor` about a point of the stage, between 50 % and 1200 %. */
export function zoomAt(zoom: Zoom, factor: number, { x, y }: Point): Zoom {
  const k = Math.min(MOST, Math.max(LEAST, zoom.k * factor));
  const share = k / zoom.k;
  return { k, x: x - (x - zoom.x) * share, y: y - (y - zoom.y) * share };
}

/** Moves the scene by (dx, dy) px on a stage of `width` x `height`, never completely off it. */
export function panBy(zoom: Zoom, dx: number, dy: number, width: number, height: number): Zoom {
  const within = (value: number, length: number) =>
    Math.min(length - MIN_VISIBLE, Math.max(MIN_VISIBLE - zoom.k * length, value));
  return { k: zoom.k, x: within(zoom.x + dx, width), y: within(zoom.y + dy, height) };
}

/** Converts a point of the stage to the scene. */
export function toScene(zoom: Zoom, { x, y }: Point): Point {
  return { x: (x - zoom.x) / zoom.k, y: (y - zoom.y) / zoom.k };
}

/** Converts a point of the scene to the stage. */
export function toStage(zoom: Zoom, { x, y }: Point): Point {
  return { x: x * zoom.k + zoom.x, y: y * zoom.k + zoom.y };
}

/**
 * The zoom factor of a wheel event. `deltaMode`: see `WheelEvent` (0 = px, 1 = lines, 2 = pages). A pinch on a touchpad is
 * a wheel event with Ctrl and small deltas.
 */
export function wheelFactor(deltaY: number, deltaMode: number, pinch: boolean): number {
  const unit = deltaMode === 1 ? 0.05 : deltaMode === 0 ? 0.002 : 1;
  return 2 ** (-Math.min(240, Math.max(-240, deltaY)) * unit * (pinch ? 5 : 1));
}
