import type { Route } from 'playwright-core';
import { expect, test } from 'vitest';
import { meshOf } from '../support/feed/scenarios.ts';
import { Story } from '../support/feed/story.ts';
import { badTargets, goTo, scenario, soon, violations, visitorOfFile, words } from './page-visit.ts';

const visitor = visitorOfFile();

/** A mesh with a fault in goldpinger-chaos, and templates of two tools. */
function faulty(name: 'slow-pod' | 'dead-pod', pods = 4) {
  const source = scenario(name, pods);
  const linkTemplates = [
    { name: 'Pod logs', url: 'https://logs.example.com/{namespace}/{pod}' },
    { name: 'Flow', url: 'https://flow.example.com/?a={from}&b={to}' },
  ];
  return visitor.feed(
    (windowMs) => {
      const mesh = source(windowMs);
      return { ...mesh, settings: { ...mesh.settings, linkTemplates } };
    },
    '/',
    new Story(Date.now(), pods),
  );
}

test('a finding says what to do next: its links, a replay of its start, a report, commands and links to tools', async () => {
  const page = await visitor.visit(await faulty('dead-pod'), { hash: '#view=heatmap' });
  await page.locator('.finding-steps summary').first().click();
  const steps = page.locator('.finding-steps').first();
  expect(await words(page, '.finding-steps >> nth=0')).toMatch(/kubectl -n \S+ describe pod goldpinger-chaos/);
  expect(await steps.getByRole('link', { name: 'Pod logs' }).getAttribute('href')).toMatch(
    /^https:\/\/logs\.example\.com\/[^/]+\/goldpinger-chaos$/,
  );
  // A finding about a pod has no source and destination.
  expect(await steps.getByRole('link', { name: 'Flow' }).count()).toBe(0);
  const report = await steps.getByRole('link', { name: 'Report' }).getAttribute('href');
  expect((await fetch(report ?? '')).status).toBe(200);
  expect(await badTargets(page, '.finding-steps')).toEqual([]);
  expect(await violations(page)).toEqual([]);
  await steps.getByRole('button', { name: /^Copy name/ }).click();
  await soon(() => steps.getByRole('button', { name: /^Copy name/ }).textContent()).toBe('Copied');
  await steps.getByRole('button', { name: 'Show links' }).press('Enter');
  await soon(() => page.url()).toContain('filter=to%3Apod%3Agoldpinger-chaos');
  await steps.getByRole('button', { name: 'Replay 30 s' }).click();
  await soon(() => page.url()).toMatch(/at=\d+/);
  const firstMs = Number(/at=(\d+)/.exec(page.url())?.[1]);
  await soon(() => Number(/at=(\d+)/.exec(page.url())?.[1])).toBe(firstMs + 30_000);
  await page.getByRole('button', { name: 'Play', exact: true }).waitFor();
});

test('every finding can be reached', async () => {
  const page = await visitor.visit(await visitor.feed(scenario('mixed', 60)), { hash: '#view=heatmap' });
  const more = page.locator('.more-findings summary');
  await more.first().waitFor();
  const all = Number(/\d+/.exec((await page.locator('.findings h2').textContent()) ?? '')?.[0]);
  await more.first().click();
  expect(await page.locator('.findings .finding:visible').count()).toBe(all);
});

test('a link shows the body as a phase, full names to copy, and the links of its tools', async () => {
  const feed = await faulty('slow-pod');
  const page = await visitor.visit(feed, { hash: '#view=heatmap' });
  await page.getByText('latency 250 ms added').waitFor();
  await page.locator('.heatmap').waitFor();
  await page.keyboard.press('s');
  await page.keyboard.press('Enter');
  await soon(() => words(page, '.is-selection h2 >> nth=0')).toMatch(/goldpinger-\S+ ⇄ goldpinger-\S+/);
  expect(await words(page, '.figures')).toMatch(/Connect .* First byte .* Body /);
  await page.locator('.is-selection .panel-steps summary').click();
  expect(await page.getByRole('link', { name: 'Flow' }).getAttribute('href')).toMatch(
    /^https:\/\/flow\.example\.com\/\?a=goldpinger-\w+&b=goldpinger-\w+$/,
  );
  expect(await violations(page)).toEqual([]);
});

test('samples that take longer than the time between two meshes are shown nevertheless', async () => {
  const later = (ms: number) => (windowMs: number) =>
    meshOf({ pods: 4, scenario: 'slow-pod', windowMs, atMs: Date.now() + ms });
  const feed = await visitor.feed(later(0));
  const page = await visitor.visit(feed, { hash: '#view=heatmap' });
  const held: Route[] = [];
  await page.route('**/api/v1/link?*', (route) => void held.push(route));
  await goTo(page, '#view=heatmap&from=uid-0000&to=uid-0003');
  await soon(() => held.length).toBe(2);
  const charts = page.locator('.sample-chart:not(.is-past)');
  const counted = () => page.locator('.live-status').getAttribute('title');
  for (const ms of [10_000, 20_000]) feed.show(later(ms));
  feed.show((windowMs) => meshOf({ pods: 4, scenario: 'healthy', windowMs, atMs: Date.now() + 30_000 }));
  await soon(counted).toContain('4 pods ok');
  expect(held).toHaveLength(2);
  await Promise.all(held.map((route) => route.continue()));
  await soon(() => charts.count()).toBe(2);
  // Then the newest ones are fetched.
  await soon(() => held.length).toBe(4);
  await Promise.all(held.slice(2).map((route) => route.continue()));
});
