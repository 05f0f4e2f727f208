import axe from 'axe-core';
import type { Page } from 'playwright-core';
import { expect } from 'vitest';
import type { Scenario } from '../support/feed/plan.ts';
import { meshOf } from '../support/feed/scenarios.ts';
import { Feed, type MeshSource } from '../support/feed/server.ts';
import type { Story } from '../support/feed/story.ts';
import { type Look, Pages } from './pages.ts';

/** How a page is visited. */
export interface Visit extends Look {
  hash?: string;
}

/** Opens feeds and their pages; see `visitorOfFile`. */
export interface FileVisitor {
  /** Starts a feed below `base`; with a story it also has a past. */
  feed(mesh: MeshSource, base?: string, story?: Story): Promise<Feed>;
  /** Opens the page of a feed. */
  visit(feed: Feed, how?: Visit): Promise<Page>;
}

/** Starts a browser for the tests of a file. After each test its feeds and pages are closed. */
export function visitorOfFile(): FileVisitor {
  const pages = Pages.ofFile();
  return {
    async feed(mesh, base = '/', story) {
      const feed = await Feed.start({ mesh, base, ...(story !== undefined && { story }) });
      pages.closeLater(feed);
      return feed;
    },
    visit: (feed, { hash = '', ...look } = {}) => pages.open(feed.url, hash, look),
  };
}

/** The end of a hash that shows every pod, unless it names a level. */
export function levelOf(hash = ''): string {
  return hash.includes('&level=') ? hash : `${hash}&level=pod`;
}

/** A scenario at the present time. Each call gives an update, so that every batch is a change. */
export function scenario(name: Scenario, pods = 4): MeshSource {
  let tick = 0;
  return (windowMs) => meshOf({ pods, scenario: name, windowMs, atMs: Date.now(), tick: tick++ });
}

/** Lays the page out as the browser prints it. */
export async function onPaper(page: Page): Promise<void> {
  await page.evaluate(() => dispatchEvent(new Event('beforeprint')));
  await page.emulateMedia({ media: 'print' });
}

/** Undoes `onPaper`. */
export async function offPaper(page: Page): Promise<void> {
  await page.emulateMedia({ media: null });
  await page.evaluate(() => dispatchEvent(new Event('afterprint')));
}

/** The visible text at `selector`, with white space as one blank. */
export async function words(page: Page, selector: string): Promise<string> {
  // biome-ignore lint/performance/useDomNodeTextContent: what is seen, not what is hidden
  return (await page.locator(selector).innerText()).replace(/\s+/g, ' ');
}

/** How many pixels of a canvas are painted. */
export function paintedPx(page: Page, selector: string): Promise<number> {
  return page.evaluate((of) => {
    const canvas = document.querySelector<HTMLCanvasElement>(of);
    if (canvas === null || canvas.width === 0) return 0;
    const data = canvas.getContext('2d')?.getImageData(0, 0, canvas.width, canvas.height).data ?? [];
    let count = 0;
    for (let i = 3; i < data.length; i += 4) if ((data[i] ?? 0) > 0) count++;
    return count;
  }, selector);
}

/** `expect.poll` that gives a busy machine 40 s. */
export function soon<T>(look: () => T | Promise<T>) {
  return expect.poll(look, { timeout: 40_000 });
}

/** Goes to another view or selection by the address, as a pasted link does. */
export async function goTo(page: Page, hash: string): Promise<void> {
  await page.evaluate((next) => {
    location.hash = next;
  }, hash);
}

/**
 * Targets below `within` that are smaller than 24 x 24 px (WCAG 2.2) or reach over the edge of the window, unless what they
 * are in scrolls sideways.
 */
export function badTargets(page: Page, within: string): Promise<string[]> {
  return page.locator(`${within} :is(a, button, select, input, textarea, [tabindex="0"])`).evaluateAll((all) =>
    all.flatMap((target) => {
      const { width, height, right } = (target.closest('label') ?? target).getBoundingClientRect();
      const scrolls = (element: Element | null): boolean =>
        element !== null && (/auto|scroll/.test(getComputedStyle(element).overflowX) || scrolls(element.parentElement));
      const isOut = right > window.innerWidth + 1 && !scrolls(target.parentElement);
      const isBad = width > 0 && (Math.min(width, height) < 23.5 || isOut);
      const name = target.getAttribute('aria-label') ?? target.textContent ?? '';
      return isBad ? [`${name.slice(0, 60)}: ${width} x ${height}, up to ${right}`] : [];
    }),
  );
}

/** Rule and element of each violation that axe finds. axe is injected by the debugger because of the page's policy. */
export async function violations(page: Page): Promise<string[]> {
  if (!(await page.evaluate(() => 'axe' in window))) await page.evaluate(axe.source);
  return page.evaluate(async () => {
    const { axe: injected } = window as unknown as {
      axe: {
        run(options: {
          resultTypes: string[];
        }): Promise<{ violations: { id: string; nodes: { target: string[]; failureSummary: string }[] }[] }>;
      };
    };
    // All rules are run; elements are listed only for violations.
    const { violations: found } = await injected.run({ resultTypes: ['violations'] });
    return found.flatMap(({ id, nodes }) =>
      nodes.map((node) => `${id}: ${node.target.join(' ')}: ${node.failureSummary}`),
    );
  });
}

/**
 * A pattern in which TIME stands for a time as the page writes it, such as 23:59:07. What was yesterday has its date before it,
 * which it may be at any time of this test.
 */
export function withTimes(pattern: RegExp): RegExp {
  return new RegExp(pattern.source.replaceAll('TIME', String.raw`(?:\d{4}-\d\d-\d\d )?\d\d:\d\d:\d\d`));
}
