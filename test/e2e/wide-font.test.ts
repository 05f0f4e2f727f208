import type { Page } from 'playwright-core';
import { expect, test } from 'vitest';
import type { MeshOptions } from '../support/feed/plan.ts';
import { FEED_TIME_MS, meshOf } from '../support/feed/scenarios.ts';
import { startScene } from '../support/feed/scene-server.ts';
import { Story } from '../support/feed/story.ts';
import { Pages } from './pages.ts';

/** A font that is wide by itself, and wider: text is a sixth wider than in most system fonts. */
const WIDE = '* { font-family: "DejaVu Sans", Verdana, sans-serif !important; letter-spacing: 0.04em !important; }';

const pages = Pages.ofFile();

/** As long as the API's longest usual ones. */
const LONG_REASON = 'CreateContainerConfigErrorOfAnInitContainer';

const SLOW: MeshOptions = { pods: 4, scenario: 'slow-pod' };
const LINK = '&from=uid-0000&to=uid-0003';

const hover = (selector: string) => async (page: Page) => {
  await page.mouse.move(2, 2);
  const { x, y, width, height } = (await page.locator(selector).first().boundingBox())!;
  await page.mouse.move(x + width / 2, y + height / 2);
  await page.locator('.card-beside').waitFor();
};
const opened = (button: string, selector: string) => async (page: Page) => {
  if (await page.locator(selector).isHidden()) await page.getByRole('button', { name: button }).click();
  await page.locator(selector).waitFor();
};
const overSlowCell = async (page: Page) => {
  await page.getByRole('grid', { name: /Heatmap/ }).focus();
  await page.keyboard.press('Control+Home');
  await page.keyboard.press('s');
  await page.locator('.link-card-phases').waitFor();
};

test.each<[what: string, mesh: MeshOptions, hash: string, act?: (page: Page) => Promise<void>]>([
  ['a graph', SLOW, 'view=graph'],
  ['the card of a slow link', SLOW, 'view=graph', hover('.graph-pill')],
  ['the card of a cell', SLOW, 'view=heatmap', overSlowCell],
  ['the panel of a link', SLOW, `view=graph${LINK}`, (page) => page.locator('.is-selection svg').first().waitFor()],
  ['the panel of a pod', { pods: 4, scenario: 'dead-pod' }, 'view=heatmap&pod=uid-0003'],
  ['a table', SLOW, 'view=heatmap&table=1'],
  ['a graph of stages', { pods: 8, scenario: 'lifecycles' }, 'view=graph'],
  ['the panel of a pod that starts', { pods: 8, scenario: 'lifecycles' }, 'view=graph&pod=uid-0007'],
  ['a folded graph', { pods: 120, scenario: 'slow-pod' }, 'view=graph'],
  ['a large heatmap', { pods: 120, scenario: 'mixed' }, 'view=heatmap&level=pod'],
  ['the events', SLOW, 'view=graph', opened('Events', '.event-log')],
  [
    'a moment of the past',
    SLOW,
    `view=graph&at=${FEED_TIME_MS - 60_000}`,
    (page) => page.getByLabel('Speed').waitFor(),
  ],
  ['help', SLOW, 'view=graph', opened('Help', 'dialog.help')],
  ['zones', { pods: 120, scenario: 'zone-cut' }, 'view=heatmap'],
])('%s: in a wide font no text leaves its box, or lies over another one', async (_, mesh, hash, act) => {
  const made = meshOf(mesh);
  for (const pod of made.pods) if (pod.lifecycle !== 'ready') pod.reason = LONG_REASON;
  const story = new Story(FEED_TIME_MS, mesh.pods, mesh.scenario);
  const scene = await startScene({ pageDir: 'dist/web', mesh: () => made, story, nowMs: () => FEED_TIME_MS + 300 });
  pages.closeLater(scene);
  const page = await pages.open(scene.url, `#${hash}`, { width: 1440, css: WIDE });
  await page
    .locator('.graph-stage .pod-nodes, .heat-layers canvas, .table-frame')
    .first()
    .waitFor({ state: 'attached' });
  await page.locator('.timeline-head').waitFor({ state: 'attached' });
  // On a phone nothing is opened, so the views with a card or a dialog would be those without once more.
  for (const width of act === undefined ? [1440, 1120, 390] : [1440, 1120]) {
    await page.setViewportSize({ width, height: 900 });
    await act?.(page);
    await expect.poll(() => badTexts(page), { timeout: 10_000, message: `${width} px` }).toEqual([]);
  }
});

