import { isDeepStrictEqual } from 'node:util';
import type { Page } from 'playwright-core';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { type LocalCluster, type LocalPod, startCluster } from '../../deploy/local/cluster.ts';
import { compareNames } from '../../web/model/names.ts';
import { favourPods } from '../support/experiment.ts';
import { heatParts } from './heatmap-visit.ts';
import { goTo, soon, violations, withTimes, words } from './page-visit.ts';
import { Pages } from './pages.ts';
import { linkColours, podsIn, recordedIn, recordFrom, token } from './real-pages.ts';

// Several of its waits may be long ones, where pods have to get over a lack of CPU.
vi.setConfig({ testTimeout: 180_000 });

const pages = Pages.ofFile();
let cluster: LocalCluster;

beforeAll(async () => {
  cluster = await startCluster({ pods: 3, intervalS: 1, serverEnv: { SHUTDOWN_GRACE: '1s' } });
  favourPods(cluster);
});
beforeEach(() => cluster.ready());
afterAll(() => cluster?.stop());

/** The names of the pods in the order of the page, which compares numbers in names as numbers. */
const podNames = () =>
  cluster
    .pods()
    .map(({ name }) => name)
    .sort(compareNames);
const readyPods = () => cluster.pods().filter(({ ready, terminating }) => ready && !terminating);
/** The page of one pod, not of whichever the service picks. */
const pageOf = ({ ip }: LocalPod) => `http://${ip}:8080/`;
const title = (page: Page) => soon(() => page.title());
const isOk = (page: Page) => title(page).toBe('3 pods ok · goldpinger');
/** Pods that get no CPU say that they are starved: on a busy machine the good picture takes a while. */
const isGreen = async (page: Page) => {
  await isOk(page);
  await expect.poll(() => words(page, '.summary'), { timeout: 60_000 }).toContain('3 of 3 healthy');
};
const icon = (page: Page) =>
  soon(async () => decodeURIComponent((await page.locator('link[rel="icon"]').getAttribute('href')) ?? ''));
const health = async (page: Page) => (await podsIn(page)).map(({ words: said }) => said.replace(/^.*?: /, ''));

describe('three healthy pods', () => {
  test('are green in the graph, with all nine links', async () => {
    const page = await pages.open(cluster.serviceUrl);
    await isGreen(page);
    await soon(() => health(page)).toEqual(['Healthy', 'Healthy', 'Healthy']);
    const good = await token(page, '--good-cell');
    await soon(async () => (await podsIn(page)).map(({ fill }) => fill)).toEqual([good, good, good]);
    await soon(() => page.locator('.graph-links .graph-link').count()).toBe(9);
    const measured = await Promise.all(['--good-link', '--warning-link', '--suspect'].map((name) => token(page, name)));
    await soon(async () => (await linkColours(page)).filter((colour) => !measured.includes(colour))).toEqual([]);
    await icon(page).toContain('#1d9a63');
  }, 150_000);

  test('look the same in two tabs', async () => {
    const tabs = await Promise.all([pages.open(cluster.serviceUrl), pages.open(cluster.serviceUrl, '#view=heatmap')]);
    for (const page of tabs) await isOk(page);
    const pods = podNames();
    for (const page of tabs) {
      await goTo(page, '#view=graph');
      await soon(async () => (await podsIn(page)).length).toBe(3);
      for (const name of pods) expect((await podsIn(page)).map(({ words: said }) => said).join()).toContain(name);
    }
  });

  test('are nine cells of the heatmap, walked and opened by keyboard', async () => {
    const page = await pages.open(cluster.serviceUrl);
    await isOk(page);
    await page.keyboard.press('2');
    const names = podNames();
    const heat = heatParts(() => page);
    const colours = await Promise.all(['good', 'fair', 'warning'].map((state) => heat.token(`--${state}-cell`)));
    for (const [column, from] of names.entries()) {
      for (const [row, to] of names.entries()) {
        await heat.cellAt(column, row);
        await soon(heat.spoken).toContain(`from ${from} to ${from === to ? 'itself' : to}: `);
        // Striped where the pod had no CPU to measure with.
        await soon(
          async () => colours.includes(await heat.activeColour()) || (await heat.spoken())?.includes('unreliable'),
        ).toBe(true);
      }
    }
    await page.keyboard.press('Enter');
    const panel = page.locator('.side-panel.is-selection');
    await panel.getByRole('heading', { name: 'Link to itself' }).waitFor();
    await page.keyboard.press('Escape');
    await panel.waitFor({ state: 'detached' });
  });

  test('are nine rows of the table, for whom a picture says nothing', async () => {
    const page = await pages.open(cluster.serviceUrl, '#view=graph&table=1');
    const names = podNames();
    const listed = () =>
      page
        .locator('main table')
        .locator('tbody tr')
        .evaluateAll((rows) =>
          rows.map((row) => [...row.querySelectorAll('td')].slice(0, 2).map((cell) => cell.textContent)),
        );
    const all = names.flatMap((from) => names.map((to) => [from, to]));
    await soon(async () => (await listed()).sort()).toEqual(all.sort());
  });

  test('are in the raw answers and the metrics', async () => {
    const page = await pages.open(cluster.serviceUrl, '#view=raw');
    for (const { name } of cluster.pods()) await soon(() => words(page, '.text-body')).toContain(name);
    await page.getByRole('link', { name: 'Metrics' }).click();
    await soon(() => words(page, '.text-body')).toContain('goldpinger_nodes_health_total');
  });

  test('give axe nothing to complain about in any view, light and dark', async () => {
    const page = await pages.open(cluster.serviceUrl);
    await isOk(page);
    for (const view of ['graph', 'heatmap', 'raw', 'metrics']) {
      await goTo(page, `#view=${view}`);
      await page.locator(`.view-${view}`).waitFor();
      if (view === 'raw' || view === 'metrics') await soon(() => words(page, '.text-body')).not.toBe('');
      for (const colorScheme of ['light', 'dark'] as const) {
        await page.emulateMedia({ colorScheme });
        await soon(() => page.evaluate(() => document.documentElement.dataset['theme'])).toBe(colorScheme);
        expect(await violations(page)).toEqual([]);
      }
    }
  });
});

