import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Browser, CDPSession, Page } from 'playwright-core';
import type { Mesh } from '../../server/protocol/mesh.ts';
import { meshOf } from '../support/feed/scenarios.ts';
import { startScene } from '../support/feed/scene-server.ts';
import { Story } from '../support/feed/story.ts';
import { firstScripts } from '../support/first-visit.ts';
import { type Figure, figure, median, quantile } from './figures.ts';
import { updatesPainted, watchedIn, watchFromStart } from './page-watch.ts';
import type { Step } from './program.ts';

/** Folder of the built page. */
export const PAGE_DIR = 'dist/web';
/** Window of the statistics that a recording has. */
const WINDOW_MS = 60_000;
/** Moves of the mouse while dragging, and turns of its wheel while zooming. */
const MOVES = 60;
/** So many updates are not measured, because the browser compiles the page's script during them. */
const WARM_UP = 30;
/** While growth is measured, updates follow each other this many times faster than in the product. */
const GROWTH_SPEED = 40;
/** A recording has so many different meshes; then it starts again. */
const TICKS = 3;

/**
 * A cluster of `pods` pods in which every figure changes with every update, as in a real one where every link has been
 * pinged in between. The meshes are made beforehand, so that serving them costs no more than in the product.
 */
class Recording {
  readonly story: Story;
  readonly #meshes: Mesh[];
  readonly #withoutStats: Mesh[];
  #next = 0;
  #held: Promise<void> = Promise.resolve();

  constructor(pods: number) {
    // The same time for all, so that the pods are the same in each.
    const atMs = Date.now();
    this.story = new Story(atMs, pods);
    this.#meshes = Array.from({ length: TICKS }, (_, tick) =>
      meshOf({ pods, scenario: 'mixed', windowMs: WINDOW_MS, tick, atMs }),
    );
    this.#withoutStats = this.#meshes.map((mesh) => ({
      ...mesh,
      windowMs: 0,
      reports: mesh.reports.map((report) => ({ ...report, stats: null })),
    }));
  }

  /** The next mesh, as if it had been collected just now; with statistics if `windowMs` is not 0. */
  async next(windowMs: number): Promise<Mesh> {
    await this.#held;
    const tick = this.#next++ % TICKS;
    const mesh = windowMs > 0 ? this.#meshes[tick] : this.#withoutStats[tick];
    if (mesh === undefined) throw new Error('a recording without meshes');
    return { ...mesh, atMs: Date.now() };
  }

  /** Sends nothing until the returned function is called. */
  hold(): () => void {
    let release = () => {};
    this.#held = new Promise((resolve) => {
      release = resolve;
    });
    return release;
  }
}

/** Opens `#view=` of a page that shows `recording`, `speed` times faster than the product; closes it after `work`. */
async function visit<T>(
  browser: Browser,
  recording: Recording,
  view: string,
  work: (page: Page, debug: CDPSession) => Promise<T>,
  speed = 1,
): Promise<T> {
  const { story } = recording;
  const scene = await startScene({ pageDir: PAGE_DIR, mesh: (windowMs) => recording.next(windowMs), story, speed });
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, reducedMotion: 'reduce' });
  try {
    const page = await context.newPage();
    page.setDefaultTimeout(60_000);
    await watchFromStart(page);
    await page.goto(`${scene.url}#view=${view}`);
    await updatesPainted(page, 1);
    const debug = await context.newCDPSession(page);
    // CPU time, because that of the clock grows with whatever else the machine does.
    await debug.send('Performance.enable', { timeDomain: 'threadTicks' });
    return await work(page, debug);
  } finally {
    await context.close();
    await scene.close();
  }
}

/** The steps that measure the page with a cluster of `pods` pods. */
export function podSteps(browser: Browser, pods: number, repetitions: number): Step[] {
  let made: Recording | null = null;
  const recording = () => {
    made ??= new Recording(pods);
    return made;
  };
  const name = `N=${pods}: `;
  const visits = Math.ceil(repetitions / 5);
  return [
    { name: `${name}first pictures`, run: () => measureFirst(browser, recording(), name, visits) },
    { name: `${name}updates`, run: () => measureUpdates(browser, recording(), name, repetitions) },
    { name: `${name}dragging`, run: () => measureMoving(browser, recording(), name, 'graph') },
  ];
}

