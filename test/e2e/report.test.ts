import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LATE_ANSWER, MeshBuilder, TIMEOUT } from '../support/mesh.ts';
import { annotationOf, annotationsOf, eventOf, eventsOf, FROM_MS, reportOf, TO_MS } from '../support/report-scene.ts';
import { launchBrowser } from './browser.ts';
import { violations } from './page-visit.ts';

const LONG_NAME = `goldpinger-${'with-a-very-long-name-'.repeat(8)}`;
let browser: Browser;
let dir: string;
beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'goldpinger-report-'));
  browser = await launchBrowser();
  writeFileSync(join(dir, 'report.html'), await reportFile());
});
afterAll(async () => {
  await browser?.close();
  rmSync(dir, { recursive: true, force: true });
});

/** A report with everything in it: a slow pod, a failed link, events, an annotation, a long name. */
async function reportFile(): Promise<string> {
  const during = new MeshBuilder(12).into(3, LATE_ANSWER, true).set(5, 6, TIMEOUT).pod(3, { name: LONG_NAME });
  const [a, b, , chaos] = during.pods;
  if (a === undefined || b === undefined || chaos === undefined) throw new Error('twelve pods');
  const report = await reportOf({
    during,
    events: eventsOf([
      eventOf('link-slow', FROM_MS + 3_000, chaos, [a, b]),
      eventOf('link-normal', TO_MS + 2_000, chaos, [a]),
    ]),
    annotations: annotationsOf([annotationOf(FROM_MS, TO_MS, 'latency 250 ms')]),
    resolutionMs: 30_000,
    query: { pictures: true },
  });
  return [...report.page()].join('');
}

/** Opens the file from the disk, without a network; tells what it asked for. */
async function open(how: BrowserContextOptions): Promise<{ page: Page; requests: string[] }> {
  const context = await browser.newContext({ viewport: { width: 1100, height: 900 }, ...how, offline: true });
  const page = await context.newPage();
  const requests: string[] = [];
  page.on('request', (request) => requests.push(request.url().slice(0, 22)));
  await page.goto(pathToFileURL(join(dir, 'report.html')).href);
  return { page, requests };
}

describe('the file of a report', () => {
  it('opens from a disk without a network: its pictures and its style are in it', async () => {
    const { page, requests } = await open({});
    expect(requests.filter((url) => !url.startsWith('file:') && !url.startsWith('data:image/png;'))).toEqual([]);
    expect(requests.filter((url) => url.startsWith('file:'))).toHaveLength(1);
    const widths = await page.locator('img').evaluateAll((images) => images.map((image) => image.clientWidth));
    expect(widths.map((width) => width > 200)).toEqual([true, true, true]);
    const drawn = await page
      .locator('img')
      .evaluateAll((all) => all.map((one) => (one as HTMLImageElement).naturalWidth));
    expect(drawn.every((width) => width > 400)).toBe(true);
    expect(
      await page
        .locator('h2')
        .first()
        .evaluate((head) => getComputedStyle(head).fontWeight),
    ).toBe('600');
    expect(await page.getByRole('heading', { level: 1 }).count()).toBe(1);
    await page.context().close();
  });

  it.each(['light', 'dark'] as const)('can be read by everybody, %s', async (colorScheme) => {
    const { page } = await open({ colorScheme });
    expect(await violations(page)).toEqual([]);
    await page.context().close();
  });

  it('fits a phone: only its tables scroll, and a long name breaks', async () => {
    const { page } = await open({ viewport: { width: 390, height: 800 } });
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(390);
    await page.context().close();
  });

  it.each([690, 800])('at %i px no word is broken in a table, except in names, which have room', async (width) => {
    const { page } = await open({ viewport: { width, height: 980 } });
    if (width === 690) await page.emulateMedia({ media: 'print' });
    const broken = await page.locator('th, td').evaluateAll((cells) => {
      const isBroken = (node: Node, { index, 0: word }: RegExpMatchArray): boolean => {
        const range = document.createRange();
        range.setStart(node, index ?? 0);
        range.setEnd(node, (index ?? 0) + word.length);
        return new Set([...range.getClientRects()].map(({ top }) => top)).size > 1;
      };
      return cells.flatMap((cell) => {
        if (cell.classList.contains('free'))
          return cell.getBoundingClientRect().width < 100 ? [`narrow: ${cell.textContent}`] : [];
        const found: string[] = [];
        const walker = document.createTreeWalker(cell, NodeFilter.SHOW_TEXT);
        for (let node = walker.nextNode(); node !== null; node = walker.nextNode())
          for (const word of (node.textContent ?? '').matchAll(/\S+/g)) if (isBroken(node, word)) found.push(word[0]);
        return found;
      });
    });
    expect(broken).toEqual([]);
    const wide = await page
      .locator('table')
      .evaluateAll(
        (tables, limit) => tables.map((one) => one.getBoundingClientRect().right).filter((right) => right > limit),
        width,
      );
    expect(wide).toEqual([]);
    await page.context().close();
  });

  it('prints light on A4, with heads that repeat and rows that stay whole', async () => {
    const { page } = await open({ colorScheme: 'dark', viewport: { width: 690, height: 980 } });
    await page.emulateMedia({ media: 'print', colorScheme: 'dark' });
    const look = await page.evaluate(() => {
      const style = (selector: string) => getComputedStyle(document.querySelector(selector) ?? document.body);
      return [style('body').backgroundColor, style('thead').display, style('tbody tr').breakInside];
    });
    expect(look).toEqual(['rgb(255, 255, 255)', 'table-header-group', 'avoid']);
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(690);
    const paper = await page.pdf({ preferCSSPageSize: true });
    expect(paper.toString('latin1').match(/\/Type\s*\/Page\b/g)?.length).toBeGreaterThan(1);
    expect(paper.toString('latin1')).toMatch(/MediaBox\s*\[0 0 59[45][.\d]* 84[12]/);
    await page.context().close();
  });
});