describe('a pod whose process hangs', () => {
  test('is red by timeout, in tab, graph and heatmap, and green again when it goes on', async () => {
    const [witness, , victim] = readyPods();
    const page = await pages.open(pageOf(witness!));
    const heat = heatParts(() => page);
    // Who got no CPU says so and finds the one that hangs all the same.
    await isOk(page);
    process.kill(victim!.pid, 'SIGSTOP');
    try {
      await title(page).toMatch(/fail/);
      await icon(page).toContain('#5e0b24');
      await soon(() => linkColours(page)).toContain(await token(page, '--failed-link'));
      await soon(() => page.locator('.graph-links .is-failed').count()).toBe(2);
      await soon(() => words(page, '.summary')).toContain('2 failed');
      await goTo(page, '#view=heatmap');
      const names = podNames();
      const [from, to] = [names.indexOf(witness!.name), names.indexOf(victim!.name)];
      const colour = await heat.token('--failed-cell');
      await heat.cellAt(from, to);
      await soon(heat.spoken).toBe(`from ${witness!.name} to ${victim!.name}: timed out`);
      await soon(heat.activeColour).toBe(colour);
      // The other way round nothing is known: it does not say.
      await heat.cellAt(to, from);
      await soon(heat.spoken).toContain(`from ${victim!.name} to ${witness!.name}: `);
      expect(await heat.spoken()).not.toContain('timed out');
      expect(await heat.activeColour()).not.toBe(colour);
    } finally {
      process.kill(victim!.pid, 'SIGCONT');
    }
    await soon(heat.spoken).toMatch(/ ms/);
    await isOk(page);
    await icon(page).toContain('#1d9a63');
    await goTo(page, '#view=graph');
    await soon(() => page.locator('.graph-links .is-failed').count()).toBe(0);
    // It says itself for a while that it got no CPU, and was not ready if it hung for long.
    await soon(async () => (await health(page)).filter((said) => !/^(Healthy|CPU-starved)/.test(said))).toEqual([]);
  });
});

