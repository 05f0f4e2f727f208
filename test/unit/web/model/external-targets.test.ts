import { expect, test } from 'vitest';
import type { ProbeResult } from '../../../../server/protocol/sample.ts';
import { externalTargets } from '../../../../web/model/external-targets.ts';
import { meshOf } from '../../../support/feed/scenarios.ts';

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
