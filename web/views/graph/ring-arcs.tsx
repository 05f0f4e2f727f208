import { arcLabel, type RingArc } from '../../pure/circle-layout.ts';
import { fitText } from '../../pure/label-layout.ts';
import { LINK_STATES, type LinkState } from '../../pure/link-state.ts';
import { shownName } from '../../pure/names.ts';
import type { Picture } from '../../pure/picture.ts';
import { SEVERITY } from '../../pure/severity.ts';
import type { Graph } from './use-graph.ts';

/** Names that keep at least this distance, px along the ring, are all shown; else every second, third ... one. */
const NAME_SPACE = 26;

/** Arcs that bind neighbours of one node or zone, with its name; carrying its worst state where dots are left out. */
export function RingArcs({ graph, picture, narrow }: { graph: Graph; picture: Picture; narrow: boolean }) {
  const { ring, tier, frame } = graph;
  if (!graph.grouped || tier.names === 'full') return null;
  const radius = ring.radius + (tier.names === 'short' ? tier.disc * 2.2 : 14);
  const named = tier.names === 'accused' && !narrow;
  const stride = Math.max(1, Math.ceil((NAME_SPACE * ring.arcs.length) / Math.max(1, 2 * Math.PI * ring.radius)));
  const states = tier.arcsCarry ? worstOfArcs(picture, ring.arcs) : null;
  return (
    // biome-ignore lint/a11y/noAriaHiddenOnFocusable: a group within SVG takes no focus
    <g className="ring-arcs" aria-hidden="true">
      {ring.arcs.map((arc, i) => {
        const label = arcLabel(ring, arc, radius + 12);
        const room = label.anchor === 'end' ? label.x : frame.labels.x + frame.labels.width - label.x;
        const key = `${arc.name} ${arc.pods[0]}`;
        return (
          <g key={key}>
            <path className={`ring-arc is-${states?.[i] ?? 'plain'}`} d={arcPath(ring.cx, ring.cy, radius, arc)} />
            {named && i % stride === 0 && (
              <text className="ring-arc-name" x={label.x} y={label.y + 4} textAnchor={label.anchor}>
                {fitText(arc.name === '' ? 'node unknown' : shownName(arc.name), Math.min(110, room), 12)}
              </text>
            )}
          </g>
        );
      })}
    </g>
  );
}

function arcPath(cx: number, cy: number, radius: number, arc: RingArc): string {
  const pad = Math.min(0.03, 5 / Math.max(1, radius));
  const [from, to] = [arc.from - pad, arc.to + pad];
  const at = (angle: number) =>
    `${(cx + radius * Math.cos(angle)).toFixed(2)} ${(cy + radius * Math.sin(angle)).toFixed(2)}`;
  return `M${at(from)}A${radius} ${radius} 0 ${to - from > Math.PI ? 1 : 0} 1 ${at(to)}`;
}

/** The worst state of any link into the pods of each arc. */
function worstOfArcs({ n, state }: Picture, arcs: readonly RingArc[]): LinkState[] {
  return arcs.map(({ pods }) => {
    let worst = 0;
    for (const to of pods) {
      for (let from = 0; from < n; from++) {
        const code = state[from * n + to] ?? 0;
        if ((SEVERITY[code] ?? 0) > (SEVERITY[worst] ?? 0)) worst = code;
      }
    }
    return LINK_STATES[worst] ?? 'unknown';
  });
}
