import { describe, expect, test } from 'vitest';
import { goTo, scenario, soon, visitorOfFile, withTimes, words } from './page-visit.ts';

const visitor = visitorOfFile();

describe('a connection', () => {
  test('that is lost greys the picture, says since when, never empties it, and comes back by itself', async () => {
    const feed = await visitor.feed(scenario('slow-pod'));
    // Both views are loaded while that can be done.
    const page = await visitor.visit(feed, { hash: '#view=heatmap' });
    await page.getByRole('grid').waitFor();
    await goTo(page, '#view=graph');
    await page.locator('.pod-node').first().waitFor();
    await soon(() => words(page, '.live-status')).toContain('Live');
    feed.setMode('down');
    await soon(() => words(page, '.notices')).toMatch(
      withTimes(/Disconnected since TIME\.\s+Showing the last known state\.\s+Reconnecting/),
    );
    const status = await words(page, '.live-status');
    expect(status).toMatch(/^Disconnected, data .* old$/);
    await soon(() => words(page, '.live-status')).not.toBe(status);
    const filter = (of: string) => page.locator(of).evaluate((element) => getComputedStyle(element).filter);
    expect(await filter('.graph-stage')).toBe('grayscale(1)');
    expect(await page.locator('.graph-links > .graph-link').count()).toBe(16);
    await soon(() => words(page, '.summary')).toContain('12 good 4 slow');
    await soon(() => page.title()).toBe('Disconnected · goldpinger');
    for (const [hash, picture] of [
      ['#view=heatmap&table=1', 'main .table-frame'],
      ['#view=heatmap', '.heat-frame'],
    ] as const) {
      await goTo(page, hash);
      await page.locator(picture).waitFor();
      expect(await filter(picture)).toBe('grayscale(1)');
    }
    expect(await page.getByRole('gridcell').textContent()).toContain(' ms');
    feed.setMode('live');
    await soon(() => words(page, '.live-status')).toContain('Live');
    expect(await filter('.heat-frame')).toBe('none');
    expect(await words(page, '.notices')).toMatch(/^goldpinger-chaos: slow from all 3 others\./i);
  });

  test('whose stream a proxy cuts off becomes a poll, and says so', async () => {
    const feed = await visitor.feed(scenario('healthy'));
    feed.setMode('no-stream');
    const page = await visitor.visit(feed);
    await soon(() => words(page, '.notices')).toBe(
      'Stream blocked; polling every 5 s. Too many live pages on this pod, or a proxy delays or cuts the stream.',
    );
    expect(await words(page, '.live-status')).toContain('Polling every 5 s');
    feed.show(scenario('dead-pod'));
    await soon(() => words(page, '.summary')).toContain('1 failing');
  });

  test('that delivers invalid data is lost with a reason', async () => {
    const feed = await visitor.feed(scenario('healthy'));
    const page = await visitor.visit(feed);
    await soon(() => words(page, '.live-status')).toContain('Live');
    feed.setMode('bad-reports');
    await soon(() => words(page, '.notices')).toContain('does not match this version of the page');
    await soon(() => words(page, '.summary')).toContain('4 of 4 healthy');
  });

  test('is one for 20 tabs: all show the same, and it ends with the last tab', async () => {
    const feed = await visitor.feed(scenario('healthy'));
    const first = await visitor.visit(feed);
    await soon(() => words(first, '.summary')).toContain('4 of 4 healthy');
    const more = await Promise.all(Array.from({ length: 19 }, () => visitor.visit(feed)));
    for (const page of more) await soon(() => words(page, '.summary')).toContain('4 of 4 healthy');
    expect(feed.streams).toBe(1);
    // What a tab asks for itself is not held up by streams.
    await goTo(first, '#view=metrics');
    await soon(() => words(first, '.text-body')).toContain('goldpinger_nodes_health_total');
    await first.close();
    feed.show(scenario('dead-pod'));
    for (const page of more) await soon(() => page.title()).toBe('1 pod failing · goldpinger');
    expect(feed.streams).toBe(1);
    await Promise.all(more.map((page) => page.close()));
    await soon(() => feed.streams).toBe(0);
  });

  test('is that of its own tab in a browser without shared workers', async () => {
    const feed = await visitor.feed(scenario('healthy'));
    const page = await visitor.visit(feed);
    await page.addInitScript(() => Reflect.deleteProperty(globalThis, 'SharedWorker'));
    await page.reload();
    await soon(() => words(page, '.summary')).toContain('4 of 4 healthy');
    await soon(() => feed.streams).toBe(1);
    feed.show(scenario('dead-pod'));
    await soon(() => words(page, '.summary')).toContain('1 failing');
  });
});