/** The step that measures how a graph of `pods` single pods moves, whose healthy links are bundles. */
export function bundleStep(browser: Browser, pods: number): Step {
  const name = `N=${pods}, bundled: `;
  return { name: `${name}moving`, run: () => measureMoving(browser, new Recording(pods), name, 'graph&level=pod') };
}

async function measureFirst(browser: Browser, recording: Recording, name: string, visits: number): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const view of ['graph', 'heatmap']) {
    const firstMs: number[] = [];
    for (let i = 0; i < visits; i++) {
      await visit(browser, recording, view, async (page) => {
        await page.waitForFunction(() => document.readyState === 'complete');
        firstMs.push((await watchedIn(page)).firstMs);
      });
    }
    figures.push(figure(`${name}first ${view}, from navigation on`, median(firstMs), 'ms', 1000, spread(firstMs)));
  }
  return figures;
}

async function measureUpdates(browser: Browser, recording: Recording, name: string, count: number): Promise<Figure[]> {
  const figures: Figure[] = [];
  for (const view of ['heatmap', 'graph']) {
    const { updatesMs, sinceServerMs, workMs } = await visit(browser, recording, view, async (page, debug) => {
      await updatesPainted(page, WARM_UP);
      const [before, startMs] = [(await watchedIn(page)).updatesMs.length, await busyMs(debug)];
      await updatesPainted(page, WARM_UP + count);
      const watched = await watchedIn(page);
      return { ...watched, workMs: ((await busyMs(debug)) - startMs) / (watched.updatesMs.length - before) };
    });
    const updates = updatesMs.slice(WARM_UP);
    const aim = view === 'heatmap' ? 50 : null;
    const whole = `${median(sinceServerMs.slice(WARM_UP)).toFixed(0)} ms after the server had it`;
    const note = `${spread(updates)}; ${whole}; the page's thread works ${workMs.toFixed(0)} ms`;
    figures.push(figure(`${name}${view} update to the painted frame`, median(updates), 'ms', aim, note));
  }
  return figures;
}

/** The main thread's CPU time for each frame while the graph, a pod and the scaled graph are dragged, and while the wheel zooms. */
async function measureMoving(browser: Browser, recording: Recording, name: string, view: string): Promise<Figure[]> {
  return visit(browser, recording, view, async (page, debug) => {
    const box = await page.locator('.graph-stage').boundingBox();
    const pod = await page.locator('.pod-node').first().boundingBox();
    if (box === null || pod === null) throw new Error('there is no graph to drag');
    const corner = { x: box.x + 24, y: box.y + box.height - 24 };
    const middle = { x: pod.x + pod.width / 2, y: pod.y + pod.height / 2 };
    const release = recording.hold();
    const measured = async (what: string, move: (i: number) => Promise<void>, remark = '') => {
      await updatesEnded(page);
      const { workMs, framesPerS } = await workOf(page, debug, move);
      await page.mouse.up();
      const note = `${remark}${framesPerS.toFixed(0)} frames a second`;
      return figure(`${name}a frame while ${what}`, workMs, 'ms', 16, note);
    };
    const dragged = async (what: string, from: { x: number; y: number }, remark = '') => {
      await page.mouse.move(from.x, from.y);
      await page.mouse.down();
      await page.mouse.move(from.x + 10, from.y - 10);
      const round = (i: number) => {
        const angle = (i / MOVES) * 2 * Math.PI;
        return page.mouse.move(from.x + 40 * Math.sin(angle) + 10, from.y - 60 + 50 * Math.cos(angle));
      };
      return measured(`dragging ${what}`, round, remark);
    };
    const figures = [await dragged('the graph', corner), await dragged('a pod', middle)];
    await page.keyboard.press('+');
    figures.push(await dragged('the scaled graph', corner, 'at 125 %; '));
    const third = { clientX: box.x + box.width / 3, clientY: box.y + box.height / 3 };
    figures.push(await measured('zooming', (i) => turnWheel(page, { ...third, deltaY: i % 20 < 10 ? -60 : 60 })));
    release();
    return figures;
  });
}

