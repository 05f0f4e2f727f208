import type { Point } from './curve.ts';

/** Zoom and pan of a stage: a point p of the scene is drawn at p * k + (x, y) px. */
export interface Zoom {
  k: number;
  x: number;
  y: number;
}

/** The scene as it was laid out. */
export const NO_ZOOM: Zoom = { k: 1, x: 0, y: 0 };

const LEAST = 0.5;
const MOST = 12;
/** So much of the scene always stays on the stage, px. */
const STAYS = 80;

/** Zooms by `factor` about a point of the stage, which stays where it is; between 50 % and 1200 %. */
export function zoomAt(zoom: Zoom, factor: number, { x, y }: Point): Zoom {
  const k = Math.min(MOST, Math.max(LEAST, zoom.k * factor));
  const share = k / zoom.k;
  return { k, x: x - (x - zoom.x) * share, y: y - (y - zoom.y) * share };
}

/** Moves the scene by (dx, dy) px on a stage of `width` x `height`, never wholly off it. */
export function panBy(zoom: Zoom, dx: number, dy: number, width: number, height: number): Zoom {
  const within = (value: number, length: number) => Math.min(length - STAYS, Math.max(STAYS - zoom.k * length, value));
  return { k: zoom.k, x: within(zoom.x + dx, width), y: within(zoom.y + dy, height) };
}

/** The point of the scene that is drawn at a point of the stage. */
export function toScene(zoom: Zoom, { x, y }: Point): Point {
  return { x: (x - zoom.x) / zoom.k, y: (y - zoom.y) / zoom.k };
}

/** Where on the stage a point of the scene is drawn. */
export function toStage(zoom: Zoom, { x, y }: Point): Point {
  return { x: x * zoom.k + zoom.x, y: y * zoom.k + zoom.y };
}

/**
 * The factor that one event of a wheel or touchpad stands for. `deltaMode` as in `WheelEvent`: 0 = px, 1 = lines,
 * 2 = pages. A pinch on a touchpad comes as a wheel with Ctrl and small deltas.
 */
export function wheelFactor(deltaY: number, deltaMode: number, pinch: boolean): number {
  const unit = deltaMode === 1 ? 0.05 : deltaMode === 0 ? 0.002 : 1;
  return 2 ** (-Math.min(240, Math.max(-240, deltaY)) * unit * (pinch ? 5 : 1));
}
