import type { Page } from 'playwright-core';
import { describe, expect, test } from 'vitest';
import { meshOf } from '../support/feed/scenarios.ts';
import { FEED_TOKEN } from '../support/feed/server.ts';
import { Story } from '../support/feed/story.ts';
import { goTo, scenario, soon, visitorOfFile, withTimes, words } from './page-visit.ts';

const visitor = visitorOfFile();
/** Experiment 2 as it was: chaos refused from 14 to 9 minutes ago, slow since 2.5 minutes ago. */
const withPast = (nowMs: number) => visitor.feed(scenario('slow-pod'), '/', new Story(nowMs));
const slider = '.timeline-slider';

/** Sends pointer events to the track within one turn of the page: their type, where along the track (0 to 1), and `buttons`. */
const sendPointer = (page: Page, events: readonly [type: string, share: number, buttons: number][]) =>
  page.locator(slider).evaluate((element, sent) => {
    const { left, top, width } = element.getBoundingClientRect();
    for (const [type, share, buttons] of sent) {
      const at = { clientX: left + width * share, clientY: top + 9 };
      element.dispatchEvent(new PointerEvent(type, { bubbles: true, pointerId: 1, buttons, ...at }));
    }
  }, events);
/** What the open dialog says when writing fails in one way after the other. */
async function refusedNotes(page: Page): Promise<string[]> {
  const json = (status: number, message: string) => ({ status, json: { code: status, message } });
  const answers = [
    json(403, 'writing is off'),
    { status: 413, body: '<html>nginx</html>' },
    json(429, 'too many writes: at most 10 a second'),
    json(400, 'from: expected a time at most 24 h from now'),
    { status: 502, body: 'bad gateway' },
    { status: 200, body: '<html>log in</html>' },
    null,
  ];
  const said: string[] = [];
  const alert = page.getByRole('alert');
  for (const answer of answers) {
    const before = await alert.textContent();
    await page.unroute('**/api/v1/annotations');
    await page.route('**/api/v1/annotations', (route) => {
      if (route.request().method() !== 'POST') return route.continue();
      return answer === null ? route.abort() : route.fulfill(answer);
    });
    await page.getByRole('button', { name: 'Save' }).click();
    await soon(() => alert.textContent()).not.toBe(before);
    said.push((await alert.textContent()) ?? '');
  }
  await page.unroute('**/api/v1/annotations');
  return said;
}

const minutes = (count: number) => count * 60_000;
/** The viewed time in the address, ms since the epoch; 0 = live. */
const momentOf = (page: Page) => Number(/at=(\d+)/.exec(page.url())?.[1] ?? 0);

