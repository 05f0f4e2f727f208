import { LABEL_SPACE } from '../../model/label-layout.ts';
import { arePingsFine, type LinkState, stateAt } from '../../model/links.ts';
import type { Picture } from '../../model/mesh-view.ts';
import type { Box, Ring } from '../../model/ring-layout.ts';
import { arrowHead, type Curve, distanceTo, linkCurve, overlap, type Point, pointAt, selfLoop } from './geometry.ts';
import { type Tier, tierOf } from './tier.ts';

export interface Frame {
  ring: Box;
  labels: Box;
  /** Area for external targets; null = none. */
  external: Box | null;
}

/** The most that the ring is wider than high, or higher than wide. */
const MOST_RATIO = 1.75;

/** Divides the stage (px) among the ring, labels and `externals` external targets. */
export function frameOf(width: number, height: number, tier: Tier, narrow: boolean, externals: number): Frame {
  const beside = externals > 0 && !narrow ? 190 : 0;
  const below = externals > 0 && narrow ? 34 : 0;
  const labels = { x: 8, y: 8, width: Math.max(0, width - beside - 16), height: Math.max(0, height - below - 16) };
  const narrowSide = tier.names === 'unhealthy' ? 80 : tier.disc >= 19 ? 80 : 84;
  const side = narrow ? narrowSide : { full: 200, short: 120, unhealthy: 212 }[tier.names];
  const top = tier.names === 'unhealthy' ? (narrow ? 22 : 44) : tier.disc * 2.3;
  const [roomX, roomY] = [Math.max(40, labels.width - 2 * side), Math.max(40, labels.height - 2 * top)];
  const high = Math.min(roomY, roomX * (tier.bundled ? MOST_RATIO : 1));
  const wide = Math.min(roomX, high * (tier.bundled ? MOST_RATIO : 1));
  const ring = {
    x: labels.x + (labels.width - wide) / 2,
    y: labels.y + (labels.height - high) / 2,
    width: wide,
    height: high,
  };
  if (externals === 0) return { ring, labels, external: null };
  const external = narrow
    ? { x: 8, y: height - below - 4, width: width - 16, height: below }
    : { x: width - beside, y: labels.y, width: beside - 8, height: labels.height };
  return { ring, labels, external };
}

/** A bold text of 13 px is as wide as a normal one of this size, px. */
export const BOLD_13 = 15;

/** How far a pod with its self-link extends towards its label, px. */
export function reachOf(tier: Tier): number {
  if (tier.names === 'unhealthy') return 26;
  return hasUprightLoops(tier) ? tier.disc : tier.disc * 2.1;
}

/** The least share of its width that a ring keeps so that names beside it are whole. */
const LEAST_RING = 0.7;

/** Makes the ring of a frame, with pods at `spots`, as narrow as names of `widest` px beside it need, if that is enough. */
export function withNameRoom(frame: Frame, spots: readonly Point[], tier: Tier, widest: number): Frame {
  const { ring, labels } = frame;
  const centre = ring.x + ring.width / 2;
  // A px more, so that rounding cuts no name.
  const room = labels.width / 2 - reachOf(tier) - LABEL_SPACE - widest - 1;
  const share = room / Math.max(1, ...spots.map(({ x }) => Math.abs(x - centre)));
  if (share >= 1) return frame;
  const width = ring.width * Math.max(LEAST_RING, share);
  const height = Math.min(ring.height, width * (tier.bundled ? MOST_RATIO : 1));
  const [x, y] = [centre - width / 2, ring.y + (ring.height - height) / 2];
  return { ...frame, ring: { x, y, width, height } };
}

/** Pods overlap on a ring below this width, px. */
const MIN_RING_WIDTH = 220;

/** Whether a stage of `width` px is too narrow for labels and targets beside the ring, and is drawn like on a phone. */
export function isTight(width: number, n: number, externals: number): boolean {
  return frameOf(width, width, { ...tierOf(n, false), disc: 0 }, false, externals).ring.width < MIN_RING_WIDTH;
}

