import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Page } from 'playwright-core';
import { expect } from 'vitest';
import { palettePng } from '../pictures/palette-png.ts';
import { CHAOS, Experiment } from '../support/experiment.ts';
import { goTo, soon, words } from './page-visit.ts';
import { Pages } from './pages.ts';
import { podsIn } from './real-pages.ts';

/** On a busy machine a pod's own row may be starved, which says nothing against the pod. */
export const NOT_FAILING = /^(Healthy|CPU-starved)/;
/** Every step's picture; `npm run screenshots:experiments` keeps those of docs/experiments.md there. */
const SEEN_DIR = 'test-results/experiments';
const KEPT_DIR = process.env['EXPERIMENT_PICTURES'] ?? '';
/** A picture in the repository is paid for by everybody who clones it. */
const MAX_KEPT_BYTES = 150_000;

/** One walk through an experiment: a cluster, a browser, and the page of a pod that is not in the experiment. */
export class Walk {
  readonly experiment: Experiment;
  readonly pages: Pages;
  readonly page: Page;

  private constructor(experiment: Experiment, pages: Pages, page: Page) {
    this.experiment = experiment;
    this.pages = pages;
    this.page = page;
  }

  /** Starts three healthy pods, and opens the page of the witness. */
  static async start(): Promise<Walk> {
    mkdirSync(SEEN_DIR, { recursive: true });
    const pages = new Pages();
    const [experiment] = await Promise.all([Experiment.start(), pages.start()]);
    const page = await pages.open(`http://${experiment.witness.ip}:8080/`);
    return new Walk(experiment, pages, page);
  }

  /** Ends all; fails if a page did what no page of ours may do. */
  async end(): Promise<void> {
    const faults = await this.pages.leave();
    await Promise.all([this.pages.close(), this.experiment.stop()]);
    expect(faults).toEqual([]);
  }

  /** Waits until the page says that so many pods are well. */
  podsOk(count: number) {
    return soon(() => this.page.title()).toBe(`${count} pods ok · goldpinger`);
  }

  /** Names of the pods that are not gone. */
  names(): string[] {
    return this.experiment.cluster.pods().map(({ name }) => name);
  }

  /** What is said of a pod after its name and node, and its colour. */
  async said(name: string): Promise<{ state: string; fill: string }> {
    const pod = (await podsIn(this.page)).find((one) => one.words.startsWith(name));
    return { state: pod?.words.replace(/^.*?: /, '') ?? '', fill: pod?.fill ?? '' };
  }

  /** Waits until that is said of a pod. */
  is(name: string, state: RegExp) {
    return soon(async () => (await this.said(name)).state).toMatch(state);
  }

  /** What the panel of the selection says. */
  panel(): Promise<string> {
    return words(this.page, '.side-panel.is-selection');
  }

  /** Selects a pod, or one link, in a view. */
  select(view: 'graph' | 'heatmap', selection: string): Promise<void> {
    return goTo(this.page, `#view=${view}&${selection}`);
  }

  /** Takes a step's picture; the steps are about other things than what our own pods could not measure well. */
  async picture(name: string, isKept = false): Promise<void> {
    // Nor about what the keys point at.
    await this.page.evaluate(() => document.activeElement instanceof HTMLElement && document.activeElement.blur());
    await soon(() => words(this.page, 'body')).not.toMatch(/Loading (?:samples|history)/);
    const isForDocs = isKept && KEPT_DIR !== '';
    const picture = await this.#calmestOf(isForDocs ? 12_000 : 3000);
    writeFileSync(join(SEEN_DIR, `${name}.png`), picture);
    if (!isForDocs) return;
    const small = palettePng(picture);
    expect(small.length).toBeLessThan(MAX_KEPT_BYTES);
    writeFileSync(join(KEPT_DIR, `${name}.png`), small);
  }

  /** The picture of the next so many ms with the fewest links and pods that tell little; the first that has none. */
  async #calmestOf(durationMs: number): Promise<Buffer> {
    const untilMs = performance.now() + durationMs;
    let best = await this.page.screenshot();
    let fewest = Number.POSITIVE_INFINITY;
    for (let leftMs = durationMs; fewest > 0 && leftMs > 0; leftMs = untilMs - performance.now()) {
      const text = await words(this.page, '.summary');
      const count = [...text.matchAll(/(\d+) (?:unreliable|CPU-starved|warning|pending)/g)].reduce(
        (sum, [, n]) => sum + Number(n),
        0,
      );
      if (count < fewest) {
        const picture = await this.page.screenshot();
        if ((await words(this.page, '.summary')) !== text) continue;
        [best, fewest] = [picture, count];
      }
      await expect
        .poll(() => words(this.page, '.summary'), { timeout: leftMs })
        .not.toBe(text)
        .catch(() => {});
    }
    return best;
  }

  /** Waits until the heatmap's red cells are exactly the links that `isRed` tells. */
  async redAre(isRed: (from: string, to: string) => boolean): Promise<void> {
    const names = this.names();
    const expected = names.flatMap((from) => names.filter((to) => isRed(from, to)).map((to) => `${from} > ${to}`));
    await soon(async () => (await redLinks(this.page)).sort()).toEqual(expected.sort());
  }
}

/** Whether a pod is one of those that an experiment made. */
export const isChaos = (name: string): boolean => name.startsWith(CHAOS);

/** The links whose cells are red, `from > to`, read from one picture of the heatmap on the page. */
async function redLinks(page: Page): Promise<string[]> {
  const places = await diagonal(page);
  const red = await page.evaluate((cells) => {
    const canvas = document.querySelector<HTMLCanvasElement>('.heat-layers canvas');
    const context = canvas?.getContext('2d');
    if (!canvas || !context) return [];
    const scale = canvas.width / canvas.getBoundingClientRect().width;
    return cells.flatMap((from) =>
      cells
        .filter((to) => {
          // Beside figure and mark. Also red where the column is faded because its pod had no CPU for a moment.
          const { data } = context.getImageData(Math.round(from.x * scale), Math.round(to.y * scale), 1, 1);
          const [r = 0, g = 0, b = 0] = data;
          return r - g > 60 && r - b > 60;
        })
        .map((to) => `${from.name} > ${to.name}`),
    );
  }, places);
  return red;
}

/** Each pod of the heatmap with where its column and its row are, px from the picture's corner, found by the keys. */
async function diagonal(page: Page): Promise<{ name: string; x: number; y: number }[]> {
  await page.getByRole('grid', { name: /Heatmap/ }).focus();
  await page.keyboard.press('Control+Home');
  const places: { name: string; x: number; y: number }[] = [];
  for (let i = 1; ; i++) {
    const at = await keyedPlace(page);
    // The keys end at the last pod.
    if (at.place !== `${i}/${i}`) return places;
    places.push(at);
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('ArrowDown');
  }
}

function keyedPlace(page: Page) {
  return page.evaluate(async () => {
    // The page follows a key with its next frame.
    await new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)));
    const picture = document.querySelector('.heat-layers canvas')?.getBoundingClientRect();
    const cell = document.querySelector('#grid-cell');
    const box = cell?.getBoundingClientRect();
    if (!picture || !cell || !box) return { place: '', name: '', x: 0, y: 0 };
    return {
      place: `${cell.getAttribute('aria-colindex')}/${cell.parentElement?.getAttribute('aria-rowindex')}`,
      name: /^from (\S+) to /.exec(cell.textContent ?? '')?.[1] ?? '',
      x: box.x + box.width * 0.2 - picture.x,
      y: box.y + box.height * 0.2 - picture.y,
    };
  });
}
