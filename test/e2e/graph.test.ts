import type { Locator, Page } from 'playwright-core';
import { describe, expect, test } from 'vitest';
import type { MeshOptions } from '../feed/options.ts';
import { meshOf } from '../feed/scenarios.ts';
import type { Feed } from '../feed/server.ts';
import { soon, type Visit, violations, visitorOfFile, words } from './page-visit.ts';

const FOUR: MeshOptions = { pods: 4, scenario: 'slow-row' };
const MANY: MeshOptions = { pods: 120, scenario: 'dead-pod' };
const visitor = visitorOfFile();
let feed: Feed;
let page: Page;

/** Opens the graph of a scenario at a fixed time. */
async function open(mesh: MeshOptions, visit: Visit = {}): Promise<void> {
  feed = await visitor.feed((windowMs) => meshOf({ ...mesh, windowMs }));
  page = await visitor.visit(feed, { ...visit, hash: `#view=graph${visit.hash ?? ''}` });
  await page.locator('.pod-node').first().waitFor();
}

const pod = (name: string) => page.getByRole('button', { name: new RegExp(`^goldpinger-${name}`) });
const panel = () => page.locator('.side-panel.is-selection');
const hash = () => page.evaluate(() => location.hash);
const zoomText = () => page.locator('.zoom-tools output').textContent();

/** Middle of a pod's disc on the page. */
const placeOf = (name: string) => middleOf(pod(name));
async function middleOf(node: Locator): Promise<{ x: number; y: number }> {
  const box = (await node.locator('.pod-shape').boundingBox())!;
  return { x: Math.round(box.x + box.width / 2), y: Math.round(box.y + box.height / 2) };
}

/** How many pixels of a canvas are painted: of the one that stays, or of the one that a dragged pod is on. */
const painted = (which: '.graph-canvas' | '.graph-held' = '.graph-canvas') =>
  page.evaluate((selector) => {
    const canvas = document.querySelector<HTMLCanvasElement>(selector);
    if (canvas === null || canvas.width === 0) return 0;
    const data = canvas.getContext('2d')?.getImageData(0, 0, canvas.width, canvas.height).data ?? [];
    let count = 0;
    for (let i = 3; i < data.length; i += 4) if ((data[i] ?? 0) > 0) count++;
    return count;
  }, which);

