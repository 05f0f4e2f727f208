import { readFile } from 'node:fs/promises';
import type { Page } from 'playwright-core';
import { PNG } from 'pngjs';
import { describe, expect, test } from 'vitest';
import { DEFAULT_THRESHOLDS } from '../../server/protocol/link-state.ts';
import type { Mesh } from '../../server/protocol/mesh.ts';
import { countText } from '../../web/pure/figures.ts';
import { LINK_STATES } from '../../web/pure/link-state.ts';
import { buildPicture } from '../../web/pure/picture.ts';
import { type MeshOptions, meshOf } from '../support/feed/scenarios.ts';
import type { Feed } from '../support/feed/server.ts';
import { heatmapParts, openHeatmap } from './heatmap-visit.ts';
import { soon, type Visit, violations, visitorOfFile } from './page-visit.ts';

const FOUR: MeshOptions = { pods: 4, scenario: 'slow-pod' };
const visitor = visitorOfFile();
let feed: Feed;
let page: Page;
/** The matrix that is shown, once made. */
let shown: (windowMs: number) => Mesh;
const { grid, spoken, hash, legendCount, token, cellAt, cellColour, activeColour } = heatmapParts(() => page);

async function open(mesh: MeshOptions, visit: Visit = {}): Promise<void> {
  ({ feed, page, shown } = await openHeatmap(visitor, mesh, visit));
}

describe('the picture', () => {
  test('has the pod that pings in its column, the one that answers in its row, the cause beside it, in either theme', async () => {
    await open(FOUR);
    expect(await cellColour(0, 3)).toBe(await token('--slow-cell'));
    expect(await spoken()).toMatch(/^from goldpinger-001 to goldpinger-chaos: 25\d ms, slow/);
    expect(await cellColour(3, 0)).toBe(await token('--good-cell'));
    expect(await spoken()).toMatch(/^from goldpinger-chaos to goldpinger-001: /);
    await page.locator('.callout').getByText('slow from all 3 others').waitFor();
    await page
      .locator('.callout')
      .getByText('only the first byte is late: check the process or a proxy, not the network')
      .waitFor();
    await page.getByRole('button', { name: 'Show links' }).last().click();
    expect(await hash()).toContain('pod=');
    await cellAt(0, 0);
    const light = await token('--good-cell');
    await soon(activeColour).toBe(light);
    await page.emulateMedia({ colorScheme: 'dark' });
    await soon(() => token('--good-cell')).not.toBe(light);
    await soon(activeColour).toBe(await token('--good-cell'));
  });

  test('follows the feed without a click', async () => {
    await open({ pods: 4, scenario: 'healthy' });
    expect(await cellColour(0, 3)).toBe(await token('--good-cell'));
    feed.show(() => meshOf({ pods: 4, scenario: 'dead-pod' }));
    await soon(activeColour).toBe(await token('--failed-cell'));
    expect(await spoken()).toContain('refused');
  });

  test('has every state in its legend, with as many links as there are', async () => {
    const mesh: MeshOptions = { pods: 60, scenario: 'mixed', pingNumber: 40 };
    const { counts } = buildPicture(meshOf(mesh), { thresholds: DEFAULT_THRESHOLDS, value: 'last', phase: 'total' });
    await open(mesh);
    for (const state of LINK_STATES)
      expect([state, await legendCount(state)]).toEqual([state, countText(counts[state])]);
    for (const state of ['failed', 'not-probed', 'unknown', 'suspect', 'gone', 'not-yet'] as const) {
      expect(counts[state], state).toBeGreaterThan(0);
    }
  });

  test('shows the figure that is chosen, in the order that is chosen', async () => {
    await open(FOUR);
    await cellAt(0, 3);
    expect(await spoken()).toMatch(/^from goldpinger-001 to goldpinger-chaos: 25\d ms/);
    await page.getByRole('combobox', { name: 'Phase' }).selectOption('connect');
    await soon(spoken).toMatch(/^from goldpinger-001 to goldpinger-chaos: 0\.\d+ ms, good$/);
    await soon(hash).toContain('phase=connect');
    await page.getByRole('combobox', { name: 'Show' }).selectOption('max, 5 min');
    await soon(spoken).toMatch(/^from goldpinger-001 to goldpinger-chaos: 40\d ms/);
    await soon(hash).toMatch(/value=max.*window=300000/);
    expect(feed.requests.some((path) => path.includes('api/v1/stream?window=300000'))).toBe(true);
    await page.getByRole('combobox', { name: 'Order' }).selectOption('worst target');
    await cellAt(1, 0);
    await soon(spoken).toMatch(/^from goldpinger-00\d to goldpinger-chaos: 40\d ms/);
  });

  test('has numbers where names do not fit, and says whose they are', async () => {
    await open({ pods: 50, nodes: 50, zones: 0, scenario: 'healthy' });
    await page.getByText('Numbers on the axes: 50 pods').click();
    const listed = page.locator('.pod-numbers li');
    await soon(() => listed.count()).toBe(50);
    const [first, seventh] = [await listed.nth(0).textContent(), await listed.nth(6).textContent()];
    await cellAt(6, 0);
    await soon(spoken).toContain(`from ${seventh} to ${first}: `);
    await listed.nth(6).getByRole('button').click();
    await page.getByRole('heading', { name: `Pod ${seventh}` }).waitFor();
  });

  test('of a thousand pods shows all, or scrolls with its axes in place', async () => {
    await open({ pods: 1000, scenario: 'mixed' });
    await page
      .locator('.callout')
      .getByText(/^node worker-\d+$/)
      .waitFor();
    const fit = page.getByRole('button', { name: 'Fit to window' });
    expect(await fit.getAttribute('aria-pressed')).toBe('true');
    expect(await grid().evaluate((box) => box.scrollHeight - box.clientHeight)).toBe(0);
    await fit.click();
    const room = () => grid().evaluate((box) => box.scrollHeight - box.clientHeight);
    await soon(room).toBeGreaterThan(1000);
    await page.keyboard.press('f');
    const scrolled = () => grid().evaluate((box) => box.scrollTop);
    await soon(scrolled).toBeGreaterThan(0);
    expect(await spoken()).toContain('timed out');
    const before = await scrolled();
    feed.show((windowMs) => ({ ...shown(windowMs), servedBy: { pod: 0, name: 'another' } }));
    await page.locator('.wide-only .served-by').getByText('another').waitFor();
    expect(await scrolled()).toBe(before);
    const canvas = await page.locator('.heat-layers canvas').first().boundingBox();
    const box = await grid().boundingBox();
    expect(canvas?.y).toBe(box?.y);
  });
});

