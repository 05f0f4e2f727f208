import { mkdirSync } from 'node:fs';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { CHAOS, Experiment, MANIFEST } from '../experiment.ts';
import { words } from './page-visit.ts';
import { cellAt, goTo, podsIn, RealPages, soon, token } from './real-pages.ts';

/** On a busy machine a pod's own row may be starved, which says nothing against the pod. */
const NOT_FAILING = /^(Healthy|Starved)/;
/** Each step's picture lands here; those of docs/experiments.md are some of them. */
const PICTURES = 'test-results/experiment-2';

let pages: RealPages;
let experiment: Experiment;
let page: Page;

beforeAll(async () => {
  mkdirSync(PICTURES, { recursive: true });
  [pages, experiment] = await Promise.all([RealPages.start(), Experiment.start()]);
  page = await pages.open(`http://${experiment.witness.ip}:8080/`);
});
afterAll(async () => {
  const faults = await pages?.leave();
  await Promise.all([pages?.close(), experiment?.stop()]);
  expect(faults).toEqual([]);
});

/** Takes a step's picture, of a moment without suspect links if one comes soon: the steps are about others. */
async function picture(name: string): Promise<void> {
  const calm = page.locator('.summary', { hasNotText: /[1-9]\d* suspect/ });
  await calm.waitFor({ timeout: 3000 }).catch(() => {});
  await page.screenshot({ path: `${PICTURES}/${name}.png` });
}
const names = () => experiment.cluster.pods().map(({ name }) => name);
/** What is said of a pod after its name and node, and its colour. */
async function said(name: string): Promise<{ state: string; fill: string }> {
  const pod = (await podsIn(page)).find((one) => one.words.startsWith(name));
  return { state: pod?.words.replace(/^.*?: /, '') ?? '', fill: pod?.fill ?? '' };
}
const chaosIs = (state: RegExp) => soon(async () => (await said(CHAOS)).state).toMatch(state);
/** The heatmap's cell of a link; it shows the pods that are gone too. */
async function cell(from: string, to: string) {
  const order = (await experiment.mesh()).pods.map(({ name }) => name);
  return cellAt(page, order.indexOf(from), order.indexOf(to));
}
/** Red, also where the column is faded because its pod had no CPU for a moment. */
function isRed(colour: string): boolean {
  const [red = 0, green = 0, blue = 0] = (colour.match(/\d+/g) ?? []).map(Number);
  return red - green > 60 && red - blue > 60;
}
/** Waits until in these rows exactly the links that `isSlow` tells are red; on a busy machine others may be suspect. */
async function slowAre(rows: string[], isSlow: (from: string, to: string) => boolean): Promise<void> {
  for (const to of rows) {
    for (const from of names()) {
      if (isSlow(from, to)) await soon(async () => isRed((await cell(from, to)).colour)).toBe(true);
      else expect([from, to, isRed((await cell(from, to)).colour)]).toEqual([from, to, false]);
    }
  }
}

test('1. applied: a fourth pod, red, that refuses all; the others stay green', async () => {
  await soon(() => page.title()).toBe('3 pods ok · goldpinger');
  await experiment.command('apply', '-f', MANIFEST);
  await chaosIs(/^Failing/);
  expect((await said(CHAOS)).fill).toBe(await token(page, '--failed-cell'));
  await soon(() => words(page, '.summary')).toContain('1 failing');
  for (const name of names().filter((one) => one !== CHAOS)) expect((await said(name)).state).not.toMatch(/^Failing/);
  expect(await page.title()).toMatch(/fail/);
  await picture('1-refused');
});

test('2. proxy made: all four green, in the graph and in the heatmap', async () => {
  await experiment.command('toxic', 'create', 'chaos', '-l', '0.0.0.0:8080', '-u', 'localhost:9090');
  await soon(() => page.title()).toBe('4 pods ok · goldpinger');
  expect((await podsIn(page)).map(({ fill }) => fill)).not.toContain(await token(page, '--failed-cell'));
  await chaosIs(NOT_FAILING);
  await picture('2-green');
  await goTo(page, '#view=heatmap');
  await slowAre([CHAOS], () => false);
});

test('3. 250 ms: the graph says healthy, the heatmap’s row is red, and the delay is in the first byte', async () => {
  await experiment.command(...['toxic', 'add', '--type', 'latency', '--a', 'latency=250', '--upstream', 'chaos']);
  await goTo(page, '#view=graph');
  await soon(() => words(page, '.summary')).toContain('slow to reach');
  await soon(() => page.title()).toBe('4 pods ok · goldpinger');
  await chaosIs(NOT_FAILING);
  await picture('3-graph-250ms');
  await goTo(page, '#view=heatmap');
  await slowAre([CHAOS, experiment.witness.name], (_, to) => to === CHAOS);
  expect((await cell(CHAOS, CHAOS)).words).toMatch(/: 2[5-9]\d ms/);
  await picture('4-heatmap-250ms');
  await cell(experiment.witness.name, CHAOS);
  await page.keyboard.press('Enter');
  const panel = page.locator('.side-panel.is-selection');
  await panel.locator('svg').first().waitFor();
  await soon(() => words(page, '.side-panel.is-selection')).toMatch(/first byte/i);
  await picture('5-link-250ms');
  await page.keyboard.press('Escape');
});

test('the page of the delayed pod itself can be used: slower, and complete', async () => {
  const delayed = await pages.open(`http://${experiment.pod(CHAOS).ip}:8080/`);
  await soon(() => delayed.title()).toBe('4 pods ok · goldpinger');
  await delayed.getByRole('link', { name: 'Heatmap' }).click();
  await delayed.locator('.heat-layers canvas').first().waitFor();
  await delayed.close();
});

test('4. 350 ms: links into it fail by timeout; disabled: refused', async () => {
  await experiment.command('toxic', 'update', '-n', 'latency_upstream', '-a', 'latency=350', 'chaos');
  const link = async () => (await cell(experiment.witness.name, CHAOS)).words;
  await goTo(page, '#view=heatmap');
  await soon(link).toContain('timed out');
  await goTo(page, '#view=graph');
  await chaosIs(/^Failing/);
  await picture('6-graph-350ms');
  await experiment.command('toxic', 'toggle', 'chaos');
  await goTo(page, '#view=heatmap');
  await soon(link).toContain('refused');
});

test('5. deleted: gone with the time, the rest green', async () => {
  await goTo(page, '#view=graph');
  await experiment.command('delete', '-f', MANIFEST, '--force');
  await chaosIs(/^Gone/);
  await soon(() => page.title()).toBe('3 pods ok · goldpinger');
  await picture('7-gone');
});

test('2b. PowerfulSeal’s clone: two slow rows with fast diagonals', async () => {
  await experiment.command('apply', '-f', 'test/fixtures/powerfulseal-clone.yml');
  await soon(() => page.title()).toBe('5 pods ok · goldpinger');
  await goTo(page, '#view=heatmap');
  const clones = names().filter((name) => name.startsWith(CHAOS));
  await slowAre(clones, (from, to) => from !== to);
  await picture('8-heatmap-2b');
});
