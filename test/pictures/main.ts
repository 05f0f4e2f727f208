import { existsSync } from 'node:fs';
import { mkdir, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import type { Browser } from 'playwright-core';
import type { Mesh } from '../../server/protocol/mesh.ts';
import { launchBrowser } from '../e2e/browser.ts';
import { FEED_TIME_MS, meshOf } from '../support/feed/scenarios.ts';
import { startScene } from '../support/feed/scene-server.ts';
import { Story } from '../support/feed/story.ts';
import { palettePng } from './palette-png.ts';
import { pictureOf } from './picture.ts';
import { KEPT, type Shot, tour } from './shots.ts';

const PAGE_DIR = 'dist/web';
const KEPT_DIR = 'docs/pictures';
/**
 * Streams of the scene end after this time if a page does not read them to their end. After the product's 30 s a page on a busy
 * machine would lose the mesh of 1000 pods again and again, and never show it.
 */
const UNREAD_MS = 600_000;
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
  const story = new Story(FEED_TIME_MS, options.pods, options.scenario);
  const nowMs = () => FEED_TIME_MS + 300;
  const scene = await startScene({ pageDir: PAGE_DIR, mesh, story, nowMs, unreadMs: UNREAD_MS });
  try {
    for (const shot of shots) await save(shot, await pictureOf(browser, scene.url, shot));
  } finally {
    await scene.close();
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
