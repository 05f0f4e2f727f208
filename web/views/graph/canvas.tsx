import { useEffect, useRef } from 'react';
import { drawMark, readTokens, type Token } from '../../components/canvas.ts';
import type { LinkState } from '../../model/links.ts';
import { DROP, linkMark, WAVE } from '../../model/marks.ts';
import type { Picture, PodHealth } from '../../model/mesh-view.ts';
import type { Point, Zoom } from './geometry.ts';
import type { EmphasisOf } from './links.tsx';
import { lineOf, type SceneLink, traceLink } from './scene.ts';
import type { Graph } from './use-graph.ts';
import { EDGE, type GraphZoom } from './use-zoom.tsx';

const NOTHING = { width: 0, height: 0 };

interface LinkCanvasProps {
  graph: Graph;
  picture: Picture;
  /** Indexes of pods that are drawn as dots. */
  dots: readonly number[];
  zoom: GraphZoom;
  size: typeof NOTHING;
  emphasisOf: EmphasisOf;
  /** Index of the dragged pod; -1 = none. */
  held: number;
  /** A change redraws the canvas, because colours are CSS variables. */
  theme: string;
}

/**
 * Draws links, and pods as dots, on a canvas, if there are too many for SVG elements. While a pod is dragged, it and its
 * links are on a second canvas, so that the others are not redrawn with every frame.
 */
export function LinkCanvas(props: LinkCanvasProps) {
  const { graph, dots, held } = props;
  const kept = useRef({ graph, dots });
  if (held < 0 || !isSameBut(held, kept.current.graph, graph)) kept.current = { graph, dots };
  return (
    <>
      <Layer {...props} {...kept.current} isHeld={false} />
      <Layer {...props} isHeld />
    </>
  );
}

/** One canvas: of the dragged pod and its links (`isHeld`), or of the others. */
function Layer(props: LinkCanvasProps & { isHeld: boolean }) {
  const { graph, picture, dots, zoom, size, emphasisOf, held, theme, isHeld } = props;
  const canvas = useRef<HTMLCanvasElement>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the theme decides what the CSS variables say
  useEffect(() => {
    const isEmpty = isHeld && held < 0;
    const isOwn = (from: number, to: number) => (from === held || to === held) === isHeld;
    const links = graph.links.filter(({ from, to }) => isOwn(from, to));
    const ownDots = dots.filter((index) => isOwn(index, index));
    const draw = () => {
      const element = canvas.current;
      const context = element?.getContext('2d') ?? null;
      if (element === null || context === null) return;
      const shown = isEmpty ? NOTHING : size;
      const { width, height } = canvasSize(shown, zoom.drawn());
      // Only if it changes, because setting it takes new memory.
      if (element.width !== width) element.width = width;
      if (element.height !== height) element.height = height;
      placeCanvas(element, shown, zoom.drawn());
      if (isEmpty) return;
      context.setTransform(1, 0, 0, 1, 0, 0);
      context.clearRect(0, 0, width, height);
      const { k, x, y } = canvasTransform(zoom.drawn());
      context.setTransform(k, 0, 0, k, x, y);
      const token = readTokens(element);
      drawLinks(context, graph, links, emphasisOf, token);
      drawDots(context, graph, picture, ownDots, token);
    };
    const frame = requestAnimationFrame(draw);
    const stop = zoom.follow(draw);
    return () => {
      stop();
      cancelAnimationFrame(frame);
    };
  }, [graph, picture, dots, zoom, size, emphasisOf, held, theme, isHeld]);
  return <canvas ref={canvas} className={isHeld ? 'graph-held' : 'graph-canvas'} />;
}

/** Whether two graphs show the same picture and no pod except `held` has moved. */
function isSameBut(held: number, a: Graph, b: Graph): boolean {
  if (a === b) return true;
  if (a.pairs !== b.pairs || a.ring !== b.ring || a.tier !== b.tier) return false;
  return b.spots.every((spot, i) => i === held || (spot.x === a.spots[i]?.x && spot.y === a.spots[i]?.y));
}

/** Device px per CSS px of a canvas: more than 2 is not seen, but costs. */
const pixelRatio = () => Math.min(2, window.devicePixelRatio || 1);
/** How far a canvas extends beyond its stage: at 100 % the whole scene is on the stage. */
export const edgeOf = ({ k }: Zoom) => (k === 1 ? 0 : EDGE);

/** The size of a canvas, device px, that shows a stage of `size` and the edge on each side. */
export function canvasSize(size: typeof NOTHING, zoom: Zoom): typeof NOTHING {
  const [edge, ratio] = [edgeOf(zoom), pixelRatio()];
  return { width: Math.round((size.width + 2 * edge) * ratio), height: Math.round((size.height + 2 * edge) * ratio) };
}

/** Puts a canvas of `canvasSize` over its stage. */
export function placeCanvas(element: HTMLCanvasElement, size: typeof NOTHING, zoom: Zoom): void {
  const edge = edgeOf(zoom);
  const [width, height] = [size.width + 2 * edge, size.height + 2 * edge];
  Object.assign(element.style, { left: `${-edge}px`, top: `${-edge}px`, width: `${width}px`, height: `${height}px` });
}

