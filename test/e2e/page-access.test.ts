import { describe, expect, test } from 'vitest';
import { SCENARIOS, type Scenario } from '../feed/options.ts';
import { scenario, soon, type Visit, violations, visitorOfFile, words } from './page-visit.ts';

const visitor = visitorOfFile();

describe('by keyboard alone', () => {
  test('views, filter, table and help are a key away, and letters are silent while typing', async () => {
    const page = await visitor.visit(await visitor.feed(scenario('slow-row')));
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
    await page.getByRole('checkbox', { name: /Single letters/ }).uncheck();
    await page.keyboard.press('Escape');
    await page.reload();
    await page.locator('.summary').waitFor();
    await page.keyboard.press('2');
    await page.keyboard.press('?');
    expect(await words(page, 'nav [aria-current="page"]')).toBe('Graph');
    expect(await page.getByRole('dialog').count()).toBe(0);
  });

  test('focus goes to the panel that opens and back to where it came from', async () => {
    const page = await visitor.visit(await visitor.feed(scenario('slow-row')));
    const worst = page.locator('.summary button').first();
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

describe('at 390 px', () => {
  test.each(['#view=graph', '#view=heatmap', '#view=raw', '#view=graph&from=uid-0000&to=uid-0003'])(
    'nothing is wider than the screen: %s',
    async (hash) => {
      const page = await visitor.visit(await visitor.feed(scenario('slow-row')), { width: 390, hash });
      await page.locator('.summary').waitFor();
      await soon(() => page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(390);
    },
  );

  test('theme and help are in the menu', async () => {
    const page = await visitor.visit(await visitor.feed(scenario('healthy')), { width: 390 });
    await page.getByRole('button', { name: 'Menu' }).click();
    await page.getByRole('button', { name: 'Help and keys' }).click();
    await page.getByRole('dialog', { name: 'Help' }).waitFor();
  });
});

describe('axe finds nothing to complain about', () => {
  const cases: [string, Scenario, Visit][] = [
    ...SCENARIOS.filter((name) => !['healthy', 'hostile'].includes(name)).map((name): [string, Scenario, Visit] => [
      `graph, ${name}`,
      name,
      { hash: '#view=graph' },
    ]),
    ['graph, dark, first visit', 'dead-pod', { dark: true, first: true }],
    ['heatmap', 'slow-row', { hash: '#view=heatmap' }],
    ['heatmap, dark', 'outcomes', { hash: '#view=heatmap', dark: true }],
    ['tables', 'slow-row', { hash: '#view=heatmap&table=1' }],
    ['link', 'slow-row', { hash: '#from=uid-0000&to=uid-0003' }],
    ['pod, dark', 'dead-pod', { hash: '#pod=uid-0003', dark: true }],
    ['raw', 'healthy', { hash: '#view=raw' }],
    ['metrics, dark', 'healthy', { hash: '#view=metrics', dark: true }],
    ['phone', 'slow-row', { width: 390, hash: '#from=uid-0000&to=uid-0003' }],
  ];
  test.each(cases)('%s', async (_, name, how) => {
    const page = await visitor.visit(await visitor.feed(scenario(name, 6)), how);
    await soon(() => words(page, '.live-status')).not.toContain('Connecting');
    expect(await violations(page)).toEqual([]);
  });

  test('help', async () => {
    const page = await visitor.visit(await visitor.feed(scenario('healthy')));
    await page.locator('.summary').waitFor();
    await page.keyboard.press('?');
    await page.getByRole('dialog').waitFor();
    expect(await violations(page)).toEqual([]);
  });
});
