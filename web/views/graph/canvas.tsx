import { useLayoutEffect, useRef } from 'react';
import { drawMark, prepareCanvas, readTokens, type Token } from '../../components/canvas.ts';
import type { LinkState } from '../../model/links.ts';
import { DROP, linkMark, WAVE } from '../../model/marks.ts';
import type { Picture, PodHealth } from '../../model/mesh-view.ts';
import type { Point, Zoom } from './geometry.ts';
import type { EmphasisOf } from './links.tsx';
import { lineOf, traceLink } from './scene.ts';
import type { Graph } from './use-graph.ts';

interface LinkCanvasProps {
  graph: Graph;
  picture: Picture;
  zoom: Zoom;
  size: { width: number; height: number };
  emphasisOf: EmphasisOf;
  /** A change redraws the canvas, because colours are CSS variables. */
  theme: string;
}

/** Draws links, and pods as dots, on a canvas, if there are too many for SVG elements. */
export function LinkCanvas({ graph, picture, zoom, size, emphasisOf, theme }: LinkCanvasProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the theme decides what the CSS variables say
  useLayoutEffect(() => {
    const context = prepareCanvas(canvas.current, size, pixelRatio());
    if (context === null) return;
    context.translate(zoom.x, zoom.y);
    context.scale(zoom.k, zoom.k);
    const token = readTokens(context.canvas);
    drawLinks(context, graph, emphasisOf, token);
    drawDots(context, graph, picture, token);
  }, [graph, picture, zoom, size, emphasisOf, theme]);
  return <canvas ref={canvas} className="graph-canvas" />;
}

/** Device px per CSS px of a canvas: more than 2 is not seen, but costs. */
export const pixelRatio = () => Math.min(2, window.devicePixelRatio || 1);

function linkColour(state: LinkState): string {
  return state === 'not-yet' || state === 'ignored' || state === 'gone' ? '--not-probed-link' : `--${state}-link`;
}

/** So few links are drawn as wide as among few pods. */
const FEW_LINKS = 12;

function drawLinks(
  context: CanvasRenderingContext2D,
  { tier, links, marked, dropped }: Graph,
  emphasisOf: EmphasisOf,
  token: Token,
): void {
  context.lineCap = 'butt';
  const weight = links.length <= FEW_LINKS ? 1 : tier.weight;
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

function drawDots(
  context: CanvasRenderingContext2D,
  { dots, spots, tier, matching }: Graph,
  { pods }: Picture,
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
