import { describe, expect, test } from 'vitest';
import { DEFAULT_THRESHOLDS, LATENCY_STATES, latencyCode } from '../../../server/protocol/link-state.ts';
import { emptyStats, FLAG_NOT_YET, FLAG_SUSPECT, pack16 } from '../../../server/protocol/links.ts';
import { stateAt } from '../../../web/model/links.ts';
import { buildPicture } from '../../../web/model/mesh-view.ts';
import { meshOf } from '../../support/feed/scenarios.ts';
import { everyone, type Link, meshWith, reportOf, statesOf, USUAL } from './picture-scene.ts';

describe('a pair of pods is', () => {
  test('judged by its outcome first, by its latency second', () => {
    const report = reportOf(0, [
      { to: 0, totalUs: 1999 },
      { to: 1, totalUs: 2000 },
      { to: 2, totalUs: 5000 },
      { to: 3, totalUs: 100_000 },
      { to: 4, totalUs: 10, outcome: 1 },
    ]);
    expect(statesOf(meshWith(5, [report]))[0]).toEqual(['good', 'fair', 'warning', 'slow', 'failed']);
  });

  test('unknown where the pod that pings did not report, and not good', () => {
    const missing = reportOf(1, [], { missing: 'timeout' });
    expect(statesOf(meshWith(2, [reportOf(0, everyone(2)), missing]))).toEqual([
      ['good', 'good'],
      ['unknown', 'unknown'],
    ]);
  });

  test('not probed where a row has no link for it', () => {
    expect(statesOf(meshWith(2, [reportOf(0, [{ to: 0 }])]))[0]).toEqual(['good', 'not-probed']);
  });

  test('not yet while it waits for its first probe, or one of the two is starting', () => {
    const mesh = meshWith(3, [reportOf(0, [{ to: 0 }, { to: 1, flags: FLAG_NOT_YET }])], (m) => ({
      ...m,
      pods: m.pods.map((pod, i) => (i === 2 ? { ...pod, lifecycle: 'starting' } : pod)),
    }));
    expect(statesOf(mesh)[0]).toEqual(['good', 'not-yet', 'not-yet']);
    expect(statesOf(mesh)[2]).toEqual(['not-yet', 'not-yet', 'not-yet']);
  });

  test('gone where either has left, whatever was measured', () => {
    const mesh = meshWith(2, [reportOf(0, everyone(2, { outcome: 3 }))], (m) => ({
      ...m,
      pods: m.pods.map((pod, i) => (i === 1 ? { ...pod, lifecycle: 'gone' } : pod)),
    }));
    expect(statesOf(mesh)).toEqual([
      ['failed', 'gone'],
      ['gone', 'gone'],
    ]);
  });

  test('suspect after a starved sample, with its figure beneath; but a judged failure stays a failure', () => {
    const report = reportOf(0, [
      { to: 0, totalUs: 200_000, flags: FLAG_SUSPECT },
      { to: 1, outcome: 1, flags: FLAG_SUSPECT },
    ]);
    const picture = buildPicture(meshWith(2, [report]), USUAL);
    expect([stateAt(picture.state[0]), stateAt(picture.base[0])]).toEqual(['suspect', 'slow']);
    expect(stateAt(picture.state[1])).toBe('failed');
  });

  test('suspect throughout in the row of a process that stays starved', () => {
    const starvation = { loopDelayP99Us: 1e5, suspectShare: 1, unreliable: true, sinceMs: 0 };
    const report = reportOf(0, [{ to: 0 }, { to: 1, outcome: 1 }], { starvation });
    expect(statesOf(meshWith(2, [report]))[0]).toEqual(['suspect', 'suspect']);
  });

  test('failed even in the row of a starved process, if it reaches most others: the fault is not its own', () => {
    const starvation = { loopDelayP99Us: 1e5, suspectShare: 1, unreliable: true, sinceMs: 0 };
    const report = reportOf(0, [{ to: 0 }, { to: 1, outcome: 3 }, { to: 2 }], { starvation });
    expect(statesOf(meshWith(3, [report]))[0]).toEqual(['suspect', 'failed', 'suspect']);
  });

  test('the worse of two IP families, in whichever order they come', () => {
    const families: Link[] = [
      { to: 0, totalUs: 300 },
      { to: 0, totalUs: 6000 },
      { to: 0, flags: FLAG_NOT_YET },
    ];
    for (const links of [families, [...families].reverse()]) {
      const picture = buildPicture(meshWith(1, [reportOf(0, links)]), USUAL);
      expect(stateAt(picture.state[0])).toBe('warning');
      expect(picture.valueUs[0]).toBe(6000);
      expect(links[picture.link[0]!]!.totalUs).toBe(6000);
    }
  });

  test("suspect by a window's figure only where all of its samples are", () => {
    const stats = emptyStats(3);
    stats.samples.set([10, 10, 0]);
    stats.suspect.set([9, 10, 0]);
    stats.p50Us.fill(pack16(500));
    const links = [0, 1, 2].map((to) => ({ to, flags: FLAG_SUSPECT }));
    const mesh = meshWith(3, [reportOf(0, links, { stats })]);
    expect(statesOf(mesh, { ...USUAL, value: 'p50' })[0]).toEqual(['good', 'suspect', 'suspect']);
    expect(statesOf(mesh)[0]).toEqual(['suspect', 'suspect', 'suspect']);
  });

  test('unknown, and no figure, where the chosen phase was not measured', () => {
    const mesh = meshOf({ pods: 2, scenario: 'check-only' });
    const picture = buildPicture(mesh, { ...USUAL, phase: 'connect' });
    expect(stateAt(picture.state[0])).toBe('unknown');
    expect(picture.valueUs[0]).toBeNaN();
  });

  test.each([
    ['last', 'total', 130_000],
    ['last', 'connect', 1000],
    ['last', 'first-byte', 128_000],
    ['p50', 'total', 3000],
    ['p95', 'total', 6000],
    ['max', 'total', 200_000],
  ] as const)('shown and judged by what is chosen: %s, %s', (value, phase, us) => {
    const stats = emptyStats(1);
    stats.p50Us[0] = pack16(3000);
    stats.p95Us[0] = pack16(6000);
    stats.maxUs[0] = pack16(200_000);
    const report = reportOf(0, [{ to: 0, totalUs: 130_000 }], { stats });
    report.links.connectUs[0] = pack16(1000);
    report.links.firstByteUs[0] = pack16(128_000);
    const picture = buildPicture(meshWith(1, [report]), { ...USUAL, value, phase });
    expect(picture.valueUs[0]! / us).toBeCloseTo(1, 2);
    expect(stateAt(picture.state[0])).toBe(LATENCY_STATES[latencyCode(us, DEFAULT_THRESHOLDS)]!);
  });

  test('judged by a window where one is chosen, by the newest total where the window has no answer', () => {
    const stats = emptyStats(2);
    stats.p95Us.set([pack16(150_000), pack16(-1)]);
    const report = reportOf(0, [{ to: 0 }, { to: 1 }], { stats });
    const picture = buildPicture(meshWith(2, [report]), { ...USUAL, value: 'p95' });
    expect([stateAt(picture.state[0]), stateAt(picture.state[1])]).toEqual(['slow', 'good']);
    expect(picture.valueUs[1]).toBe(500);
  });
});
