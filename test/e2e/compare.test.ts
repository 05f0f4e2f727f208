import { expect, test } from 'vitest';
import { parseReport } from '../../server/protocol/comparison.ts';
import { Story } from '../support/feed/story.ts';
import { badTargets, scenario, soon, violations, visitorOfFile, words } from './page-visit.ts';

const visitor = visitorOfFile();
const minutes = (count: number) => count * 60_000;
/** Experiment 2, as in timeline.test.ts: slow since 2.5 minutes ago. */
const withPast = (nowMs: number, pods = 4) => visitor.feed(scenario('slow-pod', pods), '/', new Story(nowMs, pods));
const ranges = (nowMs: number) =>
  `#view=heatmap&ranges=${nowMs - minutes(8)}-${nowMs - minutes(4)}_${nowMs - minutes(2)}-${nowMs - minutes(1)}&compare=1`;

test('Compare finds the fault itself, says what changed, and Back returns', async () => {
  const page = await visitor.visit(await withPast(Date.now()));
  await page.getByText('latency 250 ms added').waitFor();
  await page.getByRole('button', { name: 'Compare' }).click();
  await soon(() => words(page, '.key-figures')).toMatch(
    /Affected links 4 of 16 25 % became worse, to 1 pod from 4 Collateral 0 links every affected link touches the target/,
  );
  expect(await words(page, '.changed-frame')).toMatch(/chaos 0\.\d+ 25\d/);
  expect(await words(page, '.findings')).toContain('goldpinger-chaos: slow from all 3 others');
  const href = await page.getByRole('link', { name: 'Report' }).getAttribute('href');
  expect(href).toMatch(/\/api\/v1\/report\?from=\d{13}&to=\d{13}&before=\d{13}-\d{13}$/);
  // The report on the same ranges has the same figures.
  const report = parseReport(await (await fetch(`${href}&format=json`)).json());
  const figures = await words(page, '.key-figures');
  expect(report.targets.names).toEqual(['goldpinger-chaos']);
  // The time after the range, which others depend on, has become longer meanwhile.
  const lasting = ['Affected links', 'Collateral', 'Time to detect', 'Median of the others'];
  const kept = report.keyFigures.filter(({ name }) => lasting.includes(name));
  expect(kept).toHaveLength(lasting.length);
  for (const { name, value } of kept) expect(figures).toContain(`${name} ${value}`);
  const rows = await page.locator('.changed-frame tbody th').allTextContents();
  expect(rows).toEqual(report.changed.map(({ from, to }) => `${from} → ${to}`.replaceAll('goldpinger-', '')));
  await page.goBack();
  await page.locator('.graph-view').waitFor();
});

test('a pasted link compares the same, a third range is after, a finding opens its pod, Esc ends both', async () => {
  const nowMs = Date.now();
  const page = await visitor.visit(await withPast(nowMs), { hash: ranges(nowMs) });
  await soon(() => words(page, '.compare-tools')).toMatch(/before .* during .* 1 min/);
  await page.locator('.key-figures').waitFor();
  await page.getByRole('button', { name: '+ after' }).click();
  await soon(() => words(page, '.key-figures')).toContain('before, during, after');
  await page.getByRole('slider', { name: 'before, end' }).focus();
  await page.keyboard.press('ArrowLeft');
  await soon(() => page.url()).toContain(`_${nowMs - minutes(2)}`);
  await soon(() => page.locator('.is-waiting').count()).toBe(0);
  // The map has the heatmap's keys: S is the next link that became slower, Enter opens it as it was then.
  await page.keyboard.press('s');
  const told = () => page.getByRole('gridcell').textContent();
  await soon(told).toMatch(/^from 001 to chaos: 0\.\d+ ms, then 25\d ms; \+25\d ms$/);
  await page.keyboard.press('ArrowRight');
  await soon(told).toMatch(/^from 002 to chaos: /);
  expect(await words(page, '.change-words')).toMatch(/^002 → chaos: /);
  await page.keyboard.press('Enter');
  await soon(() => words(page, '.is-selection h2 >> nth=0')).toContain('goldpinger-002 ⇄ goldpinger-chaos');
  await soon(() => page.url()).toContain(`at=${nowMs - minutes(1.5)}`);
  await page.keyboard.press('Escape');
  await page.locator('.verdict').waitFor();
  await soon(() => page.url()).not.toContain('at=');
  await page.getByRole('button', { name: /goldpinger-chaos: slow from all 3 others/ }).press('Enter');
  await soon(() => words(page, '.is-selection h2 >> nth=0')).toBe('Pod goldpinger-chaos');
  await page.keyboard.press('Escape');
  await page.locator('.is-selection').waitFor({ state: 'detached' });
  await page.keyboard.press('Escape');
  await page.locator('.heatmap').waitFor();
});

