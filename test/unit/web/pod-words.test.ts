import { describe, expect, test } from 'vitest';
import { type Finding, MAX_FINDINGS } from '../../../server/protocol/finding.ts';
import { DEFAULT_THRESHOLDS } from '../../../server/protocol/link-state.ts';
import { emptyLinks } from '../../../server/protocol/links.ts';
import { buildPicture } from '../../../web/model/mesh-view.ts';
import { podPhrase, podWords, unexplainedReasons } from '../../../web/model/messages.ts';
import { findingLabels } from '../../../web/views/graph/finding-labels.ts';
import type { MeshOptions } from '../../support/feed/plan.ts';
import { meshOf } from '../../support/feed/scenarios.ts';
import { findingsOf } from '../../support/mesh.ts';

const USUAL = { thresholds: DEFAULT_THRESHOLDS, value: 'last', phase: 'total' } as const;

function pictureOf(options: MeshOptions) {
  return buildPicture(meshOf(options), USUAL);
}

function wordsOf(options: MeshOptions): string[] {
  const picture = pictureOf(options);
  return picture.pods.map((view) => {
    const { state, note } = podWords(picture, view, picture.mesh.atMs);
    return note === '' ? state : `${state}, ${note}`;
  });
}

describe('the text of a pod', () => {
  test('is healthy though slow to reach (experiment 2)', () => {
    expect(wordsOf({ pods: 4, scenario: 'slow-pod' })).toEqual([
      'Healthy',
      'Healthy',
      'Healthy',
      'Healthy, slow from all 3 others',
    ]);
  });

  test('is failing with what the server found', () => {
    expect(wordsOf({ pods: 12, scenario: 'dead-pod' }).filter((words) => words !== 'Healthy')).toEqual([
      'Failing, unreachable from all 11 others',
    ]);
  });

  test('names the lifecycle, its duration, and the replacement', () => {
    const words = wordsOf({ pods: 8, scenario: 'lifecycles' });
    expect(words).toContain('Starting, for 6 s');
    expect(words).toContain('Not ready, for 45 s');
    expect(words).toContain('Terminating, for 9 s');
    expect(words.some((text) => /^Gone 2 min, replaced by \w+$/.test(text))).toBe(true);
  });

  test('of a pod that is not ready names the failure instead of the duration', () => {
    const mesh = meshOf({ pods: 12, scenario: 'dead-pod' });
    const pods = mesh.pods.map((pod, i) => (i === 11 ? { ...pod, lifecycle: 'not-ready' as const } : pod));
    const picture = buildPicture({ ...mesh, pods }, USUAL);
    const words = podWords(picture, picture.pods[11]!, mesh.atMs);
    expect(words).toMatchObject({ state: 'Not ready', note: 'unreachable from all 11 others', noteTone: 'failed' });
    expect(podPhrase(picture.pods[11]!, words)).toBe('Not ready, unreachable from all 11 others');
  });

  test('joins state and note into one phrase if neither is enough alone', () => {
    const picture = pictureOf({ pods: 8, scenario: 'lifecycles' });
    const phrases = picture.pods.map((view) => podPhrase(view, podWords(picture, view, picture.mesh.atMs)));
    expect(phrases).toEqual(expect.arrayContaining(['Healthy', 'Starting for 6 s', 'Not ready for 45 s']));
    expect(phrases.some((text) => /^Gone 2 min, replaced by \w+$/.test(text))).toBe(true);
    const slow = pictureOf({ pods: 4, scenario: 'slow-pod' });
    const chaos = slow.pods[3]!;
    expect(podPhrase(chaos, podWords(slow, chaos, slow.mesh.atMs))).toBe('slow from all 3 others');
  });

  test('of a CPU-starved pod says that its measurements are unreliable', () => {
    expect(wordsOf({ pods: 6, scenario: 'starved' })).toContain('CPU-starved, measurements unreliable');
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
  const suspects = (options: MeshOptions) => {
    const picture = pictureOf(options);
    return findingLabels(picture);
  };

  test('are none where all is well', () => {
    expect(suspects({ pods: 40, scenario: 'healthy' })).toEqual([]);
  });

  test('of one node with one fault are told as one', () => {
    const [first, ...others] = suspects({ pods: 120, scenario: 'dead-node' });
    expect(others).toEqual([]);
    expect(first?.pods).toHaveLength(10);
    expect(first?.title).toMatch(/^worker-\d+, 10 pods$/);
    expect(first?.pods).toContain(first?.anchor);
  });

  test('say what the server says, and the graver where there are two', () => {
    expect(suspects({ pods: 4, scenario: 'slow-pod' })).toMatchObject([
      { pods: [3], title: 'goldpinger-chaos', note: 'slow from all 3 others', tone: 'slow' },
    ]);
    expect(suspects({ pods: 12, scenario: 'dead-pod' })).toMatchObject([{ note: 'unreachable from all 11 others' }]);
  });

  test('of one finding about more pods than it names are all counted', () => {
    const mesh = meshOf({ pods: 60, scenario: 'healthy' });
    const rows = mesh.reports.map((report, i) =>
      i < 29 ? report : { ...report, missing: 'timeout' as const, links: emptyLinks(0) },
    );
    const picture = buildPicture({ ...mesh, reports: rows, findings: findingsOf({ ...mesh, reports: rows }) }, USUAL);
    expect(findingLabels(picture).map(({ title }) => title.replace(/^\S+/, 'one'))).toEqual(['one and 30 more']);
  });

  test('come with the failing before the slow before the starved', () => {
    expect(suspects({ pods: 120, scenario: 'mixed' }).map(({ tone }) => tone)).toEqual(['failed', 'slow', 'suspect']);
  });
});