describe('four pods, one of them slow to reach (experiment 2)', () => {
  test('are four green pods, sixteen links, four of them slow with their figures, and one under the pointer has a card', async () => {
    await open(FOUR);
    expect(await page.locator('.pod-glyph.is-healthy').count()).toBe(4);
    expect(await page.locator('.graph-links > .graph-link').count()).toBe(16);
    expect(await page.locator('.graph-links > .is-slow').count()).toBe(4);
    expect(await page.locator('.graph-pill').allTextContents()).toEqual(
      Array(4).fill(expect.stringMatching(/^25\d ms$/)),
    );
    expect(await page.locator('.pod-label').last().textContent()).toContain('Healthy · slow from all 3 others');
    expect(await page.locator('.pod-badge').count()).toBe(1);
    await soon(() => words(page, '.graph-legend')).toMatch(/good < 5 ms 12 .*slow ≥ 100 ms 4 failed 0 not probed 0/);
    const box = (await page.locator('.graph-pill').first().boundingBox())!;
    const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
    await page.mouse.move(x, y);
    await soon(() => words(page, '.graph-card')).toMatch(/^00\d → chaos Slow, but ok 25\d ms ok since \d\d:\d\d:\d\d/);
    const card = (await page.locator('.graph-card').boundingBox())!;
    expect(card.x > x || card.x + card.width < x || card.y > y || card.y + card.height < y).toBe(true);
    await page.mouse.move(5, 300);
    await page.locator('.graph-card').waitFor({ state: 'detached' });
    const chaos = await placeOf('chaos');
    await page.mouse.move(chaos.x, chaos.y);
    await soon(() => words(page, '.graph-card')).toMatch(
      /^goldpinger-chaos worker-01 .*Healthy · slow from all 3 others in: 0 failed, 3 slow/,
    );
  });

  test('a link that is clicked says that its first byte is late, and shows both directions', async () => {
    await open(FOUR);
    const box = (await page.locator('.graph-pill').last().boundingBox())!;
    await page.mouse.click(box.x + box.width / 2, box.y + box.height / 2);
    await panel().waitFor();
    await soon(() => words(page, '.side-panel')).toContain('The first byte is late, the connection is not.');
    expect(await panel().locator('.way').count()).toBe(2);
    expect(await words(page, '.way >> nth=0')).toMatch(/Slow, but ok 25\d ms/);
    await soon(() => words(page, '.way >> nth=0')).toMatch(/slow for more than 2 min \d+ s/);
    expect(await words(page, '.way >> nth=1')).toMatch(/ok since \d\d:\d\d/);
    await soon(() => panel().locator('.sample-chart:not(.is-past)').count()).toBe(2);
    await panel()
      .getByRole('img', { name: /^Past 10 min in steps of 10 s: \d+ samples, 0 failed/ })
      .first()
      .waitFor();
    await soon(() => panel().locator('.is-past').count()).toBe(2);
    await panel()
      .getByRole('img', { name: /^total 25\d ms, connect 0\.\d+ ms, first byte 25\d ms; timeout 300 ms$/ })
      .waitFor();
    expect(await words(page, '.figures')).toMatch(/Connect .* First byte .* p50 \/ p95 .* Samples, failed/);
    expect(await page.locator('.pod-chosen').count()).toBe(2);
    expect(await page.locator('.graph-halo').count()).toBe(1);
    expect(await hash()).toMatch(/from=uid-\d+&to=uid-\d+/);
    await panel()
      .getByRole('button', { name: /goldpinger-chaos: slow from all 3 others/ })
      .press('Enter');
    await soon(() => words(page, '.side-panel h2 >> nth=0')).toBe('Pod goldpinger-chaos');
  });

  test('a pod that is clicked shows only its links, and lists them, the worst first', async () => {
    await open(FOUR);
    const { x, y } = await placeOf('chaos');
    await page.mouse.click(x, y);
    await soon(() => words(page, '.side-panel h2 >> nth=0')).toBe('Pod goldpinger-chaos');
    expect(await page.locator('.graph-links > .is-dim').count()).toBe(9);
    const lists = panel().locator('.link-lines');
    for (const way of [0, 1]) {
      const figures = (await lists.nth(way).locator('.link-figure').allTextContents()).map(Number.parseFloat);
      expect(figures).toEqual([...figures].sort((a, b) => b - a));
    }
    expect(await lists.nth(0).locator('.link-figure').allTextContents()).toEqual(
      Array(4).fill(expect.stringMatching(/^25\d ms$/)),
    );
    await lists.nth(1).locator('.link-line').last().click();
    await soon(() => words(page, '.side-panel h2 >> nth=0')).toContain('Link');
    await page.mouse.click(x - 60, y + 120);
    await panel().waitFor({ state: 'detached' });
  });
});

describe('what is worth a look', () => {
  test('stands on the stage among few pods, clear of them, and moves none', async () => {
    feed = await visitor.feed((windowMs) => ({ ...meshOf({ ...FOUR, windowMs }), findings: [] }));
    page = await visitor.visit(feed, { hash: '#view=graph&ms=300-400-500' });
    await page.locator('.pod-label').first().waitFor();
    const before = await placeOf('001');
    expect(await page.locator('.graph-findings').count()).toBe(0);
    feed.show((windowMs) => meshOf({ ...FOUR, windowMs }));
    const card = page.locator('.graph-findings');
    await card.waitFor();
    expect(await placeOf('001')).toEqual(before);
    const { x } = (await card.boundingBox())!;
    for (const label of await page.locator('.pod-label').all()) {
      const box = (await label.boundingBox())!;
      expect(box.x + box.width).toBeLessThan(x);
    }
    await card.getByRole('button', { name: /goldpinger-chaos/ }).click();
    await soon(() => words(page, '.side-panel h2 >> nth=0')).toBe('Pod goldpinger-chaos');
    expect(await card.count()).toBe(0);
  });
});

