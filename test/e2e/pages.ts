import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, afterEach, beforeAll, expect } from 'vitest';
import { launchBrowser } from './browser.ts';

/** How a page looks, and whether it is new to the user. */
export interface Look {
  width?: number;
  dark?: boolean;
  /** Whether the hint for first-time users is still unread. */
  first?: boolean;
  /** Added to the page's styles. */
  css?: string;
}

/** A browser whose pages are closed after each test. It records what no page of ours may do. */
export class Pages {
  #browser!: Browser;
  /** One context for each look, because a new one for each page would take as long as the page. */
  readonly #contexts = new Map<string, Promise<BrowserContext>>();
  readonly #open: { close(): Promise<void> }[] = [];
  readonly #faults: string[] = [];

  /** Starts a browser for the tests of a file. A test fails if a page did what no page may do. */
  static ofFile(): Pages {
    const pages = new Pages();
    beforeAll(() => pages.start());
    afterEach(async () => expect(await pages.leave()).toEqual([]));
    afterAll(() => pages.close());
    return pages;
  }

  /** Starts the browser. */
  async start(): Promise<void> {
    this.#browser = await launchBrowser();
  }

  /**
   * Opens `url` and `hash` in a page that remembers nothing from other pages. Script errors, dialogs, refused content and
   * requests that do not begin with `url` are faults.
   */
  async open(
    url: string,
    hash = '',
    { width = 1440, dark = false, first = false, css = '' }: Look = {},
  ): Promise<Page> {
    const key = `${width} ${dark} ${first} ${css}`;
    const context = this.#contexts.get(key) ?? newContext(this.#browser, { width, dark, first, css });
    this.#contexts.set(key, context);
    const page = await (await context).newPage();
    this.#open.push(page);
    page.on('pageerror', (error) => this.#faults.push(error.message));
    page.on('console', (message) => {
      if (/Content Security Policy|Refused to/.test(message.text())) this.#faults.push(message.text());
    });
    page.on('dialog', (dialog) => {
      this.#faults.push(`dialog ${dialog.message()}`);
      void dialog.dismiss();
    });
    page.on('request', (request) => {
      const asked = request.url();
      if (!asked.startsWith(url) && !/^(data|blob):/.test(asked)) this.#faults.push(`asked ${asked}`);
    });
    await page.goto(url + hash);
    return page;
  }

  /** Closes `closeable` with the pages of the test. */
  closeLater(closeable: { close(): Promise<void> }): void {
    this.#open.push(closeable);
  }

  /** Closes everything that the test has opened; gives the faults since the last call. */
  async leave(): Promise<string[]> {
    for (const each of this.#open.splice(0).reverse()) await each.close();
    return this.#faults.splice(0);
  }

  /** Closes the browser too. */
  async close(): Promise<void> {
    await this.leave();
    await this.#browser?.close();
  }
}

/** The storage of a page is emptied before its first script, but not when it is reloaded. */
async function newContext(browser: Browser, { width, dark, first, css }: Required<Look>): Promise<BrowserContext> {
  const context = await browser.newContext({
    viewport: { width, height: 900 },
    colorScheme: dark ? 'dark' : 'light',
    reducedMotion: 'reduce',
  });
  await context.addInitScript((isFirst) => {
    if (sessionStorage.getItem('isVisited') !== null) return;
    sessionStorage.setItem('isVisited', 'yes');
    localStorage.clear();
    if (!isFirst) localStorage.setItem('goldpinger.hintRead', 'yes');
  }, first);
  await context.addInitScript((text) => {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(text);
    document.adoptedStyleSheets = [sheet];
  }, css);
  return context;
}
