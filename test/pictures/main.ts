import { existsSync } from 'node:fs';
import { mkdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import type { Mesh } from '../../server/protocol/mesh.ts';
import { launchBrowser } from '../e2e/browser.ts';
import { FEED_TIME_MS, meshOf } from '../support/feed/scenarios.ts';
import { startScene } from '../support/feed/scene-server.ts';
import { palettePng } from './palette-png.ts';
import { allShots, type Shot } from './shots.ts';

const PAGE_DIR = 'dist/web';
const KEPT_DIR = 'docs/pictures';
const SEEN_DIR = 'test-results/pictures';
/** A picture in the repository is paid for by everybody who clones it. */
const MAX_KEPT_BYTES = 150_000;

const HELP = `npm run screenshots [-- TEXT]

Takes pictures of the page with made-up clusters: those of the README into ${KEPT_DIR}, all others, to be looked at,
into ${SEEN_DIR}. With TEXT only those that have it in their name.
`;

/** Takes one picture. The time stands still and is UTC, so that taking it again changes nothing without a reason. */
async function take(browser: Browser, shot: Shot): Promise<string> {
  const made = new Map<number, Mesh>();
  const mesh = (windowMs: number) => {
    const known = made.get(windowMs) ?? meshOf({ ...shot.mesh, windowMs });
    made.set(windowMs, known);
    return known;
  };
  const scene = await startScene({ pageDir: PAGE_DIR, mesh, nowMs: () => FEED_TIME_MS + 300 });
  const context = await browser.newContext({
    viewport: { width: shot.width, height: shot.width < 640 ? 844 : 900 },
    colorScheme: shot.isDark ? 'dark' : 'light',
    reducedMotion: 'reduce',
    timezoneId: 'UTC',
  });
  try {
    await context.addInitScript(() => localStorage.setItem('goldpinger.hintRead', 'yes'));
    const page = await context.newPage();
    await page.goto(`${scene.url}#${shot.hash}`);
    await page.locator('.graph-stage, .heat-layers canvas, .table-frame').first().waitFor();
    if (shot.hash.includes('from=')) await page.locator('.side-panel.is-selection svg').first().waitFor();
    await page.evaluate(
      () => new Promise<void>((resolve) => requestAnimationFrame(() => requestAnimationFrame(() => resolve()))),
    );
    const path = join(shot.isKept ? KEPT_DIR : SEEN_DIR, `${shot.name}.png`);
    const picture = await page.screenshot();
    await writeFile(path, shot.isKept ? palettePng(picture) : picture);
    return path;
  } finally {
    await context.close();
    await scene.close();
  }
}

async function main(): Promise<void> {
  const [wanted = ''] = process.argv.slice(2);
  if (wanted === '--help') {
    process.stdout.write(HELP);
    return;
  }
  if (!existsSync(PAGE_DIR)) throw new Error(`${PAGE_DIR} is not there: npm run build makes it`);
  const shots = allShots().filter(({ name }) => name.includes(wanted));
  if (shots.length === 0) throw new Error(`no picture has "${wanted}" in its name`);
  await Promise.all([KEPT_DIR, SEEN_DIR].map((dir) => mkdir(dir, { recursive: true })));
  const browser = await launchBrowser();
  try {
    for (const shot of shots) {
      const path = await take(browser, shot);
      const { size } = await stat(path);
      process.stdout.write(`${path}  ${Math.round(size / 1000)} kB\n`);
      if (shot.isKept && size > MAX_KEPT_BYTES) throw new Error(`${path} is larger than ${MAX_KEPT_BYTES / 1000} kB`);
    }
  } finally {
    await browser.close();
  }
}

main().catch((error) => {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
});
