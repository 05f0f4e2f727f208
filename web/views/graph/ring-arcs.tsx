import { memo, useMemo } from 'react';
import type { RingArc } from '../../model/circle-layout.ts';
import type { Label } from '../../model/label-layout.ts';
import type { Picture } from '../../model/mesh-view.ts';
import { arcNames, arcStates } from './layout.ts';
import type { Graph } from './use-graph.ts';

interface RingArcsProps extends Pick<Graph, 'ring' | 'tier' | 'frame' | 'grouped'> {
  /** The labels of pods. The name of an arc is left out if it would overlap them. */
  labels: readonly Label[];
  picture: Picture;
  narrow: boolean;
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
  if (!grouped || tier.names === 'full') return null;
  const radius = ring.radius + (tier.names === 'short' ? tier.disc * 2.2 : 14);
  const { x, width } = frame.labels;
  const isNamed = tier.names === 'unhealthy' && !narrow;
  const names = isNamed ? arcNames(ring, radius + 12, labels, 220, [x, x + width]) : [];
  return (
    // biome-ignore lint/a11y/noAriaHiddenOnFocusable: a group within SVG takes no focus
    <g className="ring-arcs" aria-hidden="true">
      {ring.arcs.map((arc, i) => {
        const name = names[i];
        return (
          <g key={`${arc.name} ${arc.pods[0]}`}>
            <path className={`ring-arc is-${states[i] ?? 'plain'}`} d={arcPath(ring.cx, ring.cy, radius, arc)} />
            {name !== undefined && name.text !== '' && (
              <text className="graph-words ring-arc-name" x={name.x} y={name.y + 4} textAnchor={name.anchor}>
                {name.text}
              </text>
            )}
          </g>
        );
      })}
    </g>
  );
});

function isMostlyBad({ pods }: Picture, from: number): boolean {
  const view = pods[from];
  return view === undefined || (view.failedOut + view.slowOut) * 2 > view.probedOut;
}

function arcPath(cx: number, cy: number, radius: number, arc: RingArc): string {
  const pad = Math.min(0.03, 4 / Math.max(1, radius));
  const [from, to] = [arc.from - pad, arc.to + pad];
  const at = (angle: number) =>
    `${(cx + radius * Math.cos(angle)).toFixed(2)} ${(cy + radius * Math.sin(angle)).toFixed(2)}`;
  return `M${at(from)}A${radius} ${radius} 0 ${to - from > Math.PI ? 1 : 0} 1 ${at(to)}`;
}
