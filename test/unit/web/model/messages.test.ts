import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Finding, MAX_FINDINGS } from '../../../../server/protocol/finding.ts';
import { DEFAULT_THRESHOLDS } from '../../../../server/protocol/link-state.ts';
import { emptyLinks } from '../../../../server/protocol/links.ts';
import type { Mesh } from '../../../../server/protocol/mesh.ts';
import type { RecentSample } from '../../../../server/protocol/sample.ts';
import { clockText } from '../../../../web/model/format.ts';
import { foldPicture } from '../../../../web/model/levels.ts';
import { linkFacts } from '../../../../web/model/link-facts.ts';
import { countsByState, LINK_STATES } from '../../../../web/model/links.ts';
import { buildPicture } from '../../../../web/model/mesh-view.ts';
import {
  cellSentence,
  factsTitle,
  lateSince,
  legendStates,
  podPhrase,
  podWords,
  sharedOutcome,
  sinceWords,
  stateNote,
  unexplainedReasons,
} from '../../../../web/model/messages.ts';
import { findingLabels } from '../../../../web/views/graph/finding-labels.ts';
import type { MeshOptions, Scenario } from '../../../support/feed/plan.ts';
import { FEED_TIME_MS, meshOf } from '../../../support/feed/scenarios.ts';
import { findingsOf } from '../../../support/mesh.ts';
import { pictureOf, USUAL } from '../pictures.ts';

function wordsOf(options: MeshOptions): string[] {
  const picture = pictureOf(options);
  return picture.pods.map((view) => {
    const { state, note } = podWords(picture, view, picture.mesh.atMs);
    return note === '' ? state : `${state}, ${note}`;
  });
}

describe('the text of a pod', () => {
  test.each([
    ['slow-pod', 4, 'Healthy, slow from all 3 others'],
    ['dead-pod', 12, 'Failing, unreachable from all 11 others'],
    ['starved', 6, 'Healthy, CPU-starved'],
    ['lifecycles', 8, 'Starting, for 6 s'],
    ['lifecycles', 8, 'Not ready, for 45 s'],
    ['lifecycles', 8, 'Terminating, for 9 s'],
    ['lifecycles', 8, expect.stringMatching(/^Gone 2 min, replaced by \w+$/)],
  ] as const)('of %s with %i pods: %s', (scenario, pods, words) => {
    const said = wordsOf({ pods, scenario });
    expect(said.filter((each) => each !== 'Healthy')).toContainEqual(words);
    if (scenario !== 'lifecycles') expect(said.filter((each) => each === 'Healthy')).toHaveLength(pods - 1);
  });

  test('of a pod that is not ready names the failure instead of the duration', () => {
    const mesh = meshOf({ pods: 12, scenario: 'dead-pod' });
    const pods = mesh.pods.map((pod, i) => (i === 11 ? { ...pod, lifecycle: 'not-ready' as const } : pod));
    const picture = buildPicture({ ...mesh, pods }, USUAL);
    const words = podWords(picture, picture.pods[11]!, mesh.atMs);
    expect(words).toMatchObject({ state: 'Not ready', note: 'unreachable from all 11 others', noteTone: 'failed' });
    expect(podPhrase(picture.pods[11]!, words)).toBe('Not ready, unreachable from all 11 others');
  });

  test('says why it does not get ready, as far as the API says it', () => {
    const mesh = meshOf({ pods: 8, scenario: 'lifecycles' });
    const pods = mesh.pods.map((pod) => ({ ...pod, reason: pod.lifecycle === 'starting' ? 'ImagePullBackOff' : '' }));
    const picture = buildPicture({ ...mesh, pods }, USUAL);
    const view = picture.pods.find(({ pod }) => pod.lifecycle === 'starting')!;
    expect(podPhrase(view, podWords(picture, view, mesh.atMs))).toBe('Starting for 6 s (ImagePullBackOff)');
  });

  test('joins state and note into one phrase if neither is enough alone', () => {
    const phrases = (options: MeshOptions) => {
      const picture = pictureOf(options);
      return picture.pods.map((view) => podPhrase(view, podWords(picture, view, picture.mesh.atMs)));
    };
    const gone = expect.stringMatching(/^Gone 2 min, replaced by \w+$/);
    const wanted = ['Healthy', 'Starting for 6 s', 'Not ready for 45 s', gone];
    expect(phrases({ pods: 8, scenario: 'lifecycles' })).toEqual(expect.arrayContaining(wanted));
    expect(phrases({ pods: 4, scenario: 'slow-pod' }).at(-1)).toBe('slow from all 3 others');
  });

  test('counts failed links if the list of findings is full', () => {
    const mesh = meshOf({ pods: 12, scenario: 'dead-pod' });
    const other: Finding = { ...mesh.findings[0]!, kind: 'link', pods: [1], from: [0] };
    const words = (findings: Finding[]) => {
      const picture = buildPicture({ ...mesh, findings }, USUAL);
      return podWords(picture, picture.pods[11]!, mesh.atMs).note;
    };
    expect(words([other])).toBe('no report');
    expect(words(new Array(MAX_FINDINGS).fill(other))).toBe('unreachable from 11 of 11');
  });
});

