import { select } from 'd3-selection';
import { type D3ZoomEvent, type ZoomTransform, zoom, zoomIdentity } from 'd3-zoom';
import { type RefObject, useEffect, useMemo, useRef, useState } from 'react';

/** Zoom and pan of one element. */
export interface GraphZoom {
  /** What is on now; changes without a render, so read it when needed. */
  current(): ZoomTransform;
  percent: number;
  by(factor: number): void;
  reset(): void;
  /** Calls `draw` with every new transform; gives back how to stop that. */
  follow(draw: (transform: ZoomTransform) => void): () => void;
}

const LEAST = 0.5;
const MOST = 12;

/**
 * Makes `stage` zoom (wheel, pinch) and pan (drag). `isFree` tells whether an event may start that, e.g. not on a pod.
 * One finger scrolls the page as long as nothing is zoomed. There is no animation. `isOn`: whether the stage is there;
 * each new stage starts at 100 %.
 */
export function useZoom(
  stage: RefObject<HTMLDivElement | null>,
  isFree: (event: MouseEvent) => boolean,
  isOn: boolean,
): GraphZoom {
  const transform = useRef<ZoomTransform>(zoomIdentity);
  const followers = useRef(new Set<(transform: ZoomTransform) => void>());
  const free = useRef(isFree);
  free.current = isFree;
  const [percent, setPercent] = useState(100);
  const behaviour = useMemo(() => zoom<HTMLDivElement, unknown>().scaleExtent([LEAST, MOST]), []);

  useEffect(() => {
    const element = stage.current;
    if (!isOn || element === null) return;
    transform.current = zoomIdentity;
    setPercent(100);
    behaviour
      .filter((event: Event) => {
        if (event.type === 'dblclick') return false;
        if (event.type === 'touchstart') return (event as TouchEvent).touches.length > 1 || transform.current.k !== 1;
        const mouse = event as MouseEvent;
        return mouse.button === 0 && (event.type === 'wheel' || free.current(mouse));
      })
      .on('zoom', (event: D3ZoomEvent<HTMLDivElement, unknown>) => {
        transform.current = event.transform;
        element.style.touchAction = event.transform.k === 1 ? 'pan-y' : 'none';
        setPercent(Math.round(event.transform.k * 100));
        for (const draw of followers.current) draw(event.transform);
      });
    const selection = select(element);
    selection.call(behaviour);
    element.style.touchAction = 'pan-y';
    return () => {
      selection.on('.zoom', null);
    };
  }, [behaviour, stage, isOn]);

  return useMemo(
    () => ({
      current: () => transform.current,
      percent,
      by: (factor) => {
        if (stage.current !== null) behaviour.scaleBy(select(stage.current), factor);
      },
      reset: () => {
        if (stage.current !== null) behaviour.transform(select(stage.current), zoomIdentity);
      },
      follow: (draw) => {
        followers.current.add(draw);
        return () => followers.current.delete(draw);
      },
    }),
    [behaviour, percent, stage],
  );
}
