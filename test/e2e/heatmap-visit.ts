import type { Page } from 'playwright-core';
import type { Mesh } from '../../server/protocol/mesh.ts';
import { type MeshOptions, meshOf } from '../support/feed/scenarios.ts';
import { type FileVisitor, soon, type Visit } from './page-visit.ts';

/** Opens the heatmap of a scenario at a fixed time; gives the matrix that is shown, too, by its window. */
export async function openHeatmap(visitor: FileVisitor, mesh: MeshOptions, visit: Visit = {}) {
  // Made once and beforehand: a thousand pods take a while, which is not the page's.
  const made = new Map<number, Mesh>([[0, meshOf(mesh)]]);
  const shown = (windowMs: number): Mesh => {
    const known = made.get(windowMs) ?? meshOf({ ...mesh, windowMs });
    made.set(windowMs, known);
    return known;
  };
  const feed = await visitor.feed(shown);
  const page = await visitor.visit(feed, { ...visit, hash: `#view=heatmap${visit.hash ?? ''}` });
  const { grid, spoken } = heatmapParts(() => page);
  await grid().waitFor();
  await soon(() => spoken()).not.toBe('');
  return { feed, page, shown };
}

/** What a test looks at on the page with the heatmap that is open. */
export function heatmapParts(open: () => Page) {
  const grid = () => open().getByRole('grid', { name: /Heatmap/ });
  const spoken = () => grid().getByRole('gridcell').textContent();
  const hash = () => open().evaluate(() => location.hash);
  const legendCount = (state: string) => open().locator(`[data-state="${state}"] .legend-count`).textContent();

  /** The colour of the picture at a point of the page, as `#rrggbb`. */
  async function colourAt(x: number, y: number): Promise<string> {
    return open().evaluate(
      ([px, py]) => {
        const canvas = document.querySelector<HTMLCanvasElement>('.heat-layers canvas');
        const box = canvas?.getBoundingClientRect();
        if (canvas === null || canvas === undefined || box === undefined) return '';
        const scale = canvas.width / box.width;
        const at = [((px ?? 0) - box.x) * scale, ((py ?? 0) - box.y) * scale] as const;
        const data = canvas.getContext('2d')?.getImageData(Math.round(at[0]), Math.round(at[1]), 1, 1).data ?? [];
        return `#${[...data.slice(0, 3)].map((part) => part.toString(16).padStart(2, '0')).join('')}`;
      },
      [x, y],
    );
  }

  const token = (name: string) =>
    open().evaluate((key) => getComputedStyle(document.documentElement).getPropertyValue(key).trim(), name);

  /** Moves the keys to a cell and gives its middle. */
  async function cellAt(column: number, row: number): Promise<{ x: number; y: number }> {
    await grid().focus();
    await open().keyboard.press('Control+Home');
    for (let i = 0; i < column; i++) await open().keyboard.press('ArrowRight');
    for (let i = 0; i < row; i++) await open().keyboard.press('ArrowDown');
    return activeCell();
  }

  /** The middle of the cell that the keys are at. It may move: a notice above takes room. */
  async function activeCell(): Promise<{ x: number; y: number }> {
    const box = await grid().getByRole('gridcell').boundingBox();
    return { x: (box?.x ?? 0) + (box?.width ?? 0) / 2, y: (box?.y ?? 0) + (box?.height ?? 0) / 2 };
  }

  /** A point of a cell that neither figure nor mark covers. */
  async function cellColour(column: number, row: number): Promise<string> {
    await cellAt(column, row);
    return activeColour();
  }

  /** As `cellColour`, of the cell that the keys are at. */
  async function activeColour(): Promise<string> {
    const { x, y } = await activeCell();
    return colourAt(x - 30, y - 30);
  }
  return { grid, spoken, hash, legendCount, colourAt, token, cellAt, activeCell, cellColour, activeColour };
}
