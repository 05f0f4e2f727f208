import { existsSync } from 'node:fs';
import { mkdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Browser } from 'playwright-core';
import type { Mesh } from '../../server/protocol/mesh.ts';
import { launchBrowser } from '../e2e/browser.ts';
import { FEED_TIME_MS, meshOf } from '../support/feed/scenarios.ts';
import { startScene } from '../support/feed/scene-server.ts';
import { palettePng } from './palette-png.ts';
import { KEPT, type Shot, tour } from './shots.ts';

const PAGE_DIR = 'dist/web';
const KEPT_DIR = 'docs/pictures';
/** A picture in the repository is paid for by everybody who clones it. */
const MAX_KEPT_BYTES = 150_000;

const HELP = `npm run screenshots [-- [--tour DIR] [TEXT]]

Takes pictures of the page with made-up clusters: those of the README and the docs into ${KEPT_DIR}. With TEXT only those
that have it in their name.
  --tour DIR  pictures to look at instead, into DIR: 4 to 5000 pods, each fault, each size of the window, light and dark
`;

/** Takes pictures of one mesh. The time stands still and is UTC, so that taking them again changes nothing without a reason. */
async function take(browser: Browser, shots: readonly Shot[], save: (shot: Shot, picture: Buffer) => Promise<void>) {
  const [{ mesh: options }] = shots as [Shot];
  const made = new Map<number, Mesh>();
  const mesh = (windowMs: number) => {
    const known = made.get(windowMs) ?? meshOf({ ...options, windowMs });
    made.set(windowMs, known);
    return known;
  };
  // Before a page waits for it: 5000 pods take half a minute.
  mesh(0);
  const scene = await startScene({ pageDir: PAGE_DIR, mesh, nowMs: () => FEED_TIME_MS + 300 });
  try {
    for (const shot of shots) await save(shot, await pictureOf(browser, scene.url, shot));
  } finally {
    await scene.close();
  }
}

async function pictureOf(browser: Browser, url: string, { width, height, zoom, isDark, hash }: Shot): Promise<Buffer> {
  const context = await browser.newContext({
    viewport: { width, height },
    deviceScaleFactor: zoom,
    colorScheme: isDark ? 'dark' : 'light',
    reducedMotion: 'reduce',
    timezoneId: 'UTC',
  });
  try {
    await context.addInitScript(() => localStorage.setItem('goldpinger.hintRead', 'yes'));
    const page = await context.newPage();
    page.setDefaultTimeout(120_000);
    await page.goto(`${url}#${hash}`);
    await page
      .locator('.graph-stage .pod-nodes, .heat-layers canvas, .table-frame')
      .first()
      .waitFor({ state: 'attached' });
    await page.locator('.timeline-head').waitFor({ state: 'attached' });
    if (hash.includes('from=')) await page.locator('.side-panel.is-selection svg').first().waitFor();
    // Bundles are drawn in slices on a hidden canvas. They are complete when no frame has changed for a while.
    for (let before: Buffer = Buffer.alloc(0), now = await page.screenshot(); ; now = await page.screenshot()) {
      if (now.equals(before)) return now;
      before = now;
    }
  } finally {
    await context.close();
  }
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    options: { help: { type: 'boolean' }, tour: { type: 'string' } },
    allowPositionals: true,
  });
  if (values.help === true) {
    process.stdout.write(HELP);
    return;
  }
  const [wanted = ''] = positionals;
  const dir = values.tour ?? KEPT_DIR;
  const isKept = values.tour === undefined;
  if (!existsSync(PAGE_DIR)) throw new Error(`${PAGE_DIR} is not there: npm run build makes it`);
  const shots = (isKept ? KEPT : tour()).filter(({ name }) => name.includes(wanted));
  if (shots.length === 0) throw new Error(`no picture has "${wanted}" in its name`);
  await mkdir(dir, { recursive: true });
  const browser = await launchBrowser();
  try {
    const meshes = new Set(shots.map(({ mesh }) => JSON.stringify(mesh)));
    for (const mesh of meshes) {
      const same = shots.filter((shot) => JSON.stringify(shot.mesh) === mesh);
      await take(browser, same, async ({ name }, picture) => {
        const path = join(dir, `${name}.png`);
        await writeFile(path, isKept ? palettePng(picture) : picture);
        const { size } = await stat(path);
        process.stdout.write(`${path}  ${Math.round(size / 1000)} kB\n`);
        if (isKept && size > MAX_KEPT_BYTES) throw new Error(`${path} is larger than ${MAX_KEPT_BYTES / 1000} kB`);
      });
    }
  } finally {
    await browser.close();
  }
}

main().catch((error) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
