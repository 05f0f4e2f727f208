import { readFile } from 'node:fs/promises';
import type { Page } from 'playwright-core';
import { PNG } from 'pngjs';
import { describe, expect, test } from 'vitest';
import type { MeshOptions } from '../support/feed/plan.ts';
import { meshOf } from '../support/feed/scenarios.ts';
import type { Feed } from '../support/feed/server.ts';
import { graphParts, openGraph } from './graph-visit.ts';
import { soon, type Visit, visitorOfFile, withTimes, words } from './page-visit.ts';

const FOUR: MeshOptions = { pods: 4, scenario: 'slow-pod' };
const visitor = visitorOfFile();
let feed: Feed;
let page: Page;
const { pod, panel, hash, zoomText, placeOf, painted } = graphParts(() => page);

async function open(mesh: MeshOptions, visit: Visit = {}): Promise<void> {
  ({ feed, page } = await openGraph(visitor, mesh, visit));
}

describe('four pods, one of them slow to reach (experiment 2)', () => {
  test('are four green pods, sixteen links, four of them slow with their figures, and one under the pointer has a card', async () => {
    await open(FOUR);
    expect(await page.locator('.pod-glyph.is-healthy').count()).toBe(4);
    expect(await page.locator('.graph-links > .graph-link').count()).toBe(16);
    expect(await page.locator('.graph-links > .is-slow').count()).toBe(4);
    expect(await page.locator('.graph-pill').allTextContents()).toEqual(
      Array(4).fill(expect.stringMatching(/^25\d ms$/)),
    );
    // Beside external targets there is no room for both in one line.
    expect(await page.locator('.pod-label').last().locator('text').allTextContents()).toEqual([
      'goldpinger-chaos',
      'Healthy',
      'slow from all 3 others',
    ]);
    expect(await page.locator('.pod-badge').count()).toBe(1);
    await soon(() => words(page, '.graph-legend')).toMatch(/good < 5 ms 12 .*slow ≥ 100 ms 4 failed 0/);
    const box = (await page.locator('.graph-pill').first().boundingBox())!;
    const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
    await page.mouse.move(x, y);
    await soon(() => words(page, '.link-card')).toMatch(
      withTimes(
        /^from goldpinger-00\d worker-0\d to goldpinger-chaos worker-01 25\d ms Slow no failure since TIME connect .*timeout 300 ms/,
      ),
    );
    const card = (await page.locator('.link-card').boundingBox())!;
    expect(card.x > x || card.x + card.width < x || card.y > y || card.y + card.height < y).toBe(true);
    await page.mouse.move(5, 300);
    await page.locator('.link-card').waitFor({ state: 'detached' });
    const chaos = await placeOf('chaos');
    await page.mouse.move(chaos.x, chaos.y);
    await soon(() => words(page, '.graph-card')).toMatch(
      /^goldpinger-chaos worker-01 .*Healthy · slow from all 3 others inbound: 0 failed, 3 slow/,
    );
  });

  test('a clicked link says that it responds slowly, and shows both directions', async () => {
    await open(FOUR);
    const box = (await page.locator('.graph-pill').last().boundingBox())!;
    await page.mouse.click(box.x + box.width / 2, box.y + box.height / 2);
    await panel().waitFor();
    await soon(() => words(page, '.side-panel')).toContain('Connects fast, responds slowly.');
    expect(await panel().locator('.way').count()).toBe(2);
    expect(await words(page, '.way >> nth=0')).toMatch(/Slow 25\d ms/);
    await soon(() => words(page, '.way >> nth=0')).toMatch(/slow for more than 2 min \d+ s/);
    expect(await words(page, '.way >> nth=1')).toMatch(withTimes(/ok since TIME/));
    await soon(() => panel().locator('.sample-chart:not(.is-past)').count()).toBe(2);
    await panel()
      .getByRole('img', { name: /^Last 10 min in steps of 10 s: \d+ samples, 0 failed/ })
      .first()
      .waitFor();
    await soon(() => panel().locator('.is-past').count()).toBe(2);
    await panel()
      .getByRole('img', {
        name: /^total 25\d ms, connect 0\.\d+ ms, first byte 25\d ms, body 0\.\d+ ms; timeout 300 ms$/,
      })
      .waitFor();
    expect(await words(page, '.figures')).toMatch(/Connect .* First byte .* p50 \/ p95 .* Samples, failed/);
    expect(await page.locator('.pod-chosen').count()).toBe(2);
    expect(await page.locator('.graph-halo').count()).toBe(1);
    const strength = () => page.locator('.graph-halo').evaluate((halo) => getComputedStyle(halo).opacity);
    expect(await strength()).toBe('0.3');
    await page.emulateMedia({ forcedColors: 'active' });
    await soon(strength).toBe('1');
    await page.emulateMedia({ forcedColors: 'none' });
    expect(await hash()).toMatch(/from=uid-\d+&to=uid-\d+/);
    await panel()
      .getByRole('button', { name: /goldpinger-chaos: only the first byte is late/ })
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

test('what is worth a look stands in the panel beside few pods too, and moves none', async () => {
  feed = await visitor.feed((windowMs) => meshOf({ ...FOUR, scenario: 'probes', windowMs }));
  page = await visitor.visit(feed, { hash: '#view=graph' });
  await page.locator('.pod-label').first().waitFor();
  const before = await placeOf('001');
  const view = page.locator('.side-panel');
  await soon(() => words(page, '.side-panel')).toMatch(/^All 16 links .* Click a pod or a line for details/);
  feed.show((windowMs) => meshOf({ ...FOUR, windowMs }));
  await view.getByRole('button', { name: /goldpinger-chaos/ }).waitFor();
  expect(await placeOf('001')).toEqual(before);
  expect(await view.locator('.link-line').count()).toBe(4);
  // The notice above says that it is slow from all others; the panel says how, and what to check.
  const finding = view.getByRole('button', { name: /goldpinger-chaos: only the first byte is late/ });
  expect(await finding.textContent()).toContain('lateCheck the process or a proxy, not the network.3 of 3 links');
  const screen = (await words(page, 'body')).split('goldpinger-chaos: slow from all 3 others');
  expect(screen).toHaveLength(2);
  await finding.click();
  await soon(() => words(page, '.side-panel h2 >> nth=0')).toBe('Pod goldpinger-chaos');
});

test('an entry of the legend shows only its links, as the address says, and all again', async () => {
  await open(FOUR, { hash: '&links=slow' });
  const links = () => page.locator('.graph-links > .graph-link').count();
  const entry = (name: RegExp) => page.locator('.graph-legend').getByRole('button', { name });
  await soon(links).toBe(4);
  await entry(/^failed 0/).click();
  await soon(hash).toContain('links=failed');
  await soon(links).toBe(0);
  await entry(/^good .* 12/).press('Enter');
  await soon(links).toBe(12);
  expect(await entry(/^good/).getAttribute('aria-pressed')).toBe('true');
  await entry(/^good/).press('Enter');
  await soon(links).toBe(16);
});

test('by keyboard Tab walks pods, arrows their links, Enter opens, Escape goes back; plus, minus, 0 and the wheel zoom', async () => {
  await open(FOUR);
  await page.locator('summary', { hasText: 'Export' }).focus();
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
  // Alt+Left is Back, of the browser.
  const isLeft = await pod('002').evaluate((node) => {
    const press = { key: 'ArrowLeft', altKey: true, bubbles: true, cancelable: true };
    return node.dispatchEvent(new KeyboardEvent('keydown', press));
  });
  expect(isLeft).toBe(true);
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

test('places stay when new figures come, follow a drag until Reset, and move together with the picture', async () => {
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

test('a picture that was moved to the edge stays in sight when the stage gets smaller', async () => {
  await open(FOUR, { width: 1400 });
  const shift = async () => {
    const transform = await page.locator('.graph-svg > g').getAttribute('transform');
    return Number(/translate\(([-\d.]+)/.exec(transform ?? '')?.[1]);
  };
  const stageWidth = () => page.locator('.graph-stage').evaluate((stage) => stage.clientWidth);
  const wide = await stageWidth();
  await page.mouse.move(40, 700);
  await page.mouse.down();
  await page.mouse.move(1390, 700, { steps: 4 });
  await page.mouse.up();
  const moved = await shift();
  await page.setViewportSize({ width: 1150, height: 900 });
  await soon(stageWidth).toBeLessThan(wide - 100);
  const narrow = await stageWidth();
  expect(moved).toBeGreaterThan(narrow);
  await soon(shift).toBeLessThanOrEqual(narrow - 80);
});

test('two fingers zoom about the point between them; one finger moves the zoomed picture and a tap opens', async () => {
  await open(FOUR);
  const start = await placeOf('001');
  const client = await page.context().newCDPSession(page);
  const touch = (
    type: 'touchStart' | 'touchMove' | 'touchEnd',
    ...touchPoints: { x: number; y: number; id: number }[]
  ) => client.send('Input.dispatchTouchEvent', { type, touchPoints });
  await touch('touchStart', { x: 450, y: 400, id: 0 }, { x: 550, y: 400, id: 1 });
  await touch('touchMove', { x: 400, y: 400, id: 0 }, { x: 600, y: 400, id: 1 });
  await touch('touchEnd');
  await soon(zoomText).toBe('200 %');
  const zoomed = { x: 500 + (start.x - 500) * 2, y: 400 + (start.y - 400) * 2 };
  // Half a px of a rounded place is a whole one at 200 %.
  const far = async (x: number, y: number) => {
    const place = await placeOf('001');
    return Math.max(Math.abs(place.x - zoomed.x - x), Math.abs(place.y - zoomed.y - y));
  };
  await soon(() => far(0, 0)).toBeLessThanOrEqual(1);
  await touch('touchStart', { x: 500, y: 600, id: 0 });
  await touch('touchMove', { x: 560, y: 640, id: 0 });
  await touch('touchEnd');
  await soon(() => far(60, 40)).toBeLessThanOrEqual(1);
  expect(await panel().count()).toBe(0);
});

test('with forced colours the selected pod is seen', async () => {
  await open({ pods: 30, scenario: 'mixed' });
  await page.emulateMedia({ forcedColors: 'active' });
  await page.locator('.pod-node').first().press('Enter');
  await panel().waitFor();
  const strokes = await page.evaluate(() => {
    const probe = document.body.appendChild(document.createElement('i'));
    probe.style.cssText = 'forced-color-adjust: none; color: Highlight';
    const highlight = getComputedStyle(probe).color;
    probe.remove();
    return [highlight, ...[...document.querySelectorAll('.pod-chosen')].map((ring) => getComputedStyle(ring).stroke)];
  });
  expect(strokes).toEqual([strokes[0], strokes[0]]);
});

describe('the graph has the same menus as the heatmap', () => {
  test('View shows another figure, and the address keeps it', async () => {
    await open(FOUR);
    await page.locator('summary', { hasText: 'View' }).click();
    await page.getByRole('combobox', { name: 'Show' }).selectOption('p95/60000');
    // A p95 of the feed is 1.3 times as long.
    await soon(() => page.locator('.graph-pill').first().textContent()).toMatch(/^3[23]\d ms$/);
    await soon(hash).toContain('value=p95');
    await page.reload();
    await soon(() => page.locator('.graph-pill').first().textContent()).toMatch(/^3[23]\d ms$/);
  });

  test('Export saves an image with pods, links and legend, light on light', async () => {
    await open({ pods: 40, scenario: 'dead-pod' });
    await soon(() => painted()).toBeGreaterThan(1000);
    await page.locator('summary', { hasText: 'Export' }).click();
    const saved = page.waitForEvent('download');
    await page.getByRole('button', { name: 'Image (PNG)' }).click();
    const download = await saved;
    expect(download.suggestedFilename()).toMatch(/^goldpinger-graph-2024-05-14T.*\.png$/);
    const png = PNG.sync.read(await readFile((await download.path())!));
    const stage = (await page.locator('.graph-stage').boundingBox())!;
    expect(png.width).toBe(Math.round(stage.width) + 380);
    /** How many pixels of a colour are in the part of the image from x on. */
    const count = (colour: number, fromX: number, toX: number) => {
      let pixels = 0;
      for (let at = 0; at < png.data.length; at += 4) {
        const x = (at / 4) % png.width;
        if (x >= fromX && x < toX && png.data.readUIntBE(at, 3) === colour) pixels++;
      }
      return pixels;
    };
    // The failed links and the octagon; discs of healthy pods; the swatch and the words of the legend.
    expect(count(0x5e0b24, 0, stage.width)).toBeGreaterThan(500);
    expect(count(0x84cfaa, 0, stage.width)).toBeGreaterThan(500);
    expect(count(0x5e0b24, stage.width, png.width)).toBeGreaterThan(150);
    expect(count(0x15202b, stage.width, png.width)).toBeGreaterThan(100);
  });
});
