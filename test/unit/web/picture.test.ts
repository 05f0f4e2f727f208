import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DEFAULT_THRESHOLDS, LATENCY_STATES, latencyCode } from '../../../server/protocol/link-state.ts';
import { FLAG_NOT_YET, FLAG_SUSPECT, unpack16 } from '../../../server/protocol/links.ts';
import type { Mesh } from '../../../server/protocol/mesh.ts';
import { LIFECYCLES } from '../../../server/protocol/pod.ts';
import { LINK_STATES, stateAt } from '../../../web/model/links.ts';
import { buildPicture } from '../../../web/model/mesh-view.ts';
import { meshOf } from '../../support/feed/scenarios.ts';
import { everyone, meshWith, reportOf, USUAL } from './picture-scene.ts';

describe('a pod is', () => {
  const healthOf = (mesh: Mesh) => buildPicture(mesh, USUAL).pods.map((pod) => pod.health);

  test('failing when most of those who probe it fail, and the others stay healthy', () => {
    expect(healthOf(meshOf({ pods: 4, scenario: 'dead-pod' }))).toEqual(['healthy', 'healthy', 'healthy', 'failing']);
  });

  test('healthy with a badge when it is slow from everywhere', () => {
    const { pods } = buildPicture(meshOf({ pods: 4, scenario: 'slow-pod' }), USUAL);
    expect(pods.map(({ health, slowToReach }) => [health, slowToReach])).toEqual([
      ['healthy', false],
      ['healthy', false],
      ['healthy', false],
      ['healthy', true],
    ]);
  });

  test('failing when it alone reaches the others not, and they are not blamed for it', () => {
    expect(healthOf(meshOf({ pods: 5, scenario: 'cut-off' }))).toEqual([
      'healthy',
      'healthy',
      'healthy',
      'healthy',
      'failing',
    ]);
  });

  test('failing when it does not reach itself', () => {
    const reports = [reportOf(0, everyone(2)), reportOf(1, [{ to: 0 }, { to: 1, outcome: 1 }])];
    expect(healthOf(meshWith(2, reports))).toEqual(['healthy', 'failing']);
  });

  test('not blamed for one failed link of many', () => {
    const reports = [0, 1, 2].map((pod) => reportOf(pod, everyone(3)));
    reports[0]!.links.outcome[1] = 3;
    expect(healthOf(meshWith(3, reports))).toEqual(['healthy', 'healthy', 'healthy']);
  });

  test('healthy while most of the cluster is dead, if the rest reaches it', () => {
    const reports = [0, 1].map((pod) =>
      reportOf(pod, [{ to: 0 }, { to: 1 }, ...[2, 3, 4].map((to) => ({ to, outcome: 3 }))]),
    );
    const dead = [2, 3, 4].map((pod) => reportOf(pod, [], { missing: 'timeout' }));
    expect(healthOf(meshWith(5, [...reports, ...dead]))).toEqual([
      'healthy',
      'healthy',
      'failing',
      'failing',
      'failing',
    ]);
  });

  test('unknown when it is reached but did not report, starved when its figures are not to be trusted', () => {
    expect(healthOf(meshOf({ pods: 4, scenario: 'missing-reports' }))).toEqual([
      'unknown',
      'healthy',
      'healthy',
      'unknown',
    ]);
    expect(healthOf(meshOf({ pods: 3, scenario: 'starved' }))).toEqual(['healthy', 'healthy', 'starved']);
  });

  test.each(LIFECYCLES.filter((stage) => stage !== 'ready'))(
    'shown by its stage of life while %s, not by health',
    (stage) => {
      const mesh = meshWith(2, [reportOf(0, everyone(2, { outcome: 1 }))], (m) => ({
        ...m,
        pods: m.pods.map((pod, i) => (i === 1 ? { ...pod, lifecycle: stage } : pod)),
      }));
      expect(healthOf(mesh)[1]).toBe(stage);
    },
  );
});

