import { group, range, sum } from 'd3';
import { useId, useMemo } from 'react';
import { STATES } from '../../model/cells.ts';
import { fitText, type Label } from '../../model/label-layout.ts';
import { areManyLate, codeOf, type LinkState } from '../../model/links.ts';
import type { Picture } from '../../model/mesh-view.ts';
import { shownName } from '../../model/names.ts';
import { type Anchor, arcLabel, pointOn, type Ring, type RingArc } from '../../model/ring-layout.ts';
import { overlap } from './geometry.ts';
import type { Graph } from './use-graph.ts';

interface RingArcsProps {
  graph: Graph;
  /** The labels of pods. The name of an arc is left out if it would overlap them. */
  labels: readonly Label[];
  picture: Picture;
}

/**
 * Arcs around pods of one node or zone, with its name. If healthy pods are left out, an arc shows the worst state of its links
 * that are not drawn one by one.
 */
export function RingArcs({ graph, labels, picture }: RingArcsProps) {
  const { ring, tier, frame, grouped, narrow, pairs } = graph;
  const states = useMemo(
    () => (tier.stateOnArcs ? arcStates(picture, ring, (from) => isMostlyBad(picture, from), pairs) : []),
    [tier, picture, ring, pairs],
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
}

/** Nodes of several pods, and zones inside them. If each zone has one node, both share an arc. */
function innerArcs({ arcs, zones }: Ring): RingArc[][] {
  if (zones.length !== arcs.length) return [arcs.filter(({ pods }) => pods.length > 1), zones];
  return [arcs.map((arc, i) => ({ ...arc, name: `${arc.name} · ${zones[i]?.name}` }))];
}

/** Distance of the arcs of nodes from the ring, if they are outside, px. */
const OUTSIDE = 14;

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

/** The name of an arc and its place; `text` is '' if there is no room for it. */
export interface ArcName {
  text: string;
  x: number;
  y: number;
  anchor: Anchor;
}

/** Size of the names, their largest width, and the height that one of a pod needs, px. */
const [SIZE, MOST_WIDTH, HEIGHT] = [12, 110, 22];

/** The names of the arcs outside the ring, within `left`..`right`. One that would overlap another or a label is left out. */
export function arcNames(
  ring: Ring,
  distance: number,
  labels: readonly Label[],
  labelWidth: number,
  [left, right]: [left: number, right: number],
): ArcName[] {
  const boxOf = (x: number, y: number, width: number, height: number, anchor: Anchor) => {
    return { x: x - width * { start: 0, middle: 0.5, end: 1 }[anchor], y: y - height / 2, width, height };
  };
  const taken = labels.map(({ x, y, anchor }) => boxOf(x, y, labelWidth, 2 * HEIGHT, anchor));
  return ring.arcs.map((arc) => {
    const { x, y, anchor } = arcLabel(ring, arc, distance);
    const room = anchor === 'end' ? x - left : anchor === 'start' ? right - x : MOST_WIDTH;
    const text = fitText(arc.name === '' ? 'unknown' : shownName(arc.name), Math.min(MOST_WIDTH, room), SIZE);
    const box = boxOf(x, y, text.length * SIZE * 0.58 + 6, HEIGHT, anchor);
    const isFree = room > 30 && !taken.some((other) => overlap(box, other));
    if (isFree) taken.push(box);
    return { text: isFree ? text : '', x, y, anchor };
  });
}

/**
 * The state of each arc, by the links into its pods. Failed or slow: one of these links is. Links that are `drawn` one by one
 * do not count for that, unless no link of the arc is good or late. Late: many are (`areManyLate`). Links from pods for which
 * `isExcluded` is true do not count: most of their links are bad, so the cause is their own.
 */
export function arcStates(
  { n, state, into }: Picture,
  ring: Ring,
  isExcluded: (from: number) => boolean,
  drawn: readonly number[] = [],
): LinkState[] {
  const excluded = range(n).filter(isExcluded);
  const counted = drawn.filter((pair) => !isExcluded(Math.floor(pair / n)));
  const drawnInto = group(counted, (pair) => pair % n);
  return ring.arcs.map(({ pods }) => {
    const tally = range(STATES).map((code) => sum(pods, (to) => into[to * STATES + code]));
    for (const to of pods) {
      for (const from of excluded) {
        const code = state[from * n + to] ?? 0;
        tally[code] = (tally[code] ?? 0) - 1;
      }
    }
    const count = (name: LinkState) => tally[codeOf(name)] ?? 0;
    const answered = count('good') + count('fair') + count('warning');
    const isBad = (name: LinkState) => {
      const isDrawn = (pair: number) => state[pair] === codeOf(name);
      return count(name) > (answered === 0 ? 0 : sum(pods, (to) => drawnInto.get(to)?.filter(isDrawn).length ?? 0));
    };
    if (isBad('failed')) return 'failed';
    if (isBad('slow')) return 'slow';
    if (answered === 0) return 'unknown';
    return areManyLate(count('warning'), answered + count('unknown')) ? 'warning' : 'good';
  });
}
