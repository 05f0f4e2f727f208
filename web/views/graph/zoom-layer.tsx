import { type ReactNode, useLayoutEffect, useRef } from 'react';
import type { GraphZoom } from './use-zoom.ts';

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
