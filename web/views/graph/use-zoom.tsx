import { type ReactNode, type RefObject, useEffect, useLayoutEffect, useMemo, useRef, useState } from 'react';
import { NO_ZOOM, wheelFactor, type Zoom, zoomAt } from './geometry.ts';

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

/**
 * An SVG that follows zoom and pan without rendering. Panning is a CSS transform of the whole SVG, which is fast. Zooming
 * lays out all texts again.
 */
export function ZoomLayer({
  zoom,
  size,
  children,
}: {
  zoom: GraphZoom;
  size: { width: number; height: number };
  children: ReactNode;
}) {
  const whole = useRef<HTMLDivElement>(null);
  const layer = useRef<SVGGElement>(null);
  useLayoutEffect(() => {
    let scale = 0;
    const place = () => {
      const { k, x, y } = zoom.current();
      if (k !== scale) layer.current?.setAttribute('transform', `scale(${k})`);
      scale = k;
      if (whole.current !== null) whole.current.style.transform = `translate(${x}px, ${y}px)`;
    };
    place();
    return zoom.follow(place);
  }, [zoom]);
  return (
    // The transform is on a wrapper, because transforming the SVG itself would lay out all texts again.
    <div ref={whole} className="graph-layer">
      {/* biome-ignore lint/a11y/noSvgWithoutTitle: the stage around it has the name, and each pod in it its own */}
      <svg className="graph-svg" width={size.width} height={size.height}>
        <defs>
          <pattern id="pod-hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
            <rect width="6" height="6" className="hatch-ground" />
            <rect width="3" height="6" className="hatch-line" />
          </pattern>
        </defs>
        <g ref={layer}>{children}</g>
      </svg>
    </div>
  );
}
