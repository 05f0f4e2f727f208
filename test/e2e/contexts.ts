import type { Browser, BrowserContext } from 'playwright-core';

/** What the pages of a context have in common. */
interface Look {
  width?: number;
  dark?: boolean;
  /** Whether the hint for first-time users is still unread. */
  first?: boolean;
}

/**
 * One browser context for each look that is asked for: a new one for each page would take as long as the page. A new
 * page remembers nothing all the same: its storage is emptied before its first script, not when it is reloaded.
 */
export class Contexts {
  readonly #byLook = new Map<string, Promise<BrowserContext>>();

  /** The context of that look, made by `browser` at the first call. Ends with the browser. */
  of(browser: Browser, { width = 1440, dark = false, first = false }: Look): Promise<BrowserContext> {
    const key = `${width} ${dark} ${first}`;
    const known = this.#byLook.get(key) ?? make(browser, { width, dark, first });
    this.#byLook.set(key, known);
    return known;
  }
}

async function make(browser: Browser, { width, dark, first }: Required<Look>): Promise<BrowserContext> {
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
  return context;
}
