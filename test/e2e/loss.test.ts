import { expect, test } from 'vitest';
import { meshOf } from '../support/feed/scenarios.ts';
import { Story } from '../support/feed/story.ts';
import { eventPodOf } from '../support/mesh.ts';
import { paintedPx, scenario, soon, visitorOfFile, words } from './page-visit.ts';

const visitor = visitorOfFile();

test('lost datagrams are a drop on each lossy link, an entry of the legend, a finding, and figures and a past in the panel of the link', async () => {
  const feed = await visitor.feed(scenario('lossy', 4));
  const page = await visitor.visit(feed, { hash: '#view=graph&level=pod' });
  await soon(() => page.locator('.graph-link .is-drop').count()).toBe(6);
  expect(await words(page, '.graph-legend')).toContain('loses datagrams 6');
  // It begins where the other entries do, beside the line that stands for each of them.
  const indents = await page.locator('.graph-legend li:has(svg)').evaluateAll((entries) =>
    entries.map((entry) => {
      const icon = entry.querySelector('svg')!;
      return Math.round(icon.getBoundingClientRect().left - entry.getBoundingClientRect().left);
    }),
  );
  expect(new Set(indents).size).toBe(1);
  // As on the page of Goldpinger they have the colour of a warning.
  expect(await page.locator('.graph-link:has(.is-drop)').count()).toBe(6);
  expect(await page.locator('.graph-link.is-warning:has(.is-drop)').count()).toBe(6);
  // The notice above says what is wrong, the finding the rest.
  await soon(() => words(page, 'body')).toContain('goldpinger-chaos: about 20 % of datagrams into it are lost.');
  await soon(() => words(page, 'body')).toContain('goldpinger-chaos: packet loss, HTTP works');
  // No pod and no link is bad.
  expect(await words(page, '.graph-legend')).toContain('slow ≥ 100 ms 0');

  await page.goto(page.url().replace(/#.*/, '#view=graph&from=uid-0000&to=uid-0003'));
  await soon(() => words(page, '.side-panel')).toContain('Loses datagrams.');
  await soon(() => page.locator('.past-loss').count()).toBeGreaterThan(0);
  expect(await words(page, '.figures')).toMatch(/Datagrams \d+, 20 % lost/);
  expect(await words(page, '.figures')).toContain('Hops');
  expect(await words(page, '.figures')).toMatch(/UDP round trip 0\.\d+ ms/);
});

test('the timeline has a drop where loss began, and the event log finds it by words', async () => {
  const nowMs = Date.now();
  const story = new Story(nowMs);
  const [first, ...others] = meshOf({ pods: 4, scenario: 'lossy' }).pods.map(eventPodOf).reverse();
  const blank = { id: 'loss', outcome: null, phase: null, totalUs: -1 };
  const links = { pod: first ?? null, from: others, fromCount: 3 };
  story.add({ ...blank, ...links, kind: 'link-lossy', atMs: nowMs - 60_000, detail: '20 %' });
  const page = await visitor.visit(await visitor.feed(scenario('lossy', 4), '/', story));
  await soon(() => page.locator('.event-mark.tone-lossy').count()).toBe(1);
  // Each mark has the colour of its state, and a sign.
  const ink = (tone: string) =>
    page
      .locator(`.event-mark.tone-${tone} svg path`)
      .last()
      .evaluate((sign) => getComputedStyle(sign).stroke);
  const plain = await ink('up');
  expect(new Set([await ink('lossy'), await ink('good'), await ink('slow'), plain]).size).toBe(4);
  // The links that are lossy now are drawn and counted.
  await soon(() => words(page, '.timeline-legend')).toContain('lossy');
  const legend = page.locator('.timeline-legend');
  expect((await legend.boundingBox())?.height, 'one line').toBeLessThan(16);
  expect(await legend.evaluate((line) => line.scrollWidth - line.clientWidth)).toBeLessThan(12);
  expect(await page.locator('.track-lossy').getAttribute('d')).toContain('M');
  await soon(() => page.locator('.timeline-slider').getAttribute('aria-valuetext')).toMatch(/^now, 6 lossy/);
  await page.getByRole('button', { name: 'Events' }).click();
  await page.getByRole('searchbox', { name: 'Filter events' }).fill('chaos loses');
  await soon(() => words(page, '.event-log tbody')).toMatch(
    /Link goldpinger-chaos from 3 pods: loses datagrams, about 20 %$/,
  );
});

test('above bundles of healthy links a lossy link is drawn straight with its mark, and a folded one says how many lose', async () => {
  const healthy = await visitor.visit(await visitor.feed(scenario('healthy', 30)), { hash: '#view=graph&level=pod' });
  await soon(() => words(healthy, '.graph-legend')).toContain('good');
  expect(await paintedPx(healthy, '.graph-canvas')).toBe(0);
  expect(await words(healthy, '.graph-legend')).not.toContain('datagrams');

  const feed = await visitor.feed(scenario('lossy-link', 30));
  const page = await visitor.visit(feed, { hash: '#view=graph&level=pod' });
  await soon(() => words(page, '.graph-legend')).toContain('loses datagrams 1');
  await soon(() => paintedPx(page, '.graph-canvas')).toBeGreaterThan(100);
  expect(await words(page, '.choice-panel')).toContain('Loses datagrams');
  expect(await words(page, '.notices')).toMatch(/^All pings work, 1 link loses datagrams: \S+ → \S+\.$/);

  await page.goto(page.url().replace('level=pod', 'level=node'));
  await soon(() => page.locator('.graph-link .is-drop').count()).toBe(1);
  expect(await words(page, '.graph-legend')).toContain('loses datagrams 1');
  await page.locator('.choice-panel .link-line').first().click();
  // The lossy one of its links is opened.
  await soon(() => words(page, '.side-panel')).toContain('Loses datagrams.');
});

test('without the UDP probe nothing is said about datagrams', async () => {
  const feed = await visitor.feed(scenario('healthy', 4));
  const page = await visitor.visit(feed, { hash: '#view=graph&from=uid-0000&to=uid-0003' });
  await soon(() => page.locator('.figures').count()).toBe(1);
  expect(await words(page, 'body')).not.toMatch(/datagram|UDP|Hops|lossy/);
  expect(await page.locator('.is-drop').count()).toBe(0);
});
