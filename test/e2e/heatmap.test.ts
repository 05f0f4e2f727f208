import { readFile } from 'node:fs/promises';
import type { Page } from 'playwright-core';
import { PNG } from 'pngjs';
import { describe, expect, test } from 'vitest';
import { DEFAULT_THRESHOLDS } from '../../server/protocol/link-state.ts';
import type { Mesh } from '../../server/protocol/mesh.ts';
import { countText } from '../../web/model/format.ts';
import { LINK_STATES } from '../../web/model/links.ts';
import { buildPicture } from '../../web/model/mesh-view.ts';
import type { MeshOptions } from '../support/feed/plan.ts';
import { meshOf } from '../support/feed/scenarios.ts';
import type { Feed } from '../support/feed/server.ts';
import { badTargets, levelOf, soon, type Visit, violations, visitorOfFile, words } from './page-visit.ts';

const FOUR: MeshOptions = { pods: 4, scenario: 'slow-pod' };
const visitor = visitorOfFile();
let feed: Feed;
let page: Page;
/** The mesh that is shown, with the statistics of a window. */
let shown: (windowMs: number) => Mesh;
const grid = () => page.getByRole('grid', { name: /Heatmap/ });
const spoken = () => grid().getByRole('gridcell').textContent();
const hash = () => page.evaluate(() => location.hash);
/** Opens a menu of the tools. */
const menu = (name: string) => page.locator('summary', { hasText: name }).click();
async function exported(name: RegExp): Promise<void> {
  await menu('Export');
  await page.getByRole('button', { name }).click();
}
const legendCount = (state: string) => page.locator(`[data-state="${state}"] .legend-count`).textContent();

