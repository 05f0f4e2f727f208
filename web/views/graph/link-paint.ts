import type { Ring } from '../../pure/circle-layout.ts';
import { LINK_STYLES, type SceneLink } from '../../pure/graph-scene.ts';
import type { LinkState } from '../../pure/link-state.ts';
import { linkMark } from '../../pure/marks.ts';
import type { PodHealth, PodView } from '../../pure/picture.ts';
import type { Emphasis } from './link-shape.tsx';
import type { Graph } from './use-graph.ts';

const QUIET: ReadonlySet<LinkState> = new Set(['good', 'fair']);
const BAD: ReadonlySet<LinkState> = new Set(['failed', 'slow', 'warning', 'suspect']);

/** Returns a colour by the name of its CSS variable. */
type Colours = (name: string) => string;

/** Reads the colours that apply to `element`, each at most once. */
export function readColours(element: Element): Colours {
  const style = getComputedStyle(element);
  const known = new Map<string, string>();
  return (name) => {
    let colour = known.get(name);
    if (colour === undefined) {
      colour = style.getPropertyValue(`--${name}`).trim();
      known.set(name, colour);
    }
    return colour;
  };
}

function linkColour(state: LinkState): string {
  if (state === 'suspect') return 'suspect';
  return state === 'not-yet' || state === 'gone' ? 'not-probed-link' : `${state}-link`;
}

/** How links are drawn. */
interface LinkLook {
  emphasisOf: (pair: number, from: number, to: number) => Emphasis;
  /** Whether links show the marks of their states. */
  marked: boolean;
}

/** Draws `links`, which are all or some links of the graph. */
export function drawLinks(
  context: CanvasRenderingContext2D,
  { links: all, tier }: Graph,
  links: readonly SceneLink[],
  { emphasisOf, marked }: LinkLook,
  colours: Colours,
): void {
  // If all links are drawn, good ones are pale as soon as there are bad ones.
  const quiet = tier.allLinks && all.some(({ state }) => BAD.has(state)) ? 0.4 : 1;
  context.lineCap = 'butt';
  for (const link of links) {
    const emphasis = emphasisOf(link.pair, link.from, link.to);
    const isMain = emphasis === 'hot' || emphasis === 'selected';
    const style = LINK_STYLES[link.state];
    const colour = colours(linkColour(link.state));
    if (isMain) {
      context.globalAlpha = 0.35;
      strokeLink(context, link, colours('accent'), emphasis === 'selected' ? 14 : 9, []);
    }
    context.globalAlpha = emphasis === 'dim' ? 0.15 : !isMain && QUIET.has(link.state) ? quiet : 1;
    const width = Math.max(1, style.width * (isMain ? 1 : tier.weight));
    strokeLink(context, link, colour, width, isMain ? style.dash : style.dash.map((part) => part * 0.7));
    fillArrow(context, link, colour);
    if (style.marked && (marked || isMain)) drawMark(context, link, colour, colours('page'));
  }
  context.globalAlpha = 1;
  context.setLineDash([]);
}

function drawMark(context: CanvasRenderingContext2D, link: SceneLink, colour: string, ground: string): void {
  const { x, y } = link.middle;
  context.save();
  context.translate(x, y);
  context.fillStyle = ground;
  context.beginPath();
  context.arc(0, 0, 6, 0, 2 * Math.PI);
  context.fill();
  context.scale(0.85, 0.85);
  context.translate(-12, -12);
  context.setLineDash([]);
  context.lineCap = 'round';
  context.lineWidth = 2.4;
  context.strokeStyle = colour;
  context.stroke(new Path2D(linkMark(link.state)));
  context.restore();
}

function strokeLink(
  context: CanvasRenderingContext2D,
  { curve, loop }: SceneLink,
  colour: string,
  width: number,
  dash: number[],
): void {
  context.strokeStyle = colour;
  context.lineWidth = width;
  context.setLineDash(dash);
  context.beginPath();
  if (curve !== null) {
    context.moveTo(curve.x0, curve.y0);
    context.quadraticCurveTo(curve.cx, curve.cy, curve.x1, curve.y1);
  } else if (loop !== null) {
    context.arc(loop.x, loop.y, loop.radius, 0, 2 * Math.PI);
  }
  context.stroke();
}

function fillArrow(context: CanvasRenderingContext2D, { arrow }: SceneLink, colour: string): void {
  const [tip, left, right] = arrow;
  if (tip === undefined || left === undefined || right === undefined) return;
  context.fillStyle = colour;
  context.beginPath();
  context.moveTo(tip.x, tip.y);
  context.lineTo(left.x, left.y);
  context.lineTo(right.x, right.y);
  context.fill();
}

/** Fill and edge of a dot (CSS variables), and the dashes of its edge. Dots for lifecycle states are not filled. */
const DOTS: Record<PodHealth, { fill: string; edge: string; dash: number[] }> = {
  healthy: { fill: 'good-cell', edge: 'good-link', dash: [] },
  failing: { fill: 'failed-cell', edge: 'failed-cell', dash: [] },
  unknown: { fill: 'unknown-ground', edge: 'unknown-link', dash: [] },
  starved: { fill: 'page', edge: 'suspect', dash: [] },
  starting: { fill: 'page', edge: 'text-second', dash: [2, 2] },
  'not-ready': { fill: 'page', edge: 'text-second', dash: [] },
  terminating: { fill: 'sunken', edge: 'text-third', dash: [] },
  gone: { fill: 'page', edge: 'not-probed-link', dash: [1, 2] },
};

/** Draws pods as dots. `dots`: indexes of the pods. */
export function drawDots(
  context: CanvasRenderingContext2D,
  { spots, tier, touching }: Graph,
  pods: readonly PodView[],
  dots: readonly number[],
  colours: Colours,
): void {
  context.lineWidth = tier.disc >= 5 ? 1.5 : 1;
  for (const index of dots) {
    const spot = spots[index];
    const view = pods[index];
    if (spot === undefined || view === undefined) continue;
    const look = DOTS[view.health];
    context.globalAlpha = touching === null || touching[index] === 1 ? 1 : 0.3;
    context.fillStyle = colours(look.fill);
    context.strokeStyle = colours(view.slowToReach ? 'slow-link' : look.edge);
    context.setLineDash(look.dash);
    context.beginPath();
    if (view.health === 'failing') context.rect(spot.x - tier.disc, spot.y - tier.disc, tier.disc * 2, tier.disc * 2);
    else context.arc(spot.x, spot.y, tier.disc, 0, 2 * Math.PI);
    context.fill();
    context.stroke();
  }
  context.globalAlpha = 1;
  context.setLineDash([]);
}

/** Indexes of pods that are drawn as dots: all except the glyphs. If arcs show states, only pods with a shown link. */
export function dotsOf(graph: Graph, n: number, ring: Ring): number[] {
  if (graph.tier.names !== 'unhealthy') return [];
  const isGlyph = new Set(graph.glyphs);
  const touched = new Uint8Array(n);
  for (const { from, to } of graph.links) touched[from] = touched[to] = 1;
  return ring.order.filter((index) => !isGlyph.has(index) && (!graph.tier.stateOnArcs || touched[index] === 1));
}
