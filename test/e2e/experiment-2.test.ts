import { afterAll, beforeAll, expect, test } from 'vitest';
import { CHAOS, MANIFEST } from '../support/experiment.ts';
import { isChaos, NOT_FAILING, Walk } from './experiment-walk.ts';
import { goTo, soon, words } from './page-visit.ts';
import { token } from './real-pages.ts';

let walk: Walk;
beforeAll(async () => {
  walk = await Walk.start();
});
afterAll(() => walk?.end());

/** The link from the witness into the chaos pod. */
const link = () => `from=${walk.experiment.witness.uid}&to=${walk.experiment.pod(CHAOS).uid}`;

test('1. applied: a fourth pod, red, that refuses all; the others stay green', async () => {
  await walk.podsOk(3);
  await walk.experiment.command('apply', '-f', MANIFEST);
  await walk.is(CHAOS, /^Failing/);
  expect((await walk.said(CHAOS)).fill).toBe(await token(walk.page, '--failed-cell'));
  await soon(() => words(walk.page, '.summary')).toContain('1 failing');
  for (const name of walk.names().filter((one) => one !== CHAOS)) {
    expect((await walk.said(name)).state).not.toMatch(/^Failing/);
  }
  expect(await walk.page.title()).toMatch(/fail/);
  await walk.picture('experiment-2-refused', true);
});

test('2. proxy made: all four green, in the graph and in the heatmap', async () => {
  await walk.experiment.command('toxic', 'create', 'chaos', '-l', '0.0.0.0:8080', '-u', 'localhost:9090');
  await walk.podsOk(4);
  await walk.is(CHAOS, NOT_FAILING);
  expect((await walk.said(CHAOS)).fill).not.toBe(await token(walk.page, '--failed-cell'));
  await walk.picture('experiment-2-green', true);
  await goTo(walk.page, '#view=heatmap');
  await walk.redAre(() => false);
});

test('3. 250 ms: the graph says healthy, the heatmap’s row is red, and the delay is in the first byte', async () => {
  const add = ['toxic', 'add', '--type', 'latency', '--a', 'latency=250', '--upstream', 'chaos'];
  await walk.experiment.command(...add);
  await goTo(walk.page, '#view=graph');
  await soon(() => words(walk.page, '.summary')).toContain('slow to reach');
  await soon(() => walk.page.title()).toMatch(/^\d links slow · goldpinger$/);
  await walk.is(CHAOS, NOT_FAILING);
  await walk.picture('experiment-2-graph', true);
  await goTo(walk.page, '#view=heatmap');
  await walk.redAre((_, to) => isChaos(to));
  await walk.picture('experiment-2-heatmap', true);
  await walk.select('heatmap', link());
  await soon(() => walk.panel()).toMatch(/first byte/i);
  const { connectMs, firstByteMs } = await walk.experiment.phasesInto(CHAOS);
  expect([connectMs < 20, firstByteMs > 200]).toEqual([true, true]);
  await walk.page.locator('.side-panel.is-selection svg').first().waitFor();
  await walk.picture('experiment-2-link', true);
});

test('the page of the delayed pod itself can be used: slower, and complete', async () => {
  const delayed = await walk.pages.open(`http://${walk.experiment.pod(CHAOS).ip}:8080/`);
  await soon(() => delayed.title()).toMatch(/^\d links slow · goldpinger$/);
  await delayed.getByRole('link', { name: 'Heatmap' }).click();
  await delayed.locator('.heat-layers canvas').first().waitFor();
  await goTo(delayed, `#view=heatmap&${link()}`);
  await soon(() => words(delayed, '.side-panel.is-selection')).toMatch(/first byte/i);
  await delayed.close();
});

test('4. 350 ms: links into it fail by timeout; disabled: refused; toxic removed: green', async () => {
  const { experiment } = walk;
  await experiment.command('toxic', 'update', '-n', 'latency_upstream', '-a', 'latency=350', 'chaos');
  await walk.select('graph', link());
  await walk.is(CHAOS, /^Failing/);
  await soon(() => walk.panel()).toMatch(/timed out/i);
  await walk.picture('experiment-2-timeout', true);
  await experiment.command('toxic', 'toggle', 'chaos');
  await soon(() => walk.panel()).toMatch(/refused/i);
  await experiment.command('toxic', 'toggle', 'chaos');
  await experiment.command('toxic', 'remove', '-n', 'latency_upstream', 'chaos');
  await walk.podsOk(4);
});

test('5. deleted: gone with the time, the rest green', async () => {
  await goTo(walk.page, '#view=graph');
  await walk.experiment.command('delete', '-f', MANIFEST, '--force');
  await walk.is(CHAOS, /^Gone/);
  await walk.podsOk(3);
  await walk.picture('experiment-2-gone');
});
