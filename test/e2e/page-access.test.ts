import { describe, expect, test } from 'vitest';
import { SCENARIOS, type Scenario } from '../support/feed/plan.ts';
import { Story } from '../support/feed/story.ts';
import { unseenFocus } from './focus-rings.ts';
import { badTargets, goTo, scenario, soon, violations, visitorOfFile, words } from './page-visit.ts';

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

test('at 390 px preferences and help are in the menu', async () => {
  const page = await visitor.visit(await visitor.feed(scenario('healthy')), { width: 390 });
  await page.getByRole('button', { name: 'Preferences' }).click();
  await page.getByRole('button', { name: 'Help and keys' }).click();
  await page.getByRole('dialog', { name: 'Help' }).waitFor();
});

describe('axe finds nothing to complain about', () => {
  /** A scenario that is served by a pod of its name: the page shows when it is there. */
  const marked = (name: Scenario) => (windowMs: number) => {
    const mesh = scenario(name, 6)(windowMs);
    return { ...mesh, servedBy: { ...mesh.servedBy, name } };
  };
  test('in a graph, whatever is the matter', async () => {
    const feed = await visitor.feed(marked('healthy'));
    const page = await visitor.visit(feed, { hash: '#view=graph' });
    const found: string[] = [];
    // Without a matrix: see page-shell.test.ts.
    const without: Scenario[] = ['hostile', 'waiting', 'empty', 'forbidden', 'alone'];
    for (const name of SCENARIOS.filter((each) => !without.includes(each))) {
      feed.show(marked(name));
      await page.locator(`.served-by[title="${name}"]:visible`).waitFor();
      for (const each of await violations(page)) found.push(`${name}: ${each}`);
    }
    expect(found).toEqual([]);
  });
});

/** Windows of a phone, a tablet, a low laptop, a laptop, a large screen, and of a laptop at 200 % zoom. */
const WINDOWS = [
  [390, 844],
  [768, 1024],
  [1120, 700],
  [1440, 900],
  [2560, 1300],
  [720, 450],
] as const;

/** What the page can show: a scenario, an address, what is to be seen there, and what is pressed then. */
const STATES: [name: string, scenario: Scenario, hash: string, shown: string, press?: string][] = [
  ['healthy', 'healthy', '#view=graph', '.pod-node'],
  ['a dead pod', 'dead-pod', '#view=heatmap', '[role=grid]'],
  ['a stale pod list', 'stale', '#view=graph&table=1', 'main .table-frame'],
  ['no data', 'waiting', '#view=graph', '.stage'],
  ['the panel of a link', 'slow-pod', '#view=graph&from=uid-0000&to=uid-0005', '.is-selection .sample-chart'],
  ['the panel of a pod', 'outcomes', '#view=heatmap&pod=uid-0003', '.is-selection .link-lines'],
  ['the menu View', 'mixed', '#view=heatmap', '[role=grid]', 'summary:text-is("View")'],
  ['the menu Export', 'slow-pod', '#view=graph', '.pod-node', 'summary:text-is("Export")'],
  ['preferences', 'healthy', '#view=graph', '.pod-node', 'button[aria-label="Preferences"]'],
  ['a comparison', 'slow-pod', '#view=heatmap&compare=1&ranges', '.key-figures'],
  ['the past', 'slow-pod', '#view=heatmap&at=0&ranges', '.event-mark', '.timeline button:text-is("Events")'],
  ['raw data', 'healthy', '#view=raw', '.text-body'],
  ['the table of the heatmap', 'slow-pod', '#view=heatmap&table=1', 'main .table-frame'],
];

test('targets have 24 px and nothing is too wide in any window; axe finds nothing on a phone and on a laptop, light and dark', async () => {
  const nowMs = Date.now();
  const feed = await visitor.feed(scenario('healthy', 6), '/', new Story(nowMs, 6));
  const page = await visitor.visit(feed, { hash: '#view=graph' });
  const at = (minutes: number) => nowMs - minutes * 60_000;
  const drawn = () =>
    page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
  const found: string[] = [];
  for (const [i, [name, what, hash, shown, press]] of STATES.entries()) {
    const ranges = `&ranges=${at(8)}-${at(4)}_${at(2)}-${at(1)}`;
    feed.show(scenario(what, 6));
    await page.setViewportSize({ width: 1440, height: 900 });
    await goTo(page, hash.replace('at=0', `at=${at(10)}`).replace('&ranges', ranges));
    await page.locator(shown).first().waitFor();
    if (press !== undefined) await page.locator(press).first().click();
    for (const [width, height] of WINDOWS) {
      await page.setViewportSize({ width, height });
      await drawn();
      const bad = await badTargets(page, 'body');
      const wide = await page.evaluate(() => document.documentElement.scrollWidth);
      if (wide > width) bad.push(`is ${wide} px wide`);
      if (width === 390 || width === 1440) {
        // Each state is seen in both themes, and each of the two windows, too.
        const colorScheme = (i % 2 === 0) === (width === 390) ? 'light' : 'dark';
        await page.emulateMedia({ colorScheme });
        await soon(() => page.evaluate(() => document.documentElement.dataset['theme'])).toBe(colorScheme);
        await drawn();
        bad.push(...(await violations(page)));
      }
      for (const each of bad) found.push(`${name}, ${width} x ${height}: ${each}`);
    }
    if (press !== undefined) await page.locator(press).first().press('Escape');
  }
  expect(found).toEqual([]);
}, 120_000);
