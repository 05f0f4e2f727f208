import type { Page } from 'playwright-core';
import { describe, expect, test } from 'vitest';
import { countText } from '../../server/runtime/count-text.ts';
import { LINK_STATES } from '../../web/model/links.ts';
import type { MeshOptions } from '../support/feed/plan.ts';
import { meshOf } from '../support/feed/scenarios.ts';
import type { Feed } from '../support/feed/server.ts';
import { pictureOf } from '../unit/web/pictures.ts';
import { heatParts, openHeatmap } from './heatmap-visit.ts';
import { soon, type Visit, violations, visitorOfFile, words } from './page-visit.ts';

const FOUR: MeshOptions = { pods: 4, scenario: 'slow-pod' };
const visitor = visitorOfFile();
let feed: Feed;
let page: Page;
const { activeCell, cellAt, cellColour, colourAt, grid, hash, legendCount, menu, spoken, token } = heatParts(
  () => page,
);

async function open(mesh: MeshOptions, visit: Visit = {}): Promise<void> {
  ({ feed, page } = await openHeatmap(visitor, mesh, visit));
}

describe('the heatmap', () => {
  test('has every state in its legend, with as many links as there are', async () => {
    const mesh: MeshOptions = { pods: 60, scenario: 'mixed', pingNumber: 40 };
    const { counts, unreliableLinks } = pictureOf(mesh);
    await open(mesh);
    // Nobody ignores cordoned nodes here, so that state has no entry.
    for (const state of LINK_STATES.filter((one) => one !== 'ignored'))
      expect([state, await legendCount(state)]).toEqual([state, countText(counts[state])]);
    for (const state of ['failed', 'not-probed', 'unknown', 'gone', 'not-yet'] as const) {
      expect(counts[state], state).toBeGreaterThan(0);
    }
    expect(await legendCount('unreliable')).toBe(countText(unreliableLinks));
    expect(unreliableLinks).toBeGreaterThan(0);
  });

  test('shows the figure that is chosen, in the order that is chosen', async () => {
    await open(FOUR);
    await cellAt(0, 3);
    expect(await spoken()).toMatch(/^from goldpinger-001 to goldpinger-chaos: 25\d ms/);
    await menu('View');
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

  test.each([
    {
      mesh: { pods: 4, scenario: 'lossy' },
      option: 'Loss %',
      asked: 'stream?window=0',
      says: /^from goldpinger-001 to goldpinger-chaos: 20 % of datagrams lost, high$/,
      colour: '--slow-cell',
      legend: ['slow', 'High ≥ 10 % 6'],
      row: /goldpinger-chaos High 20 %/,
    },
    {
      mesh: FOUR,
      option: 'Failed %, 5 min',
      asked: 'stream?window=300000',
      says: /^from goldpinger-001 to goldpinger-chaos: 0 % of pings failed, good$/,
      colour: '--good-cell',
      legend: ['failed', 'Failed no valid response 0'],
      row: /goldpinger-chaos Good 0 %/,
    },
    {
      mesh: FOUR,
      option: 'Jitter, 5 min',
      asked: 'stream?window=300000',
      says: /^from goldpinger-001 to goldpinger-chaos: \d\d ms jitter, warning$/,
      colour: '--warning-cell',
      legend: ['warning', 'Warning 5–100 ms 4'],
      row: /goldpinger-chaos Warning \d\d ms/,
    },
    {
      mesh: FOUR,
      option: 'Compared with usual, 1 min',
      asked: 'stream?window=60000',
      says: /^from goldpinger-001 to goldpinger-chaos: \d{3} × the usual latency, high$/,
      colour: '--slow-cell',
      legend: ['slow', 'High ≥ 3 × 4'],
      row: /goldpinger-chaos High \d{3} ×/,
    },
  ] as const)(
    'shows $option: cells, legend, card, table and address; the summary still counts latencies',
    async ({ mesh, option, asked, says, colour, legend: [state, entry], row }) => {
      await open(mesh);
      const summary = await words(page, '.summary');
      await menu('View');
      await page.getByRole('combobox', { name: 'Show' }).selectOption(option);
      await page.keyboard.press('Escape');
      await cellAt(0, 3);
      await soon(spoken).toMatch(says);
      expect(feed.requests.some((path) => path.endsWith(asked))).toBe(true);
      await soon(hash).toMatch(/value=(loss|failed|jitter|usual)/);
      const { x, y } = await activeCell();
      const { width = 0 } = (await grid().getByRole('gridcell').boundingBox()) ?? {};
      // Left of the figure, below the notch of an unreliable cell.
      expect(await colourAt(x - width / 2 + 6, y + width / 4)).toBe(await token(colour));
      expect(await words(page, `.legend [data-state="${state}"]`)).toBe(entry);
      expect(await words(page, '.legend')).toContain(option.replace(/,.*/, ''));
      expect(await words(page, '.link-card')).toMatch(/ (lost|failed|jitter|the usual latency) /);
      expect(await words(page, '.summary')).toBe(summary);
      expect(await violations(page)).toEqual([]);

      await page.reload();
      await cellAt(0, 3);
      await soon(spoken).toMatch(says);
      await page.keyboard.press('t');
      await soon(() => page.getByRole('button', { name: option.replace(/,.*/, ''), exact: true }).count()).toBe(1);
      await soon(() => page.getByRole('row', { name: row }).count()).toBeGreaterThan(0);

      await page.getByRole('button', { name: `Show latencies instead of: ${option}` }).click();
      await soon(hash).not.toContain('value=');
    },
  );

  test('of the graph stays that of latencies, whatever figure the heatmap shows', async () => {
    await open(FOUR);
    await page.goto(page.url().replace(/#.*/, '#view=graph&level=pod&value=usual&from=uid-0000&to=uid-0003'));
    await soon(() => page.locator('.graph-pill').first().textContent()).toMatch(/^25\d ms$/);
    await page.keyboard.press('2');
    await cellAt(0, 3);
    await soon(spoken).toMatch(/\d{3} × the usual latency, high$/);
    // The panel of a link tells how it is.
    await soon(() => words(page, '.side-panel')).toContain('responds slowly');
    expect(await words(page, '.figures')).toMatch(
      /Jitter \d\.\d ms .* Usually 0.50 ms, now 50\d × .* Success rate 100 %/,
    );
  });
});

describe('what is shown', () => {
  test('is chosen by entries of the legend: only links in these states, and only pods that have one', async () => {
    await open({ pods: 30, scenario: 'dead-pod' });
    const failed = page.locator('[data-state="failed"] button');
    await failed.click();
    await soon(() => failed.getAttribute('aria-pressed')).toBe('true');
    await soon(hash).toContain('filter=state%3Afailed');
    await page.keyboard.press('t');
    await soon(() => page.locator('.heatmap tbody tr').count()).toBe(29);
    await failed.click();
    await soon(hash).not.toContain('filter');
  });

  test('a table of failed links shows those that fail from now on, and no longer those that have recovered', async () => {
    await open({ pods: 4, scenario: 'healthy' });
    await page.locator('[data-state="failed"] button').click();
    await page.keyboard.press('t');
    const table = () => page.locator('.heatmap tbody').textContent();
    await soon(table).toContain('No links of this kind');
    feed.show(() => meshOf({ pods: 4, scenario: 'dead-pod' }));
    await soon(() => page.locator('.heatmap tbody tr').count()).toBe(3);
    expect(await table()).toContain('Refused');
    feed.show(() => meshOf({ pods: 4, scenario: 'healthy' }));
    await soon(table).toContain('No links of this kind');
  });

  test('a table sorts by any column, and keeps its order while new data comes', async () => {
    await open({ pods: 30, scenario: 'slow-pod' });
    await page.keyboard.press('t');
    const firstRow = () => page.locator('.heatmap tbody tr').first().textContent();
    await soon(firstRow).toContain('Slow');
    await page.getByRole('columnheader', { name: 'From' }).getByRole('button').click();
    await soon(() => page.getByRole('columnheader', { name: 'From' }).getAttribute('aria-sort')).toBe('ascending');
    await page.getByRole('columnheader', { name: 'State' }).getByRole('button').click();
    const before = await page.locator('.heatmap tbody td:first-child').allTextContents();
    feed.show(() => meshOf({ pods: 30, scenario: 'dead-pod' }));
    await page.locator('.heatmap .table-frame').getByText('Refused').first().waitFor();
    expect(await page.locator('.heatmap tbody td:first-child').allTextContents()).toEqual(before);
    const resort = page.getByRole('button', { name: 'Re-sort' });
    // It must not read as a part of the title beside it.
    const colours = () =>
      resort.evaluate((of) => [of, of.closest('caption')!].map((each) => getComputedStyle(each).color));
    await soon(async () => new Set(await colours()).size).toBe(2);
    await resort.click();
    await soon(firstRow).toContain('Refused');
    const right = await page
      .locator('td.number')
      .first()
      .evaluate((cell) => getComputedStyle(cell).textAlign);
    expect(right).toBe('right');
  });

  test('nodes as one: a cell has its worst link and says how many, and a click unfolds it', async () => {
    await open({ pods: 120, scenario: 'dead-node' }, { hash: '&level=node' });
    expect(await grid().getAttribute('aria-colcount')).toBe('12');
    await page.keyboard.press('f');
    expect(await spoken()).toMatch(/100 of 100 fail$/);
    const { x, y } = await activeCell();
    await page.mouse.click(x, y);
    await soon(() => grid().getAttribute('aria-colcount')).toBe('30');
    await soon(hash).toMatch(/open=node%3A/);
    const fold = page.getByRole('button', { name: /^Fold worker/ });
    await fold.first().click();
    await soon(() => fold.count()).toBe(1);
    await fold.first().click();
    await soon(() => grid().getAttribute('aria-colcount')).toBe('12');
  });
});

test('thresholds change colours, counts and the address at once, without asking the server; dragged or moved by keys they stay in order', async () => {
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
  // Words follow the threshold too: callouts, findings and the summary.
  await soon(() => page.locator('.callout').count()).toBe(0);
  expect(await page.locator('.finding-list').count()).toBe(0);
  await soon(() => page.locator('.summary').textContent()).toMatch(/0 slow/);
  await page.getByLabel('Problem from').last().fill('200,5');
  await page.keyboard.press('Enter');
  await page.locator('.callout').getByText('only the first byte is late').waitFor();
  await soon(hash).toContain('ms=2-5-200.5');
  await page.getByRole('button', { name: 'Reset to 2 / 5 / 100' }).click();
  await soon(() => legendCount('slow')).toBe('4');
  const slider = page.getByRole('slider', { name: 'Warning from' });
  await slider.focus();
  await page.keyboard.press('End');
  await soon(() => slider.getAttribute('aria-valuenow')).toBe('1000');
  const problem = page.getByRole('slider', { name: 'Problem from' });
  expect(await problem.getAttribute('aria-valuenow')).toBe('1000');
  await page.getByRole('button', { name: /Reset/ }).click();
  // The finding that comes back is above the slider and moves it down.
  await page.locator('.finding-list').waitFor();
  await problem.scrollIntoViewIfNeeded();
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

test('a dragged threshold stays under the pointer, also where the scale gets shorter; only the main button drags, and Alt is left to the browser', async () => {
  await open(FOUR, { hash: '&ms=2-5-1500' });
  const problem = page.getByRole('slider', { name: 'Problem from' });
  const now = async () => Number(await problem.getAttribute('aria-valuenow'));
  expect(await now()).toBe(1500);
  await problem.scrollIntoViewIfNeeded();
  const svg = (await page.locator('.threshold-scale svg').boundingBox())!;
  const from = (await problem.locator('circle').boundingBox())!;
  const [x, y] = [from.x + from.width / 2, from.y + from.height / 2];
  const drag = async (button: 'left' | 'right', dx: number) => {
    await page.mouse.move(x, y);
    await page.mouse.down({ button });
    await page.mouse.move(x + dx, y, { steps: 5 });
    await page.mouse.up({ button });
  };
  await drag('right', -40);
  await problem.focus();
  const isTaken = (press: { key: string; altKey: boolean }) =>
    problem.evaluate(
      (element, { key, altKey }) =>
        !element.dispatchEvent(new KeyboardEvent('keydown', { key, altKey, bubbles: true, cancelable: true })),
      press,
    );
  expect(await isTaken({ key: 'ArrowLeft', altKey: true })).toBe(false);
  expect(await isTaken({ key: 'ArrowRight', altKey: false })).toBe(true);
  await soon(now).toBe(1600);
  expect(await isTaken({ key: 'ArrowLeft', altKey: false })).toBe(true);
  await soon(now).toBe(1500);
  // Five powers of ten, from 0.1 ms to 10 s.
  await drag('left', -60);
  const expected = 1500 * 10 ** ((-60 / svg.width) * 5);
  await soon(async () => Math.abs((await now()) / expected - 1)).toBeLessThan(0.1);
});
