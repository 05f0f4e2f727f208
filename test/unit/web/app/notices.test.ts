import { createElement } from 'react';
import { renderToStaticMarkup } from 'react-dom/server';
import { describe, expect, test } from 'vitest';
import { changeSentence, headlineOf, pageStatusOf, tabIcon, tabTitle } from '../../../../web/app/headline.ts';
import { noticesOf, stageOf, statusSentence } from '../../../../web/app/notices.ts';
import { StageScreen } from '../../../../web/app/stage-screen.tsx';
import { type Fact, namesOf, notReporting, SUMMARY_STEPS, summaryFacts } from '../../../../web/app/summary.ts';
import { podsOfFilter } from '../../../../web/model/link-filter.ts';
import { buildPicture, type Picture } from '../../../../web/model/mesh-view.ts';
import { type MeshOptions, SCENARIOS, type Scenario } from '../../../support/feed/plan.ts';
import { FEED_TIME_MS, meshOf } from '../../../support/feed/scenarios.ts';
import { USUAL } from '../pictures.ts';

const pictureOf = (scenario: Scenario, pods = 4, more: Partial<MeshOptions> = {}) =>
  buildPicture(meshOf({ pods, scenario, ...more }), USUAL);
const noticesIn = (picture: Picture, status: 'live' | 'polling' = 'live') => noticesOf(picture, status, FEED_TIME_MS);
const notices = (scenario: Scenario, pods = 4) => noticesIn(pictureOf(scenario, pods));

describe('the screen', () => {
  test.each([
    ['waiting', 'live', 'waiting'],
    ['forbidden', 'live', 'forbidden'],
    ['empty', 'live', 'empty'],
    ['alone', 'live', 'alone'],
    ['stale', 'live', 'picture'],
    ['dead-pod', 'live', 'picture'],
    ['healthy', 'lost', 'picture'],
    [null, 'connecting', 'connecting'],
    [null, 'lost', 'unreachable'],
  ] as const)('of %s, %s, is %s', (scenario, status, stage) => {
    expect(stageOf(scenario === null ? null : pictureOf(scenario), status)).toBe(stage);
  });

  test('a token that the API server rejects is not told as a missing permission', () => {
    const withFault = (name: 'forbidden' | 'stale') => {
      const { mesh, ...picture } = pictureOf(name);
      const lastError = { ...mesh.discovery.lastError!, fault: 'unauthorized' as const, message: 'Unauthorized' };
      return { ...picture, mesh: { ...mesh, discovery: { ...mesh.discovery, lastError } } };
    };
    const picture = withFault('forbidden');
    expect(stageOf(picture, 'live')).toBe('unauthorized');
    const state = { mesh: picture.mesh, receivedMs: 0, status: 'live', sinceMs: 0, retryMs: 0, reason: '' } as const;
    const props = { stage: 'unauthorized', state, picture, nowMs: FEED_TIME_MS, onTryNow: () => {} } as const;
    const screen = renderToStaticMarkup(createElement(StageScreen, props));
    expect(screen).toContain('rejects our token');
    expect(screen).not.toMatch(/RBAC|Not allowed/);
    expect(noticesIn(withFault('stale'))[0]?.text).toMatch(/rejects the token of this pod/);
  });
});

