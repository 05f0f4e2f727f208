import type { Page, Route } from 'playwright-core';
import { PNG } from 'pngjs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { pictureOf } from '../pictures/picture.ts';
import type { Shot } from '../pictures/shots.ts';
import { meshOf } from '../support/feed/scenarios.ts';
import { startScene } from '../support/feed/scene-server.ts';
import { Story } from '../support/feed/story.ts';
import { launchBrowser } from './browser.ts';

let browser: Awaited<ReturnType<typeof launchBrowser>>;
beforeAll(async () => {
  browser = await launchBrowser();
});
afterAll(() => browser.close());

const USUAL = { isDark: false, width: 900, height: 600, zoom: 1, mesh: { pods: 40, scenario: 'healthy' } as const };

/** The bundles of this mesh colour many times as many pixels as a text with a time, which may differ between two pictures. */
const MOST_OF_TEXTS = 1000;

function differentPixels(one: Buffer, other: Buffer): number {
  const [a, b] = [PNG.sync.read(one).data, PNG.sync.read(other).data];
  let count = 0;
  for (let i = 0; i < a.length; i += 4) if (a.readUInt32LE(i) !== b.readUInt32LE(i)) count++;
  return count;
}

/** A scene of the usual mesh, and the browser with a route in each of its pages. */
async function usualScene(url: RegExp, handler: (route: Route, page: Page) => Promise<void>) {
  const mesh = meshOf(USUAL.mesh);
  const story = new Story(mesh.atMs);
  const scene = await startScene({ pageDir: 'dist/web', mesh: () => mesh, story, nowMs: () => mesh.atMs });
  const routed = Object.assign(Object.create(browser), {
    newContext: async (options: object) => {
      const context = await browser.newContext(options);
      await context.route(url, (route) => handler(route, context.pages()[0] ?? expect.fail()));
      return context;
    },
  });
  return { scene, routed };
}

test('a picture of the graph has its bundles, however late they come', async () => {
  const shot: Shot = { ...USUAL, name: 'graph', hash: 'view=graph&level=pod' };
  let held = 0;
  let bare: Buffer = Buffer.alloc(0);
  // The page loads their code when it has drawn everything else: here only once it looks the same twice.
  const { scene, routed } = await usualScene(/bundle-canvas.*\.js$/, async (route, page) => {
    held++;
    for (let before = bare, isSame = false; !isSame; before = bare) {
      bare = await page.screenshot();
      isSame = bare.equals(before);
    }
    await route.continue();
  });
  try {
    const delayed = await pictureOf(routed, scene.url, shot);
    expect(held).toBe(1);
    expect(differentPixels(bare, delayed)).toBeGreaterThan(10 * MOST_OF_TEXTS);
    expect(differentPixels(delayed, await pictureOf(browser, scene.url, shot))).toBeLessThan(MOST_OF_TEXTS);
  } finally {
    await scene.close();
  }
});

test('a picture that is never complete says what is missing and what the page shows', async () => {
  const scene = await startScene({
    pageDir: 'dist/web',
    mesh: () => new Promise(() => {}),
    story: new Story(Date.now()),
  });
  const shot: Shot = { ...USUAL, name: 'nothing', hash: 'view=graph' };
  try {
    await expect(pictureOf(browser, scene.url, shot, 2000)).rejects.toThrow(
      /^nothing: waited 2 s for the view\. The page shows: ".*Connecting.*"/,
    );
  } finally {
    await scene.close();
  }
});

test('a page whose code could not be loaded is loaded again', async () => {
  let refused = 0;
  const { scene, routed } = await usualScene(/heatmap-view.*\.js$/, (route) =>
    refused++ === 0 ? route.abort() : route.continue(),
  );
  try {
    await pictureOf(routed, scene.url, { ...USUAL, name: 'heatmap', hash: 'view=heatmap' });
    expect(refused).toBe(2);
  } finally {
    await scene.close();
  }
});
