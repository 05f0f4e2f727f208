import { afterAll, beforeAll, expect, test } from 'vitest';
import { roundPayload } from '../support/experiment.ts';
import { NOT_FAILING, Walk } from './experiment-walk.ts';
import { goTo, soon, words } from './page-visit.ts';
import { recordedIn, recordFrom } from './real-pages.ts';

const NAME = 'goldpinger-slo';

let walk: Walk;
let payload: ReturnType<typeof roundPayload>;
beforeAll(async () => {
  walk = await Walk.start();
});
afterAll(async () => {
  payload?.remove();
  await walk?.end();
});

test('a round that succeeds: the pod starts, is healthy, and is gone', async () => {
  await walk.podsOk(3);
  await recordFrom(walk.page);
  payload = roundPayload();
  await walk.experiment.command('apply', '-f', payload.file);
  await walk.podsOk(4);
  await walk.is(NAME, NOT_FAILING);
  await walk.picture('experiment-3-ready');
  await walk.experiment.command('delete', '-f', payload.file, '--force');
  await walk.is(NAME, /^Gone/);
  await walk.podsOk(3);
  payload.remove();
});

test('a round that fails: the pod never is ready, nobody else turns red, and it stays to be seen', async () => {
  payload = roundPayload('ghcr.io/nobody/unknown:1');
  await walk.experiment.command('apply', '-f', payload.file);
  const { uid } = walk.experiment.pod(NAME);
  await goTo(walk.page, `#view=graph&pod=${uid}`);
  await soon(() => walk.panel()).toMatch(/Starting · for \d+ s \(ImagePullBackOff\)/);
  await walk.picture('experiment-3-failed', true);
  await walk.experiment.command('delete', '-f', payload.file, '--force');
  await soon(() => walk.panel()).toMatch(/Gone ×2, the last \d+ s/);
  await walk.podsOk(3);
  const { pods } = await recordedIn(walk.page);
  expect(pods.filter((each) => each.endsWith(': Failing') && !each.startsWith(NAME))).toEqual([]);
  // Long after the panel has been closed the timeline tells of the round.
  await goTo(walk.page, '#view=graph&table=1');
  const told = async () =>
    (await words(walk.page, 'body')).match(/goldpinger-slo(?: is (?:ready|gone)|: round failed: \w+)/g)?.sort();
  await soon(told).toEqual([
    'goldpinger-slo is gone',
    'goldpinger-slo is ready',
    'goldpinger-slo: round failed: ImagePullBackOff',
  ]);
  expect(await words(walk.page, '.rounds')).toMatch(/2 rounds, 1 failed, ready after \d/);
});
