import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { Browser, CDPSession, Page } from 'playwright-core';
import { startScene } from '../support/feed/scene-server.ts';
import { median, quantile } from './figures.ts';
import { type Line, line } from './report.ts';
import { Recording } from './web-recording.ts';
import { updatesPainted, watchedIn, watchFromStart } from './web-watch.ts';

/** Folder of the built page. */
export const PAGE_DIR = 'dist/web';
/** The window of figures that a recording has. */
const WINDOW_MS = 60_000;
const MOVES = 60;

/** Opens `#hash` of a page that shows `pods` pods, `speed` times faster than the product; closes it after `work`. */
async function visit<T>(
  browser: Browser,
  recording: Recording,
  hash: string,
  speed: number,
  work: (page: Page, debug: CDPSession) => Promise<T>,
): Promise<T> {
  const scene = await startScene({ pageDir: PAGE_DIR, mesh: (windowMs) => recording.next(windowMs), speed });
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, reducedMotion: 'reduce' });
  try {
    const page = await context.newPage();
    page.setDefaultTimeout(60_000);
    await watchFromStart(page);
    await page.goto(`${scene.url}#${hash}`);
    await updatesPainted(page, 1);
    return await work(page, await context.newCDPSession(page));
  } finally {
    await context.close();
    await scene.close();
  }
}

/** One thing to be measured, and what it is called while that goes on. */
export interface Step {
  name: string;
  run(): Promise<Line[]>;
}

/** What a cluster of `pods` pods costs the page. */
export function podSteps(browser: Browser, pods: number, repetitions: number): Step[] {
  let made: Recording | null = null;
  const recording = () => {
    made ??= new Recording(pods, WINDOW_MS);
    return made;
  };
  const name = `N=${pods}: `;
  const first = Math.ceil(repetitions / 5);
  return [
    { name: `${name}first pictures`, run: () => measureFirst(browser, recording(), name, first) },
    { name: `${name}updates`, run: () => measureUpdates(browser, recording(), name, repetitions) },
    { name: `${name}dragging`, run: () => measureDragging(browser, recording(), name) },
  ];
}

async function measureFirst(browser: Browser, recording: Recording, name: string, visits: number): Promise<Line[]> {
  const lines: Line[] = [];
  for (const view of ['graph', 'heatmap']) {
    const firsts: number[] = [];
    for (let i = 0; i < visits; i++) {
      firsts.push(
        await visit(browser, recording, `view=${view}`, 1, async (page) => {
          await page.waitForFunction(() => document.readyState === 'complete');
          return (await watchedIn(page)).firstMs;
        }),
      );
    }
    lines.push(line(`${name}first ${view}, from navigation on`, median(firsts), 'ms', 1000, spread(firsts)));
  }
  return lines;
}

/** Updates before those that are measured: until then the browser still compiles what each of them runs. */
const WARM_UP = 30;

async function measureUpdates(browser: Browser, recording: Recording, name: string, count: number): Promise<Line[]> {
  const lines: Line[] = [];
  for (const view of ['heatmap', 'graph']) {
    const { updatesMs, sinceServerMs, workMs } = await visit(
      browser,
      recording,
      `view=${view}`,
      1,
      async (page, debug) => {
        await updatesPainted(page, WARM_UP);
        await debug.send('Performance.enable');
        const [before, startMs] = [(await watchedIn(page)).updatesMs.length, await busyMs(debug)];
        await updatesPainted(page, WARM_UP + count);
        const watched = await watchedIn(page);
        return { ...watched, workMs: ((await busyMs(debug)) - startMs) / (watched.updatesMs.length - before) };
      },
    );
    const updates = updatesMs.slice(WARM_UP);
    const aim = view === 'heatmap' ? 50 : null;
    const whole = `${median(sinceServerMs.slice(WARM_UP)).toFixed(0)} ms after the server had it`;
    const note = `${spread(updates)}; ${whole}; the page's thread works ${workMs.toFixed(0)} ms`;
    lines.push(line(`${name}${view} update to the painted frame`, median(updates), 'ms', aim, note));
  }
  return lines;
}

/** Main thread's work per move of the mouse, with a button held: of the background, of a pod, of the background scaled. */
async function measureDragging(browser: Browser, recording: Recording, name: string): Promise<Line[]> {
  return visit(browser, recording, 'view=graph', 1, async (page, debug) => {
    await debug.send('Performance.enable');
    const box = await page.locator('.graph-stage').boundingBox();
    const pod = await page.locator('.pod-node').first().boundingBox();
    if (box === null || pod === null) throw new Error('there is no graph to drag');
    const corner = { x: box.x + 24, y: box.y + box.height - 24 };
    const middle = { x: pod.x + pod.width / 2, y: pod.y + pod.height / 2 };
    const release = recording.hold();
    await settled(page);
    const lines: Line[] = [];
    for (const [what, from] of [
      ['the graph', corner],
      ['a pod', middle],
    ] as const) {
      const { workMs, framesPerS } = await drag(page, debug, from);
      const note = `${framesPerS.toFixed(0)} frames a second`;
      lines.push(line(`${name}a frame while dragging ${what}`, workMs, 'ms', 16, note));
    }
    await page.keyboard.press('+');
    await settled(page);
    const { workMs, framesPerS } = await drag(page, debug, corner);
    const note = `at 125 %; ${framesPerS.toFixed(0)} frames a second`;
    lines.push(line(`${name}a frame while dragging the scaled graph`, workMs, 'ms', 16, note));
    release();
    return lines;
  });
}

