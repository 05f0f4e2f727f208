import type { Page } from 'playwright-core';
import { describe, expect, test } from 'vitest';
import type { MeshOptions } from '../support/feed/plan.ts';
import { meshOf } from '../support/feed/scenarios.ts';
import type { Feed } from '../support/feed/server.ts';
import { graphParts, middleOf, openGraph } from './graph-visit.ts';
import { soon, type Visit, violations, visitorOfFile, withTimes, words } from './page-visit.ts';

const MANY: MeshOptions = { pods: 120, scenario: 'dead-pod' };
const visitor = visitorOfFile();
let feed: Feed;
let page: Page;
const { hash, zoomText, painted } = graphParts(() => page);

async function open(mesh: MeshOptions, visit: Visit = {}): Promise<void> {
  ({ feed, page } = await openGraph(visitor, mesh, visit));
}

describe('of 120 pods', () => {
  test('the failed links are drawn, as many as the slider says, above pale bundles of the healthy ones; only the pod at fault is named', async () => {
    await open(MANY);
    await soon(() => words(page, '.side-panel h2 >> nth=0')).toBe('All 14,280 links');
    await soon(() => painted('.graph-bundles')).toBeGreaterThan(20_000);
    // Links are drawn in the frame after the words.
    await soon(painted).toBeGreaterThan(5000);
    const before = await painted();
    expect(await violations(page)).toEqual([]);
    await page.getByRole('slider', { name: 'Maximum number of links' }).press('Home');
    await soon(() => words(page, '.side-panel h2 >> nth=0')).toBe('Showing 20 of 119 bad links');
    await soon(painted).toBeLessThan(before);
    expect(await page.locator('.pod-label').count()).toBe(1);
    await soon(() => page.locator('.pod-label').textContent()).toMatch(
      /^goldpinger-\w+(worker-\d+( · )?)?unreachable from all 119 others$/,
    );
    expect(await page.locator('.ring-arc:not(.is-inside)').count()).toBe(12);
    expect(await page.locator('.ring-zone-name').allTextContents()).toEqual(['zone-a', 'zone-b', 'zone-c']);
    await page.locator('.finding-list button.finding-words').click();
    await soon(() => words(page, '.side-panel')).toMatch(
      /^Pod goldpinger-\w+ Failing · unreachable from all 119 others/,
    );
  });

  test('bundles are painted again only if they change', async () => {
    await open(MANY);
    await soon(() => page.locator('.graph-bundles').getAttribute('aria-busy')).toBe('false');
    await page.evaluate(() => {
      Worker.prototype.postMessage = () => document.body.append('painted again');
    });
    const mesh = meshOf(MANY);
    feed.show(() => ({ ...mesh, atMs: mesh.atMs + 1000, health: { ...mesh.health, general: ['another reason'] } }));
    await soon(() => page.locator('body').textContent()).toContain('another reason');
    expect(await page.locator('body').textContent()).not.toContain('painted again');
    const healthy = meshOf({ ...MANY, scenario: 'healthy' });
    feed.show(() => healthy);
    await soon(() => page.locator('body').textContent()).toContain('painted again');
  });

  test('one that is dragged takes its links along until Reset, and all move together when scaled', async () => {
    await open(MANY);
    await soon(painted).toBeGreaterThan(5000);
    const node = page.locator('.pod-node').first();
    const canvas = () => page.locator('.graph-canvas').evaluate((of: HTMLCanvasElement) => of.toDataURL());
    const [start, before] = [await middleOf(node), await canvas()];
    await page.mouse.move(start.x, start.y);
    await page.mouse.down();
    await page.mouse.move(start.x - 60, start.y - 20, { steps: 3 });
    await soon(() => middleOf(node)).toEqual({ x: start.x - 60, y: start.y - 20 });
    await page.mouse.up();
    const dragged = await canvas();
    expect(dragged).not.toBe(before);
    await page.keyboard.press('+');
    await soon(zoomText).toBe('125 %');
    const [at, scaled] = [await middleOf(node), await canvas()];
    expect(scaled).not.toBe(dragged);
    await page.mouse.move(250, 750);
    await page.mouse.down();
    await page.mouse.move(290, 700, { steps: 4 });
    await page.mouse.up();
    await soon(() => middleOf(node)).toEqual({ x: at.x + 40, y: at.y - 50 });
    expect(await canvas()).not.toBe(scaled);
    await page.keyboard.press('0');
    await soon(() => middleOf(node)).toEqual(start);
    await soon(canvas).toBe(before);
  });

  test('a dead node is one finding, not ten', async () => {
    await open({ ...MANY, scenario: 'dead-node' });
    await soon(() => page.locator('.pod-label').allTextContents()).toEqual([
      expect.stringMatching(/^worker-\d+, 10 pods.*unreachable from all /),
    ]);
    await page.setViewportSize({ width: 390, height: 900 });
    await soon(() => page.locator('.pod-label').allTextContents()).toEqual([expect.stringMatching(/^worker-\d+/)]);
    await page.setViewportSize({ width: 1440, height: 900 });
    await page.locator('.finding-list button.finding-words').click();
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
    await soon(() => words(page, '.side-panel h2 >> nth=0')).toBe('All 238 matching links');
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
    await page.getByRole('button', { name: 'Preferences' }).click();
    await page.getByRole('combobox', { name: 'Theme' }).selectOption('dark');
    await soon(colour).not.toBe(light);
  });
});

