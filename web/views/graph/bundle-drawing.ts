import { curveBundle, line, stratify } from 'd3';
import type { Bundles, BundleTree, TreePoint } from './bundles.ts';
import type { Point, Zoom } from './geometry.ts';

/** Bundles to draw. Everything is px of the scene except the size. */
export interface BundleScene extends BundleTree {
  /** The place of each pod, which can have been dragged away from its leaf. */
  spots: readonly Point[];
  bundles: Bundles;
  /** How strongly links are bundled (0 = straight). */
  beta: number;
  look: BundleLook;
  /** Size of the image, device px. */
  size: { width: number; height: number };
  /** The transform from the scene to the image. */
  transform: Zoom;
}

/** Colours and opacity of bundles. */
export interface BundleLook {
  good: string;
  late: string;
  alpha: number;
  lateAlpha: number;
}

/** The way of a line through the tree: from pod `a` by way of their nodes and zones to pod `b` (Holten 2006). */
export function wayIn({ tree, leaves, spots }: BundleTree & Pick<BundleScene, 'spots'>) {
  const root = stratify<TreePoint>()
    .id((_, i) => String(i))
    .parentId(({ parent }) => (parent < 0 ? null : String(parent)))([...tree]);
  const nodes = new Map(root.descendants().map((node) => [Number(node.id), node]));
  return (a: number, b: number): Point[] => {
    const [from, to] = [nodes.get(leaves[a] ?? -1), nodes.get(leaves[b] ?? -1)];
    if (from === undefined || to === undefined) return [];
    const between = from.path(to).slice(1, -1);
    return [spots[a], ...between.map(({ data }) => data), spots[b]].filter((point) => point !== undefined);
  };
}

/** Draws all bundles; null if the browser cannot. A line takes 0.05 ms without a graphics card, so this runs in a worker. */
export function drawBundles(scene: BundleScene): ImageBitmap | null {
  const { beta, look, size, transform } = scene;
  const { n, pairs, late } = scene.bundles;
  const canvas = new OffscreenCanvas(size.width, size.height);
  const context = canvas.getContext('2d');
  if (context === null) return null;
  context.setTransform(transform.k, 0, 0, transform.k, transform.x, transform.y);
  const way = wayIn(scene);
  const curve = line<Point>(
    ({ x }) => x,
    ({ y }) => y,
  )
    .curve(curveBundle.beta(beta))
    // It has all the methods that a curve calls.
    .context(context as unknown as CanvasRenderingContext2D);
  pairs.forEach((pair, i) => {
    context.globalAlpha = late[i] ? look.lateAlpha : look.alpha;
    context.strokeStyle = late[i] ? look.late : look.good;
    context.beginPath();
    curve(way(Math.floor(pair / n), pair % n));
    context.stroke();
  });
  return canvas.transferToImageBitmap();
}