/** Resolves when what was under way has been painted: no update within half a second. */
async function settled(page: Page): Promise<void> {
  let before = -1;
  for (let now = 0; now !== before; now = (await watchedIn(page)).updatesMs.length) {
    before = now;
    await page.waitForTimeout(500);
  }
}

async function drag(page: Page, debug: CDPSession, from: { x: number; y: number }) {
  await page.mouse.move(from.x, from.y);
  await page.mouse.down();
  await page.mouse.move(from.x + 10, from.y - 10);
  const [busy, startMs, { frames }] = [await busyMs(debug), performance.now(), await watchedIn(page)];
  for (let i = 1; i <= MOVES; i++) {
    const turn = (i / MOVES) * 2 * Math.PI;
    await page.mouse.move(from.x + 40 * Math.sin(turn) + 10, from.y - 60 + 50 * Math.cos(turn));
  }
  const tookMs = performance.now() - startMs;
  const shown = (await watchedIn(page)).frames - frames;
  const workMs = ((await busyMs(debug)) - busy) / Math.max(1, Math.min(shown, MOVES));
  await page.mouse.up();
  return { workMs, framesPerS: (1000 * shown) / tookMs };
}

/** How long the page's own thread has worked since `Performance.enable`, ms. */
async function busyMs(debug: CDPSession): Promise<number> {
  const { metrics } = await debug.send('Performance.getMetrics');
  return 1000 * (metrics.find(({ name }) => name === 'TaskDuration')?.value ?? Number.NaN);
}

/** How many times faster than in the product pictures follow each other while growth is measured. */
const GROWTH_SPEED = 40;

/**
 * How much the page's heap grows over `count` updates, after as many before: in the first hundreds the browser compiles
 * what runs often, and compiled script counts as heap (0.7 MiB of it, and then no more).
 */
export async function measureGrowth(browser: Browser, count: number): Promise<Line[]> {
  const recording = new Recording(100, WINDOW_MS);
  const lines: Line[] = [];
  for (const view of ['graph', 'heatmap']) {
    lines.push(
      await visit(browser, recording, `view=${view}`, GROWTH_SPEED, async (page, debug) => {
        const quietHeap = async (updates: number) => {
          await updatesPainted(page, (await watchedIn(page)).updatesMs.length + updates);
          const release = recording.hold();
          await settled(page);
          const heap = await heapMiB(debug);
          release();
          return heap;
        };
        const before = await quietHeap(count);
        const after = await quietHeap(count);
        const note = `${before.toFixed(2)} MiB after the ${count} before`;
        return line(`N=100: heap growth over ${count} updates, ${view}`, after - before, 'MiB', 0.5, note);
      }),
    );
  }
  return lines;
}

async function heapMiB(debug: CDPSession): Promise<number> {
  for (let i = 0; i < 3; i++) await debug.send('HeapProfiler.collectGarbage');
  const { usedSize } = await debug.send('Runtime.getHeapUsage');
  return usedSize / 2 ** 20;
}

/** What of the page's script goes over the network. */
export async function measureSize(): Promise<Line[]> {
  const folder = join(PAGE_DIR, 'assets');
  const sizes = { script: { raw: 0, gzip: 0 }, later: { raw: 0, gzip: 0 }, style: { raw: 0, gzip: 0 } };
  for (const file of await readdir(folder)) {
    // A first visit shows the graph and the timeline; the heatmap and the comparison come when they are asked for.
    const script = /^(heatmap|compare)-view/.test(file) ? sizes.later : sizes.script;
    const kind = file.endsWith('.js') ? script : file.endsWith('.css') ? sizes.style : null;
    if (kind === null) continue;
    const bytes = await readFile(join(folder, file));
    kind.raw += bytes.length / 1000;
    // As our server sends it.
    kind.gzip += gzipSync(bytes, { level: 6 }).length / 1000;
  }
  const note = ({ raw }: { raw: number }) => `${raw.toFixed(0)} kB plain`;
  return [
    line('script of a first visit, compressed', sizes.script.gzip, 'kB', 150, note(sizes.script)),
    line('script of other views, compressed', sizes.later.gzip, 'kB', null, note(sizes.later)),
    line('style, compressed', sizes.style.gzip, 'kB', null, note(sizes.style)),
  ];
}

function spread(figures: readonly number[]): string {
  return `95 % within ${quantile(figures, 0.95).toFixed(0)} ms`;
}