test('which links are shown is in the address', async () => {
  await open(FOUR, { hash: '&links=slow' });
  await soon(() => page.locator('.graph-links > .graph-link').count()).toBe(4);
  await page.getByRole('button', { name: 'Failed', exact: true }).click();
  await soon(hash).toContain('links=failed');
  await soon(() => page.locator('.graph-links > .graph-link').count()).toBe(0);
});

describe('by keyboard', () => {
  test('Tab walks pods, arrows their links, Enter opens, Escape goes back; plus, minus, 0 and the wheel zoom', async () => {
    await open(FOUR);
    await page.getByRole('button', { name: 'Reset' }).focus();
    for (const name of ['001', '002']) {
      await page.keyboard.press('Tab');
      await soon(() => pod(name).evaluate((element) => element === document.activeElement)).toBe(true);
    }
    await page.keyboard.press('ArrowRight');
    await soon(() => words(page, '.graph-stage [role=status]')).toMatch(
      /from goldpinger-002 to goldpinger-chaos: 25\d ms/,
    );
    await page.keyboard.press('Escape');
    await soon(() => words(page, '.graph-stage [role=status]')).toBe('');
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('Enter');
    await soon(() => words(page, '.side-panel h2 >> nth=0')).toContain('goldpinger-002 ⇄ goldpinger-chaos');
    await page.keyboard.press('Escape');
    await panel().waitFor({ state: 'detached' });
    await soon(() => pod('002').evaluate((element) => element === document.activeElement)).toBe(true);
    await page.keyboard.press('Enter');
    await soon(() => words(page, '.side-panel h2 >> nth=0')).toBe('Pod goldpinger-002');
    await page.keyboard.press('+');
    await soon(zoomText).toBe('125 %');
    await page.keyboard.press('-');
    await page.keyboard.press('-');
    await soon(zoomText).toBe('80 %');
    await page.keyboard.press('0');
    await soon(zoomText).toBe('100 %');
    await page.mouse.move(500, 450);
    await page.mouse.wheel(0, -200);
    await soon(zoomText).toBe('132 %');
  });
});

describe('places', () => {
  test('stay when new figures come, follow a drag until Reset, and move together with the picture', async () => {
    await open(FOUR);
    const before = [await placeOf('001'), await placeOf('002')];
    const figures = await page.locator('.graph-pill').allTextContents();
    for (let tick = 1; tick < 9; tick++) feed.show((windowMs) => meshOf({ ...FOUR, tick, windowMs }));
    await soon(() => page.locator('.graph-pill').allTextContents()).not.toEqual(figures);
    expect([await placeOf('001'), await placeOf('002')]).toEqual(before);
    const { x, y } = before[0]!;
    await page.mouse.move(x, y);
    await page.mouse.down();
    await page.mouse.move(x + 30, y + 90, { steps: 4 });
    await page.mouse.up();
    await soon(() => placeOf('001')).toEqual({ x: x + 30, y: y + 90 });
    expect(await placeOf('002')).toEqual(before[1]);
    expect(await panel().count()).toBe(0);
    await page.getByRole('button', { name: 'Reset' }).click();
    await soon(() => placeOf('001')).toEqual(before[0]);
    await page.mouse.move(40, 700);
    await page.mouse.down();
    await page.mouse.move(90, 660, { steps: 4 });
    await page.mouse.up();
    for (const [i, name] of ['001', '002'].entries()) {
      await soon(() => placeOf(name)).toEqual({ x: before[i]!.x + 50, y: before[i]!.y - 40 });
    }
  });
});

