import { expect, test } from 'vitest';
import { scenario, soon, visitorOfFile, words } from './page-visit.ts';

const visitor = visitorOfFile();

test('lost datagrams are a drop on each lossy link, an entry of the legend, a finding, and figures and a past in the panel of the link', async () => {
  const feed = await visitor.feed(scenario('lossy', 4));
  const page = await visitor.visit(feed, { hash: '#view=graph&level=pod' });
  await soon(() => page.locator('.graph-link .is-drop').count()).toBe(6);
  expect(await words(page, '.graph-legend')).toContain('loses datagrams 6');
  // The notice above says what is wrong, the finding the rest.
  await soon(() => words(page, 'body')).toContain('goldpinger-chaos: about 20 % of datagrams into it are lost.');
  await soon(() => words(page, 'body')).toContain('goldpinger-chaos: HTTP works');
  // No pod and no link is bad.
  expect(await words(page, '.graph-legend')).toContain('slow ≥ 100 ms 0');

  await page.goto(page.url().replace(/#.*/, '#view=graph&from=uid-0000&to=uid-0003'));
  await soon(() => words(page, '.side-panel')).toContain('Loses datagrams.');
  await soon(() => page.locator('.past-loss').count()).toBeGreaterThan(0);
  expect(await words(page, '.figures')).toMatch(/Datagrams \d+, 20 % lost/);
  expect(await words(page, '.figures')).toContain('Hops');
});

test('without the UDP probe nothing is said about datagrams', async () => {
  const feed = await visitor.feed(scenario('healthy', 4));
  const page = await visitor.visit(feed, { hash: '#view=graph&from=uid-0000&to=uid-0003' });
  await soon(() => page.locator('.figures').count()).toBe(1);
  expect(await words(page, 'body')).not.toMatch(/datagram|UDP|Hops/);
  expect(await page.locator('.is-drop').count()).toBe(0);
});