test('the past shows what was shown live: the same red pods, the same finding with all its words, the same counts', async () => {
  const [witness, , victim] = readyPods();
  const page = await pages.open(pageOf(witness!));
  await isOk(page);
  const shown = async () => ({
    pods: (await podsIn(page)).map(({ words: said, fill }) => `${said.split(',')[0]} ${fill}`),
    failed: /\d+ failed/.exec(await words(page, '.summary'))?.[0],
    findings: await page.locator('.finding-list .finding-words').allInnerTexts(),
  });
  process.kill(victim!.pid, 'SIGSTOP');
  const stoppedMs = Date.now();
  let live: Awaited<ReturnType<typeof shown>>;
  let later: typeof live;
  let atMs: number;
  try {
    await soon(() => words(page, '.summary')).toContain('2 failed');
    await soon(async () => (await shown()).findings.join(' ')).toMatch(
      new RegExp(`^${victim!.name}.*What it reaches is not known`, 's'),
    );
    // Of less than two seconds the pod may not know afterwards that it stood still: see docs/past.md.
    await soon(() => Date.now() - stoppedMs).toBeGreaterThan(3_000);
    do {
      live = await shown();
      atMs = Date.now();
      // Pods are asked for a moment by its age: while a request is on its way on a busy machine, the moment is late by as much.
      await soon(() => Date.now() - atMs).toBeGreaterThan(1_000);
      later = await shown();
      // On a busy machine another pod may be short of CPU for a moment, which is a finding too. The past tells it in other words,
      // because the delay of the event loop is not kept.
    } while (!isDeepStrictEqual(later, live) || live.findings.length > 1);
  } finally {
    process.kill(victim!.pid, 'SIGCONT');
  }
  await isOk(page);
  await soon(() => page.locator('.graph-links .is-failed').count()).toBe(0);
  await goTo(page, `#view=graph&at=${atMs}`);
  await soon(shown).toEqual(live);
});

describe('a pod that is killed', () => {
  test('is gone with the time, and replaced by one that starts and is healthy; nobody else is red', async () => {
    const [witness, , victim] = readyPods();
    const page = await pages.open(pageOf(witness!));
    await isOk(page);
    await recordFrom(page);
    const known = podNames();
    const heir = () => cluster.pods().find(({ name }) => !known.includes(name));
    const said = async (name = '') =>
      (await podsIn(page)).find(({ words: text }) => text.startsWith(name))?.words ?? '';
    cluster.deletePod(victim!.name, { graceSeconds: 0 });
    // Held while it starts, so that its start lasts long enough to be looked at.
    await soon(() => heir()?.pid ?? 0).toBeGreaterThan(0);
    process.kill(heir()!.pid, 'SIGSTOP');
    await soon(() => said(heir()?.name)).toMatch(/: Starting, /);
    const short = victim!.name.replace(/^.*-/, '');
    await soon(() => said(heir()?.name)).toMatch(new RegExp(`, replaced ${short}, gone \\d+ s`));
    process.kill(heir()!.pid, 'SIGCONT');
    await isOk(page);
    await soon(() => said(heir()!.name)).toMatch(/: Healthy, replaced \w+, gone \d+ (s|min)$/);
    // Not that all are healthy: one that gets no CPU says so, and is not red.
    await soon(() => words(page, '.summary')).toMatch(/^Pods \d of \d healthy 0 failing .* 1 gone/);
    const { pods } = await recordedIn(page);
    expect(pods.filter((each) => each.endsWith('Failing') && !each.startsWith(victim!.name))).toEqual([]);
  });

  test('takes its pages with it to another pod of the service, without a gap in the picture', async () => {
    const page = await pages.open(cluster.serviceUrl);
    await isOk(page);
    const server = () => words(page, '.wide-only .served-by strong');
    const first = await server();
    await recordFrom(page);
    cluster.deletePod(first, { graceSeconds: 0 });
    await soon(server).not.toBe(first);
    await soon(() => words(page, '.live-status')).toContain('Live');
    await isOk(page);
    expect((await recordedIn(page)).fewest).toBeGreaterThanOrEqual(3);
  });

  test('with all others leaves the last known state and "Disconnected", until there is a pod again', async () => {
    const page = await pages.open(cluster.serviceUrl);
    await isOk(page);
    await recordFrom(page);
    const all = readyPods();
    // Others would come at once, on a busy machine before the page has noticed.
    cluster.scale(0);
    for (const { name } of all) cluster.deletePod(name, { graceSeconds: 0 });
    await soon(async () => (await recordedIn(page)).notices.join()).toMatch(
      withTimes(/Disconnected since TIME\..* Showing the last known state\./),
    );
    cluster.scale(3);
    await cluster.ready();
    await soon(() => words(page, '.live-status')).toContain('Live');
    await isOk(page);
    const { fewest } = await recordedIn(page);
    expect(fewest).toBeGreaterThanOrEqual(3);
  });
});
