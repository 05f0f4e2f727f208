import { type MouseEvent, type PointerEvent, type RefObject, useEffect, useMemo, useRef, useState } from 'react';
import { inScene, type Point } from './geometry.ts';
import type { Dragged } from './gestures.ts';
import type { GraphHit } from './scene.ts';
import type { GraphZoom } from './use-zoom.tsx';

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
      const { left = 0, top = 0 } = latest.current.stage.current?.getBoundingClientRect() ?? {};
      const [x, y] = [event.clientX - left, event.clientY - top];
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

function usePodDrag(latest: RefObject<PointerRequest>, setHeld: (uid: string) => void): void {
  useEffect(() => {
    const element = latest.current.stage.current;
    if (element === null) return;
    let isOver = false;
    let detach = () => {};
    // Attached before the zoom, because this effect comes before that of `useZoom`, and both wait for the same promise.
    void latest.current.zoom.gestures.then((loaded) => {
      if (isOver || loaded === null) return;
      detach = loaded.attachDrag(element, {
        podAt: (point) => {
          const hit = latest.current.hitAt(point);
          return hit !== null && 'pod' in hit ? latest.current.podAt(hit.pod) : undefined;
        },
        onStart: setHeld,
        onMove: (uid, point) => {
          latest.current.onMove(uid, inScene(latest.current.zoom.current(), point));
        },
        onEnd: () => setHeld(''),
      });
    });
    return () => {
      isOver = true;
      detach();
    };
  }, [latest, setHeld]);
}

function sameHit(a: GraphHit, b: GraphHit): boolean {
  if (a === null || b === null) return a === b;
  return 'pod' in a ? 'pod' in b && a.pod === b.pod : 'pair' in b && a.pair === b.pair;
}
