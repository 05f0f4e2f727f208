import type { Page } from 'playwright-core';
import type { Mesh } from '../../server/protocol/mesh.ts';
import type { MeshOptions } from '../support/feed/plan.ts';
import { meshOf } from '../support/feed/scenarios.ts';
import { type FileVisitor, levelOf, soon, type Visit } from './page-visit.ts';

/** Opens the heatmap of a scenario at a fixed time. `shown`: the mesh, with the statistics of a window. */
export async function openHeatmap(visitor: FileVisitor, mesh: MeshOptions, visit: Visit = {}) {
  // The mesh is made once and beforehand: a thousand pods take a while, for which the page should not wait.
  const made = new Map<number, Mesh>([[0, meshOf(mesh)]]);
  const shown = (windowMs: number) => {
    const known = made.get(windowMs) ?? meshOf({ ...mesh, windowMs });
    made.set(windowMs, known);
    return known;
  };
  const feed = await visitor.feed(shown);
  const page = await visitor.visit(feed, { ...visit, hash: `#view=heatmap${levelOf(visit.hash)}` });
  const { grid, spoken } = heatParts(() => page);
  await grid().waitFor();
  await soon(() => spoken()).not.toBe('');
  return { feed, page, shown };
}

/** What a test looks at and does on the page with the heatmap that is open. */
export function heatParts(open: () => Page) {
  const grid = () => open().getByRole('grid', { name: /Heatmap/ });
  /** The middle of the cell that the keys are at. It may move: a notice above takes room. */
  const activeCell = async () => {
    const box = await grid().getByRole('gridcell').boundingBox();
    return { x: (box?.x ?? 0) + (box?.width ?? 0) / 2, y: (box?.y ?? 0) + (box?.height ?? 0) / 2 };
  };
  /** Moves the keys to a cell and gives its middle. */
  const cellAt = async (column: number, row: number) => {
    const { keyboard } = open();
    await grid().focus();
    await keyboard.press('Control+Home');
    for (let i = 0; i < column; i++) await keyboard.press('ArrowRight');
    for (let i = 0; i < row; i++) await keyboard.press('ArrowDown');
    return activeCell();
  };
  /** The colour of the picture at a point of the page, as `#rrggbb`. */
  const colourAt = (x: number, y: number) =>
    open().evaluate(
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
  /** The colour of the cell that the keys are at, where neither figure nor mark covers it. */
  const activeColour = async () => {
    const { x, y } = await activeCell();
    return colourAt(x - 30, y - 30);
  };
  return {
    grid,
    activeCell,
    cellAt,
    colourAt,
    activeColour,
    /** As `activeColour`, of a cell that the keys are moved to. */
    cellColour: async (column: number, row: number) => {
      await cellAt(column, row);
      return activeColour();
    },
    spoken: () => grid().getByRole('gridcell').textContent(),
    hash: () => open().evaluate(() => location.hash),
    /** Opens a menu of the tools. */
    menu: (name: string) => open().locator('summary', { hasText: name }).click(),
    legendCount: (state: string) => open().locator(`[data-state="${state}"] .legend-count`).textContent(),
    token: (name: string) =>
      open().evaluate((key) => getComputedStyle(document.documentElement).getPropertyValue(key).trim(), name),
  };
}
