import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import { Story } from '../support/feed/story.ts';
import { goTo, offPaper, onPaper, scenario, soon, violations, visitorOfFile, words } from './page-visit.ts';

const visitor = visitorOfFile();
/** A4, landscape, inside margins of 10 mm, CSS px. */
const SHEET = { width: 1047, height: 718 };

/** What of the page is outside the sheet, or cut off by an element that would scroll or hide it. */
function cutParts(page: Page): Promise<string[]> {
  return page.evaluate((sheet) => {
    const shown = [
      ...document.querySelectorAll<Element>(
        '.page :is(text, circle, canvas, img, td, th, dt, dd, li, p, footer, h2, b)',
      ),
    ];
    const isOutside = (
      inner: DOMRect,
      { left, right, top, bottom }: { left: number; right: number; top: number; bottom: number },
    ) => inner.left < left - 2 || inner.right > right + 2 || inner.top < top - 2 || inner.bottom > bottom + 2;
    return shown.flatMap((element) => {
      const box = element.getBoundingClientRect();
      if (box.width === 0 || element.closest('.hidden') !== null) return [];
      const name = `${element.tagName} ${element.textContent.slice(0, 40)}`;
      if (isOutside(box, { left: 0, top: 0, right: sheet.width, bottom: sheet.height }))
        return [`${name}: not on the sheet`];
      for (let parent = element.parentElement; parent !== null; parent = parent.parentElement) {
        const isClip = getComputedStyle(parent).overflow !== 'visible' && parent.closest('svg') === null;
        if (isClip && isOutside(box, parent.getBoundingClientRect())) return [`${name}: cut by ${parent.className}`];
      }
      return [];
    });
  }, SHEET);
}

async function pageCount(page: Page): Promise<number | undefined> {
  const paper = await page.pdf({ format: 'A4', landscape: true, preferCSSPageSize: true });
  return paper.toString('latin1').match(/\/Type\s*\/Page\b/g)?.length;
}

test.each([
  [1440, 900],
  [2560, 1440],
  [390, 844],
])(
  'printed from a window of %i x %i px, summary, view, findings and address are on one sheet, uncut and without tools',
  async (width, height) => {
    const nowMs = Date.now();
    const page = await visitor.visit(await visitor.feed(scenario('slow-pod', 7), '/', new Story(nowMs, 7)), {
      dark: true,
    });
    await page.setViewportSize({ width, height });
    const [from, to] = [nowMs - 120_000, nowMs - 60_000];
    for (const [hash, view] of [
      ['#view=graph', '.graph-stage'],
      ['#view=heatmap', '.heat-frame canvas >> nth=0'],
      [
        `#view=heatmap&ranges=${from - 240_000}-${from - 180_000}_${from}-${to}&compare=1`,
        '.changed-frame tbody tr >> nth=6',
      ],
    ] as const) {
      await page.setViewportSize({ width, height });
      await goTo(page, hash);
      await page.locator(view).waitFor();
      expect(await pageCount(page), hash).toBe(1);
      await onPaper(page);
      await page.setViewportSize(SHEET);
      expect(await words(page, '.page'), hash).toMatch(/slow from all \d others.*Only the first byte is late/);
      expect(await words(page, '.paper-foot')).toContain(hash);
      for (const part of ['.timeline', '.tools', 'nav', '.top-bar button >> nth=0'])
        expect(await page.locator(part).first().isVisible(), part).toBe(false);
      expect(await cutParts(page), hash).toEqual([]);
      if (width === 1440) expect(await violations(page), hash).toEqual([]);
      expect(await page.evaluate(() => document.documentElement.dataset['theme'])).toBe('light');
      await offPaper(page);
    }
    await soon(() => page.evaluate(() => document.documentElement.dataset['theme'])).toBe('dark');
    expect(await page.locator('.page [style*="width"]:is(.view, .heat-frame)').count()).toBe(0);
  },
);