/** The transform from the scene to device px of such a canvas. */
export function canvasTransform(zoom: Zoom): Zoom {
  const [{ k, x, y }, edge, ratio] = [zoom, edgeOf(zoom), pixelRatio()];
  return { k: k * ratio, x: (x + edge) * ratio, y: (y + edge) * ratio };
}

function linkColour(state: LinkState): string {
  return state === 'not-yet' || state === 'ignored' || state === 'gone' ? '--not-probed-link' : `--${state}-link`;
}

/** So few links are drawn as wide as among few pods. */
const FEW_LINKS = 12;

/** Draws `links`, which are all or some links of the graph. */
function drawLinks(
  context: CanvasRenderingContext2D,
  { tier, links: all, marked, dropped }: Graph,
  links: readonly SceneLink[],
  emphasisOf: EmphasisOf,
  token: Token,
): void {
  context.lineCap = 'butt';
  const weight = all.length <= FEW_LINKS ? 1 : tier.weight;
  for (const link of links) {
    const emphasis = emphasisOf(link);
    const isMain = emphasis === 'hot' || emphasis === 'selected';
    const style = lineOf(link);
    const colour = token(linkColour(style.tone));
    const line = new Path2D();
    traceLink(line, link);
    if (isMain) {
      context.globalAlpha = 0.35;
      context.strokeStyle = token('--accent');
      context.lineWidth = emphasis === 'selected' ? 14 : 9;
      context.setLineDash([]);
      context.stroke(line);
    }
    context.globalAlpha = emphasis === 'dim' ? 0.15 : 1;
    context.strokeStyle = context.fillStyle = colour;
    context.lineWidth = Math.max(1, style.width * (isMain ? 1 : weight));
    context.setLineDash(isMain ? style.dash : style.dash.map((part) => part * 0.7));
    context.stroke(line);
    context.beginPath();
    for (const { x, y } of link.arrow) context.lineTo(x, y);
    context.fill();
    if (link.drop !== null && (dropped || isMain)) drawSign(context, link.drop, DROP, token('--text'), token);
    if (!marked && !isMain) continue;
    if (style.marked) drawSign(context, link.middle, linkMark(link.state), colour, token);
    if (link.wave !== null) drawSign(context, link.wave, WAVE, token('--suspect'), token);
  }
  context.globalAlpha = 1;
  context.setLineDash([]);
}

/** Draws a mark on a disc of the colour of the page. */
function drawSign(
  context: CanvasRenderingContext2D,
  { x, y }: Point,
  mark: string,
  colour: string,
  token: Token,
): void {
  context.fillStyle = token('--page');
  context.beginPath();
  context.arc(x, y, 6, 0, 2 * Math.PI);
  context.fill();
  drawMark(context, mark, { x, y, box: 20.4, width: 2, colour });
}

/** Fill and edge of a dot (CSS variables), and the dashes of its edge. Dots for lifecycle states are not filled. */
const DOTS: Record<PodHealth, { fill: string; edge: string; dash: number[] }> = {
  healthy: { fill: '--good-cell', edge: '--good-link', dash: [] },
  failing: { fill: '--failed-cell', edge: '--failed-cell', dash: [] },
  unknown: { fill: '--unknown-ground', edge: '--unknown-link', dash: [] },
  starting: { fill: '--page', edge: '--text-second', dash: [2, 2] },
  'not-ready': { fill: '--page', edge: '--text-second', dash: [] },
  terminating: { fill: '--sunken', edge: '--text-third', dash: [] },
  gone: { fill: '--page', edge: '--not-probed-link', dash: [1, 2] },
};

/** Draws pods as dots. `dots`: indexes of the pods. */
function drawDots(
  context: CanvasRenderingContext2D,
  { spots, tier, matching }: Graph,
  { pods }: Picture,
  dots: readonly number[],
  token: Token,
): void {
  context.lineWidth = tier.disc >= 5 ? 1.5 : 1;
  for (const index of dots) {
    const spot = spots[index];
    const view = pods[index];
    if (spot === undefined || view === undefined) continue;
    const look = DOTS[view.health];
    context.globalAlpha = matching === null || matching[index] === 1 ? 1 : 0.3;
    context.fillStyle = token(look.fill);
    context.strokeStyle = token(view.slowToReach ? '--slow-link' : view.starved ? '--suspect' : look.edge);
    context.setLineDash(look.dash);
    context.beginPath();
    const { disc } = tier;
    if (view.health === 'failing') context.rect(spot.x - disc, spot.y - disc, disc * 2, disc * 2);
    else context.arc(spot.x, spot.y, disc, 0, 2 * Math.PI);
    context.fill();
    context.stroke();
  }
  context.globalAlpha = 1;
  context.setLineDash([]);
}

/** Indexes of pods that are drawn as dots: all except the glyphs. If arcs show states, only pods with a shown link. */
export function dotsOf(graph: Graph, n: number): number[] {
  if (graph.tier.names !== 'unhealthy') return [];
  const isGlyph = new Set(graph.glyphs);
  const touched = new Uint8Array(n);
  for (const { from, to } of graph.links) touched[from] = touched[to] = 1;
  return graph.ring.order.filter((index) => !isGlyph.has(index) && (!graph.tier.stateOnArcs || touched[index] === 1));
}
