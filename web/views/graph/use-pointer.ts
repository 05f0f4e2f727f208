import { type MouseEvent, type PointerEvent, type RefObject, useEffect, useMemo, useRef, useState } from 'react';
import { type Point, panBy, toScene, zoomAt } from './geometry.ts';
import type { GraphHit } from './scene.ts';
import type { GraphZoom } from './use-zoom.tsx';

/** Callbacks for pointer events. Points are px of the stage. */
interface PointerRequest {
  stage: RefObject<HTMLDivElement | null>;
  zoom: GraphZoom;
  hitAt: (point: Point) => GraphHit;
  uidOf: (index: number) => string;
  select: (hit: GraphHit) => void;
  /** A pod is dragged to a point of the scene. */
  onMove: (uid: string, point: Point) => void;
}

/** The pod or link under the pointer, and the pointer's place. */
interface Hover extends Point {
  hit: Exclude<GraphHit, null>;
}

/** A pressed pointer: where it started, its place at the last frame, its place now, and the uid of the pod under it. */
interface Press {
  start: Point;
  at: Point;
  next: Point;
  /** A uid, because indexes change when pods come or go; '' = none. */
  pod: string;
  isTouch: boolean;
  /** The stage's rectangle, which does not change during a drag. */
  box: DOMRect | undefined;
}

/** A press that moves no farther than this is a click, px. */
const CLICK_REACH = 4;

/** Hover, click, dragging of pods, panning and pinching. */
export function usePointer(request: PointerRequest) {
  const latest = useRef(request);
  latest.current = request;
  const [hover, setHover] = useState<Hover | null>(null);
  /** null = nothing is dragged, '' = the scene, otherwise the uid of a pod. */
  const [dragged, setDragged] = useState<string | null>(null);
  const presses = useRef(new Map<number, Press>());
  const wasDragged = useRef(false);
  const frame = useRef(0);
  useEffect(() => () => cancelAnimationFrame(frame.current), []);
  const handlers = useMemo(() => {
    // A mouse can send more events than frames can be drawn.
    const follow = () => {
      frame.current = 0;
      for (const press of presses.current.values()) {
        if (press.next === press.at) continue;
        drag(latest.current, presses.current, press, press.next);
        press.at = press.next;
      }
    };
    const drop = (event: PointerEvent) => {
      if (frame.current !== 0) {
        cancelAnimationFrame(frame.current);
        follow();
      }
      presses.current.delete(event.pointerId);
      if (presses.current.size === 0) setDragged(null);
    };
    return {
      onPointerDown: (event: PointerEvent) => {
        if (event.button !== 0) return;
        const box = latest.current.stage.current?.getBoundingClientRect();
        const start = pointIn(box, event);
        const isTouch = event.pointerType === 'touch';
        const hit = isTouch ? null : latest.current.hitAt(start);
        setHover(null);
        if (presses.current.size === 0) wasDragged.current = false;
        const pod = hit !== null && 'pod' in hit ? latest.current.uidOf(hit.pod) : '';
        presses.current.set(event.pointerId, { start, at: start, next: start, pod, isTouch, box });
      },
      onPointerMove: (event: PointerEvent) => {
        const { stage, hitAt } = latest.current;
        const press = presses.current.get(event.pointerId);
        if (press !== undefined) {
          const at = pointIn(press.box, event);
          if (Math.hypot(at.x - press.start.x, at.y - press.start.y) > CLICK_REACH && !wasDragged.current) {
            wasDragged.current = true;
            stage.current?.setPointerCapture(event.pointerId);
            setDragged(press.pod);
          }
          press.next = at;
          if (!wasDragged.current) press.at = at;
          else if (frame.current === 0) frame.current = requestAnimationFrame(follow);
          return;
        }
        if (event.pointerType === 'touch') return;
        const at = pointOf(event, stage.current);
        const hit = hitAt(at);
        setHover((old) => (hit === null ? null : old !== null && sameHit(old.hit, hit) ? old : { hit, ...at }));
      },
      onPointerUp: drop,
      onPointerCancel: drop,
      onPointerLeave: () => setHover(null),
      onClick: (event: MouseEvent) => {
        // A click without a pointer comes from assistive technology. The pod itself handles it.
        if (wasDragged.current || event.detail === 0) return;
        latest.current.select(latest.current.hitAt(pointOf(event, latest.current.stage.current)));
      },
    };
  }, []);
  return {
    hover,
    handlers,
    held: dragged ?? '',
    cursor: dragged !== null ? 'dragging' : hover !== null ? 'pointing' : '',
  };
}

/** Drags a pod or the scene; with a second finger zooms about the point between both. */
function drag(request: PointerRequest, presses: ReadonlyMap<number, Press>, press: Press, at: Point): void {
  const { stage, zoom, onMove } = request;
  const now = zoom.current();
  const other = [...presses.values()].find((candidate) => candidate !== press);
  if (other !== undefined) {
    const before = Math.hypot(press.at.x - other.at.x, press.at.y - other.at.y);
    const after = Math.hypot(at.x - other.at.x, at.y - other.at.y);
    const middle = { x: (at.x + other.at.x) / 2, y: (at.y + other.at.y) / 2 };
    if (before > 0) zoom.set(zoomAt(now, after / before, middle));
  } else if (press.pod !== '') {
    onMove(press.pod, toScene(now, at));
  } else if (!press.isTouch || now.k !== 1) {
    const { clientWidth = 0, clientHeight = 0 } = stage.current ?? {};
    zoom.set(panBy(now, at.x - press.at.x, at.y - press.at.y, clientWidth, clientHeight));
  }
}

function pointOf(event: PointerEvent | MouseEvent, stage: HTMLElement | null): Point {
  return pointIn(stage?.getBoundingClientRect(), event);
}

function pointIn(box: DOMRect | undefined, event: PointerEvent | MouseEvent): Point {
  return { x: event.clientX - (box?.left ?? 0), y: event.clientY - (box?.top ?? 0) };
}

function sameHit(a: GraphHit, b: GraphHit): boolean {
  if (a === null || b === null) return a === b;
  return 'pod' in a ? 'pod' in b && a.pod === b.pod : 'pair' in b && a.pair === b.pair;
}
