import { afterAll, beforeAll, expect, test } from 'vitest';
import { isChaos, NOT_FAILING, Walk } from './experiment-walk.ts';
import { goTo } from './page-visit.ts';

let walk: Walk;
beforeAll(async () => {
  walk = await Walk.start();
});
afterAll(() => walk?.end());

test('2b. PowerfulSeal’s clone: five healthy pods, two slow rows with fast diagonals; deleted, all are green', async () => {
  await walk.podsOk(3);
  await walk.experiment.command('apply', '-f', 'test/fixtures/powerfulseal-clone.yml');
  await walk.podsOk(5);
  const clones = walk.names().filter(isChaos);
  expect(clones).toHaveLength(2);
  for (const name of clones) await walk.is(name, NOT_FAILING);
  await goTo(walk.page, '#view=heatmap');
  await walk.redAre((from, to) => isChaos(to) && from !== to);
  await walk.picture('experiment-2b-heatmap', true);
  await walk.experiment.command('delete', 'deployment', 'goldpinger-chaos', '--force');
  await walk.podsOk(3);
  await goTo(walk.page, '#view=graph');
  for (const name of clones) await walk.is(name, /^Gone/);
});
