import type { Page } from 'playwright-core';
import { describe, expect, test } from 'vitest';
import type { MeshOptions } from '../support/feed/scenarios.ts';
import type { Feed } from '../support/feed/server.ts';
import { heatmapParts, openHeatmap } from './heatmap-visit.ts';
import { soon, type Visit, visitorOfFile } from './page-visit.ts';

const FOUR: MeshOptions = { pods: 4, scenario: 'slow-pod' };
const visitor = visitorOfFile();
let feed: Feed;
let page: Page;
const { grid, spoken, hash, legendCount, token, cellAt, cellColour } = heatmapParts(() => page);

async function open(mesh: MeshOptions, visit: Visit = {}): Promise<void> {
  ({ feed, page } = await openHeatmap(visitor, mesh, visit));
}

describe('with keys alone', () => {
  test('Home, End and Ctrl move along, Enter opens and Escape closes, S and F go to the next, brackets order', async () => {
    await open(FOUR);
    await grid().focus();
    await page.keyboard.press('Control+Home');
    expect(await spoken()).toContain('from goldpinger-001 to itself');
    await page.keyboard.press('End');
    expect(await spoken()).toContain('from goldpinger-chaos to goldpinger-001');
    await page.keyboard.press('Control+End');
    expect(await spoken()).toContain('from goldpinger-chaos to itself');
    await page.keyboard.press('Home');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { name: /goldpinger-001 ⇄ goldpinger-chaos/ }).waitFor();
    expect(await hash()).toMatch(/from=.+&to=/);
    await page.keyboard.press('Escape');
    await soon(hash).not.toContain('from=');
    await page.keyboard.press('Control+Home');
    await page.keyboard.press('s');
    expect(await spoken()).toContain('from goldpinger-001 to goldpinger-chaos');
    await page.keyboard.press('s');
    expect(await spoken()).toContain('from goldpinger-002 to goldpinger-chaos');
    await page.keyboard.press('f');
    expect(await spoken()).toContain('from goldpinger-002 to goldpinger-chaos');
    await page.keyboard.press(']');
    await soon(hash).toContain('order=node');
    await page.keyboard.press('[');
    await soon(hash).not.toContain('order=');
  });

  test('letters typed into the filter stay there', async () => {
    await open(FOUR);
    await page.keyboard.press('/');
    await page.keyboard.type('chaos');
    await soon(hash).toContain('filter=chaos');
    await soon(() => grid().getAttribute('aria-colcount')).toBe('1');
    await page.getByRole('searchbox').fill('nobody');
    await page.getByRole('button', { name: 'Show all 4' }).click();
    await soon(() => grid().getAttribute('aria-colcount')).toBe('4');
  });
});

describe('a pointer', () => {
  test('gets a card beside the cell, never on it, and opens the link with a click', async () => {
    await open(FOUR);
    for (const [column, row] of [
      [0, 0],
      [3, 3],
      [1, 3],
    ] as const) {
      const { x, y } = await cellAt(column, row);
      await page.mouse.move(x, y);
      const card = await page.locator('.heat-card').boundingBox();
      expect(card).not.toBeNull();
      const covers = x > card!.x && x < card!.x + card!.width && y > card!.y && y < card!.y + card!.height;
      expect(covers).toBe(false);
    }
    expect(await page.locator('.heat-card').textContent()).toMatch(
      /goldpinger-002.*goldpinger-chaos.*25\d ms.*timeout 300/,
    );
    const { x, y } = await cellAt(1, 3);
    await page.mouse.click(x, y);
    await page.getByRole('heading', { name: /goldpinger-002 ⇄ goldpinger-chaos/ }).waitFor();
  });
});

describe('thresholds', () => {
  test('change colours, counts and the address at once, without asking the server; dragged or moved by keys they stay in order', async () => {
    await open(FOUR);
    expect(await legendCount('slow')).toBe('4');
    // The timeline asks for its past now and then, and views are loaded before they are wanted.
    const asked = () => feed.requests.filter((path) => /^\/api\/v1\/(mesh|stream)/.test(path)).length;
    const before = asked();
    await page.getByLabel('Problem from').last().fill('400');
    await page.keyboard.press('Enter');
    await soon(() => legendCount('slow')).toBe('0');
    expect(await legendCount('warning')).toBe('4');
    expect(await cellColour(0, 3)).toBe(await token('--warning-cell'));
    await soon(hash).toContain('ms=2-5-400');
    expect(asked()).toBe(before);
    await page.getByRole('button', { name: 'Reset to 2 / 5 / 100' }).click();
    await soon(() => legendCount('slow')).toBe('4');
    const slider = page.getByRole('slider', { name: 'Warning from' });
    await slider.focus();
    await page.keyboard.press('End');
    await soon(() => slider.getAttribute('aria-valuenow')).toBe('1000');
    const problem = page.getByRole('slider', { name: 'Problem from' });
    expect(await problem.getAttribute('aria-valuenow')).toBe('1000');
    await page.getByRole('button', { name: /Reset/ }).click();
    const from = await problem.locator('circle').boundingBox();
    await page.mouse.move(from!.x + 5, from!.y + 5);
    await page.mouse.down();
    await page.mouse.move(from!.x - 120, from!.y + 5, { steps: 4 });
    await page.mouse.up();
    const now = async (name: string) => Number(await page.getByRole('slider', { name }).getAttribute('aria-valuenow'));
    await soon(() => now('Problem from')).toBeLessThan(10);
    expect(await now('Warning from')).toBeLessThanOrEqual(await now('Problem from'));
    expect(await now('Good below')).toBeLessThanOrEqual(await now('Warning from'));
  });
});
