import { type Browser, errors, type Page } from 'playwright-core';
import type { Shot } from './shots.ts';

/** The most that a page may take until it has everything. On a busy machine 1000 pods take more than a minute. */
const PATIENCE_MS = 300_000;
/** The request that goes on for as long as a page is open. */
const STREAM = /\/api\/v1\/stream/;

/** What a complete page has, in the order in which it comes. Each is an expression that is true in the page. */
const CONDITIONS: readonly (readonly [what: string, test: (hash: string) => boolean])[] = [
  ['the view', () => document.querySelector('.graph-stage .pod-nodes, .heat-layers canvas, .table-frame') !== null],
  ['the timeline', () => document.querySelector('.timeline-head') !== null],
  // A machine that is busy shows how old its data are.
  ['live data', () => document.querySelector('.live-status')?.textContent === 'Live'],
  [
    'the charts of the link',
    (hash) => !hash.includes('from=') || document.querySelector('.side-panel.is-selection svg') !== null,
  ],
  [
    // A worker draws them, at any time after everything else.
    'the bundles of healthy links',
    () =>
      document.querySelector('.graph-canvas') === null ||
      document.querySelector('.graph-bundles[aria-busy="false"]') !== null,
  ],
];

/** Takes the picture of a page when it is complete. Throws an Error that says what it has waited for and what the page has. */
export async function pictureOf(browser: Browser, url: string, shot: Shot, patienceMs = PATIENCE_MS): Promise<Buffer> {
  const { width, height, zoom, isDark, hash } = shot;
  const context = await browser.newContext({
    viewport: { width, height },
    deviceScaleFactor: zoom,
    colorScheme: isDark ? 'dark' : 'light',
    reducedMotion: 'reduce',
    timezoneId: 'UTC',
  });
  try {
    await context.addInitScript(() => localStorage.setItem('goldpinger.hintRead', 'yes'));
    const page = await context.newPage();
    return await complete(page, `${url}#${hash}`, shot, patienceMs);
  } finally {
    await context.close();
  }
}

async function complete(page: Page, address: string, { name, hash }: Shot, patienceMs: number): Promise<Buffer> {
  page.setDefaultTimeout(patienceMs);
  const asked = new Set<string>();
  const faults: string[] = [];
  page.on('request', (request) => {
    if (request.resourceType() === 'fetch' && !STREAM.test(request.url())) asked.add(request.url());
  });
  page.on('requestfinished', (request) => asked.delete(request.url()));
  page.on('requestfailed', (request) => {
    asked.delete(request.url());
    faults.push(`${request.url()}: ${request.failure()?.errorText}`);
  });
  page.on('pageerror', ({ message }) => faults.push(message));
  let what = 'the page';
  const untilMs = Date.now() + patienceMs;
  try {
    await page.goto(address);
    for (const [next, test] of CONDITIONS) {
      what = next;
      await page.waitForFunction(test, hash);
    }
    // The page may still ask for the past, or lay something out anew. It is complete when nothing changes any more.
    what = 'an end of all requests, and two pictures that are the same';
    for (let before: Buffer = Buffer.alloc(0); Date.now() < untilMs; ) {
      const now = await page.screenshot();
      if (asked.size === 0 && now.equals(before)) return now;
      before = now;
    }
    throw new errors.TimeoutError('no picture like the one before');
  } catch (error) {
    if (!(error instanceof errors.TimeoutError)) throw error;
    const seen = (await page.locator('body').ariaSnapshot()).replace(/\s+/g, ' ').slice(0, 600);
    const open = [...asked].join(', ') || 'nothing';
    throw new Error(
      `${name}: waited ${patienceMs / 1000} s for ${what}. The page shows: "${seen}". It waits for ${open}. ` +
        `Failed: ${faults.slice(0, 5).join('; ') || 'nothing'}.`,
    );
  }
}
