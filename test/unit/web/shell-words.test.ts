import { describe, expect, test } from 'vitest';
import { DEFAULT_THRESHOLDS } from '../../../server/protocol/link-state.ts';
import { changeSentence, tabIcon, tabTitle, tellable } from '../../../web/pure/changes.ts';
import { calmSentence, noticesOf } from '../../../web/pure/notices.ts';
import { buildPicture } from '../../../web/pure/picture.ts';
import { stageOf } from '../../../web/pure/stage.ts';
import { linkCounts, namesOf, notReporting, podCounts, SUMMARY_STEPS } from '../../../web/pure/summary.ts';
import { FEED_TIME_MS, type MeshOptions, type Scenario } from '../../support/feed/options.ts';
import { meshOf } from '../../support/feed/scenarios.ts';

const pictureOf = (scenario: Scenario, pods = 4, more: Partial<MeshOptions> = {}) =>
  buildPicture(meshOf({ pods, scenario, ...more }), { thresholds: DEFAULT_THRESHOLDS, value: 'last', phase: 'total' });
const titles = (scenario: Scenario, pods = 4, more: Partial<MeshOptions> = {}) =>
  noticesOf(pictureOf(scenario, pods, more), 'live', FEED_TIME_MS).map(({ title }) => title);

describe('the screen', () => {
  test.each([
    ['waiting', 'waiting'],
    ['forbidden', 'forbidden'],
    ['empty', 'empty'],
    ['alone', 'alone'],
    ['stale', 'picture'],
    ['dead-pod', 'picture'],
  ] as const)('of %s is %s', (scenario, stage) => {
    expect(stageOf(pictureOf(scenario), 'live')).toBe(stage);
  });

  test('before any picture says whether one may still come', () => {
    expect(stageOf(null, 'connecting')).toBe('connecting');
    expect(stageOf(null, 'lost')).toBe('unreachable');
  });

  test('of a lost connection is still the last picture', () => {
    expect(stageOf(pictureOf('healthy'), 'lost')).toBe('picture');
  });
});

describe('the summary', () => {
  test('counts pods by state, slow to reach beside healthy', () => {
    expect(podCounts(pictureOf('slow-pod').pods).map(({ text }) => text)).toEqual([
      '4 of 4 healthy',
      '1 slow to reach',
    ]);
    expect(podCounts(pictureOf('slow-pod').pods, true).map(({ text }) => text)).toEqual(['4 healthy']);
    expect(podCounts(pictureOf('lifecycles', 6).pods).map(({ text }) => text)).toEqual([
      '2 of 5 healthy',
      '1 starting',
      '1 not ready',
      '1 terminating',
      '1 gone',
    ]);
  });

  test('tells good, slow and failed links even at 0, the others where they occur', () => {
    expect(linkCounts(pictureOf('healthy')).map(({ text }) => text)).toEqual(['16 good', '0 slow', '0 failed']);
    expect(linkCounts(pictureOf('dead-pod')).map(({ text }) => text)).toEqual([
      '9 good',
      '0 slow',
      '3 failed',
      '4 unknown',
    ]);
  });

  test('puts the worst first where there are many', () => {
    const [first, second] = linkCounts(pictureOf('mixed', 120));
    expect([first?.state, second?.state]).toEqual(['failed', 'slow']);
  });

  test('says less with each step, and what fails or is slow to the last', () => {
    const picture = pictureOf('mixed', 120);
    const textAt = (step: number) =>
      [...podCounts(picture.pods, false, step), ...linkCounts(picture, step)].map(({ text }) => text).join(' ');
    const texts = Array.from({ length: SUMMARY_STEPS + 1 }, (_, step) => textAt(step));
    for (const [step, text] of texts.entries()) {
      expect(text.length).toBeLessThanOrEqual(texts[step - 1]?.length ?? Number.POSITIVE_INFINITY);
      expect(text).toMatch(/107 healthy 10 failing 1 slow to reach 1 starved .*1\W0\d2 failed 107 slow/);
    }
    expect(texts[0]).toContain('1 starting 1 gone');
    expect(texts[2]).toContain('2 others');
    expect(texts[6]).toContain('2 others');
    expect(texts[7]).not.toContain('others');
    expect(texts[SUMMARY_STEPS]).not.toContain('good');
  });

  test('of a healthy cluster keeps what is good, however little fits', () => {
    expect(linkCounts(pictureOf('healthy'), SUMMARY_STEPS).map(({ text }) => text)).toEqual(['16 good']);
  });

  test('names the node when a whole one does not report', () => {
    const { pods, ...picture } = pictureOf('dead-node', 40);
    const missing = notReporting({ ...picture, pods });
    expect(namesOf(missing, pods)).toBe(`10 pods, all of ${missing[0]?.pod.node}`);
    expect(namesOf(pods.slice(0, 2), pods)).toBe(`${pods[0]?.label} and ${pods[1]?.label}`);
    expect(namesOf(pods.slice(0, 9), pods)).toBe('9 pods');
  });
});