/** The geometry of a link. A self-link has `loop`, other links have `curve`. */
export interface SceneLink {
  pair: number;
  from: number;
  to: number;
  state: LinkState;
  curve: Curve | null;
  loop: (Point & { radius: number }) | null;
  /** Corners of the arrow; empty for self-links and links that were not probed. */
  arrow: Point[];
  /** Place of its mark or latency. */
  middle: Point;
  /** Place of the wave of an unreliable link; null = reliable. */
  wave: Point | null;
  /** Place of the drop of a link that loses datagrams; null = none. */
  drop: Point | null;
}

/** Width (px) and dashes of links by state, and whether they have a mark in the middle. */
export const LINK_STYLES: Record<LinkState, { width: number; dash: number[]; marked: boolean }> = {
  good: { width: 1.75, dash: [], marked: false },
  fair: { width: 1.75, dash: [], marked: false },
  warning: { width: 2.25, dash: [], marked: false },
  slow: { width: 3.5, dash: [], marked: false },
  failed: { width: 2.5, dash: [8, 5], marked: true },
  'not-probed': { width: 1, dash: [1.5, 4], marked: false },
  'not-yet': { width: 1, dash: [1.5, 4], marked: false },
  unknown: { width: 1.75, dash: [8, 4, 1.5, 4], marked: true },
  ignored: { width: 1, dash: [6, 4], marked: false },
  gone: { width: 0, dash: [], marked: false },
};

/** The line of a lossy link, and its colour: datagrams are lost on it, and that is all that is wrong. */
const LOSSY_LINE = { width: 2.25, dash: [7, 4], marked: false, tone: 'warning' as LinkState };

/** How the line of a link is drawn: by its state, or as that of a lossy link. */
export function lineOf({ state, drop }: Pick<SceneLink, 'state' | 'drop'>): typeof LOSSY_LINE {
  return drop !== null && arePingsFine(state) ? LOSSY_LINE : { ...LINK_STYLES[state], tone: state };
}

/** Whether self-links are above or below their pods, because labels are beside them. */
export function hasUprightLoops(tier: Tier): boolean {
  return tier.disc >= 19;
}

/** The direction (radians) of a pod's self-link: up or down if labels are beside the pods, otherwise outwards. */
function loopDirection(ring: Ring, spot: Point, tier: Tier): number {
  if (hasUprightLoops(tier)) return spot.y <= ring.cy + 1 ? -Math.PI / 2 : Math.PI / 2;
  return Math.atan2(spot.y - ring.cy, spot.x - ring.cx);
}

/** The geometry of `pairs`. `spots`: places of the pods, including dragged ones; `radii`: their radii, px. */
export function sceneLinks(
  { n, state: states, unreliable, lossy }: Picture,
  pairs: readonly number[],
  ring: Ring,
  spots: readonly Point[],
  radii: (index: number) => number,
  tier: Tier,
): SceneLink[] {
  return pairs.flatMap((pair): SceneLink | [] => {
    const [from, to] = [Math.floor(pair / n), pair % n];
    const [a, b] = [spots[from], spots[to]];
    if (a === undefined || b === undefined) return [];
    const base = { pair, from, to, state: stateAt(states[pair]) };
    const [isUnreliable, isLossy] = [unreliable[pair] === 1, lossy[pair] === 1];
    if (from === to) {
      const direction = loopDirection(ring, a, tier);
      const loop = selfLoop(a, radii(from), direction);
      const [x, y] = [loop.x + loop.radius * Math.cos(direction), loop.y + loop.radius * Math.sin(direction)];
      // Of a group: a link among its pods. The wave, if there is one, keeps its place.
      const drop = isLossy ? { x: x + (isUnreliable ? 14 : 0), y } : null;
      return { ...base, curve: null, loop, arrow: [], middle: { x, y }, wave: isUnreliable ? { x, y } : null, drop };
    }
    const curve = linkCurve(a, b, radii(from), radii(to), tier.bow);
    const size = arrowSize(base.state, tier);
    return {
      ...base,
      curve,
      loop: null,
      arrow: size > 0 ? arrowHead(curve, size) : [],
      middle: pointAt(curve, 0.5),
      wave: isUnreliable ? pointAt(curve, 0.35) : null,
      // Beyond the middle, where the drop of the opposite link is not.
      drop: isLossy ? pointAt(curve, 0.65) : null,
    };
  });
}

