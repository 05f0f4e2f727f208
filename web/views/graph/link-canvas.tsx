import { useEffect, useRef } from 'react';
import type { Ring } from '../../pure/circle-layout.ts';
import { LINK_STYLES, type SceneLink } from '../../pure/graph-scene.ts';
import type { LinkState } from '../../pure/link-state.ts';
import { linkMark } from '../../pure/marks.ts';
import type { PodHealth, PodView } from '../../pure/pod-view.ts';
import type { Emphasis } from './link-shape.tsx';
import type { Graph } from './use-graph.ts';
import type { GraphZoom } from './use-zoom.ts';

const QUIET: ReadonlySet<LinkState> = new Set(['good', 'fair']);
const NOWHERE = { x: 0, y: 0 };
const BAD: ReadonlySet<LinkState> = new Set(['failed', 'slow', 'warning', 'suspect']);

interface LinkCanvasProps {
  graph: Graph;
  pods: readonly PodView[];
  /** Pods that are drawn as dots. */
  dots: readonly number[];
  zoom: GraphZoom;
  size: { width: number; height: number };
  emphasisOf: (pair: number, from: number, to: number) => Emphasis;
  /** Whether links show the marks of their states. */
  marked: boolean;
  /** Redraws when it changes: the colours come from CSS variables. */
  theme: string;
}

/** Links, and pods as dots, on a canvas: where there are too many for elements of their own. */
export function LinkCanvas({ graph, pods, dots, zoom, size, emphasisOf, marked, theme }: LinkCanvasProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the theme decides what the CSS variables say
  useEffect(() => {
    let frame = 0;
    let drawnScale = 0;
    const draw = () => {
      frame = 0;
      const element = canvas.current;
      const context = element?.getContext('2d') ?? null;
      if (element === null || context === null) return;
      const ratio = Math.min(2, window.devicePixelRatio || 1);
      resize(element, size, ratio);
      const { k } = zoom.current();
      const { x, y } = k === 1 ? NOWHERE : zoom.current();
      drawnScale = k;
      shift(element, zoom);
      context.setTransform(1, 0, 0, 1, 0, 0);
      context.clearRect(0, 0, element.width, element.height);
      context.setTransform(k * ratio, 0, 0, k * ratio, x * ratio, y * ratio);
      const colours = readColours(element);
      drawLinks(context, graph, { emphasisOf, marked }, colours);
      drawDots(context, graph, pods, dots, colours);
    };
    const ask = () => {
      if (frame === 0) frame = requestAnimationFrame(draw);
    };
    ask();
    const stop = zoom.follow(() => {
      if (zoom.current().k === 1 && drawnScale === 1 && canvas.current !== null) shift(canvas.current, zoom);
      else ask();
    });
    return () => {
      stop();
      cancelAnimationFrame(frame);
    };
  }, [graph, pods, dots, zoom, size, emphasisOf, marked, theme]);
  return <canvas ref={canvas} className="graph-canvas" />;
}

/** Unscaled, all of it is on the canvas, which the compositor can move: to draw it anew takes longer than a frame. */
function shift(element: HTMLCanvasElement, zoom: GraphZoom): void {
  const { k, x, y } = zoom.current();
  element.style.transform = k === 1 ? `translate(${x}px, ${y}px)` : '';
}

function resize(element: HTMLCanvasElement, size: { width: number; height: number }, ratio: number): void {
  const [width, height] = [Math.round(size.width * ratio), Math.round(size.height * ratio)];
  if (element.width !== width) element.width = width;
  if (element.height !== height) element.height = height;
}

/** Colours by the names of their CSS variables, read once a frame at most. */
type Colours = (name: string) => string;

function readColours(element: Element): Colours {
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

function drawLinks(
  context: CanvasRenderingContext2D,
  { links, tier }: Graph,
  { emphasisOf, marked }: Pick<LinkCanvasProps, 'emphasisOf' | 'marked'>,
  colours: Colours,
): void {
  // Where all links are drawn, good ones step back as soon as there is anything else to see.
  const quiet = tier.allLinks && links.some(({ state }) => BAD.has(state)) ? 0.4 : 1;
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

/** Fill and edge of a dot by CSS variable, and the dashes of its edge: outlined is a stage of life, filled is judged. */
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

function drawDots(
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

/** Pods that stand on the ring as dots: all but the glyphs; where arcs carry the state, only those that a link touches. */
export function dotsOf(graph: Graph, n: number, ring: Ring): number[] {
  if (graph.tier.names !== 'accused') return [];
  const isGlyph = new Set(graph.glyphs);
  const touched = new Uint8Array(n);
  for (const { from, to } of graph.links) touched[from] = touched[to] = 1;
  return ring.order.filter((index) => !isGlyph.has(index) && (!graph.tier.arcsCarry || touched[index] === 1));
}
