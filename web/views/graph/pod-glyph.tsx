import { OCTAGON, podMark } from '../../pure/marks.ts';
import type { PodHealth } from '../../pure/picture.ts';

/** Properties of a glyph. */
interface PodGlyphProps {
  health: PodHealth;
  /** Radius, px. */
  radius: number;
  /** Whether to show the red badge for slow inbound links. */
  slow: boolean;
  /** Direction (radians) of the badge, away from the links. */
  outward: number;
  /** Id of the `<pattern>` that hatches unknown pods. */
  hatch: string;
}

/** A pod around (0, 0): shape, mark, and a badge for slow inbound links. */
export function PodGlyph({ health, radius, slow, outward, hatch }: PodGlyphProps) {
  const scale = radius / 12;
  const mark = podMark(health);
  return (
    <g className={`pod-glyph is-${health}`}>
      {health === 'failing' ? (
        <path className="pod-shape" d={OCTAGON} transform={`scale(${scale * 1.1}) translate(-12 -12)`} />
      ) : (
        <circle className="pod-shape" r={radius} fill={health === 'unknown' ? `url(#${hatch})` : undefined} />
      )}
      {health === 'unknown' && <circle className="pod-plate" r={radius * 0.58} />}
      <path
        className="pod-mark"
        d={mark}
        transform={`scale(${scale}) translate(-12 -12)`}
        strokeWidth={markWidth(radius) * (health === 'starting' ? 1.5 : 1)}
      />
      {slow && health !== 'failing' && <SlowBadge radius={radius} outward={outward} />}
    </g>
  );
}

/** Stroke width in units of the mark's 24-unit box: about 3 px on a large disc, never under 1.6. */
function markWidth(radius: number): number {
  return Math.max(1.6, Math.min(3, radius / 9)) / (radius / 12);
}

function SlowBadge({ radius, outward }: { radius: number; outward: number }) {
  const size = Math.max(5.5, radius * 0.42);
  const [x, y] = [Math.cos(outward) * radius * 0.95, Math.sin(outward) * radius * 0.95];
  return (
    <g className="pod-badge" transform={`translate(${x.toFixed(2)} ${y.toFixed(2)})`}>
      <circle className="badge-disc" r={size} />
      <path
        className="badge-bars"
        d={`M${-size * 0.45} ${-size * 0.25}H${size * 0.45}M${-size * 0.45} ${size * 0.25}H${size * 0.45}`}
      />
    </g>
  );
}
