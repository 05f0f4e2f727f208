import type { Browser, Page } from 'playwright-core';
import { expect } from 'vitest';
import { launchBrowser } from './browser.ts';
import { Contexts } from './contexts.ts';

/** `expect.poll` that gives real processes on a busy machine 40 s. */
export function soon<T>(look: () => T | Promise<T>) {
  return expect.poll(look, { timeout: 40_000 });
}

/** A pod as the graph shows it. */
export interface SeenPod {
  /** What a screen reader is told: name, node, state. */
  words: string;
  /** Computed colour of its shape, `rgb(...)`. */
  fill: string;
}

/** What a page has shown at any time since `recordFrom`. */
export interface History {
  /** What was said of each pod, without figures that change: `name: state`. */
  pods: string[];
  /** The fewest pods that the graph had at once. */
  fewest: number;
  notices: string[];
}

/** A browser whose pages are closed after each test, and what they did that no page of ours may do. */
export class RealPages {
  /** Dialogs, script errors, refused content, requests that leave the page's origin. */
  readonly faults: string[] = [];
  readonly #browser: Browser;
  readonly #contexts = new Contexts();
  readonly #open: { close(): Promise<void> }[] = [];

  private constructor(browser: Browser) {
    this.#browser = browser;
  }

  /** Starts the browser. */
  static async start(): Promise<RealPages> {
    return new RealPages(await launchBrowser());
  }

  /** Opens the page of a real server in a browser of its own, so to speak. */
  async open(url: string, hash = ''): Promise<Page> {
    const context = await this.#contexts.of(this.#browser, {});
    const page = await context.newPage();
    this.#open.push(page);
    const origin = new URL(url).origin;
    page.on('request', (request) => {
      const { protocol, origin: asked } = new URL(request.url());
      if (asked !== origin && protocol !== 'data:' && protocol !== 'blob:') this.faults.push(`asked ${request.url()}`);
    });
    page.on('pageerror', (error) => this.faults.push(`error ${error.message}`));
    page.on('console', (message) => {
      if (/Content Security Policy|Refused to/.test(message.text())) this.faults.push(message.text());
    });
    page.on('dialog', (dialog) => {
      this.faults.push(`dialog ${dialog.message()}`);
      void dialog.dismiss();
    });
    await page.goto(`${url}${hash}`);
    return page;
  }

  /** Closes all pages; gives and forgets the faults. */
  async leave(): Promise<string[]> {
    for (const each of this.#open.splice(0)) await each.close();
    return this.faults.splice(0);
  }

  /** Ends the browser too. */
  async close(): Promise<void> {
    await this.leave();
    await this.#browser.close();
  }
}

/** Goes to another view or selection by the address, as a pasted link does. */
export async function goTo(page: Page, hash: string): Promise<void> {
  await page.evaluate((next) => {
    location.hash = next;
  }, hash);
}

/** The pods of the graph, in the order of Tab. */
export function podsIn(page: Page): Promise<SeenPod[]> {
  return page.locator('.pod-node').evaluateAll((nodes) =>
    nodes.map((node) => ({
      words: node.getAttribute('aria-label') ?? '',
      fill: getComputedStyle(node.querySelector('.pod-shape') ?? node).fill,
    })),
  );
}

/** The computed colours of the graph's links, each once. */
export async function linkColours(page: Page): Promise<string[]> {
  const all = await page
    .locator('.graph-links .graph-link > path:not(.graph-halo)')
    .evaluateAll((paths) => paths.map((path) => getComputedStyle(path).stroke));
  return [...new Set(all)].sort();
}

/** A colour token of the page's theme as `rgb(...)`. */
export function token(page: Page, name: string): Promise<string> {
  return page.evaluate((key) => {
    const hex = getComputedStyle(document.documentElement).getPropertyValue(key).trim();
    const parts = [1, 3, 5].map((at) => Number.parseInt(hex.slice(at, at + 2), 16));
    return `rgb(${parts.join(', ')})`;
  }, name);
}

/** What the heatmap says of the cell that the keys are at, `from a to b: ...`, and its colour beside figure and mark. */
export async function keyedCell(page: Page): Promise<{ words: string; colour: string }> {
  return page.evaluate(() => {
    const canvas = document.querySelector<HTMLCanvasElement>('.heat-layers canvas');
    const cell = document.querySelector('#heat-cell');
    if (canvas === null || cell === null) return { words: '', colour: '' };
    const [picture, place] = [canvas.getBoundingClientRect(), cell.getBoundingClientRect()];
    const scale = canvas.width / picture.width;
    const x = (place.x + place.width * 0.2 - picture.x) * scale;
    const y = (place.y + place.height * 0.2 - picture.y) * scale;
    const [r, g, b] = canvas.getContext('2d')?.getImageData(Math.round(x), Math.round(y), 1, 1).data ?? [];
    return { words: cell.textContent ?? '', colour: `rgb(${r}, ${g}, ${b})` };
  });
}

/** Moves the heatmap's keys to a column and a row and gives the cell there. */
export async function cellAt(page: Page, column: number, row: number): Promise<{ words: string; colour: string }> {
  const grid = page.getByRole('grid', { name: /Heatmap/ });
  await grid.focus();
  await page.keyboard.press('Control+Home');
  for (let i = 0; i < column; i++) await page.keyboard.press('ArrowRight');
  for (let i = 0; i < row; i++) await page.keyboard.press('ArrowDown');
  const place = `${column + 1}/${row + 1}`;
  await soon(() =>
    page.evaluate(() => {
      const cell = document.querySelector('#heat-cell');
      return `${cell?.getAttribute('aria-colindex')}/${cell?.parentElement?.getAttribute('aria-rowindex')}`;
    }),
  ).toBe(place);
  return keyedCell(page);
}

/** Keeps from now on what the graph and the notices show, however briefly. */
export async function recordFrom(page: Page): Promise<void> {
  await page.evaluate(() => {
    const history: History = { pods: [], fewest: Number.POSITIVE_INFINITY, notices: [] };
    (window as unknown as { shown: History }).shown = history;
    const add = (list: string[], words: string) => {
      if (!list.includes(words)) list.push(words);
    };
    const look = () => {
      const nodes = [...document.querySelectorAll('.pod-node')];
      history.fewest = Math.min(history.fewest, nodes.length);
      for (const node of nodes) {
        const [name, state = ''] = (node.getAttribute('aria-label') ?? '').split(/, on [^:]*: |: /);
        add(history.pods, `${name}: ${state.split(/[, ]/)[0]}`);
      }
      for (const notice of document.querySelectorAll('.notice p')) add(history.notices, notice.textContent ?? '');
    };
    look();
    new MutationObserver(look).observe(document.body, { childList: true, subtree: true, attributes: true });
  });
}

/** What has been shown since `recordFrom`. */
export function recordedIn(page: Page): Promise<History> {
  return page.evaluate(() => (window as unknown as { shown: History }).shown);
}
