import { readFile } from 'node:fs/promises';
import type { Page } from 'playwright-core';
import { PNG } from 'pngjs';
import { describe, expect, test } from 'vitest';
import type { Mesh } from '../../server/protocol/mesh.ts';
import type { MeshOptions } from '../support/feed/plan.ts';
import { meshOf } from '../support/feed/scenarios.ts';
import type { Feed } from '../support/feed/server.ts';
import { heatParts, openHeatmap } from './heatmap-visit.ts';
import { soon, type Visit, violations, visitorOfFile } from './page-visit.ts';

const FOUR: MeshOptions = { pods: 4, scenario: 'slow-pod' };
const visitor = visitorOfFile();
let feed: Feed;
let page: Page;
/** The mesh that is shown, with the statistics of a window. */
let shown: (windowMs: number) => Mesh;
const { activeColour, cellAt, cellColour, grid, hash, menu, spoken, token } = heatParts(() => page);

async function open(mesh: MeshOptions, visit: Visit = {}): Promise<void> {
  ({ feed, page, shown } = await openHeatmap(visitor, mesh, visit));
}

async function exported(name: RegExp): Promise<void> {
  await menu('Export');
  await page.getByRole('button', { name }).click();
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

  test('PNG has the picture with its legend', async () => {
    await open(FOUR);
    const [download] = await Promise.all([page.waitForEvent('download'), exported(/PNG/)]);
    const png = PNG.sync.read(await readFile((await download.path())!));
    expect(png.width).toBeGreaterThan(1200);
    const reds = [...png.data.keys()].filter(
      (i) => i % 4 === 0 && png.data[i] === 0xd5 && png.data[i + 1] === 0x36 && png.data[i + 2] === 0x1c,
    );
    expect(reds.length).toBeGreaterThan(10_000);
  });
});

test.each([
  [4, 720, 450],
  [30, 1120, 700],
  [30, 390, 844],
])(
  'in little room %i pods at %i x %i px keep their names, and the keys reach the last cell',
  async (pods, width, height) => {
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
      const inner = scroller.querySelector('#grid-cell')?.getBoundingClientRect();
      return inner !== undefined && inner.bottom <= outer.bottom + 1 && inner.right <= outer.right + 1;
    });
    expect(inside).toBe(true);
    expect(await page.locator('.pod-numbers').count()).toBe(0);
  },
);

describe('for everybody', () => {
  // Fewer pods, in every window and theme: page-access.test.ts.
  test('axe finds nothing among 60 pods, with the keys at a cell and a menu open', async () => {
    await open({ pods: 60, scenario: 'mixed' }, { dark: true });
    await grid().focus();
    await page.keyboard.press('ArrowDown');
    await menu('View');
    expect(await violations(page)).toEqual([]);
  });

  test('at every width the callouts keep their place: the cells do not grow and shrink in turn', async () => {
    await open(FOUR);
    for (const width of [640, 680, 720, 760, 820, 900]) {
      await page.setViewportSize({ width, height: 450 });
      const heights = await page.evaluate(async () => {
        const seen: number[] = [];
        for (let frame = 0; frame < 20; frame++) {
          await new Promise(requestAnimationFrame);
          seen.push(document.querySelector('.heat-frame')?.clientHeight ?? 0);
        }
        // The first frames follow the new size.
        return new Set(seen.slice(8)).size;
      });
      expect([width, heights]).toEqual([width, 1]);
    }
  });

  test.each([12, 120])('at 390 px no name of the axes of %i pods lies over a caption', async (pods) => {
    await open({ pods, scenario: 'dead-node' }, { width: 390, hash: '&level=auto' });
    await page.evaluate(() => {
      const { fillText } = CanvasRenderingContext2D.prototype;
      const seen: [text: string, left: number, right: number, top: number, bottom: number][] = [];
      Object.assign(window, { seen });
      CanvasRenderingContext2D.prototype.fillText = function (text, x, y) {
        const { a, b, c, d, e, f } = this.getTransform();
        const {
          actualBoundingBoxLeft: l,
          actualBoundingBoxRight: r,
          actualBoundingBoxAscent: up,
          actualBoundingBoxDescent: down,
        } = this.measureText(text);
        const corners = [x - l, x + r].flatMap((px) =>
          [y - up, y + down].map((py) => [a * px + c * py + e, b * px + d * py + f]),
        );
        const [xs, ys] = [corners.map(([px = 0]) => px), corners.map(([, py = 0]) => py)];
        seen.push([text, Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)]);
        fillText.call(this, text, x, y);
      };
    });
    await page.setViewportSize({ width: 391, height: 844 });
    const texts = () =>
      page.evaluate(() => (window as unknown as { seen: [string, number, number, number, number][] }).seen);
    await soon(async () => (await texts()).map(([text]) => text)).toContain('to');
    const captions = (await texts()).filter(([text]) => /^(?:to|from|←| source| destination| ↓)/.test(text));
    const names = (await texts()).filter(([text]) => /^wor/.test(text));
    expect(names.map(([text]) => text)).toContain('worker-02');
    const over = names.filter(([, left, right, top, bottom]) =>
      captions.some(([, l, r, t, b]) => left < r && l < right && top < b && t < bottom),
    );
    expect(over).toEqual([]);
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
    // Enter opens the cell of the keys, also while the pointer rests on another one.
    const resting = await cellAt(0, 0);
    await page.keyboard.press('Control+End');
    await page.mouse.move(resting.x, resting.y);
    await soon(() => page.locator('.link-card').textContent()).toContain('001');
    await page.keyboard.press('Enter');
    await soon(() => page.locator('.is-selection h2').first().textContent()).toMatch(/^Link to itself.*chaos/);
    await page.keyboard.press('Escape');
    await soon(hash).not.toContain('from=');
    await page.mouse.move(2, 2);
    await grid().focus();
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

test('a row that fails is in view where cells scroll, and is not scrolled to again', async () => {
  await open({ pods: 12, scenario: 'dead-pod' }, { hash: '&level=pod' });
  const scrollTop = () => page.locator('.heat-scroll').evaluate((element) => element.scrollTop);
  expect(await scrollTop()).toBe(0);
  await page.setViewportSize({ width: 1120, height: 700 });
  await page.reload();
  await grid().waitFor();
  await soon(scrollTop).toBeGreaterThan(50);
  await page.locator('.heat-scroll').evaluate((element) => element.scrollTo(0, 0));
  const light = await token('--good-cell');
  await page.emulateMedia({ colorScheme: 'dark' });
  await soon(() => token('--good-cell')).not.toBe(light);
  expect(await scrollTop()).toBe(0);
});

test('a pointer gets a card beside the cell, never on it, and opens the link with a click', async () => {
  await open(FOUR);
  for (const [column, row] of [
    [0, 0],
    [3, 3],
    [1, 3],
  ] as const) {
    const { x, y } = await cellAt(column, row);
    await page.mouse.move(x, y);
    const card = await page.locator('.link-card').boundingBox();
    expect(card).not.toBeNull();
    const covers = x > card!.x && x < card!.x + card!.width && y > card!.y && y < card!.y + card!.height;
    expect(covers).toBe(false);
  }
  expect(await page.locator('.link-card').textContent()).toMatch(
    /goldpinger-002.*goldpinger-chaos.*25\d ms.*timeout 300/,
  );
  const { x, y } = await cellAt(1, 3);
  await page.mouse.click(x, y);
  await page.getByRole('heading', { name: /goldpinger-002 ⇄ goldpinger-chaos/ }).waitFor();
});