test('folded to many nodes, a named node says how many pods it has, not its name again', async () => {
  await open({ pods: 130, nodes: 65, scenario: 'one-way' }, { hash: '&level=node' });
  const label = expect.stringMatching(/^worker-\d+2 pods · /);
  await soon(() => page.locator('.pod-label').allTextContents()).toEqual([label, label]);
});

test('folded to nodes a dead node is one red octagon with the number of its pods; a click unfolds it, and a button folds it again', async () => {
  await open({ ...MANY, scenario: 'dead-node' }, { hash: '&level=auto' });
  await soon(() => page.locator('.pod-node').count()).toBe(12);
  await soon(() => words(page, '.side-panel h2 >> nth=0')).toBe('All 14,400 links, by node');
  const failing = page.locator('.pod-node', { has: page.locator('.pod-glyph.is-failing') });
  expect(await failing.count()).toBe(1);
  expect(await words(page, '.link-lines li >> nth=0')).toMatch(/^worker-\d+ → worker-\d+ 100 of 100 fail$/);
  const name = /^worker-\d+/.exec((await failing.getAttribute('aria-label')) ?? '')?.[0];
  expect(await failing.getAttribute('aria-label')).toMatch(/^worker-\d+, 10 pods: /);
  const { x, y } = await middleOf(failing);
  await page.mouse.move(x, y - 120);
  await page.mouse.move(x, y);
  await soon(() => words(page, '.graph-card')).toMatch(/^worker-\d+ 10 pods · zone-/);
  await failing.press('Enter');
  await soon(hash).toContain(`node%3A${name}`);
  await soon(() => page.locator('.pod-node').count()).toBe(21);
  await page.getByRole('button', { name: `Fold ${name}` }).click();
  await soon(() => page.locator('.pod-node').count()).toBe(12);
});

describe('states', () => {
  test('of life, of links and of external targets have their marks beside their colours', async () => {
    await open({ pods: 8, scenario: 'lifecycles' });
    for (const health of ['healthy', 'starting', 'not-ready', 'terminating']) {
      expect(await page.locator(`.pod-glyph.is-${health}`).count()).toBeGreaterThan(0);
    }
    // A replacement has the place of the gone pod, which is a dotted ring around it.
    expect(await page.locator('.pod-predecessor').count()).toBe(1);
    await soon(() => page.locator('.pod-label', { hasText: 'replaced' }).textContent()).toMatch(/ · replaced \w+/);
    feed.show((windowMs) => meshOf({ pods: 6, scenario: 'dead-pod', windowMs }));
    const failed = page.locator('.graph-link.is-failed');
    await soon(() => failed.locator('.graph-link-mark').count()).toBeGreaterThanOrEqual(5);
    expect(await failed.locator('> path').first().getAttribute('stroke-dasharray')).toBe('8 5');
    expect(await page.locator('.graph-link.is-unknown .graph-link-mark').count()).toBeGreaterThanOrEqual(5);
    await page.evaluate(() => {
      location.hash += '&from=uid-0000&to=uid-0005';
    });
    await soon(() => words(page, '.way >> nth=0')).toMatch(
      withTimes(/Refused – failing since TIME .*connect ECONNREFUSED/),
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

  test('of paths of the cluster have their names, and the finding says that pods reach each other', async () => {
    await open({ pods: 4, scenario: 'paths' });
    const marks = () => page.locator('.external').textContent();
    await soon(marks).toMatch(/Service by name.*http, 4 of 4 fail.*Service by IP.*http, 4 of 4 fail/);
    await soon(marks).toMatch(/API serverhttp, ok.*Cluster DNSdns, ok/);
    await soon(() => words(page, '.summary')).toContain('Paths 2 of 4 failed');
    await soon(() => words(page, '.summary')).toContain('External 3 of 3 ok');
    await soon(() => words(page, '.notices')).toContain(
      'Service goldpinger:8080: fails from all 4 pods while they reach each other. Refused: check kube-proxy and the endpoints of the Service. Since',
    );
    await soon(() => page.title()).toBe('2 paths failing · goldpinger');
    // Nobody takes the pods for the cause.
    expect(await page.locator('.pod-glyph.is-healthy').count()).toBe(4);
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
