import { useEffect, useRef } from 'react';
import type { PodView } from '../../pure/picture.ts';
import { NO_ZOOM, type Zoom } from '../../pure/zoom.ts';
import { drawDots, drawLinks, readColours } from './link-paint.ts';
import type { Emphasis } from './link-shape.tsx';
import type { Graph } from './use-graph.ts';
import type { GraphZoom } from './use-zoom.ts';

/** A zoomed canvas extends this far beyond the stage on each side, so that it can be panned without redrawing, px. */
const EDGE = 160;
const NOTHING = { width: 0, height: 0 };

interface LinkCanvasProps {
  graph: Graph;
  pods: readonly PodView[];
  /** Indexes of pods that are drawn as dots. */
  dots: readonly number[];
  zoom: GraphZoom;
  size: { width: number; height: number };
  emphasisOf: (pair: number, from: number, to: number) => Emphasis;
  /** Whether links show the marks of their states. */
  marked: boolean;
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
      <Layer {...props} {...kept.current} holds={STILL} />
      <Layer {...props} holds={MOVING} />
    </>
  );
}

/** Whether a link belongs to a canvas while pod `held` is dragged. */
type Holds = (held: number, from: number, to: number) => boolean;
const STILL: Holds = (held, from, to) => from !== held && to !== held;
const MOVING: Holds = (held, from, to) => held >= 0 && (from === held || to === held);

function Layer({
  graph,
  pods,
  dots,
  zoom,
  size,
  emphasisOf,
  marked,
  held,
  theme,
  holds,
}: LinkCanvasProps & { holds: Holds }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the theme decides what the CSS variables say
  useEffect(() => {
    let frame = 0;
    let drawn: Zoom | null = null;
    const isEmpty = holds === MOVING && held < 0;
    const links = graph.links.filter(({ from, to }) => holds(held, from, to));
    const ownDots = dots.filter((index) => holds(held, index, index));
    const draw = () => {
      frame = 0;
      const element = canvas.current;
      const context = element?.getContext('2d') ?? null;
      if (element === null || context === null) return;
      const ratio = Math.min(2, window.devicePixelRatio || 1);
      const now = zoom.current();
      // Without zoom the whole graph is on the canvas, which is only moved.
      drawn = now.k === 1 ? NO_ZOOM : now;
      const edge = now.k === 1 ? 0 : EDGE;
      resize(element, isEmpty ? NOTHING : size, edge, ratio);
      shift(element, drawn, now);
      if (isEmpty) return;
      context.setTransform(1, 0, 0, 1, 0, 0);
      context.clearRect(0, 0, element.width, element.height);
      const scale = now.k * ratio;
      context.setTransform(scale, 0, 0, scale, (drawn.x + edge) * ratio, (drawn.y + edge) * ratio);
      const colours = readColours(element);
      drawLinks(context, graph, links, { emphasisOf, marked }, colours);
      drawDots(context, graph, pods, ownDots, colours);
    };
    const ask = () => {
      if (frame === 0) frame = requestAnimationFrame(draw);
    };
    ask();
    const stop = zoom.follow(() => {
      if (canvas.current === null || drawn === null || !shift(canvas.current, drawn, zoom.current())) ask();
    });
    return () => {
      stop();
      cancelAnimationFrame(frame);
    };
  }, [graph, pods, dots, zoom, size, emphasisOf, marked, held, theme, holds]);
  return <canvas ref={canvas} className={holds === STILL ? 'graph-canvas' : 'graph-held'} />;
}

/** Whether two graphs show the same picture and no pod except `held` has moved. */
function isSameBut(held: number, a: Graph, b: Graph): boolean {
  if (a === b) return true;
  if (a.pairs !== b.pairs || a.ring !== b.ring || a.tier !== b.tier) return false;
  return b.spots.every((spot, i) => i === held || (spot.x === a.spots[i]?.x && spot.y === a.spots[i]?.y));
}

/**
 * Moves a canvas that was drawn with zoom `drawn` to zoom `now` by a CSS transform, because redrawing takes longer than a
 * frame. Returns false if a part of the stage would be empty.
 */
function shift(element: HTMLCanvasElement, drawn: Zoom, now: Zoom): boolean {
  const [x, y] = [now.x - drawn.x, now.y - drawn.y];
  if (now.k !== drawn.k || (now.k !== 1 && Math.max(Math.abs(x), Math.abs(y)) > EDGE)) return false;
  element.style.transform = `translate(${x}px, ${y}px)`;
  return true;
}

/** Sets the size of a canvas to its stage plus `edge` px on each side. */
function resize(element: HTMLCanvasElement, size: typeof NOTHING, edge: number, ratio: number): void {
  const [width, height] = [size.width + 2 * edge, size.height + 2 * edge];
  if (element.width !== Math.round(width * ratio)) element.width = Math.round(width * ratio);
  if (element.height !== Math.round(height * ratio)) element.height = Math.round(height * ratio);
  Object.assign(element.style, { left: `${-edge}px`, top: `${-edge}px`, width: `${width}px`, height: `${height}px` });
}
