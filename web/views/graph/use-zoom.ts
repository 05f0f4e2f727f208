import { type RefObject, useEffect, useMemo, useRef, useState } from 'react';
import { NO_ZOOM, wheelFactor, type Zoom, zoomAt } from '../../pure/zoom.ts';

/** Zoom and pan of one element. */
export interface GraphZoom {
  /** What is on now; changes without a render, so read it when needed. */
  current(): Zoom;
  percent: number;
  /** Sets another one, e.g. while dragging. */
  set(zoom: Zoom): void;
  /** Zooms about the middle. */
  by(factor: number): void;
  reset(): void;
  /** Calls `draw` after every change; gives back how to stop that. */
  follow(draw: () => void): () => void;
}

/**
 * Zoom of `stage`, by its wheel and by what calls `set`. There is no animation. `isOn`: whether the stage is there; each
 * new stage starts at 100 %. One finger scrolls the page as long as nothing is zoomed.
 */
export function useZoom(stage: RefObject<HTMLDivElement | null>, isOn: boolean): GraphZoom {
  const zoom = useRef<Zoom>(NO_ZOOM);
  const followers = useRef(new Set<() => void>());
  const [percent, setPercent] = useState(100);
  const handle = useMemo(() => {
    const set = (next: Zoom) => {
      const isOther = next.k !== zoom.current.k;
      zoom.current = next;
      // Not while panning: to hear that nothing has changed React may render the whole view once.
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
    // React listens to wheels passively; only a listener of our own may keep the page from scrolling.
    element.addEventListener('wheel', onWheel, { passive: false });
    return () => element.removeEventListener('wheel', onWheel);
  }, [stage, handle, isOn]);

  return useMemo(() => ({ ...handle, percent }), [handle, percent]);
}