describe('of 120 pods', () => {
  test('the failed links and the worst are drawn, as many as the slider says; only the pod at fault is named', async () => {
    await open(MANY);
    await soon(() => words(page, '.side-panel h2 >> nth=0')).toBe('Showing 200 of 14 280 links');
    await soon(() => words(page, '.choice-shares')).toMatch(/^Failed 119 of 119/);
    // Links are drawn in the frame after the words.
    await soon(painted).toBeGreaterThan(5000);
    const before = await painted();
    await page.getByRole('slider', { name: 'Links to show at most' }).press('Home');
    await soon(() => words(page, '.side-panel h2 >> nth=0')).toBe('Showing 20 of 14 280 links');
    await soon(painted).toBeLessThan(before);
    expect(await page.locator('.pod-label').count()).toBe(1);
    await soon(() => page.locator('.pod-label').textContent()).toMatch(
      /^goldpinger-\w+worker-\d+ · unreachable from all 119 others$/,
    );
    expect(await page.locator('.ring-arc').count()).toBe(12);
    await page.locator('.finding-list button').click();
    await soon(() => words(page, '.side-panel')).toMatch(
      /^Pod goldpinger-\w+ Failing · unreachable from all 119 others/,
    );
  });

  test('one that is dragged takes its links along, the others stay, and all move together when scaled', async () => {
    await open(MANY);
    await soon(painted).toBeGreaterThan(5000);
    const [before, node] = [await painted(), page.locator('.pod-node')];
    const start = await middleOf(node.first());
    await page.mouse.move(start.x, start.y);
    await page.mouse.down();
    await page.mouse.move(start.x - 60, start.y - 20, { steps: 3 });
    await soon(() => painted('.graph-held')).toBeGreaterThan(2000);
    await soon(painted).toBeLessThan(before - 10_000);
    await page.mouse.up();
    await soon(() => painted('.graph-held')).toBe(0);
    await soon(painted).toBeGreaterThan(before - 10_000);
    await soon(() => middleOf(node.first())).toEqual({ x: start.x - 60, y: start.y - 20 });
    await page.keyboard.press('+');
    await soon(zoomText).toBe('125 %');
    const [canvas, at] = [page.locator('.graph-canvas'), await middleOf(node.first())];
    const stage = (await page.locator('.graph-stage').boundingBox())!;
    await soon(async () => (await canvas.boundingBox())?.width).toBeGreaterThan(stage.width + 300);
    const from = (await canvas.boundingBox())!;
    await page.mouse.move(250, 750);
    await page.mouse.down();
    await page.mouse.move(290, 700, { steps: 4 });
    await page.mouse.up();
    await soon(() => middleOf(node.first())).toEqual({ x: at.x + 40, y: at.y - 50 });
    expect(await canvas.boundingBox()).toMatchObject({ x: from.x + 40, y: from.y - 50 });
  });

  test('a dead node is one finding, not ten', async () => {
    await open({ ...MANY, scenario: 'dead-node' });
    await soon(() => page.locator('.pod-label').allTextContents()).toEqual([
      expect.stringMatching(/^worker-\d+, 10 pods.* are unreachable/),
    ]);
    await page.setViewportSize({ width: 390, height: 900 });
    await soon(() => page.locator('.pod-label').allTextContents()).toEqual([expect.stringMatching(/^worker-\d+/)]);
    await page.setViewportSize({ width: 1440, height: 900 });
    await page.locator('.finding-list button').click();
    await soon(hash).toMatch(/filter=node%3Aworker-\d+/);
    // Its pods are named now, and no others.
    await soon(() => page.locator('.pod-label').count()).toBe(10);
  });

  test('the filter names what it finds, so that any pod is reached by keyboard; the theme repaints the canvas', async () => {
    await open(MANY);
    const name = meshOf(MANY).pods[77]!.name;
    await page.keyboard.press('/');
    await page.keyboard.type(name);
    await soon(() => page.getByRole('button', { name: new RegExp(`^${name}`) }).count()).toBe(1);
    await soon(() => words(page, '.side-panel h2 >> nth=0')).toMatch(/^All 238 links$|^Showing 200 of 238 links$/);
    const colour = () =>
      page.evaluate(() => {
        const canvas = document.querySelector<HTMLCanvasElement>('.graph-canvas')!;
        const { data } = canvas.getContext('2d')!.getImageData(0, 0, canvas.width, canvas.height);
        for (let i = 0; i < data.length; i += 4)
          if (data[i + 3] === 255) return [data[i], data[i + 1], data[i + 2]].join();
        return '';
      });
    await soon(colour).not.toBe('');
    const light = await colour();
    await page.getByRole('banner').getByRole('combobox').selectOption('dark');
    await soon(colour).not.toBe(light);
  });
});