test('the worst link is the one that has failed longest, else the slowest', () => {
  const reports = [
    reportOf(0, [
      { to: 0, totalUs: 9000 },
      { to: 1, outcome: 1, sinceMs: 5000 },
    ]),
    reportOf(1, [{ to: 0, outcome: 3, sinceMs: 60_000 }, { to: 1 }]),
  ];
  expect(buildPicture(meshWith(2, reports), USUAL).worst).toEqual({ from: 1, to: 0 });
  reports[0]!.links.outcome.fill(0);
  reports[1]!.links.outcome.fill(0);
  expect(buildPicture(meshWith(2, reports), USUAL).worst).toEqual({ from: 0, to: 0 });
  expect(buildPicture(meshWith(2, []), USUAL).worst).toBeNull();
});

test('any matrix comes out as a slow and plain reading of the rules has it', () => {
  const link = fc.record({
    to: fc.integer({ min: 0, max: 5 }),
    outcome: fc.constantFrom(0, 0, 0, 1, 3),
    totalUs: fc.constantFrom(100, 1999, 2000, 6000, 99_000, 100_000, 300_000),
    flags: fc.constantFrom(0, 0, FLAG_SUSPECT, FLAG_NOT_YET),
  });
  const row = fc.record({
    links: fc.uniqueArray(link, { selector: ({ to }) => to, maxLength: 6 }),
    missing: fc.constantFrom('' as const, '' as const, 'timeout' as const),
    unreliable: fc.boolean(),
  });
  const stages = fc.array(fc.constantFrom(...LIFECYCLES), { minLength: 6, maxLength: 6 });
  fc.assert(
    fc.property(fc.array(row, { maxLength: 6 }), stages, (made, lifecycles) => {
      const reports = made.map(({ links, missing, unreliable }, pod) =>
        reportOf(pod, missing === '' ? links : [], {
          missing,
          starvation: { loopDelayP99Us: 0, suspectShare: 0, unreliable, sinceMs: 0 },
        }),
      );
      const mesh = meshWith(6, reports, (m) => ({
        ...m,
        pods: m.pods.map((pod, i) => ({ ...pod, lifecycle: lifecycles[i]! })),
      }));
      const picture = buildPicture(mesh, USUAL);
      const states: string[] = [];
      for (let from = 0; from < 6; from++) for (let to = 0; to < 6; to++) states.push(slowTwin(mesh, from, to));
      expect([...picture.state].map(stateAt)).toEqual(states);
      for (const state of LINK_STATES) expect(picture.counts[state]).toBe(states.filter((s) => s === state).length);
    }),
  );
});

function slowTwin({ pods, reports: rows }: Mesh, from: number, to: number): string {
  const lifecycles = [pods[from]!.lifecycle, pods[to]!.lifecycle];
  if (lifecycles.includes('gone')) return 'gone';
  const report = rows.find(({ pod }) => pod === from);
  const i = report === undefined ? -1 : report.links.to.indexOf(to);
  if (report === undefined || i === -1) {
    if (lifecycles.includes('starting')) return 'not-yet';
    return report === undefined || report.missing !== '' ? 'unknown' : 'not-probed';
  }
  const flags = report.links.flags[i]!;
  if ((flags & FLAG_NOT_YET) !== 0) return 'not-yet';
  if (report.starvation?.unreliable === true) {
    const measured = [...report.links.outcome].filter((_, link) => (report.links.flags[link]! & FLAG_NOT_YET) === 0);
    const failed = measured.filter((outcome) => outcome !== 0).length;
    return report.links.outcome[i] !== 0 && failed < measured.length / 2 ? 'failed' : 'suspect';
  }
  if (report.links.outcome[i] !== 0) return 'failed';
  if ((flags & FLAG_SUSPECT) !== 0) return 'suspect';
  return LATENCY_STATES[latencyCode(unpack16(report.links.totalUs[i]!), DEFAULT_THRESHOLDS)]!;
}
