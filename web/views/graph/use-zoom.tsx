import { select, type ZoomTransform, zoom, zoomIdentity, zoomTransform } from 'd3';
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

/** Zoom and pan of one element. */
export interface GraphZoom {
  /** The current zoom. It changes without rendering, so read it when needed. */
  current(): ZoomTransform;
  /** The zoom for which the layers of the scene are drawn. */
  drawn(): ZoomTransform;
  /** The element that holds all layers: while the zoom changes, only its CSS transform does. */
  plane: RefObject<HTMLDivElement | null>;
  /** Zooms about the centre of the stage. */
  by(factor: number): void;
  reset(): void;
  /** Calls `draw`, which must draw at once, after every change of `drawn` until the returned function is called. */
  follow(draw: () => void): () => void;
}

/** Bounds of the zoom. */
const EXTENT: [least: number, most: number] = [0.5, 12];
/** At least this much of the scene stays on the stage, px. */
const MIN_VISIBLE = 80;
/** The layers extend this far beyond the stage on each side, so that a scaled scene can be panned without drawing, px. */
export const EDGE = 160;
/** The layers are drawn again when the scale has not changed for this long, because drawing takes longer than a frame. */
const SETTLE_MS = 250;
/** A press that moves no farther than this is a click, px. */
export const CLICK_REACH = 4;

/** Moves a zoomed scene so that at least `MIN_VISIBLE` px of it are on a stage of `width` x `height` px. */
export function keepVisible({ k, x, y }: ZoomTransform, [width, height]: [number, number]): ZoomTransform {
  const within = (value: number, length: number) =>
    Math.min(length - MIN_VISIBLE, Math.max(MIN_VISIBLE - k * length, value));
  return zoomIdentity.translate(within(x, width), within(y, height)).scale(k);
}

/**
 * Zooms and pans `stage` by wheel, mouse, touch and `by`, without animation. `isOn`: whether the stage exists; a new stage
 * starts at 100 %. At 100 % one finger scrolls the page. The first result never changes; the second is the zoom in percent.
 */
export function useZoom(stage: RefObject<HTMLDivElement | null>, isOn: boolean): [GraphZoom, percent: number] {
  const followers = useRef(new Set<() => void>());
  const plane = useRef<HTMLDivElement>(null);
  const drawn = useRef<ZoomTransform>(zoomIdentity);
  const settling = useRef(0);
  const [percent, setPercent] = useState(100);
  const settle = useCallback((now: ZoomTransform) => {
    // At 100 % all of the scene is drawn, so that it is only moved.
    drawn.current = now.k === 1 ? zoomIdentity : now;
    if (plane.current !== null) plane.current.style.transform = movedBy(drawn.current, now);
    for (const draw of followers.current) draw();
  }, []);
  const behaviour = useMemo(
    () =>
      zoom<HTMLDivElement, unknown>()
        .scaleExtent(EXTENT)
        .clickDistance(CLICK_REACH)
        // Always, because a touch screen can be connected later.
        .touchable(true)
        .constrain((transform, [, size]) => keepVisible(transform, size))
        .filter(function (this: HTMLDivElement, event: MouseEvent | TouchEvent) {
          if ('touches' in event) return event.touches.length > 1 || zoomTransform(this).k !== 1;
          return (!event.ctrlKey || event.type === 'wheel') && event.button === 0;
        })
        .on('zoom', function (this: HTMLDivElement, { transform }: { transform: ZoomTransform }) {
          this.style.touchAction = transform.k === 1 ? 'pan-y' : 'none';
          setPercent(Math.round(transform.k * 100));
          const { k, x, y } = drawn.current;
          clearTimeout(settling.current);
          if (transform.k !== k) settling.current = window.setTimeout(() => settle(transform), SETTLE_MS);
          else if (k !== 1 && Math.max(Math.abs(transform.x - x), Math.abs(transform.y - y)) > EDGE) settle(transform);
          if (plane.current !== null) plane.current.style.transform = movedBy(drawn.current, transform);
        }),
    [settle],
  );

  useEffect(() => {
    const element = stage.current;
    if (!isOn || element === null) return;
    setPercent(100);
    settle(zoomIdentity);
    const selection = select(element).call(behaviour).on('dblclick.zoom', null);
    return () => {
      clearTimeout(settling.current);
      selection.on('.zoom', null);
    };
  }, [stage, behaviour, settle, isOn]);

  const handle = useMemo(() => {
    const selection = () => select(stage.current as HTMLDivElement);
    return {
      plane,
      drawn: () => drawn.current,
      current: () => (stage.current === null ? zoomIdentity : zoomTransform(stage.current)),
      by: (factor: number) => selection().call(behaviour.scaleBy, factor),
      reset: () => selection().call(behaviour.transform, zoomIdentity),
      follow: (draw: () => void) => {
        followers.current.add(draw);
        return () => {
          followers.current.delete(draw);
        };
      },
    };
  }, [stage, behaviour]);
  return [handle, percent];
}

/** The CSS transform of what was drawn with zoom `from`, so that it is where zoom `to` has it. */
export function movedBy(from: ZoomTransform, to: ZoomTransform): string {
  const scale = to.k / from.k;
  return `translate(${to.x - from.x * scale}px, ${to.y - from.y * scale}px) scale(${scale})`;
}

/** The SVG layer of a zoomed scene. */
export function SvgLayer({ zoom, size, children }: SvgLayerProps) {
  const layer = useRef<SVGGElement>(null);
  useLayoutEffect(() => {
    const draw = () => layer.current?.setAttribute('transform', zoom.drawn().toString());
    draw();
    return zoom.follow(draw);
  }, [zoom]);
  return (
    <div className="graph-layer">
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

interface SvgLayerProps {
  zoom: GraphZoom;
  size: { width: number; height: number };
  children: ReactNode;
}
