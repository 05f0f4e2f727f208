/* Zoom and drag: the parts of d3 that the first picture does not need. They are loaded after it. */

import { type D3DragEvent, drag, select, type ZoomTransform, zoom, zoomIdentity, zoomTransform } from 'd3';
import type { Point, Zoom } from './geometry.ts';

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

/** Zooms a stage from outside. `by`: about its centre. */
export interface ZoomControls {
  by(factor: number): void;
  reset(): void;
}

/** Callbacks of the gestures. Points are px of the stage; pods are uids, because indexes change when pods come or go. */
interface GestureTarget {
  /** The pod at a point, and the place of its centre. */
  podAt(point: Point): (Point & { uid: string }) | undefined;
  onMove(uid: string, point: Point): void;
  onZoom(zoom: Zoom): void;
}

/** Lets the mouse drag pods; zooms and pans by wheel, mouse and touch. At 100 % one finger scrolls the page. */
export function attachGestures(
  stage: HTMLElement,
  { podAt, onMove, onZoom }: GestureTarget,
): ZoomControls & { detach(): void } {
  type DragEvent = D3DragEvent<HTMLElement, unknown, { uid: string }>;
  const dragPod = drag<HTMLElement, unknown, { uid: string } | undefined>()
    // With fingers the scene is moved, not a pod: a pod is smaller than a fingertip.
    .touchable(false)
    .clickDistance(CLICK_REACH)
    .container(stage)
    .subject((point: Point) => podAt(point))
    .on('start', (start: DragEvent) => {
      let isClick = true;
      start.on('drag', ({ x, y, subject }: DragEvent) => {
        isClick &&= Math.hypot(x - start.x, y - start.y) <= CLICK_REACH;
        if (!isClick) onMove(subject.uid, { x, y });
      });
    });
  const follow = (transform: ZoomTransform) => {
    stage.style.touchAction = transform.k === 1 ? 'pan-y' : 'none';
    onZoom(transform);
  };
  const zoomStage = zoom<HTMLElement, unknown>()
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
  // The drag comes first, so that a press on a pod does not pan.
  const selection = select(stage).call(dragPod).call(zoomStage).on('dblclick.zoom', null);
  follow(zoomIdentity);
  // On a smaller stage the same pan may be too far.
  const resized = new ResizeObserver(() => selection.call(zoomStage.translateBy, 0, 0));
  resized.observe(stage);
  return {
    by: (factor) => selection.call(zoomStage.scaleBy, factor),
    reset: () => selection.call(zoomStage.transform, zoomIdentity),
    detach: () => {
      resized.disconnect();
      selection.on('.drag', null).on('.zoom', null);
    },
  };
}