test('a reason that no finding explains is shown even if there is a finding about a link', () => {
  const [dead] = meshOf({ pods: 4, scenario: 'dead-pod' }).findings;
  const link: Finding = { ...dead!, kind: 'link' };
  const row: Finding = { ...dead!, kind: 'report-missing' };
  const reasons = [
    'did not report (timeout: no answer)',
    '1 of 3 links from it fail: refused (to a)',
    'knows other pods than the serving pod does',
  ];
  expect(unexplainedReasons(reasons, [])).toEqual(reasons);
  expect(unexplainedReasons(reasons, [link])).toEqual([reasons[0], reasons[2]]);
  expect(unexplainedReasons(reasons, [link, row])).toEqual([reasons[2]]);
});

describe('suspects', () => {
  const suspects = (options: MeshOptions) => findingLabels(pictureOf(options));

  test('are none where all is well', () => {
    expect(suspects({ pods: 40, scenario: 'healthy' })).toEqual([]);
  });

  test('of one node with one fault are told as one', () => {
    const [first, ...others] = suspects({ pods: 120, scenario: 'dead-node' });
    expect(others).toEqual([]);
    expect(first?.title).toMatch(/^worker-\d+, 10 pods$/);
  });

  test('say what the server says, and the graver where there are two', () => {
    expect(suspects({ pods: 4, scenario: 'slow-pod' })).toMatchObject([
      { anchor: 3, title: 'goldpinger-chaos', note: 'slow from all 3 others', tone: 'slow' },
    ]);
    expect(suspects({ pods: 12, scenario: 'lossy' })).toMatchObject([{ tone: 'warning' }]);
    expect(suspects({ pods: 12, scenario: 'dead-pod' })).toMatchObject([{ note: 'unreachable from all 11 others' }]);
  });

  test.each([
    ['dead-pod', 'pod', /^goldpinger-\w+$/, 'worker-03', 'unreachable from all 29 others'],
    ['dead-pod', 'node', /^goldpinger-\w+$/, 'worker-03', /^goldpinger-\w+: unreachable from all 29 others$/],
    ['dead-node', 'node', /^worker-01$/, '', 'unreachable from all 20 others'],
    ['dead-node', 'zone', /^Node worker-01$/, 'zone-a', 'Node worker-01: unreachable from all 20 others'],
  ] as const)(
    'of a group name the pods that are meant if it has others: %s by %s',
    (scenario, level, title, node, note) => {
      const change = ({ pods }: Mesh) => {
        for (const pod of pods) if (pod.zone === 'zone-c') pod.zone = 'zone-a';
      };
      const picture = foldPicture(pictureOf({ pods: 30, scenario }, change), { level, unfolded: [] });
      const [label = expect.fail(), ...rest] = findingLabels(picture);
      expect(rest).toEqual([]);
      expect([label.title, label.node]).toEqual([expect.stringMatching(title), node]);
      expect(podWords(picture, picture.pods[label.anchor]!, 0).note).toMatch(note);
    },
  );

  test('of one finding about more pods than it names are all counted', () => {
    const mesh = meshOf({ pods: 60, scenario: 'healthy' });
    const rows = mesh.reports.map((report, i) =>
      i < 29 ? report : { ...report, missing: 'malformed' as const, links: emptyLinks(0) },
    );
    const picture = buildPicture({ ...mesh, reports: rows, findings: findingsOf({ ...mesh, reports: rows }) }, USUAL);
    expect(findingLabels(picture).map(({ title }) => title.replace(/^\S+/, 'one'))).toEqual(['one and 30 more']);
  });

  test('say the name of a node once where pods are shown under the names of their nodes', () => {
    const picture = pictureOf({ pods: 12, scenario: 'dead-pod' });
    const labelled = (pods: typeof picture.pods) =>
      findingLabels({ ...picture, pods }).map(({ title, node }) => [title, node]);
    const [, node = ''] = labelled(picture.pods)[0] ?? [];
    expect(node).toMatch(/^worker-/);
    expect(labelled(picture.pods.map((view) => ({ ...view, name: view.pod.node })))).toEqual([[node, '']]);
  });

  test('come with the failing before the slow before the starved', () => {
    expect(suspects({ pods: 120, scenario: 'mixed' }).map(({ tone }) => tone)).toEqual(['failed', 'slow', 'suspect']);
  });
});

