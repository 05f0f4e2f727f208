import { expect, test } from 'vitest';
import type { MeshSource } from '../support/feed/server.ts';
import { scenario, soon, visitorOfFile, words } from './page-visit.ts';

const visitor = visitorOfFile();

/** Four pods: the second and the fourth are on passive nodes, the third is on a cordoned one that is left out. */
const source: MeshSource = (windowMs) => {
  const mesh = scenario('passive', 4)(windowMs);
  return { ...mesh, pods: mesh.pods.map((pod, i) => (i === 2 ? { ...pod, cordon: 'ignored' as const } : pod)) };
};

test('a pod on a passive node is a target that is not asked, in graph, heatmap and details, and never "not reporting"', async () => {
  const page = await visitor.visit(await visitor.feed(source), { hash: '#view=graph&level=pod' });
  await soon(() => page.locator('.pod-node.is-passive').count()).toBe(2);
  const labels = () =>
    page.locator('.pod-node').evaluateAll((nodes) => nodes.map((node) => node.getAttribute('aria-label') ?? ''));
  await soon(async () => (await labels()).filter((label) => label.includes('passive, not asked')).length).toBe(2);
  expect((await labels()).filter((label) => label.includes('cordoned, left out'))).toHaveLength(1);
  const outline = page.locator('.pod-node.is-passive .pod-shape').first();
  expect(await outline.evaluate((shape) => getComputedStyle(shape).strokeDasharray)).not.toBe('none');
  expect(await words(page, 'body')).not.toMatch(/no report|not reporting|without report|did not report/i);

  await page.getByRole('button', { name: /2 passive/ }).click();
  await soon(() => page.url()).toContain('is%3Apassive');

  await page.goto(page.url().replace(/#.*/, '#view=graph&pod=uid-0001'));
  await soon(() => words(page, '.pod-facts')).toContain('passive, not asked');
  await page.goto(page.url().replace(/#.*/, '#view=graph&pod=uid-0002'));
  await soon(() => words(page, '.pod-facts')).toContain('left out of health, findings, verdicts and alerts');

  await page.goto(page.url().replace(/#.*/, '#view=heatmap&level=pod'));
  await page.getByRole('grid').waitFor();
  await page.getByRole('grid').focus();
  await page.keyboard.press('Control+Home');
  await page.keyboard.press('ArrowRight');
  await soon(() => words(page, '.link-card')).toContain('The source pod is passive: it is not asked.');
});
