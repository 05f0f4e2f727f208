import type { Page } from 'playwright-core';
import { describe, expect, test } from 'vitest';
import type { Pod } from '../../server/protocol/pod.ts';
import { SCENARIOS, type Scenario } from '../support/feed/plan.ts';
import { Story } from '../support/feed/story.ts';
import { unseenFocus } from './focus-rings.ts';
import { scenario, soon, violations, visitorOfFile, words } from './page-visit.ts';
import { goTo } from './real-pages.ts';

const visitor = visitorOfFile();

describe('by keyboard alone', () => {
  test('views, filter, table and help are a key away, and letters are silent while typing', async () => {
    const page = await visitor.visit(await visitor.feed(scenario('slow-pod')));
    await page.locator('.summary').waitFor();
    const current = () => words(page, 'nav [aria-current="page"]');
    for (const [key, title] of [
      ['2', 'Heatmap'],
      ['3', 'Raw'],
      ['4', 'Metrics'],
      ['1', 'Graph'],
    ] as const) {
      await page.keyboard.press(key);
      await soon(current).toBe(title);
    }
    await page.keyboard.press('/');
    await soon(() => page.evaluate(() => document.activeElement?.hasAttribute('data-filter'))).toBe(true);
    await page.keyboard.type('t2');
    await soon(current).toBe('Graph');
    await soon(() => page.url()).toContain('filter=t2');
    await page.keyboard.press('Escape');
    await page.keyboard.press('t');
    await page.locator('main .table-frame').waitFor();
    await page.keyboard.press('?');
    await page.getByRole('dialog', { name: 'Help' }).waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('dialog', { name: 'Help' }).waitFor({ state: 'hidden' });
  });

  test('single letters can be switched off, for good', async () => {
    const page = await visitor.visit(await visitor.feed(scenario('healthy')));
    await page.locator('.summary').waitFor();
    await page.keyboard.press('?');
    await page.getByRole('checkbox', { name: /single-key shortcuts/ }).uncheck();
    await page.keyboard.press('Escape');
    await page.reload();
    await page.locator('.summary').waitFor();
    await page.keyboard.press('2');
    await page.keyboard.press('?');
    expect(await words(page, 'nav [aria-current="page"]')).toBe('Graph');
    expect(await page.getByRole('dialog').count()).toBe(0);
  });

  test('focus goes to the panel that opens and back to where it came from', async () => {
    const page = await visitor.visit(await visitor.feed(scenario('slow-pod')));
    const worst = page.locator('.summary .is-worst button');
    await worst.focus();
    await page.keyboard.press('Enter');
    const panel = page.locator('.side-panel.is-selection');
    await panel.waitFor();
    await soon(() => panel.evaluate((element) => element.contains(document.activeElement))).toBe(true);
    await page.keyboard.press('Escape');
    await panel.waitFor({ state: 'detached' });
    await soon(() => worst.evaluate((element) => element === document.activeElement)).toBe(true);
  });
});

test('what has the focus shows it, wherever Tab leads', async () => {
  const nowMs = Date.now();
  const page = await visitor.visit(await visitor.feed(scenario('slow-pod'), '/', new Story(nowMs)), { first: true });
  const at = (minutes: number) => nowMs - minutes * 60_000;
  const ranges = `ranges=${at(8)}-${at(4)}_${at(2)}-${at(1)}`;
  const unseen: string[] = [];
  for (const [hash, shown, count] of [
    ['#view=graph&from=uid-0000&to=uid-0003', '.sample-chart', 34],
    [`#view=heatmap&${ranges}`, '[role=grid]', 42],
    ['#view=heatmap&table=1', 'main .table-frame', 24],
    [`#view=heatmap&compare=1&${ranges}`, '.key-figures', 30],
  ] as const) {
    await goTo(page, hash);
    await page.locator(shown).first().waitFor();
    const found = await unseenFocus(page, count);
    expect(found.seen).toBeGreaterThan(count * 0.7);
    for (const name of found.unseen) unseen.push(`${hash}: ${name}`);
  }
  await page.keyboard.press('?');
  await page.getByRole('dialog').waitFor();
  unseen.push(...(await unseenFocus(page, 5)).unseen);
  expect(unseen).toEqual([]);
});

