import { useEffect, useRef } from 'react';
import { readTokens } from '../../components/canvas.ts';
import { NewestOnly } from '../../components/newest-only.ts';
import type { BundleLook, BundleScene } from './bundle-worker.ts';
import { type Bundles, groupsAround } from './bundles.ts';
import { canvasSize, canvasTransform, edgeOf, placeCanvas } from './canvas.tsx';
import { NO_ZOOM } from './geometry.ts';
import type { Graph } from './use-graph.ts';
import { type GraphZoom, movedBy } from './use-zoom.tsx';

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

/** What is to be drawn, and what is then done with the image. */
interface PaintRequest {
  scene: BundleScene;
  show(image: ImageBitmap): void;
}

/**
 * Healthy links as pale bundles below everything else. A worker draws them. Until the new picture is complete, the old one
 * is moved and scaled.
 */
export function BundleCanvas({ graph, zoom, size, theme, isHeld }: BundleCanvasProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const painter = useRef<NewestOnly<PaintRequest> | null>(null);
  /** The zoom for which the shown picture was drawn. */
  const shown = useRef(NO_ZOOM);
  /** The number of the newest request. */
  const newest = useRef(0);
  useEffect(() => {
    const worker = new Worker(new URL('./bundle-worker.ts', import.meta.url), { type: 'module' });
    const ofWorker = new NewestOnly<PaintRequest>(({ scene, show }) => {
      worker.postMessage(scene);
      return new Promise((resolve) => {
        worker.onmessage = ({ data }: MessageEvent<ImageBitmap | null>) => {
          if (data !== null) show(data);
          data?.close();
          resolve();
        };
      });
    });
    painter.current = ofWorker;
    return () => {
      ofWorker.stop();
      worker.terminate();
    };
  }, []);
  const spots = useRef(graph.spots);
  if (!isHeld) spots.current = graph.spots;
  const bundles = useSame(graph.bundles);
  const { ring, grouped, pod } = graph;
  const places = spots.current;
  const hasBad = graph.links.length > 0;
  // biome-ignore lint/correctness/useExhaustiveDependencies: the theme decides what the CSS variables say
  useEffect(() => {
    const element = canvas.current;
    if (element === null || size.width * size.height === 0) return;
    const scene = {
      around: groupsAround(ring),
      spots: places.map(({ x, y }) => ({ x, y })),
      bundles,
      beta: grouped ? GROUPED_BETA : FLAT_BETA,
      look: lookOf(element, bundles.n),
    };
    const paint = () => {
      const drawn = zoom.drawn();
      newest.current++;
      const own = newest.current;
      element.ariaBusy = 'true';
      const show = (image: ImageBitmap) => {
        element.width = image.width;
        element.height = image.height;
        element.getContext('2d')?.drawImage(image, 0, 0);
        placeCanvas(element, size, drawn);
        shown.current = drawn;
        if (own === newest.current) element.ariaBusy = 'false';
        move();
      };
      const request = { ...scene, size: canvasSize(size, drawn), transform: canvasTransform(drawn) };
      painter.current?.offer({ scene: request, show });
    };
    const move = () => {
      const edge = edgeOf(shown.current);
      element.style.transformOrigin = `${edge}px ${edge}px`;
      element.style.transform = movedBy(shown.current, zoom.drawn());
    };
    paint();
    return zoom.follow(() => {
      move();
      paint();
    });
  }, [ring, places, grouped, bundles, zoom, size, theme]);
  const state = pod >= 0 ? ' is-dim' : hasBad ? ' is-behind' : '';
  return <canvas ref={canvas} className={`graph-bundles${state}`} />;
}

/** Colours and opacity of bundles. The more lines, the paler each of them. */
function lookOf(element: Element, n: number): BundleLook {
  const token = readTokens(element);
  const alpha = Math.max(0.02, Math.min(0.35, 4 / Math.max(1, n)));
  return { good: token('--good-link'), late: token('--warning-link'), alpha, lateAlpha: Math.min(0.9, alpha * 4) };
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
