import {
  type ReactNode,
  type RefObject,
  useCallback,
  useEffect,
  useLayoutEffect,
  useMemo,
  useRef,
  useState,
} from 'react';
import { NO_ZOOM, type Zoom } from './geometry.ts';
import type { AttachedZoom } from './gestures.ts';

/** Zoom and pan of one element. */
export interface GraphZoom {
  /** The current zoom. It changes without rendering, so read it when needed. */
  current(): Zoom;
  /** The zoom for which the layers of the scene are drawn. */
  drawn(): Zoom;
  /** The element that holds all layers: while the zoom changes, only its CSS transform does. */
  plane: RefObject<HTMLDivElement | null>;
  /** Zooms about the centre of the stage. Before `gestures` are loaded, it does nothing, as does `reset`. */
  by(factor: number): void;
  reset(): void;
  /** What attaches zoom and drag; null if it could not be loaded. Only then the graph cannot be zoomed. */
  gestures: Promise<typeof import('./gestures.ts') | null>;
  /** Calls `draw`, which must draw at once, after every change of `drawn` until the returned function is called. */
  follow(draw: () => void): () => void;
}

/** The layers extend this far beyond the stage on each side, so that a scaled scene can be panned without drawing, px. */
export const EDGE = 160;
/**
 * The layers are drawn again when the scale has not changed for this long, because drawing takes longer than a frame. It
 * counts from the frame that shows the last change, so that a slow machine does not draw between two turns of the wheel.
 */
const SETTLE_MS = 150;

/**
 * Zoom and pan of `stage`; see `attachZoom`. `isOn`: whether the stage exists; a new stage starts at 100 %. The first result
 * never changes; the second is the zoom in percent.
 */
export function useZoom(stage: RefObject<HTMLDivElement | null>, isOn: boolean): [GraphZoom, percent: number] {
  const followers = useRef(new Set<() => void>());
  const plane = useRef<HTMLDivElement>(null);
  const drawn = useRef(NO_ZOOM);
  const current = useRef(NO_ZOOM);
  const attached = useRef<AttachedZoom | null>(null);
  const [percent, setPercent] = useState(100);
  const [gestures] = useState(() => import('./gestures.ts').catch(() => null));
  const settle = useCallback((now: Zoom) => {
    // At 100 % all of the scene is drawn, so that it is only moved.
    drawn.current = now.k === 1 ? NO_ZOOM : now;
    if (plane.current !== null) plane.current.style.transform = movedBy(drawn.current, now);
    for (const draw of followers.current) draw();
  }, []);

  useEffect(() => {
    const element = stage.current;
    if (!isOn || element === null) return;
    let isOver = false;
    let [frame, timer] = [0, 0];
    const wait = () => {
      cancelAnimationFrame(frame);
      clearTimeout(timer);
    };
    current.current = NO_ZOOM;
    settle(NO_ZOOM);
    const onZoom = (transform: Zoom) => {
      current.current = transform;
      setPercent(Math.round(transform.k * 100));
      const { k, x, y } = drawn.current;
      wait();
      if (transform.k !== k) {
        frame = requestAnimationFrame(() => {
          timer = window.setTimeout(() => settle(transform), SETTLE_MS);
        });
      } else if (k !== 1 && Math.max(Math.abs(transform.x - x), Math.abs(transform.y - y)) > EDGE) settle(transform);
      if (plane.current !== null) plane.current.style.transform = movedBy(drawn.current, transform);
    };
    void gestures.then((loaded) => {
      if (!isOver && loaded !== null) attached.current = loaded.attachZoom(element, onZoom);
    });
    return () => {
      isOver = true;
      wait();
      attached.current?.detach();
      attached.current = null;
    };
  }, [stage, gestures, settle, isOn]);

  const handle = useMemo(
    () => ({
      plane,
      gestures,
      drawn: () => drawn.current,
      current: () => current.current,
      by: (factor: number) => attached.current?.by(factor),
      reset: () => attached.current?.reset(),
      follow: (draw: () => void) => {
        followers.current.add(draw);
        return () => {
          followers.current.delete(draw);
        };
      },
    }),
    [gestures],
  );
  return [handle, percent];
}

/** The CSS transform of what was drawn with zoom `from`, so that it is where zoom `to` has it. */
export function movedBy(from: Zoom, to: Zoom): string {
  const scale = to.k / from.k;
  return `translate(${to.x - from.x * scale}px, ${to.y - from.y * scale}px) scale(${scale})`;
}

/** The SVG layer of a zoomed scene. */
export function SvgLayer({ zoom, size, children }: SvgLayerProps) {
  const layer = useRef<SVGGElement>(null);
  useLayoutEffect(() => {
    const draw = () => {
      const { k, x, y } = zoom.drawn();
      layer.current?.setAttribute('transform', `translate(${x},${y}) scale(${k})`);
    };
    draw();
    return zoom.follow(draw);
  }, [zoom]);
  return (
    <div className="graph-layer">
      {/* biome-ignore lint/a11y/noSvgWithoutTitle: the stage around it has the name, and each pod in it its own */}
      <svg className="graph-svg" width={size.width} height={size.height}>
        <defs>
          <pattern id="pod-hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
            <rect width="6" height="6" fill="var(--unknown-ground)" />
            <rect width="3" height="6" fill="var(--unknown-hatch)" />
          </pattern>
        </defs>
        <g ref={layer}>{children}</g>
      </svg>
    </div>
  );
}

interface SvgLayerProps {
  zoom: GraphZoom;
  size: { width: number; height: number };
  children: ReactNode;
}
