import type { Page } from 'playwright-core';
import { expect } from 'vitest';

/** `expect.poll` that gives real processes on a busy machine 40 s. */
export function soon<T>(look: () => T | Promise<T>) {
  return expect.poll(look, { timeout: 40_000 });
}

/** A pod as the graph shows it. */
export interface SeenPod {
  /** Its accessible name: name, node, state. */
  words: string;
  /** Computed colour of its shape, `rgb(...)`. */
  fill: string;
}

/** Everything that a page has shown since `recordFrom`. */
export interface History {
  /** State of each pod, without figures that change: `name: state`. */
  pods: string[];
  /** The fewest pods that the graph had at once. */
  fewest: number;
  notices: string[];
}

/** Goes to another view or selection by the address, as a pasted link does. */
export async function goTo(page: Page, hash: string): Promise<void> {
  await page.evaluate((next) => {
    location.hash = next;
  }, hash);
}

/** The pods of the graph, in the order of Tab. */
export function podsIn(page: Page): Promise<SeenPod[]> {
  return page.locator('.pod-node').evaluateAll((nodes) =>
    nodes.map((node) => ({
      words: node.getAttribute('aria-label') ?? '',
      fill: getComputedStyle(node.querySelector('.pod-shape') ?? node).fill,
    })),
  );
}

/** The computed colours of the graph's links, each once. */
export async function linkColours(page: Page): Promise<string[]> {
  const all = await page
    .locator('.graph-links .graph-link > path:not(.graph-halo)')
    .evaluateAll((paths) => paths.map((path) => getComputedStyle(path).stroke));
  return [...new Set(all)].sort();
}

/** A colour token of the page's theme as `rgb(...)`. */
export function token(page: Page, name: string): Promise<string> {
  return page.evaluate((key) => {
    const hex = getComputedStyle(document.documentElement).getPropertyValue(key).trim();
    const parts = [1, 3, 5].map((at) => Number.parseInt(hex.slice(at, at + 2), 16));
    return `rgb(${parts.join(', ')})`;
  }, name);
}

/** Text of the heatmap's active cell, `from a to b: ...`, and its colour where neither figure nor mark covers it. */
export async function keyedCell(page: Page): Promise<{ words: string; colour: string }> {
  return page.evaluate(() => {
    const canvas = document.querySelector<HTMLCanvasElement>('.heat-layers canvas');
    const cell = document.querySelector('#grid-cell');
    if (canvas === null || cell === null) return { words: '', colour: '' };
    const [picture, place] = [canvas.getBoundingClientRect(), cell.getBoundingClientRect()];
    const scale = canvas.width / picture.width;
    const x = (place.x + place.width * 0.2 - picture.x) * scale;
    const y = (place.y + place.height * 0.2 - picture.y) * scale;
    const [r, g, b] = canvas.getContext('2d')?.getImageData(Math.round(x), Math.round(y), 1, 1).data ?? [];
    return { words: cell.textContent ?? '', colour: `rgb(${r}, ${g}, ${b})` };
  });
}

/** Moves to a cell of the heatmap by the keyboard, and gives it. */
export async function cellAt(page: Page, column: number, row: number): Promise<{ words: string; colour: string }> {
  const grid = page.getByRole('grid', { name: /Heatmap/ });
  await grid.focus();
  await page.keyboard.press('Control+Home');
  for (let i = 0; i < column; i++) await page.keyboard.press('ArrowRight');
  for (let i = 0; i < row; i++) await page.keyboard.press('ArrowDown');
  const place = `${column + 1}/${row + 1}`;
  await soon(() =>
    page.evaluate(() => {
      const cell = document.querySelector('#grid-cell');
      return `${cell?.getAttribute('aria-colindex')}/${cell?.parentElement?.getAttribute('aria-rowindex')}`;
    }),
  ).toBe(place);
  return keyedCell(page);
}

/** From now on records everything that the graph and the notices show, however briefly. */
export async function recordFrom(page: Page): Promise<void> {
  await page.evaluate(() => {
    const history: History = { pods: [], fewest: Number.POSITIVE_INFINITY, notices: [] };
    (window as unknown as { shown: History }).shown = history;
    const add = (list: string[], words: string) => {
      if (!list.includes(words)) list.push(words);
    };
    const look = () => {
      const nodes = [...document.querySelectorAll('.pod-node')];
      history.fewest = Math.min(history.fewest, nodes.length);
      for (const node of nodes) {
        const [name, state = ''] = (node.getAttribute('aria-label') ?? '').split(/, on [^:]*: |: /);
        add(history.pods, `${name}: ${state.split(/[, ]/)[0]}`);
      }
      for (const notice of document.querySelectorAll('.notice p')) add(history.notices, notice.textContent ?? '');
    };
    look();
    new MutationObserver(look).observe(document.body, { childList: true, subtree: true, attributes: true });
  });
}

/** Everything that the page has shown since `recordFrom`. */
export function recordedIn(page: Page): Promise<History> {
  return page.evaluate(() => (window as unknown as { shown: History }).shown);
}
