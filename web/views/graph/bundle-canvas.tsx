import { useEffect, useMemo, useRef, useState } from 'react';
import { readTokens } from '../../components/canvas.ts';
import { NewestOnly } from '../../components/newest-only.ts';
import type { BundleScene } from './bundle-worker.ts';
import { groupsAround } from './bundles.ts';
import { pixelRatio } from './canvas.tsx';
import { NO_ZOOM, type Zoom } from './geometry.ts';
import type { Graph } from './use-graph.ts';
import { useSame } from './use-same.ts';

/** How strongly links are bundled (0 = straight): with zones and nodes, and without. */
const [GROUPED_BETA, FLAT_BETA] = [0.85, 0.4];

interface BundleCanvasProps {
  graph: Graph;
  zoom: Zoom;
  size: { width: number; height: number };
  /** A change redraws the canvas, because colours are CSS variables. */
  theme: string;
}

interface PaintRequest {
  scene: BundleScene;
  show(image: ImageBitmap): void;
}

/** Healthy links as pale bundles. A worker draws them; until then the old picture is moved and scaled. */
export function BundleCanvas({ graph, zoom, size, theme }: BundleCanvasProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const painter = useRef<NewestOnly<PaintRequest> | null>(null);
  const newest = useRef<BundleScene | null>(null);
  /** The zoom for which the shown picture was drawn. */
  const [shown, setShown] = useState(NO_ZOOM);
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
  const bundles = useSame(graph.bundles);
  const { ring, spots, grouped, pod } = graph;
  const around = useMemo(() => groupsAround(ring), [ring]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: the theme decides what the CSS variables say
  useEffect(() => {
    const element = canvas.current;
    if (element === null || size.width * size.height === 0) return;
    const token = readTokens(element);
    const ratio = pixelRatio();
    // The more lines, the paler each of them.
    const alpha = Math.max(0.02, Math.min(0.35, 4 / Math.max(1, bundles.n)));
    const scene: BundleScene = {
      around,
      spots: spots.map(({ x, y }) => ({ x, y })),
      bundles,
      beta: grouped ? GROUPED_BETA : FLAT_BETA,
      good: { colour: token('--good-link'), alpha },
      late: { colour: token('--warning-link'), alpha: Math.min(0.9, alpha * 4) },
      size: { width: Math.round(size.width * ratio), height: Math.round(size.height * ratio) },
      transform: { k: zoom.k * ratio, x: zoom.x * ratio, y: zoom.y * ratio },
    };
    newest.current = scene;
    element.ariaBusy = 'true';
    const show = (image: ImageBitmap) => {
      Object.assign(element, scene.size).getContext('2d')?.drawImage(image, 0, 0);
      setShown(zoom);
      if (newest.current === scene) element.ariaBusy = 'false';
    };
    painter.current?.offer({ scene, show });
  }, [around, spots, grouped, bundles, zoom, size, theme]);
  const state = pod >= 0 ? ' is-dim' : graph.links.length > 0 ? ' is-behind' : '';
  const scale = zoom.k / shown.k;
  const transform = `translate(${zoom.x - shown.x * scale}px, ${zoom.y - shown.y * scale}px) scale(${scale})`;
  return <canvas ref={canvas} className={`graph-bundles${state}`} style={{ transform }} />;
}