/** Turns the wheel and waits for the next frame. The browser's own mouse waits half a second for each turn. */
async function turnWheel(page: Page, turn: { clientX: number; clientY: number; deltaY: number }): Promise<void> {
  await page.evaluate(async ({ clientX, clientY, deltaY }) => {
    const event = new WheelEvent('wheel', { clientX, clientY, deltaY, bubbles: true, cancelable: true });
    document.elementFromPoint(clientX, clientY)?.dispatchEvent(event);
    await new Promise(requestAnimationFrame);
  }, turn);
}

/** Resolves when no update has been painted for half a second. That time must pass: nothing tells that none follows. */
async function updatesEnded(page: Page): Promise<void> {
  let before = -1;
  for (let now = 0; now !== before; now = (await watchedIn(page)).updatesMs.length) {
    before = now;
    await page.waitForTimeout(500);
  }
}

/** The main thread's CPU time for each frame while `move` is called for 1 to `MOVES`. */
async function workOf(page: Page, debug: CDPSession, move: (i: number) => Promise<void>) {
  const [beforeMs, startMs, { frames }] = [await busyMs(debug), performance.now(), await watchedIn(page)];
  for (let i = 1; i <= MOVES; i++) await move(i);
  const tookMs = performance.now() - startMs;
  const painted = (await watchedIn(page)).frames - frames;
  const workMs = ((await busyMs(debug)) - beforeMs) / Math.max(1, Math.min(painted, MOVES));
  return { workMs, framesPerS: (1000 * painted) / tookMs };
}

/** CPU time of the page's own thread since `Performance.enable`, ms. */
async function busyMs(debug: CDPSession): Promise<number> {
  const { metrics } = await debug.send('Performance.getMetrics');
  return 1000 * (metrics.find(({ name }) => name === 'TaskDuration')?.value ?? Number.NaN);
}

/**
 * Measures the growth of the page's heap over `count` updates, after as many others. During the first hundreds of updates
 * the browser compiles what runs often, and compiled script counts as heap (0.7 MiB, once).
 */
export async function measureGrowth(browser: Browser, count: number): Promise<Figure[]> {
  const recording = new Recording(100);
  const measure = async (page: Page, debug: CDPSession) => {
    const heapAfter = async (updates: number) => {
      await updatesPainted(page, (await watchedIn(page)).updatesMs.length + updates);
      const release = recording.hold();
      await updatesEnded(page);
      const heap = await heapMiB(debug);
      release();
      return heap;
    };
    const before = await heapAfter(count);
    return { before, growth: (await heapAfter(count)) - before };
  };
  const figures: Figure[] = [];
  for (const view of ['graph', 'heatmap']) {
    const { before, growth } = await visit(browser, recording, view, measure, GROWTH_SPEED);
    const note = `${before.toFixed(2)} MiB after the ${count} before`;
    figures.push(figure(`N=100: heap growth over ${count} updates, ${view}`, growth, 'MiB', 0.5, note));
  }
  return figures;
}

async function heapMiB(debug: CDPSession): Promise<number> {
  for (let i = 0; i < 3; i++) await debug.send('HeapProfiler.collectGarbage');
  const { usedSize } = await debug.send('Runtime.getHeapUsage');
  return usedSize / 2 ** 20;
}

/** Measures the size of the page's scripts and style as they go over the network, compressed by the build. */
export function measureSize(): Figure[] {
  const folder = join(PAGE_DIR, 'assets');
  const first = new Set(firstScripts(PAGE_DIR));
  const names = readdirSync(folder);
  const sizeOf = (wanted: (name: string) => boolean) => {
    const files = names.filter(wanted);
    const sum = (ending: string) =>
      files.reduce((bytes, name) => bytes + statSync(join(folder, name + ending)).size, 0) / 1000;
    return { compressed: sum('.br'), note: `${sum('').toFixed(0)} kB plain` };
  };
  const script = sizeOf((name) => first.has(name));
  const later = sizeOf((name) => name.endsWith('.js') && !first.has(name));
  const style = sizeOf((name) => name.endsWith('.css'));
  return [
    figure('script before the first picture, compressed', script.compressed, 'kB', 150, script.note),
    figure('script that comes later, compressed', later.compressed, 'kB', null, later.note),
    figure('style, compressed', style.compressed, 'kB', null, style.note),
  ];
}

function spread(valuesMs: readonly number[]): string {
  return `95 % within ${quantile(valuesMs, 0.95).toFixed(0)} ms`;
}