describe('the summary', () => {
  const texts = (facts: readonly Fact[]) => facts.map(({ text }) => text);
  const of = (scenario: Scenario, pods = 4, step = 0) => {
    const { pods: counted, links, more } = summaryFacts(pictureOf(scenario, pods), false, step);
    return [texts(counted), texts(links), texts(more)];
  };

  test.each([
    ['healthy', 4, ['4 of 4 healthy', '0 failing'], ['16 good', '0 slow', '0 failed'], []],
    ['slow-pod', 4, ['4 of 4 healthy', '0 failing'], ['12 good', '4 slow', '0 failed'], ['1 slow to reach']],
    ['dead-pod', 4, ['3 of 4 healthy', '1 failing'], ['9 good', '0 slow', '3 failed'], ['4 unknown links']],
  ] as const)('of %s: healthy, failing, good, slow and failed are always there', (scenario, n, ...facts) => {
    expect(of(scenario, n)).toEqual(facts);
  });

  test.each(['healthy', 'mixed', 'lifecycles'] as const)('of %s has one entry for each target', (scenario) => {
    const picture = pictureOf(scenario, 12, { pingNumber: 3 });
    for (const view of picture.pods.slice(0, 2)) Object.assign(view, { passive: true });
    Object.assign(picture.pods[3]!.pod, { cordon: 'cordoned' });
    const all = Object.values(summaryFacts(picture)).flat() as Fact[];
    const shown = all.flatMap(({ shows }) => (shows === null ? [] : [JSON.stringify(shows)]));
    expect(new Set(shown).size).toBe(shown.length);
    expect(new Set(all.map(({ id }) => id)).size).toBe(all.length);
    expect(texts(all)).toEqual(expect.arrayContaining(['1 cordoned', '2 passive']));
  });

  test('counts links that are not probed and pending ones together, as the graph shows them', () => {
    const picture = pictureOf('lifecycles', 12, { pingNumber: 3 });
    const { 'not-probed': notProbed, 'not-yet': pending } = picture.counts;
    expect(Math.min(notProbed, pending)).toBeGreaterThan(0);
    expect(texts(summaryFacts(picture).more)).toContain(`${notProbed + pending} not probed or pending`);
  });

  test('counts lifecycle states, as one entry in a narrow line', () => {
    const more = (step: number) => of('lifecycles', 6, step)[2]?.slice(0, 4);
    expect(more(0)).toEqual(['1 starting', '1 not ready', '1 terminating', '1 gone']);
    expect(more(2)?.[0]).toBe('1 starting, 1 not ready, 1 terminating, 1 gone');
  });

  test.each(SCENARIOS)('of %s counts the pods that a press shows', (scenario) => {
    const picture = pictureOf(scenario, 12);
    const silent: Pick<Fact, 'count' | 'shows'> = {
      count: notReporting(picture).length,
      shows: { filter: 'is:silent' },
    };
    for (const step of [0, 4]) {
      const { pods, more } = summaryFacts(picture, false, step);
      for (const { count, shows } of [...pods, ...more, silent]) {
        if (shows === null || !('filter' in shows)) continue;
        const shown = podsOfFilter(picture, shows.filter)?.filter((one) => one === 1);
        expect([shows.filter, shown?.length]).toEqual([shows.filter, count]);
      }
    }
  });

  test('gets shorter with each step, and always shows failing, failed and slow, or that all is good', () => {
    const steps = Array.from({ length: SUMMARY_STEPS + 1 }, (_, step) => of('mixed', 120, step).flat().join(' '));
    for (const [step, text] of steps.entries()) {
      // Step 2 joins two entries with a comma.
      const lengthOf = (one: string) => one.replaceAll(',', '').length;
      expect(lengthOf(text)).toBeLessThanOrEqual(lengthOf(steps[step - 1] ?? text));
      expect(text).toMatch(/108 healthy 10 failing .*108 slow 1\W0\d2 failed 1 slow to reach .*1 CPU-starved/);
    }
    expect(steps[0]).toContain('1 starting 1 gone');
    expect(steps[2]).toContain('1 starting, 1 gone');
    expect(steps[7]).not.toContain('starting');
    expect(steps[SUMMARY_STEPS]).not.toContain('good');
    expect(of('healthy', 4, SUMMARY_STEPS)).toEqual([['4 healthy'], ['16 good'], []]);
  });

  test('names the node if none of its pods reports', () => {
    const { pods, ...picture } = pictureOf('dead-node', 40);
    const missing = notReporting({ ...picture, pods });
    expect(namesOf(missing, pods)).toBe(`10 pods, all of ${missing[0]?.pod.node}`);
    expect(namesOf(pods.slice(0, 2), pods)).toBe(`${pods[0]?.label} and ${pods[1]?.label}`);
    expect(namesOf(pods.slice(0, 9), pods)).toBe('9 pods');
  });
});