describe('a change', () => {
  test('reaches the notices, the tab and the live region', async () => {
    const feed = await visitor.feed(scenario('healthy'));
    const page = await visitor.visit(feed);
    await soon(() => page.title()).toBe('4 pods ok · goldpinger');
    const icon = () => page.locator('link[rel="icon"]').getAttribute('href');
    const green = await icon();
    feed.show(scenario('dead-pod'));
    await soon(() => page.title()).toBe('1 pod failing · goldpinger');
    await soon(() => words(page, '#changes')).toBe('chaos is failing.');
    expect(await icon()).not.toBe(green);
    expect(await words(page, '.notices')).toContain('goldpinger-chaos: unreachable from all 3 others.');
    await page.locator('.notices').getByRole('button', { name: 'Show' }).click();
    await soon(() => page.url()).toContain('pod=uid-0003');
  });

  test('moves no pod and no panel, though notices come and go', async () => {
    const feed = await visitor.feed(scenario('healthy'));
    const page = await visitor.visit(feed, { hash: '#view=graph&pod=uid-0000' });
    const places = async () => {
      const boxes = ['.pod-node >> nth=1', '.side-panel', '.tools', '.timeline'].map((part) =>
        page.locator(part).boundingBox(),
      );
      return Promise.all(boxes);
    };
    await page.locator('.side-panel h2 >> nth=0').waitFor();
    const before = await places();
    expect(before.every((box) => box !== null)).toBe(true);
    feed.show(scenario('dead-pod'));
    await soon(() => words(page, '.notices')).toContain('goldpinger-chaos: unreachable');
    expect(await places()).toEqual(before);
    feed.setMode('down');
    await soon(() => words(page, '.notices')).toContain('Disconnected since');
    expect(await places()).toEqual(before);
  });
});

describe('a view whose code does not come', () => {
  test('says so, leaves the page as it is, and is there after a reload', async () => {
    const page = await visitor.visit(await visitor.feed(scenario('healthy')), { hash: '#view=raw' });
    await page.route('**/assets/heatmap-view*', (route) => route.abort());
    await page.getByRole('link', { name: 'Heatmap' }).click();
    await soon(() => words(page, '.late')).toContain('could not be loaded');
    await soon(() => words(page, '.summary')).toContain('4 of 4 healthy');
    await page.unrouteAll();
    await page.getByRole('button', { name: 'Reload the page' }).click();
    await page.getByRole('grid').waitFor();
  });
});

describe('the page', () => {
  test.each(['css', 'js'])('asks again for its %s file if that fails', async (ending) => {
    const feed = await visitor.feed(scenario('healthy'));
    const page = await visitor.visit(feed);
    let failures = 0;
    await page.route(`**/assets/*.${ending}`, (route) => (++failures <= 2 ? route.abort() : route.continue()));
    await page.reload();
    await soon(() => words(page, '.summary')).toContain('4 of 4 healthy');
    const position = () => page.locator('.top-bar').evaluate((bar) => getComputedStyle(bar).display);
    await soon(position).toBe('flex');
    expect(failures).toBeGreaterThan(2);
  });
});
