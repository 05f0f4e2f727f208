import { type ReactNode, useLayoutEffect, useRef } from 'react';
import type { GraphZoom } from './use-zoom.ts';

/** SVG that follows zoom and pan by one attribute, without a render. */
export function ZoomLayer({
  zoom,
  size,
  children,
}: {
  zoom: GraphZoom;
  size: { width: number; height: number };
  children: ReactNode;
}) {
  const layer = useRef<SVGGElement>(null);
  useLayoutEffect(() => {
    const place = () => {
      const { k, x, y } = zoom.current();
      layer.current?.setAttribute('transform', `translate(${x} ${y}) scale(${k})`);
    };
    place();
    return zoom.follow(place);
  }, [zoom]);
  return (
    // biome-ignore lint/a11y/noSvgWithoutTitle: the stage around it has the name, and each pod in it its own
    <svg className="graph-svg" width={size.width} height={size.height}>
      <defs>
        <pattern id="pod-hatch" width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
          <rect width="6" height="6" className="hatch-ground" />
          <rect width="3" height="6" className="hatch-line" />
        </pattern>
      </defs>
      <g ref={layer}>{children}</g>
    </svg>
  );
}
