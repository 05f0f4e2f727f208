import { afterAll, beforeAll, expect, test } from 'vitest';
import { Walk } from './experiment-walk.ts';
import { soon, withTimes, words } from './page-visit.ts';
import { recordedIn, recordFrom } from './real-pages.ts';

let walk: Walk;
let victim: { name: string; uid: string };
let known: string[];
beforeAll(async () => {
  walk = await Walk.start();
});
afterAll(() => walk?.end());

const heir = () => walk.experiment.cluster.pods().find(({ name }) => !known.includes(name));

test('1. steady state: all green', async () => {
  await walk.podsOk(3);
  await walk.picture('experiment-1b-steady');
});

test('2. a pod is killed: gone, and its replacement starts', async () => {
  await recordFrom(walk.page);
  known = walk.names();
  const { witness, cluster } = walk.experiment;
  const [first] = cluster.pods().filter(({ name }) => name !== witness.name);
  victim = first!;
  await walk.experiment.command('delete', 'pod', victim.name, '--force');
  // Held while it starts, so that its start can be looked at.
  await soon(() => heir()?.pid ?? 0).toBeGreaterThan(0);
  process.kill(heir()!.pid, 'SIGSTOP');
  try {
    await walk.is(heir()!.name, /^Starting, /);
    await walk.is(heir()!.name, new RegExp(`, replaced ${victim.name.replace(/^.*-/, '')}, gone \\d+ s`));
    await walk.select('graph', `pod=${victim.uid}`);
    await soon(() => walk.panel()).toContain(`Replaced by ${heir()!.name}`);
    expect(await walk.panel()).toMatch(/Replacement ready pending: starting/);
    await walk.picture('experiment-1b-starting');
  } finally {
    process.kill(heir()!.pid, 'SIGCONT');
  }
});

test('3. recovered: who was killed, when, who replaced it, and how long that took', async () => {
  await walk.is(heir()!.name, /^Healthy/);
  await walk.podsOk(3);
  await soon(() => walk.panel()).toMatch(/Replacement ready (within 2 s|after about \d+ s)/);
  const panel = await walk.panel();
  expect(panel).toContain(victim.name);
  expect(panel).toMatch(withTimes(/Gone since TIME, /));
  expect(panel).toContain(`Replaced by ${heir()!.name}`);
  // From whom the pings failed, or when each last saw it well: a kill may fall between two pings.
  const [, told = ''] = panel.split('Last inbound pings');
  for (const name of known.filter((one) => one !== victim.name)) {
    expect(told).toMatch(new RegExp(`${name} [^g]*(since|at) \\d\\d:\\d\\d:\\d\\d`));
  }
  await walk.picture('experiment-1b-gone', true);
  await walk.select('graph', `pod=${heir()!.uid}`);
  await soon(() => walk.panel()).toMatch(new RegExp(`Replaces ${victim.name}, gone since \\d\\d:\\d\\d:\\d\\d`));
});

test('4. nothing else has turned red meanwhile, and the killed pod stays to be seen', async () => {
  const { pods } = await recordedIn(walk.page);
  expect(pods.filter((each) => each.endsWith('Failing') && !each.startsWith(victim.name))).toEqual([]);
  await soon(() => words(walk.page, '.summary')).toMatch(/ of 3 healthy .*1 gone/);
});