const LATE_US = 100_000;

function sample(atMs: number, totalUs: number, change: Partial<RecentSample> = {}): RecentSample {
  const phases = { phase: null, connectUs: 200, firstByteUs: totalUs - 200, totalUs };
  return { atMs, outcome: 'ok', ...phases, suspect: false, ...change };
}

const since = (samples: RecentSample[], thereMs = 10_000, nowMs = 10_000) =>
  lateSince({ from: 'a', to: 'b', nowMs: thereMs, error: '', samples }, LATE_US, nowMs);

describe('a link is late since', () => {
  test('the first sample of its unbroken run of late ones', () => {
    const samples = [sample(1000, 250_000), sample(2000, 500), sample(3000, 100_000), sample(4000, 250_000)];
    expect(since(samples)).toEqual({ atMs: 3000, isOlder: false });
  });

  test('longer than is known, where all samples are late', () => {
    expect(since([sample(1000, 250_000), sample(2000, 250_000)])).toEqual({ atMs: 1000, isOlder: true });
  });

  test('never, where the newest sample is in time, failed, or none is kept', () => {
    expect(since([sample(1000, 250_000), sample(2000, 500)])).toBeNull();
    expect(since([sample(1000, 250_000), sample(2000, 250_000, { outcome: 'timeout' })])).toBeNull();
    expect(since([])).toBeNull();
  });

  test('a sample that may be trusted: a suspect one neither begins nor breaks a run', () => {
    const late = [sample(2000, 250_000), sample(3000, 500, { suspect: true }), sample(4000, 250_000)];
    expect(since([sample(1000, 500), ...late])).toEqual({ atMs: 2000, isOlder: false });
    expect(since([sample(1000, 500), sample(2000, 250_000, { suspect: true })])).toBeNull();
  });

  test('a time of our own clock, whatever the other one says', () => {
    fc.assert(
      fc.property(fc.integer({ min: -1e9, max: 1e9 }), (skewMs) => {
        const samples = [sample(1000 + skewMs, 500), sample(4000 + skewMs, 250_000)];
        expect(since(samples, 10_000 + skewMs, 10_000)?.atMs).toBe(4000);
      }),
    );
  });
});