/** The colour of the picture at a point of the page, as `#rrggbb`. */
async function colourAt(x: number, y: number): Promise<string> {
  return page.evaluate(
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
  page.evaluate((key) => getComputedStyle(document.documentElement).getPropertyValue(key).trim(), name);

/** Moves the keys to a cell and gives its middle. */
async function cellAt(column: number, row: number): Promise<{ x: number; y: number }> {
  await grid().focus();
  await page.keyboard.press('Control+Home');
  for (let i = 0; i < column; i++) await page.keyboard.press('ArrowRight');
  for (let i = 0; i < row; i++) await page.keyboard.press('ArrowDown');
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

/** Opens the heatmap of a scenario at a fixed time. */
async function open(mesh: MeshOptions, visit: Visit = {}): Promise<void> {
  // The mesh is made once and beforehand: a thousand pods take a while, for which the page should not wait.
  const made = new Map<number, Mesh>([[0, meshOf(mesh)]]);
  shown = (windowMs) => {
    const known = made.get(windowMs) ?? meshOf({ ...mesh, windowMs });
    made.set(windowMs, known);
    return known;
  };
  feed = await visitor.feed(shown);
  page = await visitor.visit(feed, { ...visit, hash: `#view=heatmap${levelOf(visit.hash)}` });
  await grid().waitFor();
  await soon(() => spoken()).not.toBe('');
}

describe('the picture', () => {
  test('has the pod that pings in its column, the one that answers in its row, the cause beside it, in either theme', async () => {
    await open(FOUR);
    expect(await cellColour(0, 3)).toBe(await token('--slow-cell'));
    expect(await spoken()).toMatch(/^from goldpinger-001 to goldpinger-chaos: 25\d ms, slow/);
    expect(await cellColour(3, 0)).toBe(await token('--good-cell'));
    expect(await spoken()).toMatch(/^from goldpinger-chaos to goldpinger-001: /);
    // The notice above the view has the symptom; the callout does not repeat it.
    await page.locator('.notice').getByText('slow from all 3 others').waitFor();
    await page
      .locator('.callout')
      .getByText('only the first byte is late: check the process or a proxy, not the network')
      .waitFor();
    expect(await page.locator('.callout').getByText('slow from all').count()).toBe(0);
    await page.getByRole('button', { name: 'Open pod' }).click();
    expect(await hash()).toContain('pod=');
    await cellAt(0, 0);
    const light = await token('--good-cell');
    await soon(activeColour).toBe(light);
    await page.emulateMedia({ colorScheme: 'dark' });
    await soon(() => token('--good-cell')).not.toBe(light);
    await soon(activeColour).toBe(await token('--good-cell'));
  });

  test.each(['light', 'dark'] as const)(
    'with forced colours, %s, frames what is selected in Highlight',
    async (scheme) => {
      await open(FOUR, { hash: '&from=uid-0000&to=uid-0003' });
      await page.emulateMedia({ forcedColors: 'active', colorScheme: scheme });
      await page.reload();
      await grid().waitFor();
      /** How many pixels of the layer above the cells have the colour, which can be transparent. */
      const inHighlight = () =>
        page.evaluate(() => {
          const pixelsOf = (canvas: HTMLCanvasElement) =>
            new Uint32Array(canvas.getContext('2d')!.getImageData(0, 0, canvas.width, canvas.height).data.buffer);
          const sample = document.createElement('canvas');
          const ctx = sample.getContext('2d')!;
          ctx.fillStyle = 'Highlight';
          ctx.fillRect(0, 0, 1, 1);
          const [wanted] = pixelsOf(sample);
          const [, above] = document.querySelectorAll<HTMLCanvasElement>('.heat-layers canvas');
          return pixelsOf(above!).filter((pixel) => pixel === wanted).length;
        });
      // The frame of one cell alone: four sides of more than 50 px, 3 px thick.
      await soon(inHighlight).toBeGreaterThan(600);
    },
  );

  test('follows the feed without a click', async () => {
    await open({ pods: 4, scenario: 'healthy' });
    expect(await cellColour(0, 3)).toBe(await token('--good-cell'));
    feed.show(() => meshOf({ pods: 4, scenario: 'dead-pod' }));
    await soon(activeColour).toBe(await token('--failed-cell'));
    expect(await spoken()).toContain('refused');
  });

  test('has every state in its legend, with as many links as there are', async () => {
    const mesh: MeshOptions = { pods: 60, scenario: 'mixed', pingNumber: 40 };
    const { counts, unreliableLinks } = buildPicture(meshOf(mesh), {
      thresholds: DEFAULT_THRESHOLDS,
      value: 'last',
      phase: 'total',
    });
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
      asked: 'stream?window=300000&figure=jitter',
      says: /^from goldpinger-001 to goldpinger-chaos: \d\d ms jitter, warning$/,
      colour: '--warning-cell',
      legend: ['warning', 'Warning 5–100 ms 4'],
      row: /goldpinger-chaos Warning \d\d ms/,
    },
    {
      mesh: FOUR,
      option: 'Compared with usual, 1 min',
      asked: 'stream?window=60000&figure=usual',
      says: /^from goldpinger-001 to goldpinger-chaos: \d{3} × the usual latency, high$/,
      colour: '--slow-cell',
      legend: ['slow', 'High ≥ 3 × 4'],
      row: /goldpinger-chaos High \d{3} ×/,
    },
  ] satisfies {
    mesh: MeshOptions;
    option: string;
    asked: string;
    says: RegExp;
    colour: string;
    legend: string[];
    row: RegExp;
  }[])(
    'shows $option: cells, legend, card, table and address; the summary still counts latencies',
    async ({ mesh, option, asked, says, colour, legend: [state = '', entry = ''], row }) => {
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
      expect(await words(page, '.heat-card')).toMatch(/ (lost|failed|jitter|the usual latency) /);
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
    expect(feed.requests.some((path) => path.includes('figure='))).toBe(false);
    await page.keyboard.press('2');
    await cellAt(0, 3);
    await soon(spoken).toMatch(/\d{3} × the usual latency, high$/);
    // The panel of a link tells how it is.
    await soon(() => words(page, '.side-panel')).toContain('responds slowly');
    expect(await words(page, '.figures')).toMatch(
      /Jitter \d\.\d ms .* Usually 0.50 ms, now 50\d × .* Success rate 100 %/,
    );
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
      .getByText(/^Node worker-\d+$/)
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
    const [download] = await Promise.all([page.waitForEvent('download'), exported(/CSV/)]);
    expect(download.suggestedFilename()).toMatch(/^goldpinger-links-2024-05-14T.*\.csv$/);
    const text = await readFile((await download.path())!, 'utf8');
    expect(text.trimEnd().split('\r\n')).toHaveLength(37);
    expect(text).not.toMatch(/(^|,)"?[=+@]/m);
    expect(await page.locator('.heatmap script, .heatmap img, .legend script').count()).toBe(0);
    expect(await page.evaluate(() => 'hacked' in window)).toBe(false);
  });

  test('PNG has the picture with its legend, and the table says the same in words', async () => {
    await open(FOUR);
    const [download] = await Promise.all([page.waitForEvent('download'), exported(/PNG/)]);
    const png = PNG.sync.read(await readFile((await download.path())!));
    expect(png.width).toBeGreaterThan(1200);
    const reds = [...png.data.keys()].filter(
      (i) => i % 4 === 0 && png.data[i] === 0xd5 && png.data[i + 1] === 0x36 && png.data[i + 2] === 0x1c,
    );
    expect(reds.length).toBeGreaterThan(10_000);
    await page.keyboard.press('t');
    await soon(() => page.getByRole('row', { name: /chaos Slow 25\d ms/ }).count()).toBe(4);
    await page
      .getByRole('row', { name: /chaos Slow 25\d ms/ })
      .first()
      .getByRole('button')
      .click();
    await soon(hash).toContain('from=');
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

  test('a finding shows its links', async () => {
    await open({ pods: 120, scenario: 'mixed' });
    const findings = page.locator('.finding-list > li');
    const slow = findings.filter({ hasText: 'slow from all' });
    await slow.getByText('Next steps').click();
    await slow.getByRole('button', { name: 'Show links' }).click();
    await soon(hash).toMatch(/filter=to%3Apod%3Agoldpinger-\w+\+state%3Aslow/);
    await page.keyboard.press('t');
    const rows = page.locator('.heatmap tbody tr');
    await soon(() => rows.count()).toBeGreaterThan(50);
    const targets = await rows.locator('td:nth-child(2)').allTextContents();
    expect(new Set(targets).size).toBe(1);
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
    await page.getByRole('button', { name: 'Re-sort' }).click();
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

describe('in little room', () => {
  test.each([
    [4, 720, 450],
    [30, 1120, 700],
    [30, 390, 844],
  ])('%i pods at %i x %i px keep their names, and the keys reach the last cell', async (pods, width, height) => {
    await open({ pods, scenario: 'healthy' }, { width });
    await page.setViewportSize({ width, height });
    await soon(() => page.evaluate(() => innerHeight)).toBe(height);
    await grid().focus();
    await page.keyboard.press('Control+End');
    await soon(spoken).toContain('to itself');
    const box = await grid().getByRole('gridcell').boundingBox();
    expect(Math.min(box?.width ?? 0, box?.height ?? 0)).toBeGreaterThanOrEqual(pods === 4 ? 30 : 12);
    const inside = await grid().evaluate((scroller) => {
      const outer = scroller.getBoundingClientRect();
      const inner = scroller.querySelector('#heat-cell')?.getBoundingClientRect();
      return inner !== undefined && inner.bottom <= outer.bottom + 1 && inner.right <= outer.right + 1;
    });
    expect(inside).toBe(true);
    expect(await page.locator('.pod-numbers').count()).toBe(0);
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
    await menu('View');
    expect(await violations(page)).toEqual([]);
    await page.keyboard.press('Escape');
    expect(await badTargets(page, '.heatmap')).toEqual([]);
    expect(await badTargets(page, '.legend')).toEqual([]);
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
    // Links that have it at neither end are blank; its own are not.
    const transparent = '#000000';
    await soon(() => cellColour(0, 0)).toBe(transparent);
    expect(await cellColour(0, 3)).toBe(await token('--slow-cell'));
    expect(await cellColour(3, 0)).toBe(await token('--good-cell'));
    await page.getByRole('searchbox').fill('nobody');
    await page.getByRole('button', { name: 'Show all' }).click();
    await soon(() => cellColour(0, 0)).toBe(await token('--good-cell'));
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
});