test('Compare keeps the one range that is drawn, and suggests the other', async () => {
  const nowMs = Date.now();
  const [from, to] = [nowMs - minutes(2), nowMs - minutes(1)];
  const page = await visitor.visit(await withPast(nowMs), { hash: `#view=heatmap&ranges=${from}-${to}` });
  await page.getByText('latency 250 ms added').waitFor();
  await page.getByRole('button', { name: 'Compare' }).click();
  await soon(() => page.url()).toMatch(new RegExp(`ranges=\\d{13}-\\d{13}_${from}-${to}&compare=1`));
});

test('a view that is chosen by its tab or its key takes the place of the comparison', async () => {
  const nowMs = Date.now();
  const page = await visitor.visit(await withPast(nowMs), { hash: ranges(nowMs) });
  await page.locator('.key-figures').waitFor();
  await page.getByRole('link', { name: 'Graph', exact: true }).click();
  await page.locator('.graph-view').waitFor();
  await page.getByRole('button', { name: 'Compare' }).click();
  await page.locator('.key-figures').waitFor();
  await page.keyboard.press('2');
  await page.locator('.heatmap').waitFor();
  expect(page.url()).not.toContain('compare=1');
});

test('a changed link has notes on its jitter and its usual latency beside its median; a lossy one on lost datagrams', async () => {
  const nowMs = Date.now();
  const page = await visitor.visit(await withPast(nowMs), { hash: ranges(nowMs) });
  await soon(() => words(page, '.changed-frame tbody tr:first-child td >> nth=1')).toMatch(
    /^25\d \d{3} × usual jitter \d\d ms$/,
  );
  // As it was before, nothing is worth a note.
  expect(await page.locator('.changed-frame td:nth-of-type(1) .changed-note').count()).toBe(0);

  const lossy = await visitor.visit(await visitor.feed(scenario('lossy'), '/', new Story(nowMs, 4, 'lossy')), {
    hash: ranges(nowMs),
  });
  const row = () => words(lossy, '.changed-frame tbody tr:first-child');
  await soon(row).toMatch(/^001 → chaos 0\.\d+ 0\.\d+ 20 % lost more datagrams lost$/);
  expect(await words(lossy, '.key-figures')).toContain('Datagrams lost – → 20 % → 20 %');
});

test('on a large and on a small screen changed links fit their frame, with all notes that a link can have, and key figures theirs', async () => {
  const nowMs = Date.now();
  const page = await visitor.visit(await withPast(nowMs, 7), {
    hash: `${ranges(nowMs)}`.replace('&compare', `_${nowMs - minutes(1)}-${nowMs}&compare`),
  });
  await page.route('**/api/v1/comparison?*', async (route) => {
    const answer = await route.fetch();
    const comparison = await answer.json();
    for (const link of comparison.report.changed) {
      link.change = 'fails-more';
      for (const range of [link.before, link.during, link.after])
        Object.assign(range, {
          samples: 1000,
          failures: 276,
          p50Us: 252_000,
          usualUs: 700,
          jitterUs: 148_000,
          sent: 100,
          lost: 12,
        });
    }
    const figure = { value: '0.36 ms → 0.35 ms', note: 'goldpinger-h62klzw2pp-2hqtc lost at 13:53:28' };
    comparison.report.keyFigures = Array.from({ length: 9 }, (_, i) => ({ name: `Figure ${i}`, ...figure }));
    await route.fulfill({ response: answer, json: comparison });
  });
  await page.reload();
  await soon(() => words(page, '.changed-frame tbody tr:first-child')).toMatch(
    / → \S+( 28 % failed 12 % lost 72.4 % ok 360 × usual jitter 148 ms){3} more failures$/,
  );
  for (const [width, height] of [
    [1440, 900],
    [1120, 700],
    [390, 844],
  ] as const) {
    await page.setViewportSize({ width, height });
    const frame = page.locator('.changed-frame');
    await soon(() => frame.evaluate(({ scrollWidth, clientWidth }) => scrollWidth - clientWidth)).toBe(0);
    const [cut, narrowest] = await page.locator('.key-figures').evaluate((card) => {
      const widths = [...card.children].map((figure) => figure.getBoundingClientRect().width);
      return [card.scrollWidth - card.clientWidth, Math.min(...widths)];
    });
    expect(cut).toBe(0);
    expect(narrowest).toBeGreaterThan(149);
    const [report, done] = await Promise.all(
      ['.tools-end a', '.tools-end button'].map((each) => page.locator(each).boundingBox()),
    );
    expect(done?.y, `${width} px: Report and Done are in one row`).toBe(report?.y);
  }
});

