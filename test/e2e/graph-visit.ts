import type { Locator, Page } from 'playwright-core';
import type { MeshOptions } from '../support/feed/plan.ts';
import { meshOf } from '../support/feed/scenarios.ts';
import { type FileVisitor, levelOf, paintedPx, type Visit } from './page-visit.ts';

/** Opens the graph of a scenario at a fixed time. */
export async function openGraph(visitor: FileVisitor, mesh: MeshOptions, visit: Visit = {}) {
  const feed = await visitor.feed((windowMs) => meshOf({ ...mesh, windowMs }));
  const page = await visitor.visit(feed, { ...visit, hash: `#view=graph${levelOf(visit.hash)}` });
  await page.locator('.pod-node').first().waitFor();
  // Zoom and drag come after the first picture.
  await page.locator('.graph-stage[style*="touch-action"]').waitFor();
  return { feed, page };
}

/** What a test looks at on the page with the graph that is open. */
export function graphParts(open: () => Page) {
  const pod = (name: string) => open().getByRole('button', { name: new RegExp(`^goldpinger-${name}`) });
  return {
    pod,
    panel: () => open().locator('.side-panel.is-selection'),
    hash: () => open().evaluate(() => location.hash),
    zoomText: () => open().locator('.zoom-tools output').textContent(),
    /** Middle of a pod's disc on the page. */
    placeOf: (name: string) => middleOf(pod(name)),
    /** How many pixels of the canvas of single links, or of bundles, are painted. */
    painted: (which: '.graph-canvas' | '.graph-bundles' = '.graph-canvas') => paintedPx(open(), which),
  };
}

/** Middle of a pod's disc on the page. */
export async function middleOf(node: Locator): Promise<{ x: number; y: number }> {
  const box = (await node.locator('.pod-shape').boundingBox())!;
  return { x: Math.round(box.x + box.width / 2), y: Math.round(box.y + box.height / 2) };
}
