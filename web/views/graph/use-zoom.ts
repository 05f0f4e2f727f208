import { type RefObject, useEffect, useMemo, useRef, useState } from 'react';
import { NO_ZOOM, wheelFactor, type Zoom, zoomAt } from '../../pure/zoom.ts';

/** Zoom and pan of one element. */
export interface GraphZoom {
  /** The current zoom. It changes without rendering, so read it when needed. */
  current(): Zoom;
  percent: number;
  /** Sets the zoom, for example while dragging. */
  set(zoom: Zoom): void;
  /** Zooms about the centre of the stage. */
  by(factor: number): void;
  reset(): void;
  /** Calls `draw` after every change until the returned function is called. */
  follow(draw: () => void): () => void;
}

/**
 * The zoom of `stage`, changed by its wheel and by `set`, without animation. `isOn`: whether the stage exists; a new stage
 * starts at 100 %. At 100 % one finger scrolls the page.
 */
export function useZoom(stage: RefObject<HTMLDivElement | null>, isOn: boolean): GraphZoom {
  const zoom = useRef<Zoom>(NO_ZOOM);
  const followers = useRef(new Set<() => void>());
  const [percent, setPercent] = useState(100);
  const handle = useMemo(() => {
    const set = (next: Zoom) => {
      const isOther = next.k !== zoom.current.k;
      zoom.current = next;
      // Not while panning, because React can render the whole view even if the value is the same.
      if (isOther) setPercent(Math.round(next.k * 100));
      if (isOther && stage.current !== null) stage.current.style.touchAction = next.k === 1 ? 'pan-y' : 'none';
      for (const draw of followers.current) draw();
    };
    return {
      current: () => zoom.current,
      set,
      by: (factor: number) => {
        const element = stage.current;
        if (element === null) return;
        set(zoomAt(zoom.current, factor, { x: element.clientWidth / 2, y: element.clientHeight / 2 }));
      },
      reset: () => set(NO_ZOOM),
      follow: (draw: () => void) => {
        followers.current.add(draw);
        return () => {
          followers.current.delete(draw);
        };
      },
    };
  }, [stage]);

  useEffect(() => {
    const element = stage.current;
    if (!isOn || element === null) return;
    handle.reset();
    const onWheel = (event: WheelEvent) => {
      event.preventDefault();
      const box = element.getBoundingClientRect();
      const at = { x: event.clientX - box.left, y: event.clientY - box.top };
      handle.set(zoomAt(zoom.current, wheelFactor(event.deltaY, event.deltaMode, event.ctrlKey), at));
    };
    // React's wheel listeners are passive and cannot prevent scrolling.
    element.addEventListener('wheel', onWheel, { passive: false });
    return () => element.removeEventListener('wheel', onWheel);
  }, [stage, handle, isOn]);

  return useMemo(() => ({ ...handle, percent }), [handle, percent]);
}
