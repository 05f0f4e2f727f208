import { describe, expect, test } from 'vitest';
import type { ProbeResult } from '../../../../server/protocol/sample.ts';
import {
  countTargets,
  externalTargets,
  failedProbesText,
  failingTargetsText,
} from '../../../../web/model/external-targets.ts';
import { foldPicture } from '../../../../web/model/levels.ts';
import { meshOf } from '../../../support/feed/scenarios.ts';
import { pictureOf } from '../pictures.ts';

function targetsOf(probesOf: (pod: number) => ProbeResult[]) {
  const mesh = meshOf({ pods: 3, scenario: 'healthy' });
  const rows = mesh.reports.map((report) => ({ ...report, probes: probesOf(report.pod) }));
  return externalTargets({ reports: rows });
}

function probe(target: string, change: Partial<ProbeResult> = {}): ProbeResult {
  return { target, protocol: 'tcp', atMs: 5, durationUs: 900, error: '', ...change };
}

test('a target is as bad as the worst of those who probe it', () => {
  const [target] = targetsOf((pod) => [
    probe('a:1', { durationUs: 100 * (pod + 1), error: pod === 1 ? 'refused' : '' }),
  ]);
  expect(target).toMatchObject({ state: 'failed', probing: 3, failing: [1], slowestUs: 300, error: 'refused' });
});

test('of a folded picture the pods that fail are counted, not their nodes', () => {
  const picture = pictureOf({ pods: 24, scenario: 'healthy' }, ({ reports }) => {
    for (const report of reports) report.probes = [probe('a:1', { error: 'refused' })];
  });
  const [target] = foldPicture(picture, { level: 'node', unfolded: [] }).targets;
  expect(target!.failing.length).toBeLessThan(24);
  expect(failedProbesText(target!)).toBe('24 of 24 fail');
});

test('one that nobody has probed yet is neither good nor bad', () => {
  expect(targetsOf(() => [probe('a:1', { atMs: 0 })])[0]).toMatchObject({
    state: 'not-yet',
    probing: 0,
    slowestUs: -1,
  });
});

test('the same name under two protocols is two targets; failed ones come first', () => {
  const targets = targetsOf(() => [probe('a:1'), probe('a:1', { protocol: 'http', error: 'HTTP 500' })]);
  expect(targets.map(({ key }) => key)).toEqual(['http a:1', 'tcp a:1']);
});

test('pods that each bring names of their own cannot flood the picture', () => {
  expect(targetsOf((pod) => Array.from({ length: 400 }, (_, i) => probe(`p${pod}-${i}`)))).toHaveLength(500);
});

describe('a path of the cluster (PATH_CHECKS)', () => {
  const url = 'http://goldpinger:8080/ping';

  test('is a target of its own with the name of the path; paths come before external targets', () => {
    const targets = targetsOf(() => [
      probe('a:1'),
      probe(url, { protocol: 'http' }),
      probe(url, { protocol: 'http', path: 'service' }),
      probe(url, { protocol: 'http', path: 'service-ip' }),
      probe('b:1', { error: 'refused' }),
    ]);
    expect(targets.map(({ name, path }) => [name, path])).toEqual([
      ['b:1', null],
      ['Service by name', 'service'],
      ['Service by IP', 'service-ip'],
      [url, null],
      ['a:1', null],
    ]);
  });

  test('is counted apart from external targets', () => {
    const failing = (error: string) => [
      probe('a:1', { error }),
      probe('b:1'),
      probe(url, { path: 'service', error }),
      probe(url, { path: 'service-ip', error }),
      probe('k', { path: 'dns' }),
    ];
    expect(failingTargetsText(targetsOf(() => failing('refused')))).toBe(
      '2 of 3 paths fail. 1 of 2 external targets fails.',
    );
    expect(failingTargetsText(targetsOf(() => failing('')))).toBe('');
    expect(
      countTargets(
        targetsOf(() => failing('refused')),
        true,
      ),
    ).toEqual({ count: 3, failing: 2 });
  });
});