/** Draws the line of a link, which ends where its arrow begins, on a canvas or as path data: d3's path has its methods. */
export function traceLink(
  path: Pick<CanvasPath, 'moveTo' | 'quadraticCurveTo' | 'arc'>,
  { curve, loop, arrow }: Pick<SceneLink, 'curve' | 'loop' | 'arrow'>,
): void {
  if (loop !== null) path.arc(loop.x, loop.y, loop.radius, 0, 2 * Math.PI);
  if (curve === null) return;
  const { x0, y0, cx, cy, x1, y1 } = curve;
  const [, left = { x: x1, y: y1 }, right = left] = arrow;
  path.moveTo(x0, y0);
  path.quadraticCurveTo(cx, cy, (left.x + right.x) / 2, (left.y + right.y) / 2);
}

/** Length of a link's arrow, px; 0 = none. */
function arrowSize(state: LinkState, tier: Tier): number {
  if (state === 'not-probed' || state === 'not-yet' || state === 'ignored') return 0;
  const size = 6 + LINK_STYLES[state].width * 1.6;
  return tier.weight < 1 ? size * (state === 'good' || state === 'fair' ? 0.6 : 0.75) : size;
}

/** A label with the latency on a link. */
export interface Pill extends Point {
  link: SceneLink;
  width: number;
  text: string;
}

export const PILL_HEIGHT = 22;

const boxAround = ({ x, y }: Point, width: number, height: number) => {
  return { x: x - width / 2, y: y - height / 2, width, height };
};

/**
 * Places latency labels on links: in the middle, or elsewhere on the link if that would cover another label, a pod or `words`.
 * A label without a free place is left out. Earlier links have priority. Widths are estimated.
 */
export function placePills(
  links: readonly SceneLink[],
  text: (link: SceneLink) => string,
  spots: readonly Point[],
  radius: number,
  words: readonly Box[] = [],
): Pill[] {
  const discs = spots.map((spot) => boxAround(spot, 2 * radius, 2 * radius));
  const pills: Pill[] = [];
  for (const link of links) {
    const label = text(link);
    const width = 16 + label.length * 7.4;
    const { curve, middle } = link;
    const others = pills.map((pill) => boxAround(pill, pill.width, PILL_HEIGHT + 4));
    const taken = [...words, ...others, ...(curve === null ? [] : discs)];
    const tries = curve === null ? [middle] : [0.5, 0.4, 0.6, 0.32, 0.68, 0.25, 0.75].map((t) => pointAt(curve, t));
    const place = tries.find((at) => !taken.some((box) => overlap(box, boxAround(at, width, PILL_HEIGHT))));
    if (place !== undefined) pills.push({ ...place, link, width, text: label });
  }
  return pills;
}

/** What can be under the pointer: pods as glyphs and dots (indexes), their places and radii, and links. */
interface HitRequest {
  glyphs: readonly number[];
  dots: readonly number[];
  spots: readonly Point[];
  radii: (index: number) => number;
  links: readonly SceneLink[];
}

/** What is at a point of the graph: a pod (index in `Mesh.pods`), a link (pair), or nothing. */
export type GraphHit = { pod: number } | { pair: number } | null;

/** What is within `slack` px of a point: the nearest pod, otherwise the nearest link; of equals the one drawn last. */
export function hitGraph(point: Point, { glyphs, dots, spots, radii, links }: HitRequest, slack: number): GraphHit {
  const nearest = <T>(all: readonly T[], distanceOf: (one: T) => number) => {
    let [best, found]: [number, T | undefined] = [slack, undefined];
    for (const one of all) {
      const distance = distanceOf(one);
      if (distance <= best) [best, found] = [distance, one];
    }
    return found;
  };
  const from = ({ x, y }: Point) => Math.hypot(x - point.x, y - point.y);
  const pod = nearest([...glyphs, ...dots], (index) => from(spots[index] ?? FAR_AWAY) - radii(index));
  if (pod !== undefined) return { pod };
  const link = nearest(links, ({ curve, loop }) => {
    if (curve !== null) return distanceTo(curve, point);
    return loop === null ? Number.POSITIVE_INFINITY : Math.abs(from(loop) - loop.radius);
  });
  return link === undefined ? null : { pair: link.pair };
}

const FAR_AWAY = { x: Number.POSITIVE_INFINITY, y: 0 };