describe('the words', () => {
  const factsOf = (scenario: Scenario, from: number, to: number) =>
    linkFacts(pictureOf({ pods: 4, scenario }), from, to);

  test('of a slow link tell since when it is slow where that is known, else since when it is ok', () => {
    const facts = factsOf('slow-pod', 0, 3);
    const atMs = FEED_TIME_MS - 60_000;
    const late = sinceWords(facts, { atMs, isOlder: false }, FEED_TIME_MS);
    expect(late).toEqual({ since: `slow since ${clockText(atMs)}`, span: '1 min' });
    const older = sinceWords(facts, { atMs, isOlder: true }, FEED_TIME_MS);
    expect(older).toEqual({ since: 'slow for more than', span: '1 min' });
    expect(sinceWords(facts, null, FEED_TIME_MS).since).toBe(`no failure since ${clockText(facts.sinceMs)}`);
    const fine = factsOf('slow-pod', 3, 0);
    expect(sinceWords(fine, null, FEED_TIME_MS).since).toBe(`ok since ${clockText(fine.sinceMs)}`);
  });

  test('of a failed link tell since when it fails, and of an unmeasured one nothing', () => {
    const failed = factsOf('dead-pod', 0, 3);
    expect(sinceWords(failed, null, FEED_TIME_MS).since).toBe(`failing since ${clockText(failed.sinceMs)}`);
    expect(sinceWords(factsOf('dead-pod', 3, 0), null, FEED_TIME_MS)).toEqual({ since: '', span: '' });
  });
});

describe('the legend', () => {
  test('has every state once', () => {
    const counts = countsByState(LINK_STATES.map(() => 1));
    expect([...legendStates(counts)].sort()).toEqual([...LINK_STATES].sort());
    // Links of pods that are left out are listed only where there are any.
    expect(legendStates({ ...counts, ignored: 0 })).not.toContain('ignored');
  });

  test('shows the thresholds that are set', () => {
    const note = (state: 'good' | 'fair' | 'warning' | 'slow') => stateNote(state, DEFAULT_THRESHOLDS, 300_000, '');
    expect([note('good'), note('fair'), note('warning'), note('slow')]).toEqual([
      '< 2 ms',
      '2–5 ms',
      '5–100 ms',
      '≥ 100 ms',
    ]);
    expect(stateNote('gone', DEFAULT_THRESHOLDS, 300_000, '')).toBe('terminated, shown 5 min');
    expect(stateNote('gone', DEFAULT_THRESHOLDS, 30_000, '')).toBe('terminated, shown 30 s');
  });

  test('names the outcome of failed links if all have the same one', () => {
    expect(sharedOutcome(pictureOf({ pods: 3, scenario: 'dead-pod' }))).toBe('refused');
    expect(sharedOutcome(pictureOf({ pods: 12, scenario: 'outcomes' }))).toBe('');
    expect(sharedOutcome(pictureOf({ pods: 3, scenario: 'healthy' }))).toBe('');
  });
});

describe('the text of a cell', () => {
  test('names source, destination, latency and state', () => {
    const picture = pictureOf({ pods: 4, scenario: 'slow-pod' });
    expect(cellSentence(picture, 0, 3)).toMatch(/^from goldpinger-001 to goldpinger-chaos: 25\d ms, slow$/);
    expect(cellSentence(picture, 1, 1)).toMatch(/^from goldpinger-002 to itself: /);
    expect(cellSentence(picture, 1, 99)).toBe('');
  });

  test('has no latency if the link failed, and names the phase that failed', () => {
    const picture = pictureOf({ pods: 120, scenario: 'mixed' });
    const failed = picture.state.indexOf(LINK_STATES.indexOf('failed'));
    const [from, to] = [Math.floor(failed / 120), failed % 120];
    expect(cellSentence(picture, from, to)).not.toContain('ms');
    expect(factsTitle(linkFacts(picture, from, to))).toBe('Timed out in connect');
  });

  test('marks measurements of a CPU-starved pod as unreliable', () => {
    const picture = pictureOf({ pods: 5, scenario: 'starved' });
    expect(factsTitle(linkFacts(picture, 4, 0))).toMatch(/, unreliable$/);
    expect(factsTitle({ ...linkFacts(picture, 4, 0), lossy: true })).toBe('Loses datagrams, unreliable');
  });
});
