import { type D3DragEvent, drag, pointer, select } from 'd3';
import { type MouseEvent, type PointerEvent, type RefObject, useEffect, useMemo, useRef, useState } from 'react';
import type { Point } from './geometry.ts';
import type { GraphHit } from './scene.ts';
import { CLICK_REACH, type GraphZoom } from './use-zoom.tsx';

/** Callbacks for pointer events. Points are px of the stage. */
interface PointerRequest {
  stage: RefObject<HTMLDivElement | null>;
  zoom: GraphZoom;
  hitAt: (point: Point) => GraphHit;
  /** The uid and the place of a pod (an index in `Mesh.pods`). */
  podAt: (index: number) => Dragged | undefined;
  select: (hit: GraphHit) => void;
  /** A pod is dragged to a point of the scene. */
  onMove: (uid: string, point: Point) => void;
}

/** A pod by uid, because indexes change when pods come or go, and the place of its centre, px of the stage. */
interface Dragged extends Point {
  uid: string;
}

/** The pod or link under the pointer, and the pointer's place. */
interface Hover extends Point {
  hit: Exclude<GraphHit, null>;
}

/** Hover, click, and dragging of pods by mouse. A drag that starts elsewhere is left to `useZoom`, which pans. */
export function usePointer(request: PointerRequest) {
  const latest = useRef(request);
  latest.current = request;
  const [hover, setHover] = useState<Hover | null>(null);
  /** The uid of the dragged pod; '' = none. */
  const [held, setHeld] = useState('');
  usePodDrag(latest, setHeld);
  const handlers = useMemo(() => {
    const hitOf = (event: PointerEvent | MouseEvent) => {
      const [x, y] = pointer(event.nativeEvent, latest.current.stage.current);
      return { hit: latest.current.hitAt({ x, y }), x, y };
    };
    return {
      onPointerDown: () => setHover(null),
      onPointerMove: (event: PointerEvent) => {
        if (event.pointerType === 'touch' || event.buttons !== 0) return;
        const { hit, x, y } = hitOf(event);
        setHover((old) => (hit === null ? null : old !== null && sameHit(old.hit, hit) ? old : { hit, x, y }));
      },
      onPointerLeave: () => setHover(null),
      onClick: (event: MouseEvent) => {
        // A click without a pointer comes from assistive technology. The pod itself handles it.
        if (event.detail !== 0) latest.current.select(hitOf(event).hit);
      },
    };
  }, []);
  return { hover, handlers, held };
}

/** Attaches d3-drag to the stage. It must be attached before d3-zoom, which pans if no pod is under the mouse. */
function usePodDrag(latest: RefObject<PointerRequest>, setHeld: (uid: string) => void): void {
  useEffect(() => {
    const element = latest.current.stage.current;
    if (element === null) return;
    let frame = 0;
    let moved = false;
    let start: Point = { x: 0, y: 0 };
    let next: Dragged | null = null;
    const follow = () => {
      frame = 0;
      if (next === null) return;
      const [x, y] = latest.current.zoom.current().invert([next.x, next.y]);
      latest.current.onMove(next.uid, { x, y });
      next = null;
    };
    type Event = D3DragEvent<HTMLDivElement, unknown, Dragged>;
    const behaviour = drag<HTMLDivElement, unknown, Dragged | undefined>()
      // With fingers the scene is moved, not a pod: a pod is smaller than a fingertip.
      .touchable(false)
      .clickDistance(CLICK_REACH)
      .container(element)
      .subject(({ x, y }: Point) => {
        const hit = latest.current.hitAt({ x, y });
        return hit !== null && 'pod' in hit ? latest.current.podAt(hit.pod) : undefined;
      })
      .on('start', ({ x, y }: Event) => {
        moved = false;
        start = { x, y };
      })
      .on('drag', ({ x, y, subject }: Event) => {
        if (!moved && Math.hypot(x - start.x, y - start.y) <= CLICK_REACH) return;
        if (!moved) setHeld(subject.uid);
        moved = true;
        next = { x, y, uid: subject.uid };
        // A mouse can send more events than frames can be drawn.
        if (frame === 0) frame = requestAnimationFrame(follow);
      })
      .on('end', () => {
        cancelAnimationFrame(frame);
        follow();
        setHeld('');
      });
    const selection = select(element).call(behaviour);
    return () => {
      cancelAnimationFrame(frame);
      selection.on('.drag', null);
    };
  }, [latest, setHeld]);
}

function sameHit(a: GraphHit, b: GraphHit): boolean {
  if (a === null || b === null) return a === b;
  return 'pod' in a ? 'pod' in b && a.pod === b.pod : 'pair' in b && a.pair === b.pair;
}