test('a hypothesis is judged, and goes into report and address; a validation error is shown', async () => {
  const nowMs = Date.now();
  const feed = await withPast(nowMs);
  const page = await visitor.visit(feed, { hash: ranges(nowMs) });
  const clauses = page.getByLabel('Expectations');
  await clauses.fill('healthy\nlatency>=200ms');
  await page.getByRole('button', { name: 'Check', exact: true }).click();
  await soon(() => words(page, '.verdict')).toMatch(/healthy pass × latency>=200ms fail.*violated on \d+ of 16 links/);
  const report = page.getByRole('link', { name: 'Report' });
  expect(await report.getAttribute('href')).toMatch(/&expect=healthy&expect=latency%3E%3D200ms$/);
  await clauses.fill('healthy\nfast');
  await clauses.blur();
  await soon(() => words(page, '.verdict')).toMatch(/Line 2, character 1: expected healthy, .*fast$/);
  // The server would refuse such a report.
  await soon(() => words(page, '.compare-tools')).toContain('Report without hypothesis');
  expect(await report.getAttribute('href')).not.toContain('expect=');
  const other = await visitor.visit(feed, { hash: new URL(page.url()).hash.replace('fast', 'latency<5ms') });
  await soon(() => words(other, '.verdict')).toMatch(/latency<5ms fail/);
  // A verdict goes with its hypothesis.
  await other.getByLabel('Expectations').fill('');
  await other.getByLabel('Expectations').blur();
  await soon(() => words(other, '.verdict')).toMatch(/Check$/);
});

test('240 pods: the map shows the slow row without scrolling, and the worst 200 links are told', async () => {
  const nowMs = Date.now();
  const page = await visitor.visit(await withPast(nowMs, 240), { hash: ranges(nowMs) });
  await page.locator('.key-figures').getByText('240 of 57').waitFor({ timeout: 60_000 });
  expect(await page.locator('.changed-frame tbody tr').count()).toBe(200);
  expect(await words(page, '.change-legend')).toContain('240 slower');
  const frame = page.locator('.change-frame');
  expect(await frame.evaluate((element) => element.scrollHeight - element.clientHeight)).toBe(0);
  // The pod that is slow to reach has the last name: its row is 3 px high.
  const last = await frame.locator('canvas').evaluate((element) => {
    const canvas = element as HTMLCanvasElement;
    const { data } = canvas.getContext('2d')!.getImageData(9, 0, 1, canvas.height);
    return [1, 2, 20].map((up) => [...data.subarray(data.length - 4 * up, data.length - 4 * up + 3)].join());
  });
  expect(last[0]).toBe('213,54,28');
  expect(last[1]).toBe(last[0]);
  expect(last[2]).toBe('238,241,244');
  const box = await frame.locator('canvas').boundingBox();
  await page.mouse.move(box!.x + 5, box!.y + box!.height - 1);
  await soon(() => words(page, '.change-words')).toMatch(/ → \S+: .*then 25\d ms/);
}, 120_000);

// Today's, in every window and theme: page-access.test.ts.
test('of another day, whose times have their date, it is accessible on a phone and overflows nothing', async () => {
  const nowMs = Date.now();
  const hash = ranges(nowMs - minutes(1440));
  const page = await visitor.visit(await withPast(nowMs), { width: 390, dark: true, hash });
  await page.locator('.key-figures').waitFor();
  expect(await badTargets(page, 'body')).toEqual([]);
  expect(await violations(page)).toEqual([]);
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(390);
});