describe('the timeline', () => {
  test('tells what was, by marks, flags and to those who hear it; Enter looks at it, N returns', async () => {
    const page = await visitor.visit(await withPast(Date.now()), { hash: '#view=heatmap' });
    await page.getByText('latency 250 ms added').waitFor();
    expect(await page.locator('.event-mark').count()).toBe(5);
    // 17 minutes are known.
    await soon(() => page.locator('.timeline option:checked').first().textContent()).toBe('auto, 20 min');
    await page.locator(slider).focus();
    for (let i = 0; i < 3; i++) await page.keyboard.press('PageUp');
    const told = () => page.locator(slider).getAttribute('aria-valuetext');
    await soon(told).toMatch(/goldpinger-chaos from 3 pods: refused/);
    await page.keyboard.press('ArrowRight');
    await soon(told).toMatch(withTimes(/TIME, 3 failed; data from 75 % of the pods/));
    await page.keyboard.press('Enter');
    await page.getByText('Viewing ').waitFor();
    await soon(() => words(page, '.summary')).toContain('3 failed');
    await soon(() => page.url()).toMatch(/at=\d{13}/);
    await page.keyboard.press('n');
    await soon(() => words(page, '.summary')).toContain('4 slow 0 failed');
    await soon(() => page.url()).not.toContain('at=');
  });

  test('a click shows a moment in every view, and a pasted link shows the same', async () => {
    const nowMs = Date.now();
    const feed = await withPast(nowMs);
    const page = await visitor.visit(feed, { hash: '#view=graph' });
    await page.getByText('proxy created').waitFor();
    const box = await page.locator(slider).boundingBox();
    // 12 of 20 minutes ago.
    await page.mouse.click(box!.x + box!.width * 0.4, box!.y + box!.height / 3);
    await soon(() => words(page, '.summary')).toContain('3 failed');
    await soon(() => page.url()).toContain('at=');
    const other = await visitor.visit(feed, { hash: new URL(page.url()).hash.replace('graph', 'heatmap&table=1') });
    await other.getByText('Viewing ').waitFor();
    await soon(() => words(other, '.heatmap')).toContain('Refused');
    await other.getByRole('button', { name: 'Return to live' }).click();
    await soon(() => words(other, '.summary')).toContain('0 failed');
  });

  test('a moment that cannot be had says why, and leads back', async () => {
    const page = await visitor.visit(await visitor.feed(scenario('healthy')), { hash: '#view=graph&at=1000' });
    await soon(() => words(page, '.notices')).toMatch(/Cannot show .* It is older than the history, which begins at /);
    await page.getByRole('button', { name: 'Return to live' }).click();
    await soon(() => words(page, '.notices')).toContain('All links healthy');
  });

  test('a moment that could not be fetched is fetched again', async () => {
    const nowMs = Date.now();
    const page = await visitor.visit(await withPast(nowMs));
    await page.getByText('proxy created').waitFor();
    await page.route('**/api/v1/mesh?at=*', (route) => route.abort());
    await goTo(page, `#view=graph&at=${nowMs - minutes(12)}`);
    await soon(() => words(page, '.notices')).toMatch(
      withTimes(/Cannot show TIME\. No server answered\. Trying again\./),
    );
    await page.unroute('**/api/v1/mesh?at=*');
    await soon(() => words(page, '.summary')).toContain('3 failed');
    expect(await words(page, '.notices')).toContain('Viewing ');
  });

  test('an event of some minutes ago is not now, although 24 h are shown', async () => {
    const page = await visitor.visit(await withPast(Date.now()), { hash: `#span=${minutes(1440)}` });
    await page.locator('.event-mark').first().waitFor();
    await page.locator(slider).focus();
    await page.keyboard.press('PageUp');
    await page.keyboard.press('Enter');
    await page.getByText('Viewing ').waitFor();
    await page.locator(slider).focus();
    await page.keyboard.press('End');
    await page.keyboard.press('Enter');
    await soon(() => page.url()).not.toContain('at=');
  });

  test('as a table it says the same: T', async () => {
    const feed = await withPast(Date.now());
    const page = await visitor.visit(feed);
    await page.getByText('proxy created').waitFor();
    await page.keyboard.press('t');
    const table = () => words(page, '.timeline table');
    await soon(table).toMatch(/4 slow.*latency 250 ms added.*goldpinger-chaos from 3 pods: refused/);
    await soon(table).toContain('No data');
    const oldest = page.locator('.timeline table button').last();
    await oldest.focus();
    feed.show(scenario('dead-pod'));
    await soon(() => words(page, '.summary')).toContain('1 failing');
    expect(await oldest.evaluate((button) => button === document.activeElement)).toBe(true);
    await page.keyboard.press('Enter');
    await page.getByText('Viewing ').waitFor();
  });

  test('has an event log beside the track, which is filtered by kind and by words', async () => {
    const page = await visitor.visit(await withPast(Date.now()));
    await page.getByText('proxy created').waitFor();
    await page.getByRole('button', { name: 'Events' }).click();
    const log = () => words(page, '.event-log tbody');
    await soon(log).toMatch(/Annotation.*Link goldpinger-chaos from 3 pods: refused/);
    await page.getByLabel('Show').last().selectOption('Annotation');
    await soon(log).not.toContain('Link');
    await page.getByRole('searchbox', { name: 'Filter events' }).fill('250 LATENCY');
    await soon(log).toMatch(withTimes(/^TIME Annotation latency 250 ms added$/));
    await page.locator('.event-log tbody button').press('Enter');
    await page.getByText('Viewing ').waitFor();
  });

  test('plays, is not paused by what is typed but by the space bar, and its times are read out only when it has paused', async () => {
    const nowMs = Date.now();
    const page = await visitor.visit(await withPast(nowMs), { hash: `#view=graph&at=${nowMs - minutes(10)}` });
    await page.getByText('Viewing ').waitFor();
    const status = page.locator('.notices [role=status]');
    await status.evaluate((region) => {
      const count = () => region.setAttribute('data-changes', String(Number(region.getAttribute('data-changes')) + 1));
      new MutationObserver(count).observe(region, { childList: true, characterData: true, subtree: true });
    });
    await page.getByRole('button', { name: 'Play' }).click();
    await page.locator('[data-filter]').pressSequentially('a b');
    expect(await page.locator('[data-filter]').inputValue()).toBe('a b');
    await soon(() => momentOf(page)).toBeGreaterThan(nowMs - minutes(10) + 60_000);
    const changes = Number(await status.getAttribute('data-changes'));
    await page.getByRole('button', { name: 'Pause' }).focus();
    await page.keyboard.press(' ');
    await page.getByRole('button', { name: 'Play' }).waitFor();
    expect((momentOf(page) - nowMs + minutes(10)) % 15_000).toBe(0);
    const shown = withTimes(/Viewing (TIME)\./).exec(await words(page, '.notices'))?.[1];
    await soon(() => status.textContent()).toBe(`Time shown: ${shown}.`);
    // Each step takes a second, or more on a busy machine.
    expect(changes).toBeLessThan(3);
  });

  test('a replay is played once: a picture that comes back later stays live', async () => {
    const feed = await visitor.feed(scenario('dead-pod'), '/', new Story(Date.now()));
    const page = await visitor.visit(feed, { hash: '#view=heatmap' });
    await page.locator('.finding-steps summary').first().click();
    await page.getByRole('button', { name: 'Replay 30 s' }).first().click();
    await page.getByText('Viewing ').waitFor();
    await page.keyboard.press('n');
    await soon(() => page.url()).not.toContain('at=');
    feed.show(scenario('empty'));
    await soon(() => words(page, 'main')).toContain('No pod matches');
    feed.show(scenario('dead-pod'));
    await page.locator('.event-mark').first().waitFor();
    expect(await page.getByRole('button', { name: 'Live' }).getAttribute('aria-pressed')).toBe('true');
  });

  test('an annotation is about the time during, and stays about it while time is played', async () => {
    const ago = (count: number) => Date.now() - minutes(count);
    const during = [ago(6), ago(4)] as const;
    const ranges = `ranges=${ago(9)}-${ago(7)}_${during.join('-')}_${ago(3)}-${ago(1)}`;
    const page = await visitor.visit(await withPast(Date.now()), { hash: `#view=graph&${ranges}` });
    const open = () => page.getByRole('button', { name: 'Add annotation' }).click();
    // Without the dates that yesterday's times have.
    const title = async () => (await page.locator('#note-title').textContent())?.replaceAll(/\d{4}-\d\d-\d\d /g, '');
    await open();
    const time = (ms: number) => new Date(ms).toTimeString().slice(0, 8);
    expect(await title()).toBe(`Annotation at ${during.map(time).join(' – ')}`);
    await page.getByRole('button', { name: 'Cancel' }).click();
    await page.getByRole('button', { name: 'Play' }).click();
    await page.getByText('Viewing ').waitFor();
    await open();
    const before = await title();
    const url = page.url();
    await soon(() => page.url()).not.toBe(url);
    expect(await title()).toBe(before);
  });

  test('takes a note from whoever has the token, and says what is wrong otherwise; the text stays', async () => {
    const page = await visitor.visit(await withPast(Date.now()));
    await page.getByText('proxy created').waitFor();
    await page.getByRole('button', { name: 'Add annotation' }).click();
    await page.getByLabel('What happened').fill('<b>cable pulled</b>');
    await page.getByLabel('Write token').fill('guess');
    await page.getByRole('button', { name: 'Save' }).click();
    await page.getByText('Wrong write token').waitFor();
    const written = await refusedNotes(page);
    expect(written).toEqual([
      'Annotations are disabled: WRITE_TOKEN is not set on the servers.',
      'The text is too long for the server or for a proxy. Shorten it and save again.',
      'Too many annotations at once. Wait a second and save again.',
      'Not saved: from: expected a time at most 24 h from now',
      'Not saved: the server answered with status 502.',
      'the response is not JSON: is there a login page in between?',
      'No server answered. Your text is kept: save again.',
    ]);
    expect(await page.getByLabel('What happened').inputValue()).toBe('<b>cable pulled</b>');
    await page.getByLabel('Write token').fill(FEED_TOKEN);
    await page.getByRole('button', { name: 'Save' }).click();
    await page.locator('.flag').getByText('<b>cable pulled</b>').waitFor();
    expect(await page.evaluate(() => JSON.stringify(localStorage))).not.toContain(FEED_TOKEN);
  });

  test('goes further back as time passes, but not under a pointer', async () => {
    const feed = await withPast(Date.now());
    const page = await visitor.visit(feed);
    await page.getByText('proxy created').waitFor();
    const span = () => page.locator('.timeline option:checked').first().textContent();
    await soon(span).toBe('auto, 20 min');
    await page.locator(slider).hover({ position: { x: 200, y: 10 } });
    await page.locator('.cursor-words').waitFor();
    // 17 minutes are known; 4 later that is more than 20.
    feed.show((windowMs) => meshOf({ pods: 4, scenario: 'dead-pod', windowMs, atMs: Date.now() + minutes(4) }));
    await soon(() => words(page, '.summary')).toContain('3 failed');
    expect(await span()).toBe('auto, 20 min');
    await page.mouse.move(5, 300);
    await soon(span).toBe('auto, 30 min');
  });

  test('folds, and stays folded', async () => {
    const page = await visitor.visit(await withPast(Date.now()));
    await page.getByRole('button', { name: 'Timeline' }).click();
    await page.reload();
    await page.locator('.timeline h2').waitFor();
    expect(await page.locator('.timeline').evaluate((line) => line.clientHeight)).toBeLessThanOrEqual(28);
  });
});

