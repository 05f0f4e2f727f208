import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DEFAULT_THRESHOLDS, LATENCY_STATES, latencyCode } from '../../../../server/protocol/link-state.ts';
import { emptyStats, FLAG_NOT_YET, FLAG_SUSPECT, NONE16, pack16, unpack16 } from '../../../../server/protocol/links.ts';
import type { Mesh } from '../../../../server/protocol/mesh.ts';
import { LIFECYCLES, type Lifecycle } from '../../../../server/protocol/pod.ts';
import { OUTCOMES } from '../../../../server/protocol/sample.ts';
import { linkFacts } from '../../../../web/model/link-facts.ts';
import { LINK_STATES, stateAt } from '../../../../web/model/links.ts';
import { buildPicture } from '../../../../web/model/mesh-view.ts';
import { meshOf } from '../../../support/feed/scenarios.ts';
import { everyone, type Link, meshWith, reportOf, USUAL } from '../pictures.ts';

const TIMEOUT = OUTCOMES.indexOf('timeout');

describe('a pod is', () => {
  const healthOf = (mesh: Mesh) => buildPicture(mesh, USUAL).pods.map((pod) => pod.health);

  test.each([
    ['failing when those who probe it fail, and the others stay healthy', 'dead-pod', 'healthy', 'failing'],
    ['failing when it alone reaches the others not, and they are not blamed for it', 'cut-off', 'healthy', 'failing'],
    ['unknown when it is reached but did not report', 'missing-reports', 'unknown', 'unknown'],
    ['healthy with a badge when it is slow from everywhere', 'slow-pod', 'healthy', 'healthy'],
    ['starved beside its health, not instead of it', 'starved', 'healthy', 'healthy'],
  ] as const)('%s', (_rule, scenario, first, last) => {
    const { pods } = buildPicture(meshOf({ pods: 4, scenario }), USUAL);
    expect(pods.map(({ health }) => health)).toEqual([first, 'healthy', 'healthy', last]);
    const only = (isIt: boolean) => [false, false, false, isIt];
    expect(pods.map(({ slowToReach }) => slowToReach)).toEqual(only(scenario === 'slow-pod'));
    expect(pods.map(({ starved }) => starved)).toEqual(only(scenario === 'starved'));
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

  test.each([
    ['healthy while most of the cluster refuses, if the rest reaches it', 1, 'healthy', 'failing'],
    ['failing if most of the cluster is silent: its own side may be the one that is cut off', 3, 'failing', 'unknown'],
  ])('%s', (_rule, outcome, own, others) => {
    const reports = [0, 1].map((pod) =>
      reportOf(pod, [{ to: 0 }, { to: 1 }, ...[2, 3, 4].map((to) => ({ to, outcome }))]),
    );
    const dead = [2, 3, 4].map((pod) => reportOf(pod, [], { missing: 'timeout' }));
    expect(healthOf(meshWith(5, [...reports, ...dead]))).toEqual([own, own, others, others, others]);
  });

  /** A pod that its peer fails to reach, in a stage of its life. */
  const refusing = (lifecycle: Lifecycle) =>
    meshWith(2, [reportOf(0, everyone(2, { outcome: 1 }))], (_, i) => (i === 1 ? { lifecycle } : {}));

  test.each(LIFECYCLES.filter((stage) => stage !== 'ready' && stage !== 'not-ready'))(
    'shown by its stage of life while %s, not by health',
    (stage) => expect(healthOf(refusing(stage))[1]).toBe(stage),
  );

  test('failing if the others do not reach it, although it is not ready by then', () => {
    expect(healthOf(refusing('not-ready'))[1]).toBe('failing');
    expect(healthOf({ ...refusing('not-ready'), findings: [] })[1]).toBe('not-ready');
  });
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
  // Goldpinger does not say since when a link fails.
  for (const { links } of reports) links.sinceMs.fill(NONE16);
  expect(buildPicture(meshWith(2, reports), USUAL).worst).toEqual({ from: 0, to: 1 });
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
      const mesh = meshWith(6, reports, (_, i) => ({ lifecycle: lifecycles[i]! }));
      const picture = buildPicture(mesh, USUAL);
      const states: string[] = [];
      const doubts: boolean[] = [];
      for (let from = 0; from < 6; from++) {
        for (let to = 0; to < 6; to++) {
          states.push(slowTwin(mesh, from, to));
          doubts.push(isUnreliable(mesh, from, to, states.at(-1)!));
        }
      }
      expect([...picture.state].map(stateAt)).toEqual(states);
      expect([...picture.unreliable].map((one) => one === 1)).toEqual(doubts);
      expect(picture.unreliableLinks).toBe(doubts.filter(Boolean).length);
      for (const [code, state] of LINK_STATES.entries()) {
        const pairs = states.flatMap((other, pair) => (other === state ? [pair] : []));
        expect(picture.counts[state]).toBe(pairs.length);
        for (let pod = 0; pod < 6; pod++) {
          const counted = [picture.into, picture.outOf].map((counts) => counts[pod * LINK_STATES.length + code]);
          const ends = [(pair: number) => pair % 6, (pair: number) => Math.floor(pair / 6)];
          expect(counted).toEqual(ends.map((end) => pairs.filter((pair) => end(pair) === pod).length));
        }
      }
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
  if (report.links.outcome[i] !== 0) return 'failed';
  return LATENCY_STATES[latencyCode(unpack16(report.links.totalUs[i]!), DEFAULT_THRESHOLDS)]!;
}

function isUnreliable({ reports }: Mesh, from: number, to: number, state: string): boolean {
  const report = reports.find(({ pod }) => pod === from);
  const i = report?.links.to.indexOf(to) ?? -1;
  if (report === undefined || i === -1 || ['gone', 'not-yet', 'unknown'].includes(state)) return false;
  const outcome = OUTCOMES[report.links.outcome[i]!];
  if (outcome !== 'ok' && outcome !== 'timeout') return false;
  const [own, other] = [from, to].map((pod) => reports.find((one) => one.pod === pod)?.starvation?.unreliable === true);
  const isBad = state === 'failed' || state === 'slow';
  return own! || (isBad && other!) || (outcome === 'ok' && (report.links.flags[i]! & FLAG_SUSPECT) !== 0);
}

describe('a pair of pods is', () => {
  test('unreliable when it times out or is slow while the pod that is pinged is starved', () => {
    const starvation = { loopDelayP99Us: 2e5, suspectShare: 0, unreliable: false, sinceMs: 0 };
    const links = [{ to: 0 }, { to: 1, outcome: TIMEOUT }, { to: 2, totalUs: 300_000 }, { to: 3 }];
    const starved = [1, 2, 3].map((pod) => reportOf(pod, everyone(4), { starvation }));
    const picture = buildPicture(meshWith(4, [reportOf(0, links), ...starved]), USUAL);
    expect([...picture.unreliable.subarray(0, 4)]).toEqual([0, 1, 1, 0]);
    expect(picture.pods.map((view) => view.starved)).toEqual([false, true, true, true]);
  });

  test('by when a pod was starved: its pings of then are unreliable, and those of other moments are not', () => {
    const starvation = { loopDelayP99Us: 0, suspectShare: 0, unreliable: false, sinceMs: 0 };
    const times: [number, number][] = [[21_000, 17_000]];
    const links = [{ to: 0 }, { to: 1, outcome: TIMEOUT, ageMs: 17_500 }, { to: 2, outcome: TIMEOUT, ageMs: 10_000 }];
    const others = [1, 2].map((pod) => reportOf(pod, everyone(3), { starvation: { ...starvation, times } }));
    const picture = buildPicture(meshWith(3, [reportOf(0, links), ...others]), USUAL);
    expect([...picture.unreliable.subarray(0, 3)]).toEqual([0, 1, 0]);
    const own = buildPicture(meshWith(3, [reportOf(0, links, { starvation: { ...starvation, times } })]), USUAL);
    expect([...own.unreliable.subarray(0, 3)]).toEqual([0, 1, 0]);
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
      expect(linkFacts(picture, 0, 0).totalUs).toBe(6000);
    }
  });

  test('the worse of two IP families by what is shown, and its facts are those of the same one', () => {
    const links: Link[] = [
      { to: 0, totalUs: 900, connectUs: 100 },
      { to: 0, totalUs: 600, connectUs: 500 },
    ];
    for (const order of [links, [...links].reverse()]) {
      const stats = emptyStats(2);
      stats.samples.fill(10);
      stats.p50Us.set(order.map(({ connectUs }) => pack16(connectUs === 500 ? 7000 : 300)));
      const mesh = meshWith(1, [reportOf(0, order, { stats })]);
      const connectUs = (change: Partial<typeof USUAL>) =>
        linkFacts(buildPicture(mesh, { ...USUAL, ...change }), 0, 0).connectUs;
      expect([connectUs({}), connectUs({ value: 'p50' }), connectUs({ phase: 'connect' })]).toEqual([100, 500, 500]);
    }
  });

  test("unreliable by a window's figure only where all of its samples are suspect", () => {
    const stats = emptyStats(3);
    stats.samples.set([10, 10, 0]);
    stats.suspect.set([9, 10, 0]);
    stats.p50Us.fill(pack16(500));
    const links = [0, 1, 2].map((to) => ({ to, flags: FLAG_SUSPECT }));
    const mesh = meshWith(3, [reportOf(0, links, { stats })]);
    const doubts = (options = USUAL) => [...buildPicture(mesh, options).unreliable.subarray(0, 3)];
    expect(doubts({ ...USUAL, value: 'p50' })).toEqual([0, 1, 1]);
    expect(doubts()).toEqual([1, 1, 1]);
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