describe('a notice', () => {
  test('is not made of a healthy cluster, nor of a slow one', () => {
    expect(titles('healthy')).toEqual([]);
    expect(titles('slow-pod')).toEqual([]);
  });

  test('says what the server found of the pod that fails', () => {
    expect(titles('dead-pod')).toEqual([
      'goldpinger-chaos: unreachable from all 3 others, refused: nothing listens on its port.',
    ]);
    expect(titles('cut-off')).toEqual([
      'goldpinger-chaos: reaches none of the 3 others, timeout in connect: check its own network.',
    ]);
    const [dead] = noticesOf(pictureOf('dead-pod'), 'live', FEED_TIME_MS);
    expect(dead?.text).toMatch(/^since \d\d:\d\d:\d\d\.$/);
    expect(dead?.action).toMatchObject({ label: 'Show', pod: expect.any(String) });
  });

  test('names the node when all that fail are on it', () => {
    expect(titles('dead-node', 40)[0]).toMatch(/^node worker-\d\d: its 10 pods are unreachable from all 30 others, /);
    const [node] = noticesOf(pictureOf('dead-node', 40), 'live', FEED_TIME_MS);
    expect(node?.action).toMatchObject({ label: 'Show', filter: expect.stringMatching(/^node:worker-\d\d$/) });
  });

  test('counts what else failed as a whole, and leaves single links to the picture', () => {
    const [worst] = noticesOf(pictureOf('outcomes', 8), 'live', FEED_TIME_MS);
    expect(worst?.text).toMatch(/ \d more of the kind\.$/);
    const picture = pictureOf('mixed', 120);
    const findings = picture.mesh.findings.filter(({ kind }) => kind === 'link');
    expect(findings).toHaveLength(1);
    const mesh = { ...picture.mesh, findings };
    expect(noticesOf({ ...picture, mesh }, 'live', FEED_TIME_MS).map(({ id }) => id)).not.toContain('failing');
  });

  test('says how old the pod list is', () => {
    const [notice] = noticesOf(pictureOf('stale'), 'live', FEED_TIME_MS);
    expect(notice).toMatchObject({
      title: 'Pod list is 3 min 12 s old.',
      text: 'The Kubernetes API is away; the 4 known pods are still pinged.',
    });
  });

  test('says who did not report and why', () => {
    const [notice] = noticesOf(pictureOf('missing-reports'), 'live', FEED_TIME_MS);
    expect(notice?.title).toBe('goldpinger-001: did not report, timeout: what it reaches is not known.');
    expect(notice?.text).toBe('no answer within 1000 ms. 1 more did not either.');
  });

  test('warns when the serving pod itself is starved', () => {
    const picture = pictureOf('starved');
    const mesh = { ...picture.mesh, servedBy: { pod: 3, name: 'goldpinger-chaos' } };
    const [notice] = noticesOf({ ...picture, mesh }, 'live', FEED_TIME_MS);
    expect(notice?.text).toBe('Its event loop is 140 ms late; its own column is not to be trusted.');
  });

  test('of a stream that cannot be had leaves both causes open', () => {
    expect(noticesOf(pictureOf('healthy'), 'polling', FEED_TIME_MS)).toMatchObject([
      {
        title: 'Too many live pages on this pod, or a proxy cuts the stream.',
        text: 'Asking every 5 s instead.',
      },
    ]);
  });

  test('of a fault comes before one of the stream, and there are never more than three', () => {
    const picture = pictureOf('mixed', 60);
    expect(noticesOf(picture, 'polling', FEED_TIME_MS)[0]?.title).toContain('unreachable');
    const worst = { ...picture, mesh: { ...picture.mesh, discovery: pictureOf('stale').mesh.discovery } };
    expect(noticesOf(worst, 'polling', FEED_TIME_MS).length).toBeLessThanOrEqual(3);
  });
});