const ranges = (url: string) =>
  (/ranges=([\d_-]+)/.exec(url)?.[1] ?? '').split('_').map((text) => text.split('-').map(Number));

test('ranges are drawn by dragging, also quicker than the page, and by Shift and arrows; their ends move by arrow keys', async () => {
  const page = await visitor.visit(await withPast(Date.now()), { hash: `#span=${minutes(20)}` });
  await page.getByText('proxy created').waitFor();
  const box = await page.locator(slider).boundingBox();
  const y = box!.y + box!.height / 3;
  await page.mouse.move(box!.x + box!.width * 0.75, y);
  await page.mouse.down();
  await page.mouse.move(box!.x + box!.width * 0.6, y, { steps: 4 });
  await page.mouse.up();
  const end = page.getByRole('slider', { name: 'before, end' });
  await end.waitFor();
  await soon(() => page.url()).toContain('ranges');
  const [[from, to] = []] = ranges(page.url());
  expect((to! - from!) / minutes(3)).toBeCloseTo(1, 1);
  await end.focus();
  await page.keyboard.press('ArrowLeft');
  await soon(() => ranges(page.url())[0]).toEqual([from, to! - 5000]);
  const remove = async () => {
    await end.press('Delete');
    await soon(() => page.url()).not.toContain('ranges');
  };
  await remove();
  await sendPointer(page, [
    ['pointerdown', 0.75, 1],
    ['pointermove', 0.6, 1],
    ['pointerup', 0.6, 0],
  ]);
  await soon(() => page.url()).toContain('ranges');
  expect(page.url()).not.toContain('at=');
  await remove();
  await page.locator(slider).focus();
  for (let i = 0; i < 6; i++) await page.keyboard.press('ArrowLeft');
  for (let i = 0; i < 6; i++) await page.keyboard.press('Shift+ArrowLeft');
  await page.keyboard.press('Enter');
  await soon(() => ranges(page.url()).map(([start, last]) => last! - start!)).toEqual([30_000]);
});

test('a drag ends with Escape or Enter, or with a move without a button: its release draws nothing more', async () => {
  const page = await visitor.visit(await withPast(Date.now()), { hash: `#span=${minutes(20)}` });
  await page.getByText('proxy created').waitFor();
  const box = await page.locator(slider).boundingBox();
  const to = (share: number) => page.mouse.move(box!.x + box!.width * share, box!.y + box!.height / 3, { steps: 2 });
  await to(0.75);
  await page.mouse.down();
  await to(0.6);
  await page.keyboard.press('Escape');
  await page.mouse.up();
  await sendPointer(page, [
    ['pointerdown', 0.55, 1],
    ['pointermove', 0.5, 1],
    // The release was lost.
    ['pointermove', 0.45, 0],
    ['pointerup', 0.45, 0],
  ]);
  await to(0.4);
  await page.mouse.down();
  await to(0.3);
  await page.keyboard.press('Enter');
  await to(0.2);
  await page.mouse.up();
  await soon(() => page.url()).toContain('ranges');
  // Only that of Enter: without the range there is none left.
  const end = page.getByRole('slider', { name: 'before, end' });
  await end.press('Delete');
  await soon(() => page.url()).not.toContain('ranges');
  expect(page.url()).not.toContain('at=');
});
