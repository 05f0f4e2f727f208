import { memo, useId, useMemo } from 'react';
import { fitText, type Label } from '../../model/label-layout.ts';
import type { Picture } from '../../model/mesh-view.ts';
import { shownName } from '../../model/names.ts';
import { pointOn, type Ring, type RingArc } from '../../model/ring-layout.ts';
import { arcNames, arcStates } from './layout.ts';
import type { Graph } from './use-graph.ts';

interface RingArcsProps extends Pick<Graph, 'ring' | 'tier' | 'frame' | 'grouped' | 'narrow'> {
  /** The labels of pods. The name of an arc is left out if it would overlap them. */
  labels: readonly Label[];
  picture: Picture;
}

/**
 * Arcs around pods of one node or zone, with its name. If healthy pods are left out, an arc shows its worst state.
 * Memoised, because the arcs rarely change while a pod is dragged.
 */
export const RingArcs = memo(function RingArcs({ ring, tier, frame, grouped, labels, picture, narrow }: RingArcsProps) {
  const states = useMemo(
    () => (tier.stateOnArcs ? arcStates(picture, ring, (from) => isMostlyBad(picture, from)) : []),
    [tier, picture, ring],
  );
  if (!grouped) return null;
  const { x, width } = frame.labels;
  // Nodes of many pods are named outside. The names of few pods are there, so their nodes are named inside.
  const isOutside = tier.names === 'unhealthy';
  const names = isOutside && !narrow ? arcNames(ring, OUTSIDE + 12, labels, 220, [x, x + width]) : [];
  const inside = isOutside ? [ring.zones] : innerArcs(ring);
  return (
    // biome-ignore lint/a11y/noAriaHiddenOnFocusable: a group within SVG takes no focus
    <g className="ring-arcs" aria-hidden="true">
      {isOutside &&
        ring.arcs.map((arc, i) => {
          const name = names[i];
          return (
            <g key={`${arc.name} ${arc.pods[0]}`}>
              <path className={`ring-arc is-${states[i] ?? 'plain'}`} d={arcPath(ring, OUTSIDE, arc)} />
              {name !== undefined && name.text !== '' && (
                <text className="graph-words ring-arc-name" x={name.x} y={name.y + 4} textAnchor={name.anchor}>
                  {name.text}
                </text>
              )}
            </g>
          );
        })}
      {inside.flatMap((arcs, depth) =>
        arcs.map((arc) => (
          <InnerArc
            key={`${arc.name} ${arc.from}`}
            ring={ring}
            arc={arc}
            depth={tier.disc + 9 + depth * 24}
            className={arcs === ring.zones ? 'ring-zone-name' : 'ring-arc-name'}
          />
        )),
      )}
    </g>
  );
});

/** Nodes of several pods, and zones inside them. If each zone has one node, both share an arc. */
function innerArcs({ arcs, zones }: Ring): RingArc[][] {
  if (zones.length !== arcs.length) return [arcs.filter(({ pods }) => pods.length > 1), zones];
  return [arcs.map((arc, i) => ({ ...arc, name: `${arc.name} · ${zones[i]?.name}` }))];
}

/** Distance of the arcs of nodes from the ring, if they are outside, px. */
const OUTSIDE = 14;
/** Size of the names inside, px. */
const SIZE = 12;

interface InnerArcProps {
  ring: Ring;
  arc: RingArc;
  /** Distance from the ring, px. */
  depth: number;
  className: string;
}

/** An arc inside the ring with its name along it. The name is left out if it does not fit. */
function InnerArc({ ring, arc, depth, className }: InnerArcProps) {
  const id = useId();
  const middle = (arc.from + arc.to) / 2;
  const isBelow = Math.sin(middle) > 0.1;
  const length = Math.abs(arc.to - arc.from) * Math.hypot(ring.rx * Math.sin(middle), ring.ry * Math.cos(middle));
  const text = arc.name === '' ? 'unknown' : shownName(arc.name);
  const isNamed = length > 60;
  return (
    <>
      <path className="ring-arc is-inside" d={arcPath(ring, -depth, arc)} />
      {isNamed && (
        <>
          <path id={id} className="ring-base" d={arcPath(ring, -depth - (isBelow ? 6 : 15), arc, isBelow)} />
          <text className={`graph-words ${className}`} textAnchor="middle">
            <textPath href={`#${id}`} startOffset="50%">
              {fitText(text, length, SIZE)}
            </textPath>
          </text>
        </>
      )}
    </>
  );
}

function isMostlyBad({ pods }: Picture, from: number): boolean {
  const view = pods[from];
  return view === undefined || (view.outOf.failed + view.outOf.slow) * 2 > view.outOf.probed;
}

/** The path of an arc, `distance` px outside the ring, clockwise or back. d3's arc draws on circles only. */
function arcPath(ring: Ring, distance: number, { from, to }: RingArc, isBack = false): string {
  const pad = Math.min(0.03, 4 / Math.max(1, ring.ry + distance));
  const at = (angle: number) => {
    const { x, y } = pointOn(ring, angle, distance);
    return `${x.toFixed(2)} ${y.toFixed(2)}`;
  };
  const ends = [at(from - pad), at(to + pad)];
  const [start, end] = isBack ? ends.reverse() : ends;
  const isLarge = to - from + 2 * pad > Math.PI;
  const radii = `${Math.max(1, ring.rx + distance)} ${Math.max(1, ring.ry + distance)}`;
  return `M${start}A${radii} 0 ${isLarge ? 1 : 0} ${isBack ? 0 : 1} ${end}`;
}
