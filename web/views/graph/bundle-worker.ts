import { curveBundle, line } from 'd3';
import { type Bundles, wayOf } from './bundles.ts';
import type { Point, Zoom } from './geometry.ts';

/** Bundles to draw. Everything is px of the scene except the size. */
export interface BundleScene {
  around: Point[][];
  /** The place of each pod, which can have been dragged away from its group. */
  spots: readonly Point[];
  bundles: Bundles;
  beta: number;
  good: BundleLine;
  late: BundleLine;
  /** Size of the image, device px. */
  size: { width: number; height: number };
  /** The transform from the scene to the image. */
  transform: Zoom;
}

interface BundleLine {
  colour: string;
  alpha: number;
}

/** Draws all bundles; null if the browser cannot. A line takes 0.05 ms without a graphics card, so this runs in a worker. */
function drawBundles({ around, spots, bundles, beta, good, late, size, transform }: BundleScene): ImageBitmap | null {
  const { n, pairs } = bundles;
  const canvas = new OffscreenCanvas(size.width, size.height);
  const context = canvas.getContext('2d');
  if (context === null) return null;
  context.setTransform(transform.k, 0, 0, transform.k, transform.x, transform.y);
  const curve = line<Point>(
    ({ x }) => x,
    ({ y }) => y,
  )
    .curve(curveBundle.beta(beta))
    // It has all the methods that a curve calls.
    .context(context as unknown as CanvasRenderingContext2D);
  pairs.forEach((pair, i) => {
    const { colour, alpha } = bundles.late[i] ? late : good;
    context.globalAlpha = alpha;
    context.strokeStyle = colour;
    context.beginPath();
    curve(wayOf(around, spots, Math.floor(pair / n), pair % n));
    context.stroke();
  });
  return canvas.transferToImageBitmap();
}

// Answers each scene with its image; null if the browser cannot draw here.
addEventListener('message', ({ data }: MessageEvent<BundleScene>) => {
  const image = drawBundles(data);
  self.postMessage(image, { transfer: image === null ? [] : [image] });
});