describe('at 390 px', () => {
  test('nothing is wider than the screen, whatever is on it', async () => {
    const page = await visitor.visit(await visitor.feed(scenario('slow-pod')), { width: 390, hash: '#view=graph' });
    const wide: string[] = [];
    for (const [hash, shown] of [
      ['#view=graph', '.graph-stage'],
      ['#view=heatmap', '.heatmap'],
      ['#view=raw', '.text-body'],
      ['#view=metrics', '.text-body'],
      ['#view=graph&table=1', 'main .table-frame'],
      ['#view=heatmap&table=1', 'main .table-frame'],
      ['#view=graph&pod=uid-0003', '.side-panel.is-selection .link-lines'],
      ['#view=graph&from=uid-0000&to=uid-0003', '.side-panel.is-selection .sample-chart'],
    ] as const) {
      await goTo(page, hash);
      await page.locator(shown).first().waitFor();
      const width = await page.evaluate(() => document.documentElement.scrollWidth);
      if (width > 390) wide.push(`${hash}: ${width} px`);
    }
    expect(wide).toEqual([]);
  });

  test('preferences and help are in the menu', async () => {
    const page = await visitor.visit(await visitor.feed(scenario('healthy')), { width: 390 });
    await page.getByRole('button', { name: 'Preferences' }).click();
    await page.getByRole('button', { name: 'Help and keys' }).click();
    await page.getByRole('dialog', { name: 'Help' }).waitFor();
  });
});

describe('axe finds nothing to complain about', () => {
  /** A scenario whose first pod has its name for an address: the page shows when it is there. */
  const marked = (name: Scenario) => (windowMs: number) => {
    const mesh = scenario(name, 6)(windowMs);
    const pods: Pod[] = mesh.pods.map((pod, i) => (i === 0 ? { ...pod, podIPs: [name] } : pod));
    return { ...mesh, pods };
  };
  /** Goes from address to address of one page, waits for what is to be seen there, and gives what axe finds. */
  const walk = async (page: Page, places: [hash: string, shown: string][]) => {
    const found: string[] = [];
    for (const [hash, shown] of places) {
      await goTo(page, hash);
      await page.locator(shown).first().waitFor();
      for (const each of await violations(page)) found.push(`${hash}: ${each}`);
    }
    return found;
  };

  test('in a graph, whatever is the matter', async () => {
    const feed = await visitor.feed(marked('healthy'));
    const page = await visitor.visit(feed, { hash: '#view=graph' });
    const found: string[] = [];
    // Without a matrix: see page-shell.test.ts.
    const without: Scenario[] = ['hostile', 'waiting', 'empty', 'forbidden', 'alone'];
    for (const name of SCENARIOS.filter((each) => !without.includes(each))) {
      feed.show(marked(name));
      await page.locator('.pod-label').getByText(`· ${name}`).first().waitFor();
      for (const each of await violations(page)) found.push(`${name}: ${each}`);
    }
    expect(found).toEqual([]);
  });

  test('in any view, light', async () => {
    const page = await visitor.visit(await visitor.feed(scenario('slow-pod', 6)), { hash: '#view=heatmap' });
    expect(
      await walk(page, [
        ['#view=heatmap', '[role=grid]'],
        ['#view=heatmap&table=1', 'main .table-frame'],
        ['#view=graph&from=uid-0000&to=uid-0003', '.side-panel.is-selection .sample-chart'],
        ['#view=raw', '.text-body'],
      ]),
    ).toEqual([]);
    await page.keyboard.press('?');
    await page.getByRole('dialog').waitFor();
    expect(await violations(page)).toEqual([]);
  });

  test('in any view, dark, at the first visit', async () => {
    const feed = await visitor.feed(scenario('healthy', 6));
    const page = await visitor.visit(feed, { dark: true, first: true, hash: '#view=graph' });
    await page.getByRole('button', { name: 'Close hint' }).waitFor();
    expect(await violations(page)).toEqual([]);
    feed.show(scenario('dead-pod', 6));
    await soon(() => words(page, '.summary')).toContain('1 failing');
    expect(
      await walk(page, [
        ['#view=graph', '.pod-node'],
        ['#view=graph&pod=uid-0003', '.side-panel.is-selection .link-lines'],
        ['#view=metrics', '.text-body'],
      ]),
    ).toEqual([]);
    feed.show(scenario('outcomes', 6));
    await soon(() => words(page, '.summary')).not.toContain('1 failing');
    expect(await walk(page, [['#view=heatmap', '[role=grid]']])).toEqual([]);
  });

  test('on a phone', async () => {
    const hash = '#view=graph&from=uid-0000&to=uid-0003';
    const page = await visitor.visit(await visitor.feed(scenario('slow-pod', 6)), { width: 390, hash });
    expect(await walk(page, [[hash, '.side-panel.is-selection .sample-chart']])).toEqual([]);
  });
});
