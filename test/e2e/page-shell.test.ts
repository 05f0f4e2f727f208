import { statSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { Story } from '../support/feed/story.ts';
import { firstScripts } from '../support/first-visit.ts';
import { goTo, scenario, soon, violations, visitorOfFile, withTimes, words } from './page-visit.ts';

const visitor = visitorOfFile();

describe('the first picture', () => {
  test('says that it is live, who serves it, and how the cluster is', async () => {
    const page = await visitor.visit(await visitor.feed(scenario('slow-pod')));
    await soon(() => words(page, '.live-status')).toBe('Live');
    expect(await words(page, '.wide-only .served-by')).toBe('Data from goldpinger-001');
    const summary = await words(page, '.summary');
    expect(summary).toContain('4 of 4 healthy 0 failing');
    expect(summary).toContain('12 good 4 slow 0 failed');
    expect(summary).toContain('1 slow to reach');
    expect(summary).toMatch(/Slowest link 00\d → chaos 25\d ms/);
    expect(summary).toContain('External 3 of 3 ok');
    expect(summary).toContain('Cluster health 200 OK');
  });

  test('asks for nothing outside its own path, wherever that is', async () => {
    // What a page of any test asks beyond its feed's path fails that test.
    const page = await visitor.visit(await visitor.feed(scenario('healthy'), '/tools/ping/'));
    await soon(() => words(page, '.summary')).toContain('4 of 4 healthy');
    await page.keyboard.press('2');
    await page.getByRole('grid').waitFor();
    await page.keyboard.press('3');
    await soon(() => words(page, '.text-body')).toContain('hosts');
    await page.keyboard.press('4');
    await soon(() => words(page, '.text-body')).toContain('goldpinger_nodes_health_total');
    await goTo(page, '#view=graph&from=uid-0000&to=uid-0003');
    await page.locator('.sample-chart').first().waitFor();
    await page.reload();
    await soon(() => words(page, '.summary')).toContain('4 of 4 healthy');
  });

  test('explains itself once, when nothing is wrong, in a hint that stays closed', async () => {
    const feed = await visitor.feed(scenario('slow-pod'));
    const page = await visitor.visit(feed, { first: true });
    const hint = page.locator('.notices').getByText('Lines are pings from pod to pod');
    await soon(() => words(page, '.notices')).toMatch(/^goldpinger-chaos: slow from all 3 others\./i);
    expect(await hint.count()).toBe(0);
    feed.show(scenario('healthy'));
    await hint.waitFor();
    await page.getByRole('button', { name: 'Close hint' }).click();
    await hint.waitFor({ state: 'detached' });
    await page.reload();
    await page.locator('.summary').waitFor();
    expect(await hint.count()).toBe(0);
  });
});

describe('the summary', () => {
  test.each([
    [1440, 120],
    [1300, 4],
    [1100, 120],
    [390, 4],
    [390, 120],
  ])('fits %i px with %i pods: no word of it is cut off, however long names of nodes are', async (width, pods) => {
    const source = scenario(pods === 4 ? 'slow-pod' : 'mixed', pods);
    const named = (windowMs: number) => {
      const mesh = source(windowMs);
      return { ...mesh, settings: { ...mesh.settings, displayNodeName: true } };
    };
    const page = await visitor.visit(await visitor.feed(named), { width });
    await soon(() => words(page, '.summary')).toMatch(/healthy.*(good|failed).*Cluster health (418|200)/);
    const cut = await page.locator('.summary').evaluate((line) => {
      const { left, right, top, bottom } = line.getBoundingClientRect();
      return [...line.querySelectorAll('.fact, .fact > span:not(.hidden)')]
        .filter((fact) => {
          if (fact.scrollWidth > fact.clientWidth && getComputedStyle(fact).display !== 'inline') return true;
          const box = fact.getBoundingClientRect();
          return box.left < left || box.right > right || box.top < top - 4 || box.bottom > bottom + 4;
        })
        .map((fact) => fact.textContent);
    });
    expect(cut).toEqual([]);
    expect(await page.locator('.summary').evaluate((line) => line.scrollWidth <= line.clientWidth)).toBe(true);
  });

  test('does not move when pods and links fail and recover, at any width', async () => {
    const feed = await visitor.feed(scenario('healthy', 40));
    const page = await visitor.visit(feed, { width: 2560 });
    const places = () =>
      page.locator('.summary .fact').evaluateAll((facts) =>
        facts.flatMap((fact) => {
          const word = /(healthy|failing|good|slow|failed)$/.exec(fact.textContent ?? '')?.[0];
          return word === undefined ? [] : [`${word} ${Math.round(fact.getBoundingClientRect().left)}`];
        }),
      );
    for (const width of [2560, 1440]) {
      await page.setViewportSize({ width, height: 900 });
      await soon(() => words(page, '.summary')).toMatch(/ 0 failing .* 0 slow 0 failed/);
      const before = await places();
      expect(before).toHaveLength(5);
      for (const name of ['slow-pod', 'dead-pod', 'dead-node', 'healthy'] as const) {
        feed.show(scenario(name, 40));
        await soon(() => page.title()).toMatch({ healthy: /ok/, 'slow-pod': /slow/ }[name as string] ?? /failing/);
        expect(await places()).toEqual(before);
      }
    }
  });

  test('shows the pods or links of a count, and all when it is pressed again', async () => {
    const page = await visitor.visit(await visitor.feed(scenario('dead-pod', 6)), { hash: '#view=heatmap' });
    const count = (name: RegExp) => page.locator('.summary').getByRole('button', { name });
    await count(/5 failed/).click();
    await soon(() => page.url()).toMatch(/view=graph.*links=failed/);
    await soon(() => count(/5 failed/).getAttribute('aria-pressed')).toBe('true');
    await count(/5 failed/).press('Enter');
    await soon(() => page.url()).not.toContain('links=failed');
    await count(/1 failing/).click();
    await soon(() => page.getByRole('searchbox').inputValue()).toBe('is:failing');
    await count(/1 failing/).click();
    await soon(() => page.getByRole('searchbox').inputValue()).toBe('');
  });

  test('is told in full again when there is room; the top bar has a menu where there is little', async () => {
    const page = await visitor.visit(await visitor.feed(scenario('slow-pod')), { width: 700 });
    await soon(() => words(page, '.summary')).toContain('4 slow');
    await soon(() => words(page, '.summary')).not.toContain('Slowest link');
    const cut = () => page.locator('.top-bar').evaluate((bar) => bar.scrollWidth - bar.clientWidth);
    expect(await cut()).toBe(0);
    await page.getByRole('button', { name: 'Preferences' }).click();
    await soon(() => words(page, '#menu-sheet')).toContain('Data from goldpinger-001');
    await page.keyboard.press('Escape');
    await page.locator('#menu-sheet').waitFor({ state: 'hidden' });
    await page.setViewportSize({ width: 1030, height: 900 });
    await page.getByRole('button', { name: 'Help', exact: true }).waitFor();
    expect(await cut()).toBe(0);
    await page.setViewportSize({ width: 1440, height: 900 });
    await soon(() => words(page, '.summary')).toContain('Slowest link');
  });
});

describe('without a matrix the page says why', () => {
  test('while it waits for the API, where no pod matches, where it may not list, where it is alone', async () => {
    const feed = await visitor.feed(scenario('waiting'));
    const page = await visitor.visit(feed);
    for (const [name, title, text, status] of [
      ['waiting', 'Waiting for the Kubernetes API', 'attempt 5', 'Waiting, 2'],
      ['empty', 'No pod matches app=goldpinger', 'kubectl get pods -n default -l app=goldpinger', 'Live'],
      ['forbidden', 'Not allowed to list pods in default', 'cannot list', 'No permission'],
      ['alone', 'No peers yet', 'It reaches itself in', 'Live'],
    ] as const) {
      feed.show(scenario(name));
      await page.getByRole('heading', { name: title }).waitFor();
      expect(await words(page, '.stage')).toContain(text);
      await soon(() => words(page, '.live-status')).toContain(status);
      if (name === 'forbidden') {
        await page.getByText('Show the RBAC manifest to apply').click();
        expect(await words(page, '.stage details pre')).toContain('verbs: [list, watch]');
      }
      if (name === 'waiting') {
        const turns = () => page.evaluate(() => document.getAnimations().length);
        expect(await turns()).toBe(0);
        await page.emulateMedia({ reducedMotion: 'no-preference' });
        await soon(turns).toBe(1);
        await page.emulateMedia({ reducedMotion: 'reduce' });
        await soon(turns).toBe(0);
      }
      expect(await violations(page)).toEqual([]);
      await page.setViewportSize({ width: 390, height: 800 });
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(390);
      await page.setViewportSize({ width: 1440, height: 900 });
    }
    feed.show(scenario('healthy'));
    await soon(() => words(page, '.summary')).toContain('4 of 4 healthy');
  });

  test('a server that never answered is unreachable, not empty', async () => {
    const feed = await visitor.feed(scenario('healthy'));
    feed.setMode('garbage');
    const page = await visitor.visit(feed);
    await page.getByRole('heading', { name: 'Server unreachable' }).waitFor();
    expect(await words(page, '.stage')).toContain('login page');
    feed.setMode('live');
    await page.getByRole('button', { name: 'Try now' }).click();
    await soon(() => words(page, '.summary')).toContain('4 of 4 healthy');
  });
});

describe('the address', () => {
  test('shows a colleague the same: view, selection, thresholds', async () => {
    const feed = await visitor.feed(scenario('slow-pod'));
    const hash = '#view=heatmap&from=uid-0000&to=uid-0003&ms=1-2-300';
    const page = await visitor.visit(feed, { hash });
    await page.locator('.side-panel.is-selection').waitFor();
    expect(await words(page, 'nav [aria-current="page"]')).toBe('Heatmap');
    await soon(() => words(page, '.summary')).toMatch(/ 0 slow .*[45] warning/);
  });

  test('and order, group, value, filter', async () => {
    const hash = '#view=heatmap&order=worst-row&group=zone&value=p95&window=300000&filter=node%3Aworker-01';
    const page = await visitor.visit(await visitor.feed(scenario('slow-pod')), { hash });
    const chosen = (name: string) => page.getByRole('combobox', { name, exact: true }).inputValue();
    await page.getByRole('grid').waitFor();
    await page.locator('.tool-menu > summary').getByText('View').click();
    expect([await chosen('Order'), await chosen('Group'), await chosen('Show')]).toEqual([
      'worst-row',
      'zone',
      'p95/300000',
    ]);
    await page.keyboard.press('Escape');
    expect(await page.getByRole('searchbox').inputValue()).toBe('node:worker-01');
    // The pod that everybody finds slow comes first.
    await page.getByRole('grid').press('Control+Home');
    await soon(() => page.getByRole('gridcell').textContent()).toMatch(/^from goldpinger-chaos to itself: 3\d\d ms/);
  });

  test('follows what is done, and Back undoes it', async () => {
    const page = await visitor.visit(await visitor.feed(scenario('slow-pod')));
    await page.locator('.summary').waitFor();
    await page.getByRole('link', { name: 'Heatmap' }).click();
    await soon(() => page.url()).toContain('#view=heatmap');
    await page.goBack();
    await soon(() => words(page, 'nav [aria-current="page"]')).toBe('Graph');
  });

  test('Back to an earlier selection leaves the focus where it is', async () => {
    const page = await visitor.visit(await visitor.feed(scenario('slow-pod')));
    const heading = () => page.locator('#panel-title').textContent();
    for (const place of [0, 1]) {
      await page.locator('.pod-node').nth(place).press('Enter');
      await soon(() => page.locator('.is-selection').evaluate((panel) => panel === document.activeElement)).toBe(true);
      await page.getByRole('searchbox').first().focus();
    }
    const second = await heading();
    await page.goBack();
    await soon(heading).not.toBe(second);
    expect(await page.locator(':focus').getAttribute('type')).toBe('search');
  });
});

test('a first visit loads at most 150 kB of compressed script; panels, timeline, comparison, help and gestures come later', () => {
  const first = firstScripts('dist/web');
  const bytes = first.reduce((sum, name) => sum + statSync(`dist/web/assets/${name}.br`).size, 0);
  expect(bytes).toBeGreaterThan(50_000);
  expect(bytes).toBeLessThan(150_000);
  for (const later of [
    'details',
    'timeline',
    'compare-view',
    'help-dialog',
    'heatmap-view',
    'gestures',
    'bundle-canvas',
    'mesh-client',
  ]) {
    expect(first.filter((name) => name.startsWith(later))).toEqual([]);
  }
});

test('the theme follows the system until somebody chooses', async () => {
  const feed = await visitor.feed(scenario('healthy'));
  const page = await visitor.visit(feed, { dark: true });
  const theme = () => page.evaluate(() => document.documentElement.dataset['theme']);
  await soon(theme).toBe('dark');
  await page.getByRole('button', { name: 'Preferences' }).click();
  await page.getByRole('combobox', { name: 'Theme' }).selectOption('light');
  await soon(theme).toBe('light');
  await page.reload();
  await page.locator('.summary').waitFor();
  expect(await theme()).toBe('light');
});

test('names and times are as the reader chose, after a reload too', async () => {
  const page = await visitor.visit(await visitor.feed(scenario('dead-pod')), { hash: '#view=graph' });
  const names = () => page.locator('.pod-label').allTextContents();
  await soon(async () => (await names()).join()).toContain('goldpinger-chaos');
  await page.getByRole('button', { name: 'Preferences' }).click();
  await page.getByRole('combobox', { name: 'Names' }).selectOption('node');
  await page.getByRole('combobox', { name: 'Times' }).selectOption('utc');
  await soon(() => page.title()).toBe('1 pod failing · goldpinger');
  for (const round of ['at once', 'after a reload']) {
    await soon(() => page.locator('.timeline-times i').textContent()).toBe('UTC');
    await soon(() => words(page, '.notices')).toContain('Since ');
    const [, hours] = /Since (?:\S+ )?(\d\d):/.exec(await words(page, '.notices')) ?? [];
    expect(Math.abs(Number(hours) - new Date(Date.now() - 180_000).getUTCHours()) % 23, round).toBeLessThan(2);
    expect((await page.locator('.summary .worst-names').textContent()) ?? '', round).toContain('worker-');
    await page.reload();
  }
});

test('without storage the reader can still choose, and a choice stays when another one draws the page anew', async () => {
  const page = await visitor.visit(await visitor.feed(scenario('healthy')));
  await page.addInitScript(() => {
    for (const name of ['localStorage', 'sessionStorage']) {
      Object.defineProperty(window, name, {
        get() {
          throw new DOMException('refused', 'SecurityError');
        },
      });
    }
  });
  await page.reload();
  await page.locator('.pod-node').first().waitFor();
  await page.getByRole('button', { name: 'Preferences' }).click();
  await page.getByRole('combobox', { name: 'Theme' }).selectOption('dark');
  await page.getByRole('combobox', { name: 'Times' }).selectOption('utc');
  await soon(() => page.locator('.timeline-times i').textContent()).toBe('UTC');
  expect(await page.evaluate(() => document.documentElement.dataset['theme'])).toBe('dark');
});

test('fills the screen, and leaves it again', async () => {
  const page = await visitor.visit(await visitor.feed(scenario('healthy')));
  const isFull = () => page.evaluate(() => document.fullscreenElement !== null);
  const press = async (name: string) => {
    await page.getByRole('button', { name: 'Preferences' }).click();
    await page.getByRole('button', { name, exact: true }).click();
  };
  await press('Full screen');
  await soon(isFull).toBe(true);
  // A browser without windows does not change its display mode, so the page's own way back is not seen here.
  await page.evaluate(() => document.exitFullscreen());
  await soon(isFull).toBe(false);
});

test('in forced colours what is chosen has an outline', async () => {
  const page = await visitor.visit(await visitor.feed(scenario('dead-pod')), { hash: '#view=graph&filter=is:failing' });
  await page.locator('.summary').waitFor();
  await page.emulateMedia({ forcedColors: 'active' });
  for (const chosen of ['nav [aria-current="page"]', '.summary [aria-pressed="true"]']) {
    const outline = page
      .locator(chosen)
      .first()
      .evaluate((element) => getComputedStyle(element).outlineStyle);
    expect(await outline, chosen).toBe('solid');
  }
});

test('a link to a pod that is gone for good says when and why it ended, and leads to its successor', async () => {
  const nowMs = Date.now();
  const story = new Story(nowMs);
  const pod = { uid: 'uid-old', name: 'goldpinger-old', namespace: 'default', node: 'worker-01' };
  const blank = { pod, from: [], fromCount: 0, outcome: null, phase: null, totalUs: -1, detail: '' };
  story.add({ ...blank, id: 'e1', kind: 'pod-gone', atMs: nowMs - 600_000, detail: 'deleted' });
  story.add({ ...blank, id: 'e2', kind: 'pod-replaced', atMs: nowMs - 590_000, detail: 'goldpinger-002' });
  const page = await visitor.visit(await visitor.feed(scenario('healthy'), '/', story), {
    hash: '#view=graph&pod=nobody',
  });
  const panel = () => words(page, '.side-panel.is-selection');
  await soon(panel).toMatch(/no longer exists.* Nothing is known about it: it ended more than \d/);
  await goTo(page, '#view=graph&pod=uid-old');
  await soon(panel).toMatch(withTimes(/^goldpinger-old no longer exists It ended at TIME\. Deleted/));
  await page.getByRole('button', { name: 'goldpinger-002', exact: true }).click();
  await soon(panel).toContain('Pod goldpinger-002');
});

test('raw data names the pod that answered, and says if it is not the one of the header', async () => {
  const feed = await visitor.feed(scenario('healthy'));
  const page = await visitor.visit(feed, { hash: '#view=raw' });
  await soon(() => words(page, '.text-note')).toMatch(/, from goldpinger-001$/);
  feed.answersAs('goldpinger-002');
  await page.getByRole('button', { name: 'Refresh' }).click();
  await soon(() => words(page, '.text-note')).toMatch(/, from goldpinger-002, another pod$/);
});