describe('states', () => {
  test('of life, of links and of external targets have their marks beside their colours', async () => {
    await open({ pods: 8, scenario: 'lifecycles' });
    for (const health of ['healthy', 'starting', 'not-ready', 'terminating', 'gone']) {
      expect(await page.locator(`.pod-glyph.is-${health}`).count()).toBeGreaterThan(0);
    }
    expect(await page.locator('.pod-label.is-faded').textContent()).toMatch(/Gone 2 min · replaced by \w+/);
    feed.show((windowMs) => meshOf({ pods: 6, scenario: 'dead-pod', windowMs }));
    const failed = page.locator('.graph-link.is-failed');
    await soon(() => failed.locator('.graph-link-mark').count()).toBeGreaterThanOrEqual(5);
    expect(await failed.locator('> path').first().getAttribute('stroke-dasharray')).toBe('8 5');
    expect(await page.locator('.graph-link.is-unknown .graph-link-mark').count()).toBeGreaterThanOrEqual(5);
    await page.evaluate(() => {
      location.hash += '&from=uid-0000&to=uid-0005';
    });
    await soon(() => words(page, '.way >> nth=0')).toMatch(
      /Refused – failing since \d\d:\d\d:\d\d .*connect ECONNREFUSED/,
    );
    await page.keyboard.press('Escape');
    feed.show((windowMs) => meshOf({ pods: 4, scenario: 'probes', windowMs }));
    await soon(() => page.locator('.external-line.is-failed').count()).toBeGreaterThan(0);
    expect(await page.locator('.external').textContent()).toMatch(/\d of \d fail/);
    await soon(() => words(page, '.summary')).toContain('External 2 of 3 failed');
    const dashes = await page
      .locator('.external-line')
      .evaluateAll((lines) => lines.map((line) => getComputedStyle(line).strokeDasharray));
    expect(new Set(dashes)).toEqual(new Set(['8px, 5px', '2px, 5px']));
    await soon(() => page.title()).toBe('2 external targets failing · goldpinger');
  });

  test('names that are markup or endless stay words', async () => {
    await open({ pods: 6, scenario: 'hostile' });
    expect(await page.locator('.graph-view script, .graph-view img').count()).toBe(0);
    const widths = await page
      .locator('.pod-label text')
      .evaluateAll((all) => all.map((text) => text.getBoundingClientRect()).map(({ left, right }) => [left, right]));
    for (const [left, right] of widths) {
      expect(left).toBeGreaterThanOrEqual(0);
      expect(right).toBeLessThanOrEqual(1440);
    }
  });
});

test('as a table it has the links, the worst first', async () => {
  await open(FOUR);
  await page.keyboard.press('t');
  const rows = page.locator('main .table-frame tbody tr');
  await soon(() => rows.count()).toBeGreaterThanOrEqual(16);
  expect(await rows.nth(0).textContent()).toMatch(/chaos.*Slow, but ok.*25\d ms/);
  await rows.nth(0).getByRole('button').click();
  await panel().waitFor();
  await page.keyboard.press('t');
  await page.locator('.graph-stage').waitFor();
});

describe('axe finds nothing to complain about', () => {
  test.each([
    ['120 pods', MANY, {}],
    ['30 pods, dark', { pods: 30, scenario: 'mixed' }, { dark: true }],
    ['the table, dark', { pods: 6, scenario: 'outcomes' }, { hash: '&table=1', dark: true }],
  ] as [string, MeshOptions, Visit][])('%s', async (_, mesh, visit) => {
    feed = await visitor.feed((windowMs) => meshOf({ ...mesh, windowMs }));
    page = await visitor.visit(feed, { ...visit, hash: `#view=graph${visit.hash ?? ''}` });
    await page.locator('.graph-view').waitFor();
    expect(await violations(page)).toEqual([]);
  });
});
