import axe from 'axe-core';
import type { Browser, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect } from 'vitest';
import type { Mesh } from '../../server/protocol/mesh.ts';
import { meshOf, type Scenario } from '../support/feed/scenarios.ts';
import { Feed } from '../support/feed/server.ts';
import type { Story } from '../support/feed/story.ts';
import { launchBrowser } from './browser.ts';
import { Contexts } from './contexts.ts';

/** How a page is visited. */
export interface Visit {
  width?: number;
  dark?: boolean;
  /** Leave the hint for first-time users on. */
  first?: boolean;
  hash?: string;
}

/** A browser with feeds and visits that end with each test. */
export class Visitor {
  readonly #browser: Browser;
  readonly #contexts = new Contexts();
  readonly #open: { close(): Promise<void> }[] = [];
  #errors: string[] = [];

  private constructor(browser: Browser) {
    this.#browser = browser;
  }

  /** Starts the browser. */
  static async start(): Promise<Visitor> {
    return new Visitor(await launchBrowser());
  }

  /** A feed of the built page and a scenario, below `base`; with a story also of the past. */
  async feed(mesh: (windowMs: number) => Mesh, base = '/', story?: Story): Promise<Feed> {
    const feed = await Feed.start({ mesh, base, ...(story !== undefined && { story }) });
    this.#open.push(feed);
    return feed;
  }

  /** Opens the page in a browser of its own, so to speak: nothing is remembered from other visits. */
  async visit(feed: Feed, { width = 1440, dark = false, first = false, hash = '' }: Visit = {}): Promise<Page> {
    const context = await this.#contexts.of(this.#browser, { width, dark, first });
    const page = await context.newPage();
    this.#open.push(page);
    page.on('pageerror', (error) => this.#errors.push(error.message));
    page.on('console', (message) => {
      if (/Content Security Policy|Refused to/.test(message.text())) this.#errors.push(message.text());
    });
    page.on('request', (request) => {
      const url = request.url();
      if (!url.startsWith(feed.url) && !/^(data|blob):/.test(url)) this.#errors.push(`asked ${url}`);
    });
    await page.goto(feed.url + hash);
    return page;
  }

  /** Ends all visits and feeds. Fails if a script of a page has thrown, broken the policy, or asked beyond the feed's path. */
  async leave(): Promise<void> {
    for (const each of this.#open.splice(0).reverse()) await each.close();
    const errors = this.#errors;
    this.#errors = [];
    expect(errors).toEqual([]);
  }

  /** Ends the browser too. */
  async close(): Promise<void> {
    await this.leave();
    await this.#browser.close();
  }
}

/** What the tests of a file ask of the visitor that they share. */
export type FileVisitor = Pick<Visitor, 'feed' | 'visit'>;

/** A visitor for the tests of one file: comes before the first, leaves after each. */
export function visitorOfFile(): FileVisitor {
  let visitor: Visitor | undefined;
  beforeAll(async () => {
    visitor = await Visitor.start();
  });
  afterEach(() => visitor?.leave());
  afterAll(() => visitor?.close());
  const present = (): Visitor => {
    if (visitor === undefined) throw new Error('a visitor comes with the first test');
    return visitor;
  };
  return {
    feed: (mesh, base, story) => present().feed(mesh, base, story),
    visit: (feed, how) => present().visit(feed, how),
  };
}

/** A scenario as it is now, updated with each call, so that every batch is a change. */
export function scenario(name: Scenario, pods = 4): (windowMs: number) => Mesh {
  let tick = 0;
  return (windowMs) => meshOf({ pods, scenario: name, windowMs, atMs: Date.now(), tick: tick++ });
}

/** What the page says at `selector`, white space as one blank. */
export async function words(page: Page, selector: string): Promise<string> {
  // biome-ignore lint/performance/useDomNodeTextContent: what is seen, not what is hidden
  return (await page.locator(selector).innerText()).replace(/\s+/g, ' ');
}

/** `expect.poll` that gives a busy machine 20 s. */
export function soon<T>(look: () => T | Promise<T>) {
  return expect.poll(look, { timeout: 20_000 });
}

/** What below `within` can be clicked or touched but is smaller than 24 x 24 px (WCAG 2.2), or reaches over the window's edge. */
export function badTargets(page: Page, within: string): Promise<string[]> {
  return page.locator(`${within} :is(a, button, select, input, textarea, [tabindex="0"])`).evaluateAll((all) =>
    all.flatMap((target) => {
      const { width, height, right } = (target.closest('label') ?? target).getBoundingClientRect();
      const isBad = width > 0 && (Math.min(width, height) < 23.5 || right > window.innerWidth + 1);
      const name = target.getAttribute('aria-label') ?? target.textContent ?? '';
      return isBad ? [`${name.slice(0, 60)}: ${width} x ${height}, up to ${right}`] : [];
    }),
  );
}

/** Rule and element of each violation. Injected by the debugger: the page's policy forbids foreign scripts. */
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
    // All rules are run; of those that hold, which nobody reads, no elements are listed.
    const { violations: found } = await injected.run({ resultTypes: ['violations'] });
    return found.flatMap(({ id, nodes }) =>
      nodes.map((node) => `${id}: ${node.target.join(' ')}: ${node.failureSummary}`),
    );
  });
}
