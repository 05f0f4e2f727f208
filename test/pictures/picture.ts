import type { Browser, Page } from 'playwright-core';
import type { Shot } from './shots.ts';

/** The most that a page may take until it has everything. On a busy machine 1000 pods take more than a minute. */
const PATIENCE_MS = 300_000;
/** The request that goes on for as long as a page is open. */
const STREAM = /\/api\/v1\/stream/;
/** What `missing` says of a page whose code could not be loaded. Only loading the page again helps. */
const NOT_LOADED = 'code that could not be loaded';

/**
 * Takes the picture of a page when it is complete. Throws an Error that says what it has waited for and what the page has if that
 * takes too long.
 */
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
    page.setDefaultTimeout(patienceMs);
    return await complete(page, `${url}#${hash}`, shot, patienceMs);
  } finally {
    await context.close();
  }
}

async function complete(page: Page, address: string, { name, hash }: Shot, patienceMs: number): Promise<Buffer> {
  const asked = new Set<string>();
  const faults: string[] = [];
  page.on('request', (request) => {
    if (request.resourceType() === 'fetch' && !STREAM.test(request.url())) asked.add(request.url());
  });
  page.on('requestfinished', (request) => asked.delete(request.url()));
  page.on('response', (response) => response.ok() || faults.push(`${response.url()}: ${response.status()}`));
  page.on('requestfailed', (request) => {
    asked.delete(request.url());
    faults.push(`${request.url()}: ${request.failure()?.errorText}`);
  });
  page.on('pageerror', ({ message }) => faults.push(message));
  const untilMs = Date.now() + patienceMs;
  let [what, before]: [string, Buffer] = ['the page', Buffer.alloc(0)];
  await page.goto(address);
  while (Date.now() < untilMs) {
    what = (await page.evaluate(missing, hash)) || [...asked].join(', ');
    if (what === NOT_LOADED) await page.reload();
    const now = await page.screenshot();
    // The page may still lay something out anew. It is complete when nothing changes any more.
    if (what === '' && now.equals(before)) return now;
    before = now;
  }
  const seen = (await page.locator('body').ariaSnapshot()).replace(/\s+/g, ' ').slice(0, 600);
  throw new Error(
    `${name}: waited ${patienceMs / 1000} s for ${what || 'two pictures that are the same'}. ` +
      `The page shows: "${seen}". Failed: ${faults.slice(0, 5).join('; ') || 'nothing'}.`,
  );
}

/** What a page does not have yet, in the order in which it comes; '' = nothing. It runs in the page, so it cannot name `NOT_LOADED`. */
function missing(hash: string): string {
  const has = (selector: string) => document.querySelector(selector) !== null;
  if (has('.late')) return 'code that could not be loaded';
  if (!has('.graph-stage .pod-nodes, .heat-layers canvas, .table-frame')) return 'the view';
  if (!has('.timeline-head')) return 'the timeline';
  // On a busy machine the page says how old its data are.
  if (document.querySelector('.live-status')?.textContent !== 'Live') return 'live data';
  if (hash.includes('from=') && !has('.side-panel.is-selection svg')) return 'the charts of the link';
  // A worker draws them, at any time after everything else.
  if (has('.graph-canvas') && !has('.graph-bundles[aria-busy="false"]')) return 'the bundles of healthy links';
  return '';
}
