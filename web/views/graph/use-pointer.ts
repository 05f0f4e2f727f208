import { type PointerEvent, type RefObject, useMemo, useRef, useState } from 'react';
import type { GraphHit } from '../../pure/graph-hit.ts';

/** What the stage does with a pointer; points are px of the stage. */
interface PointerRequest {
  stage: RefObject<HTMLDivElement | null>;
  hitAt: (x: number, y: number) => GraphHit;
  select: (hit: GraphHit) => void;
  /** A pod is dragged to a point of the scene. */
  onMove: (index: number, point: { x: number; y: number }) => void;
  toScene: (point: [number, number]) => [number, number];
}

/** What lies under the pointer, and where the pointer is. */
interface Hover {
  hit: Exclude<GraphHit, null>;
  x: number;
  y: number;
}

/** A press that moves no farther than this is a click, px. */
const CLICK_REACH = 4;

/** Hover, click and dragging of pods on the stage; panning and zooming are d3-zoom's. */
export function usePointer(request: PointerRequest) {
  const latest = useRef(request);
  latest.current = request;
  const [hover, setHover] = useState<Hover | null>(null);
  const [dragging, setDragging] = useState(false);
  const press = useRef<{ pod: number; x: number; y: number; far: boolean } | null>(null);
  const handlers = useMemo(() => {
    const at = (event: PointerEvent | React.MouseEvent): [number, number] => {
      const box = latest.current.stage.current?.getBoundingClientRect();
      return [event.clientX - (box?.left ?? 0), event.clientY - (box?.top ?? 0)];
    };
    return {
      onPointerDown: (event: PointerEvent) => {
        const [x, y] = at(event);
        const hit = latest.current.hitAt(x, y);
        setHover(null);
        press.current = null;
        if (event.button !== 0 || event.pointerType === 'touch' || hit === null || !('pod' in hit)) return;
        press.current = { pod: hit.pod, x, y, far: false };
        latest.current.stage.current?.setPointerCapture(event.pointerId);
      },
      onPointerMove: (event: PointerEvent) => {
        const [x, y] = at(event);
        const pressed = press.current;
        if (pressed !== null) {
          pressed.far ||= Math.hypot(x - pressed.x, y - pressed.y) > CLICK_REACH;
          if (!pressed.far) return;
          setDragging(true);
          const [sx, sy] = latest.current.toScene([x, y]);
          latest.current.onMove(pressed.pod, { x: sx, y: sy });
          return;
        }
        if (event.pointerType === 'touch' || event.buttons !== 0) return;
        const hit = latest.current.hitAt(x, y);
        setHover((old) => (hit === null ? null : sameHit(old?.hit ?? null, hit) && old !== null ? old : { hit, x, y }));
      },
      onPointerUp: () => {
        setDragging(false);
      },
      onPointerCancel: () => {
        press.current = null;
        setDragging(false);
      },
      onPointerLeave: () => setHover(null),
      onClick: (event: React.MouseEvent) => {
        const pressed = press.current;
        press.current = null;
        // A click without a pointer comes from assistive technology, and the pod itself takes it.
        if (pressed?.far === true || event.detail === 0) return;
        latest.current.select(latest.current.hitAt(...at(event)));
      },
    };
  }, []);
  return { hover, handlers, cursor: dragging ? 'dragging' : hover !== null ? 'pointing' : '' };
}

function sameHit(a: GraphHit, b: GraphHit): boolean {
  if (a === null || b === null) return a === b;
  return 'pod' in a ? 'pod' in b && a.pod === b.pod : 'pair' in b && a.pair === b.pair;
}