describe('what is taken away', () => {
  test('CSV has every pair; no name runs as a formula, nor as markup', async () => {
    await open({ pods: 6, scenario: 'hostile' });
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('button', { name: 'CSV' }).click(),
    ]);
    expect(download.suggestedFilename()).toMatch(/^goldpinger-links-2024-05-14T.*\.csv$/);
    const text = await readFile((await download.path())!, 'utf8');
    expect(text.trimEnd().split('\r\n')).toHaveLength(37);
    expect(text).not.toMatch(/(^|,)"?[=+@]/m);
    expect(await page.locator('.heatmap script, .heatmap img, .legend script').count()).toBe(0);
    expect(await page.evaluate(() => 'hacked' in window)).toBe(false);
  });

  test('PNG has the picture with its legend, and the table says the same in words', async () => {
    await open(FOUR);
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('button', { name: 'PNG' }).click(),
    ]);
    const png = PNG.sync.read(await readFile((await download.path())!));
    expect(png.width).toBeGreaterThan(1200);
    const reds = [...png.data.keys()].filter(
      (i) => i % 4 === 0 && png.data[i] === 0xd5 && png.data[i + 1] === 0x36 && png.data[i + 2] === 0x1c,
    );
    expect(reds.length).toBeGreaterThan(10_000);
    await page.keyboard.press('t');
    await soon(() => page.getByRole('cell', { name: /25\d ms Slow/ }).count()).toBe(4);
    await page
      .getByRole('cell', { name: /25\d ms Slow/ })
      .first()
      .getByRole('button')
      .click();
    await soon(hash).toContain('from=');
  });
});

describe('for everybody', () => {
  test.each([
    ['light', FOUR],
    ['dark', { pods: 60, scenario: 'mixed' }],
  ] satisfies [string, MeshOptions][])('axe finds nothing, %s', async (theme, mesh) => {
    await open(mesh, { dark: theme === 'dark' });
    await grid().focus();
    await page.keyboard.press('ArrowDown');
    expect(await violations(page)).toEqual([]);
  });

  test('at 390 px nothing sticks out, and a tap opens the link', async () => {
    await open(FOUR, { width: 390 });
    const wide = await page.evaluate(() =>
      [...document.querySelectorAll('.heatmap *, .legend *')]
        .filter((element) => element.getBoundingClientRect().right > innerWidth + 1)
        .map((element) => element.className),
    );
    expect(wide).toEqual([]);
    const { x, y } = await cellAt(0, 3);
    await page.mouse.click(x, y);
    await page.getByRole('heading', { name: /goldpinger-001 ⇄ goldpinger-chaos/ }).waitFor();
  });
});