describe('a notice', () => {
  const since = expect.stringMatching(/^Since \d\d:\d\d:\d\d\.$/);
  const showPod = { pod: expect.any(String) };
  const node = expect.stringMatching(/^Node worker-\d\d: unreachable from all 30 others\.$/);
  const showNode = { filter: expect.stringMatching(/^node:worker-\d\d$/) };

  test.each([
    ['slow-pod', 4, { kind: 'slow', mark: 'bars', title: 'goldpinger-chaos: slow from all 3 others.' }],
    ['lossy', 4, { kind: 'warning', mark: 'drop' }],
    ['dead-pod', 4, { title: 'goldpinger-chaos: unreachable from all 3 others.', text: since, shows: showPod }],
    ['cut-off', 4, { title: 'goldpinger-chaos: reaches none of the 3 others.' }],
    ['dead-node', 40, { title: node, shows: showNode }],
    ['outcomes', 8, { text: expect.stringMatching(/ \+\d similar\.$/) }],
    ['missing-reports', 4, { title: 'goldpinger-001: did not report.', text: 'And 1 more.' }],
    ['stale', 4, { title: 'Pod list is 3 min 12 s old.', text: expect.stringContaining('the 4 known pods are still') }],
  ] as const)('of %s with %i pods names the gravest finding and its symptom', (scenario, pods, first) => {
    expect(notices(scenario, pods)[0]).toMatchObject(first);
  });

  test('is not shown for a healthy cluster, nor for single links', () => {
    expect(notices('healthy')).toEqual([]);
    const picture = pictureOf('mixed', 120);
    const findings = picture.mesh.findings.filter(({ kind }) => kind === 'link');
    expect(findings).toHaveLength(1);
    for (const kind of ['link', 'link-slow', 'link-intermittent', 'one-way'] as const) {
      const mesh = { ...picture.mesh, findings: findings.map((finding) => ({ ...finding, kind })) };
      expect(noticesIn({ ...picture, mesh }).filter(({ kind }) => kind === 'failed' || kind === 'slow')).toEqual([]);
    }
  });

  test('of a path of the cluster says that pods reach each other, and what to check', () => {
    const [path, ...others] = notices('paths');
    expect(others).toEqual([]);
    expect(path).toMatchObject({
      kind: 'failed',
      title: 'Service goldpinger:8080: fails from all 4 pods while they reach each other.',
      text: expect.stringMatching(
        /^Refused: check kube-proxy and the endpoints of the Service\. Since \d\d:\d\d:\d\d\.$/,
      ),
      shows: null,
    });
    expect(statusSentence(pictureOf('paths'))).toBe('All links healthy. 2 of 4 paths fail.');
    expect(headlineOf(pageStatusOf(pictureOf('paths'), 'live'))).toEqual({ tone: 'failed', words: '2 paths failing' });
  });

  test('warns when the serving pod itself is starved', () => {
    const picture = pictureOf('starved');
    const mesh = { ...picture.mesh, servedBy: { pod: 3, name: 'goldpinger-chaos' } };
    const starved = {
      title: 'goldpinger-chaos (serving this page) is CPU-starved.',
      text: 'Scheduling delay up to 140 ms. Its own measurements are unreliable.',
    };
    expect(noticesIn({ ...picture, mesh })).toMatchObject([starved]);
    const reports = mesh.reports.map(({ starvation, ...report }) => ({
      ...report,
      starvation: starvation === null ? null : { ...starvation, unreliable: false },
    }));
    const late = { ...picture, mesh: { ...mesh, reports } };
    expect(noticesIn(late)).toMatchObject([starved]);
  });

  test('of a blocked stream names both possible causes; failures come before it, and there are at most three', () => {
    expect(noticesIn(pictureOf('healthy'), 'polling')).toMatchObject([
      {
        title: 'Stream blocked; polling every 5 s.',
        text: 'Too many live pages on this pod, or a proxy delays or cuts the stream.',
      },
    ]);
    const picture = pictureOf('mixed', 60);
    expect(noticesIn(picture, 'polling')[0]?.title).toContain('unreachable');
    const worst = { ...picture, mesh: { ...picture.mesh, discovery: pictureOf('stale').mesh.discovery } };
    expect(noticesIn(worst, 'polling').length).toBeLessThanOrEqual(3);
  });
});

