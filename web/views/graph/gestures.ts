/* Zoom and drag: the parts of d3 that the first picture does not need. They are loaded after it. */

import { type D3DragEvent, drag, select, type ZoomTransform, zoom, zoomIdentity, zoomTransform } from 'd3';
import type { Point, Zoom } from './geometry.ts';

/** Bounds of the zoom. */
const EXTENT: [least: number, most: number] = [0.5, 12];
/** At least this much of the scene stays on the stage, px. */
const MIN_VISIBLE = 80;
/** A press that moves no farther than this is a click, px. */
const CLICK_REACH = 4;

/** Moves a zoomed scene so that at least `MIN_VISIBLE` px of it are on a stage of `width` x `height` px. */
export function keepVisible({ k, x, y }: Zoom, [width, height]: [number, number]): ZoomTransform {
  const within = (value: number, length: number) =>
    Math.min(length - MIN_VISIBLE, Math.max(MIN_VISIBLE - k * length, value));
  return zoomIdentity.translate(within(x, width), within(y, height)).scale(k);
}

/** The zoom of a stage, which starts at 100 %. */
export interface AttachedZoom {
  /** Zooms about the centre of the stage. */
  by(factor: number): void;
  reset(): void;
  detach(): void;
}

/**
 * Zooms and pans a stage by wheel, mouse and touch, without animation. At 100 % one finger scrolls the page. Calls `onZoom`
 * after each change.
 */
export function attachZoom(stage: HTMLElement, onZoom: (transform: Zoom) => void): AttachedZoom {
  const follow = (transform: ZoomTransform) => {
    stage.style.touchAction = transform.k === 1 ? 'pan-y' : 'none';
    onZoom(transform);
  };
  const behaviour = zoom<HTMLElement, unknown>()
    .scaleExtent(EXTENT)
    .clickDistance(CLICK_REACH)
    // Always, because a touch screen can be connected later.
    .touchable(true)
    .constrain((transform, [, size]) => keepVisible(transform, size))
    .filter((event: MouseEvent | TouchEvent) => {
      if ('touches' in event) return event.touches.length > 1 || zoomTransform(stage).k !== 1;
      return (!event.ctrlKey || event.type === 'wheel') && event.button === 0;
    })
    .on('zoom', ({ transform }: { transform: ZoomTransform }) => follow(transform));
  const selection = select(stage).call(behaviour).on('dblclick.zoom', null);
  follow(zoomIdentity);
  return {
    by: (factor) => selection.call(behaviour.scaleBy, factor),
    reset: () => selection.call(behaviour.transform, zoomIdentity),
    detach: () => void selection.on('.zoom', null),
  };
}

/** A pod by uid, because indexes change when pods come or go, and the place of its centre, px of the stage. */
export interface Dragged extends Point {
  uid: string;
}

/** Callbacks of a drag. Points are px of the stage. */
interface PodDrag {
  /** The pod at a point. */
  podAt(point: Point): Dragged | undefined;
  onStart(uid: string): void;
  /** At most once for each frame. */
  onMove(uid: string, point: Point): void;
  onEnd(): void;
}

/**
 * Lets the mouse drag pods. It must be attached before `attachZoom`, which pans if no pod is under the mouse. Returns a
 * function that detaches it.
 */
export function attachDrag(stage: HTMLElement, { podAt, onStart, onMove, onEnd }: PodDrag): () => void {
  let frame = 0;
  let moved = false;
  let start: Point = { x: 0, y: 0 };
  let next: Dragged | null = null;
  const follow = () => {
    frame = 0;
    if (next !== null) onMove(next.uid, next);
    next = null;
  };
  type Event = D3DragEvent<HTMLElement, unknown, Dragged>;
  const behaviour = drag<HTMLElement, unknown, Dragged | undefined>()
    // With fingers the scene is moved, not a pod: a pod is smaller than a fingertip.
    .touchable(false)
    .clickDistance(CLICK_REACH)
    .container(stage)
    .subject((point: Point) => podAt(point))
    .on('start', ({ x, y }: Event) => {
      moved = false;
      start = { x, y };
    })
    .on('drag', ({ x, y, subject: { uid } }: Event) => {
      if (!moved && Math.hypot(x - start.x, y - start.y) <= CLICK_REACH) return;
      if (!moved) onStart(uid);
      moved = true;
      next = { x, y, uid };
      // A mouse can send more events than frames can be drawn.
      if (frame === 0) frame = requestAnimationFrame(follow);
    })
    .on('end', () => {
      cancelAnimationFrame(frame);
      follow();
      onEnd();
    });
  const selection = select(stage).call(behaviour);
  return () => {
    cancelAnimationFrame(frame);
    selection.on('.drag', null);
  };
}