/** The visible texts that reach out of their box, or over another text. */
function badTexts(page: Page): Promise<string[]> {
  return page.evaluate(() => {
    type Box = Pick<DOMRect, 'left' | 'right' | 'top' | 'bottom'>;
    const isInside = (a: Box, b: Box) =>
      a.left >= b.left - 1 && a.right <= b.right + 1 && a.top >= b.top - 1 && a.bottom <= b.bottom + 1;
    const isOver = (a: Box, b: Box) =>
      Math.min(a.right, b.right) - Math.max(a.left, b.left) > 2 &&
      Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top) > 4;
    /** Borders, a background or a cut edge make an element a box. */
    const isBox = (style: CSSStyleDeclaration) =>
      style.overflow !== 'visible' ||
      !/, 0\)$|transparent/.test(style.backgroundColor) ||
      (['Left', 'Right'] as const).some((side) => Number.parseFloat(style[`border${side}Width`]) > 0);
    /** What lies over the rest on purpose. */
    const layerOf = (own: Element) => own.closest('.card-beside, .side-panel, dialog, .view-area');
    const texts: { text: string; boxes: DOMRect[]; own: Element }[] = [];
    const bad: string[] = [];
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    for (let node = walker.nextNode(); node !== null; node = walker.nextNode()) {
      const own = node.parentElement;
      const text = node.textContent?.trim() ?? '';
      // The rectangle around a name along an arc has much besides the name.
      if (own === null || text === '' || own.closest('.hidden, option, script, style, textPath') !== null) continue;
      if (!own.checkVisibility({ visibilityProperty: true, opacityProperty: true })) continue;
      const range = document.createRange();
      range.selectNodeContents(node);
      const shown = [...range.getClientRects()].filter(({ width, height }) => width > 0 && height > 0);
      if (shown.length === 0) continue;
      let [isDone, isClipped] = [false, false];
      const area = { left: 0, right: innerWidth, top: 0, bottom: innerHeight };
      for (let box: Element | null = own; box !== null; box = box.parentElement) {
        const style = getComputedStyle(box);
        const pill = box.classList.contains('graph-pill') ? box.querySelector('rect') : null;
        if (/auto|scroll/.test(`${style.overflowX} ${style.overflowY}`)) {
          const { left, right, top, bottom } = box.getBoundingClientRect();
          Object.assign(area, {
            left: Math.max(left, area.left),
            right: Math.min(right, area.right),
            top: Math.max(top, area.top),
            bottom: Math.min(bottom, area.bottom),
          });
          isDone = true;
        }
        if (style.textOverflow === 'ellipsis' || style.webkitLineClamp !== 'none') [isDone, isClipped] = [true, true];
        if (isDone || (pill === null && (box instanceof SVGElement || style.display === 'contents' || !isBox(style))))
          continue;
        const frame = (pill ?? box).getBoundingClientRect();
        for (const one of shown) {
          if (isInside(one, frame)) continue;
          const over = [frame.left - one.left, one.right - frame.right, frame.top - one.top, one.bottom - frame.bottom];
          bad.push(
            `"${text}" leaves ${box.tagName} ${box.getAttribute('class')} by ${Math.max(...over).toFixed(1)} px`,
          );
        }
        isDone = true;
      }
      const seen = shown.filter((one) => isOver(one, area));
      if (!isClipped) texts.push({ text, boxes: seen, own });
    }
    for (const [i, a] of texts.entries()) {
      for (const b of texts.slice(i + 1)) {
        if (layerOf(a.own) !== layerOf(b.own) || a.own === b.own || a.own.contains(b.own) || b.own.contains(a.own))
          continue;
        if (a.boxes.some((one) => b.boxes.some((two) => isOver(one, two)))) bad.push(`"${a.text}" over "${b.text}"`);
      }
    }
    return bad;
  });
}