describe('without notices', () => {
  test.each([
    ['healthy', 'All links healthy.'],
    ['lossy-link', 'All pings work, 1 link loses datagrams: 002 → 003.'],
    ['slow-pod', 'No failures, 4 slow links.'],
    ['probes', 'All links healthy. 2 of 3 external targets fail.'],
  ] as const)('%s gives a status sentence', (scenario, sentence) => {
    expect(statusSentence(pictureOf(scenario))).toBe(sentence);
  });

  test('a link that fails in one direction is said with both', () => {
    expect(statusSentence(pictureOf('one-way', 12))).toMatch(
      /^1 link failed: (\w+) can't reach (\w+), \2 reaches \1\. No pod is down\.$/,
    );
    const picture = pictureOf('one-way', 12);
    const mesh = { ...picture.mesh, findings: picture.mesh.findings.flatMap((one) => [one, { ...one, subject: 'x' }]) };
    const counts = { ...picture.counts, failed: 2, slow: 1 };
    expect(statusSentence({ ...picture, counts, mesh })).toMatch(
      /^2 links failed, 1 slow: (\w+) can't reach (\w+), \2 reaches \1, and 1 more finding\. No pod is down\.$/,
    );
  });

  test.each([
    ['link', [1, 0, 0], /^1 link failed: (\w+) can't reach (\w+)\. No pod is down\.$/],
    ['link-slow', [0, 1, 0], /^No failures, 1 slow link: \w+ → \w+\.$/],
    ['link-slow', [1, 1, 3], /^1 link failed, 1 slow\. No pod is down\.$/],
    ['link-intermittent', [0, 0, 0], /^No link fails now: \w+ → \w+ fails at times\.$/],
    ['link-intermittent', [0, 2, 3], /^No link fails now, 2 slow links: \w+ → \w+ fails at times\.$/],
    ['link-intermittent', [0, 0, 3], /^No link fails now, 3 links lose datagrams: .* fails at times\.$/],
  ] as const)(
    'a gravest finding of the kind %s is named if it does not contradict the failed, slow and lossy links: %j',
    (kind, [failed, slow, lossyLinks], sentence) => {
      const { counts, ...picture } = pictureOf('one-way', 12);
      const severity = kind === 'link-slow' ? ('slow' as const) : ('failed' as const);
      const findings = picture.mesh.findings.map((one) => ({ ...one, kind, severity }));
      const mesh = { ...picture.mesh, findings, health: { ok: true, general: [], reasons: [] } };
      expect(statusSentence({ ...picture, counts: { ...counts, failed, slow }, lossyLinks, mesh })).toMatch(sentence);
    },
  );

  test('a pair that fails in both directions is said as such', () => {
    const picture = pictureOf('one-way', 12);
    const [finding] = picture.mesh.findings;
    const [from = 0, to = 0] = [finding?.from[0], finding?.pods[0]];
    const state = Uint8Array.from(picture.state);
    state[to * picture.n + from] = state[from * picture.n + to] ?? 0;
    const mesh = { ...picture.mesh, findings: [{ ...finding!, kind: 'link' as const }] };
    const counts = { ...picture.counts, failed: 2 };
    expect(statusSentence({ ...picture, state, counts, mesh })).toMatch(
      /^2 links failed: \w+ and \w+ can't reach each other\. No pod is down\.$/,
    );
  });

  test('single failures are counted, and links that were never probed are not called healthy', () => {
    const { counts, ...picture } = pictureOf('healthy');
    const of = (change: Partial<typeof counts>) => statusSentence({ ...picture, counts: { ...counts, ...change } });
    expect(of({ failed: 1 })).toBe('1 link failed. No pod is down.');
    expect(of({ failed: 2, slow: 1 })).toBe('2 links failed, 1 slow. No pod is down.');
    const none = { good: 0, fair: 0, 'not-yet': 16 };
    expect(of(none)).toBe('Waiting for the first results.');
    const off = { ...picture.mesh, settings: { ...picture.mesh.settings, refreshIntervalMs: 0 } };
    expect(statusSentence({ ...picture, counts: { ...counts, ...none }, mesh: off })).toBe(
      'Pinging is off (REFRESH_INTERVAL).',
    );
    const health = { ok: false, general: ['no peers are known'], reasons: [] };
    expect(statusSentence({ ...picture, counts, mesh: { ...picture.mesh, health } })).toBe(
      'No link failed, but cluster health is 418: no peers are known.',
    );
  });
});

describe('a change', () => {
  const healthy = pageStatusOf(pictureOf('healthy'), 'live');
  const dead = pageStatusOf(pictureOf('dead-pod'), 'live');
  const probes = pageStatusOf(pictureOf('probes'), 'live');

  const ill = { slow: 4, isHealthy: false, missing: 1, isStale: true };
  test.each([
    [healthy, dead, 'chaos is failing.'],
    [dead, healthy, 'chaos is no longer failing.'],
    [dead, { ...dead, status: 'lost' }, 'Disconnected.'],
    [{ ...healthy, status: 'lost' }, dead, 'Reconnected. chaos is failing.'],
    [healthy, { ...healthy, slow: 4 }, '4 links slow (was 0).'],
    [healthy, probes, '2 external targets failing (was 0).'],
    [healthy, { ...healthy, ...ill }, 'The pod list is old.'],
    [healthy, { ...healthy, ...ill, missing: 0, isStale: false }, 'Cluster health is 418.'],
    [healthy, healthy, ''],
    // Other pods can change the label of a failing pod.
    [dead, { ...dead, failing: dead.failing.map((pod) => ({ ...pod, label: 'goldpinger-chaos' })) }, ''],
  ] as const)('%# is announced in one sentence, about the most severe change', (before, after, sentence) => {
    expect(changeSentence(before, after)).toBe(sentence);
  });

  test('counts each missing report, although one finding is about many', () => {
    const picture = pictureOf('healthy');
    const { mesh } = pictureOf('missing-reports', 12);
    const finding = mesh.findings.find(({ kind }) => kind === 'report-missing')!;
    const findings = [{ ...finding, affected: 10 }];
    const page = pageStatusOf({ ...picture, mesh: { ...picture.mesh, findings } }, 'live');
    expect(headlineOf(page).words).toBe('10 reports missing');
  });

  test.each([
    ['good', '4 pods ok', healthy],
    ['failed', '1 pod failing', dead],
    ['failed', '2 links failed', { ...healthy, failed: 2 }],
    ['failed', '2 external targets failing', probes],
    ['failed', 'Cluster health 418', { ...healthy, isHealthy: false }],
    ['warning', '1 report missing', { ...healthy, missing: 1 }],
    ['warning', 'Pod list is old', { ...healthy, missing: 1, isStale: true }],
    ['warning', 'Pod list is old', pageStatusOf(pictureOf('stale'), 'live')],
    ['slow', '4 links slow', pageStatusOf(pictureOf('slow-pod'), 'live')],
    ['none', 'Disconnected', { ...dead, status: 'lost' }],
  ] as const)('is %s in tab and header: %s', (tone, words, page) => {
    expect(headlineOf(page)).toEqual({ tone, words });
    expect(tabTitle(page)).toBe(`${words} · goldpinger`);
    const colours = { good: '#1d9a63', warning: '#a36700', slow: '#d2361d', failed: '#5e0b24', none: '#7c8894' };
    expect(tabIcon(page)).toContain(`fill="${colours[tone]}"`);
  });
});
