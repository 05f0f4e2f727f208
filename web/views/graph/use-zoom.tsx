import { select, type ZoomTransform, zoom, zoomIdentity, zoomTransform } from 'd3';
import { type ReactNode, type RefObject, useEffect, useLayoutEffect, useMemo, useRef, useState } from 'react';

/** Zoom and pan of one element. */
export interface GraphZoom {
  /** The current zoom. It changes without rendering, so read it when needed. */
  current(): ZoomTransform;
  /** Zooms about the centre of the stage. */
  by(factor: number): void;
  reset(): void;
  /** Calls `draw` after every change until the returned function is called. */
  follow(draw: () => void): () => void;
}

/** Bounds of the zoom. */
const EXTENT: [least: number, most: number] = [0.5, 12];
/** At least this much of the scene stays on the stage, px. */
const MIN_VISIBLE = 80;
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
  const [percent, setPercent] = useState(100);
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
          for (const draw of followers.current) draw();
        }),
    [],
  );

  useEffect(() => {
    const element = stage.current;
    if (!isOn || element === null) return;
    setPercent(100);
    const selection = select(element).call(behaviour).on('dblclick.zoom', null);
    return () => {
      selection.on('.zoom', null);
    };
  }, [stage, behaviour, isOn]);

  const handle = useMemo(() => {
    const selection = () => select(stage.current as HTMLDivElement);
    return {
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
