import { curveBundle, line } from 'd3';
import { useEffect, useMemo, useRef } from 'react';
import type { Ring } from '../../model/ring-layout.ts';
import { type Bundles, bundlePoints } from './bundles.ts';
import { fitCanvas, readColours, scaleContext } from './canvas.tsx';
import type { Point } from './geometry.ts';
import type { Graph } from './use-graph.ts';
import { EDGE, type GraphZoom, movedBy } from './use-zoom.tsx';

/** Work in one frame: this many lines and this many ms, so that each frame takes less than 16 ms. */
const [LINES_AT_ONCE, SLICE_MS] = [400, 6];
/** How strongly links are bundled (0 = straight): with zones and nodes, and without. */
const [GROUPED_BETA, FLAT_BETA] = [0.85, 0.4];

interface BundleCanvasProps {
  graph: Graph;
  zoom: GraphZoom;
  size: { width: number; height: number };
  /** A change redraws the canvas, because colours are CSS variables. */
  theme: string;
  /** Whether a pod is dragged. The bundles follow when it is dropped. */
  isHeld: boolean;
}

/**
 * Healthy links as pale bundles below everything else. They are drawn in slices of a few ms on a hidden canvas, which is
 * shown when it is complete. Until then the old picture is moved and scaled.
 */
export function BundleCanvas({ graph, zoom, size, theme, isHeld }: BundleCanvasProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const spots = useRef(graph.spots);
  if (!isHeld) spots.current = graph.spots;
  const bundles = useSame(graph.bundles);
  const { ring, grouped, pod } = graph;
  const places = spots.current;
  // biome-ignore lint/correctness/useExhaustiveDependencies: a new layout needs new lines
  const paths = useMemo<Path2D[]>(() => [], [ring, places, grouped, bundles]);
  const hasBad = graph.links.length > 0;
  // biome-ignore lint/correctness/useExhaustiveDependencies: the theme decides what the CSS variables say
  useEffect(() => {
    const element = canvas.current;
    if (element === null) return;
    const back = document.createElement('canvas');
    let frame = 0;
    let before = zoom.drawn();
    const start = () => {
      cancelAnimationFrame(frame);
      fitCanvas(back, size, zoom);
      const context = back.getContext('2d');
      if (context === null) return;
      context.setTransform(1, 0, 0, 1, 0, 0);
      context.clearRect(0, 0, back.width, back.height);
      scaleContext(context, zoom);
      const look = lookOf(element, bundles.n);
      let next = 0;
      const slice = () => {
        next = drawSlice(context, { ring, spots: places, grouped, bundles, paths, look }, next);
        if (next < bundles.pairs.length) {
          frame = requestAnimationFrame(slice);
          return;
        }
        fitCanvas(element, size, zoom);
        // Setting its width empties a canvas.
        element.width = back.width;
        element.getContext('2d')?.drawImage(back, 0, 0);
        element.style.transform = '';
        before = zoom.drawn();
      };
      frame = requestAnimationFrame(slice);
    };
    start();
    const stop = zoom.follow(() => {
      // Until the new picture is complete, the old one is moved and scaled.
      const edge = before.k === 1 ? 0 : EDGE;
      element.style.transformOrigin = `${edge}px ${edge}px`;
      element.style.transform = movedBy(before, zoom.drawn());
      start();
    });
    return () => {
      stop();
      cancelAnimationFrame(frame);
    };
  }, [ring, places, grouped, bundles, paths, zoom, size, theme]);
  const state = pod >= 0 ? ' is-dim' : hasBad ? ' is-behind' : '';
  return <canvas ref={canvas} className={`graph-bundles${state}`} />;
}

/** Colours and opacity of bundles. The more lines, the paler each of them. */
function lookOf(element: Element, n: number) {
  const colours = readColours(element);
  const alpha = Math.max(0.02, Math.min(0.35, 4 / Math.max(1, n)));
  return { good: colours('good-link'), late: colours('warning-link'), alpha, lateAlpha: Math.min(0.9, alpha * 4) };
}

interface SliceRequest {
  ring: Ring;
  spots: readonly Point[];
  grouped: boolean;
  bundles: Bundles;
  /** The lines that were computed for this layout, by index in `bundles.pairs`. */
  paths: Path2D[];
  look: ReturnType<typeof lookOf>;
}

/** Draws bundles from `start` on as long as there is time in this frame. Returns the index of the next one. */
function drawSlice(context: CanvasRenderingContext2D, request: SliceRequest, start: number): number {
  const { ring, spots, grouped, bundles, paths, look } = request;
  const { n, pairs, late } = bundles;
  const untilMs = performance.now() + SLICE_MS;
  let next = start;
  context.lineWidth = 1;
  for (; next < Math.min(pairs.length, start + LINES_AT_ONCE) && performance.now() < untilMs; next++) {
    const pair = pairs[next] ?? 0;
    let path = paths[next];
    if (path === undefined) {
      path = new Path2D();
      line<Point>(
        ({ x }) => x,
        ({ y }) => y,
      )
        .curve(curveBundle.beta(grouped ? GROUPED_BETA : FLAT_BETA))
        // A Path2D has all the methods that a curve calls.
        .context(path as unknown as CanvasRenderingContext2D)(
        bundlePoints(ring, spots, Math.floor(pair / n), pair % n),
      );
      paths[next] = path;
    }
    context.globalAlpha = late[next] ? look.lateAlpha : look.alpha;
    context.strokeStyle = late[next] ? look.late : look.good;
    context.stroke(path);
  }
  return next;
}

/** The same object as long as the same pairs are drawn in the same way. */
function useSame(bundles: Bundles): Bundles {
  const kept = useRef(bundles);
  const { n, pairs, late } = kept.current;
  const isSame =
    n === bundles.n &&
    pairs.length === bundles.pairs.length &&
    bundles.pairs.every((pair, i) => pair === pairs[i] && bundles.late[i] === late[i]);
  if (!isSame) kept.current = bundles;
  return kept.current;
}