describe('where no notice is needed', () => {
  test.each([
    ['healthy', 'No link fails and none is slow.'],
    ['slow-pod', 'No link fails. 4 are slow, but ok.'],
    ['probes', 'No link fails and none is slow. 2 of 3 external targets fail.'],
  ] as const)('of %s a calm sentence stands', (scenario, sentence) => {
    expect(calmSentence(pictureOf(scenario))).toBe(sentence);
  });

  test('single failures are counted, and nothing is said of what was never probed', () => {
    const { counts, ...picture } = pictureOf('healthy');
    const of = (change: Partial<typeof counts>) => calmSentence({ ...picture, counts: { ...counts, ...change } });
    expect(of({ failed: 1 })).toBe('1 link fails. No pod fails as a whole.');
    expect(of({ failed: 2, slow: 1 })).toBe('2 links fail, 1 is slow. No pod fails as a whole.');
    expect(of({ good: 0, fair: 0, 'not-yet': 16 })).toBe('No link has been probed yet.');
  });
});

describe('a change', () => {
  const healthy = tellable(pictureOf('healthy'), 'live');
  const dead = tellable(pictureOf('dead-pod'), 'live');
  const probes = tellable(pictureOf('probes'), 'live');

  test('is one sentence, of the gravest thing', () => {
    expect(changeSentence(healthy, dead)).toBe('chaos is failing.');
    expect(changeSentence(dead, healthy)).toBe('chaos is no longer failing.');
    expect(changeSentence(healthy, { ...dead, status: 'lost' })).toBe('Connection lost.');
    expect(changeSentence({ ...dead, status: 'lost' }, healthy)).toBe('Connection is back.');
    expect(changeSentence(healthy, { ...healthy, slow: 4 })).toBe('4 links slow, before 0.');
    expect(changeSentence(healthy, probes)).toBe('2 external targets failing, before 0.');
    expect(changeSentence(healthy, healthy)).toBe('');
  });

  test('shows in the tab: what is wrong first, red where something fails, grey where all is lost', () => {
    expect(tabTitle(healthy)).toBe('4 pods ok · goldpinger');
    expect(tabTitle(dead)).toBe('1 pod failing · goldpinger');
    expect(tabTitle({ ...healthy, failed: 2 })).toBe('2 links failed · goldpinger');
    expect(tabTitle(probes)).toBe('2 external targets failing · goldpinger');
    expect(tabTitle({ ...dead, status: 'lost' })).toBe('Lost · goldpinger');
    const colours = [healthy, dead, probes, { ...dead, status: 'lost' } as const].map(
      (told) => /fill="(#\w+)"/.exec(tabIcon(told))?.[1],
    );
    expect(colours).toEqual(['#1d9a63', '#c81e1e', '#c81e1e', '#7c8894']);
  });
});
