import { describe, expect, it, onTestFinished } from 'vitest';
import type { PodLifetimes } from '../../../server/events/pod-lifetimes.ts';
import { viewOfNow } from '../../../server/peers/collect-view.ts';
import { Collection, Collector, meshLimits } from '../../../server/peers/collector.ts';
import type { ReportQuery, ReportResult } from '../../../server/peers/report-query.ts';
import { LINK_BYTES, STAT_BYTES } from '../../../server/protocol/links.ts';
import { type Pod, peersHashOf } from '../../../server/protocol/pod.ts';
import { BusyError } from '../../../server/runtime/errors.ts';
import { collectDepsOf, missingOf, resultOf } from '../../support/collecting.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { NOW_MS, podOf, podsOf, reportOf } from '../../support/mesh.ts';

interface Scene {
  pods: readonly Pod[];
  selfUid?: string;
  /** The nodes that are passive by our settings. */
  passiveNodes?: readonly string[];
  checkTimeoutMs?: number;
  /** How pods answer, by uid, and after how many ms; by default with their report at once. */
  answers?: Record<string, ReportResult>;
  afterMs?(uid: string): number;
}

/** A collector in pod 0 of a scene, over a network that only exists here. */
function start({ pods, selfUid = 'uid-0', ...scene }: Scene) {
  const { passiveNodes = [], checkTimeoutMs = 1_000, answers = {}, afterMs = () => 0 } = scene;
  const clock = new FakeClock(NOW_MS);
  const asks: (ReportQuery & { uid: string })[] = [];
  const calls: [string, boolean, number][] = [];
  const state = { mostAtOnce: 0, atOnce: 0, ownReportFails: false };
  const queryReport = async (pod: Pod, query: ReportQuery): Promise<ReportResult> => {
    const leftMs = query.deadlineMs - clock.monotonicMs();
    if (leftMs < 1) return missingOf('not-asked', 'the time was over', null);
    asks.push({ uid: pod.uid, ...query });
    state.atOnce += 1;
    state.mostAtOnce = Math.max(state.mostAtOnce, state.atOnce);
    const [result, takesMs] = [answers[pod.uid], afterMs(pod.uid)];
    const timeoutMs = Math.min(checkTimeoutMs, leftMs);
    await new Promise<void>((resolve) => void clock.setTimer(resolve, Math.min(takesMs, timeoutMs)));
    state.atOnce -= 1;
    if (takesMs > timeoutMs) return missingOf('timeout', `no answer within ${timeoutMs} ms`);
    const table = query.known === null ? {} : { peers: query.known.peers };
    return result ?? resultOf(reportOf(pod, pods, undefined, table));
  };
  const deps = collectDepsOf(clock, pods, {
    queryReport,
    isPassive: ({ node }) => passiveNodes.includes(node),
    selfUid: () => selfUid,
    onPeerCall: (pod, us, ok) => calls.push([pod.uid, ok, us]),
    ownReport: async () => {
      if (state.ownReportFails) throw new Error('no report');
      return reportOf(pods[0] ?? podOf(0), pods);
    },
  });
  const collector = new Collector(deps);
  /** Collects while time passes. */
  const collect = async (passMs = 10_000, windowMs = 0) => {
    const mesh = collector.collect({ windowMs, maxAgeMs: 0 });
    await clock.advance(passMs);
    return mesh;
  };
  return { clock, asks, calls, state, collector, collect, deps };
}

const reasonsOf = (reports: { missing: string }[]) => reports.map(({ missing }) => missing);

describe('collecting the mesh', () => {
  it('asks every other pod that is not gone once, and itself never', async () => {
    const pods = [...podsOf(3), podOf(3, { lifecycle: 'gone' }), podOf(4, { lifecycle: 'terminating' })];
    const { asks, collect, calls } = start({ pods });
    const mesh = await collect();
    expect(asks.map(({ uid }) => uid)).toEqual(['uid-1', 'uid-2', 'uid-4']);
    expect(mesh.reports.map(({ pod, missing }) => [pod, missing])).toEqual([0, 1, 2, 4].map((pod) => [pod, '']));
    expect(mesh.servedBy).toEqual({ pod: 0, name: 'pod-0' });
    expect(calls.map(([uid, ok]) => [uid, ok])).toEqual([1, 2, 4].map((n) => [`uid-${n}`, true]));
  });

  it('asks all pods where we do not know which one we are', async () => {
    const { asks, collect } = start({ pods: podsOf(2), selfUid: '' });
    expect((await collect()).servedBy).toEqual({ pod: -1, name: 'pod-0' });
    expect(asks).toHaveLength(2);
  });

  it('asks no pod on a passive node, and holds nothing against it, nor against one that says that it is passive', async () => {
    const { asks, collect, calls } = start({
      pods: podsOf(4),
      passiveNodes: [podOf(3).node],
      answers: { 'uid-2': missingOf('passive', 'its node is passive', null) },
    });
    const mesh = await collect();
    expect(asks.map(({ uid }) => uid)).toEqual(['uid-1', 'uid-2']);
    expect(calls.map(([uid]) => uid)).toEqual(['uid-1']);
    expect(reasonsOf(mesh.reports)).toEqual(['', '', 'passive', 'passive']);
    expect([mesh.health.ok, mesh.findings]).toEqual([true, []]);
  });

  it('shows pods that departed before this one started, of which others have told', async () => {
    const { collect, deps } = start({ pods: podsOf(3) });
    const gone = podOf(7, { lifecycle: 'gone', replacedBy: 'uid-0' });
    const old = podOf(8, { lifecycle: 'gone' });
    (deps.lifetimes as PodLifetimes).addLives([
      { pod: gone, stages: [['gone', 30_000]] },
      { pod: old, stages: [['gone', 61_000]] },
    ]);
    const { pods } = await collect(100);
    const shown = pods.filter(({ lifecycle }) => lifecycle === 'gone');
    expect(shown).toMatchObject([{ name: 'pod-7', replacedBy: 'uid-0', sinceMs: NOW_MS - 30_000 }]);
  });

  it('is used again while it is young enough, says its age, and is not kept for long', async () => {
    const { asks, collector, clock, collect } = start({ pods: podsOf(2) });
    const first = await collect(10);
    await clock.advance(400);
    const again = await collector.collect({ windowMs: 0, maxAgeMs: 500 });
    expect([again.ageMs, again.reports]).toEqual([410, first.reports]);
    await clock.advance(200);
    const third = collector.collect({ windowMs: 0, maxAgeMs: 500 });
    await clock.advance(10);
    expect((await third).ageMs).toBe(0);
    expect(asks).toHaveLength(2);
    expect(clock.pending).toBe(1);
    await clock.advance(1_000);
    expect(clock.pending).toBe(0);
  });

  it('with statistics serves those who want none, and not the other way round; four windows may be asked for at once', async () => {
    const { asks, collector, clock } = start({ pods: podsOf(2) });
    const windows = [60_000, 0, 300_000, 1, 2];
    const all = windows.map((windowMs) => collector.collect({ windowMs, maxAgeMs: 0 }));
    await expect(collector.collect({ windowMs: 3, maxAgeMs: 0 })).rejects.toThrow(/more than 4 windows/);
    await clock.advance(10);
    const [minute, none, five] = await Promise.all(all);
    expect(asks.map(({ windowMs }) => windowMs)).toEqual([60_000, 300_000, 1, 2]);
    expect(none?.reports).toBe(minute?.reports);
    expect(five?.windowMs).toBe(300_000);
  });

  it('without statistics is the newest of those that are kept', async () => {
    const { asks, collector, clock, collect } = start({ pods: podsOf(2) });
    onTestFinished(() => collector.stop());
    await collect(10, 30_000);
    await clock.advance(400);
    await collect(10, 60_000);
    await clock.advance(200);
    expect(await collector.collect({ windowMs: 0, maxAgeMs: 500 })).toMatchObject({ windowMs: 60_000, ageMs: 210 });
    expect(asks).toHaveLength(2);
  });

  it('begins anew after one that has failed', async () => {
    const { collect, collector, state } = start({ pods: podsOf(2) });
    state.ownReportFails = true;
    await expect(collector.collect({ windowMs: 0, maxAgeMs: 0 })).rejects.toThrow('no report');
    state.ownReportFails = false;
    expect((await collect()).health.ok).toBe(true);
    collector.stop();
    await expect(collector.collect({ windowMs: 0, maxAgeMs: 1_000 })).rejects.toThrow(BusyError);
  });
});

describe('a collection of many', () => {
  it('asks four at a time', async () => {
    const { state, collect } = start({ pods: podsOf(40), afterMs: () => 10 });
    const mesh = await collect();
    expect(state.mostAtOnce).toBe(4);
    expect(mesh.collectMs).toBe(100);
  });

  it('ends in time even if nobody answers, and says who was not asked', async () => {
    const { collect } = start({ pods: podsOf(1_000), afterMs: () => 60_000 });
    const mesh = await collect();
    expect(mesh.collectMs).toBeGreaterThan(4_900);
    expect(mesh.collectMs).toBeLessThanOrEqual(5_000);
    expect(mesh.reports).toHaveLength(1_000);
    expect(reasonsOf(mesh.reports).filter((reason) => reason === 'timeout').length).toBeGreaterThan(250);
    expect(new Set(reasonsOf(mesh.reports))).toEqual(new Set(['', 'timeout', 'not-asked']));
  });
});

describe('a mesh within a budget of time', () => {
  /** Five pods of which one hangs and one refuses, looked at `askMs` after all was well. */
  async function afterFault(askMs: number, pods = podsOf(5)) {
    const answers: Record<string, ReportResult> = {};
    let lateMs = 400;
    const afterMs = (uid: string) => (uid === 'uid-3' ? lateMs : 0);
    const scene = start({ pods, checkTimeoutMs: 3_000, answers, afterMs });
    await scene.collect(askMs, 30_000);
    lateMs = 2_500;
    answers['uid-4'] = missingOf('refused', 'nobody listens');
    const collecting = scene.collector.collect({ windowMs: 30_000, maxAgeMs: 300 }, 800);
    await scene.clock.advance(800);
    onTestFinished(() => scene.collector.stop());
    return { ...scene, mesh: await collecting };
  }

  it('is of the reports that have come; a late one is borrowed from the last mesh while that is young', async () => {
    const { reports } = (await afterFault(900)).mesh;
    const told = reports.map(({ missing, atMs }) => `${missing} ${atMs - NOW_MS}`);
    expect(told).toEqual([' 900', ' 900', ' 900', ' 400', 'refused 900']);
  });

  it('lacks the late one if the last mesh is too old, however much more that had', async () => {
    const { mesh, clock, collector } = await afterFault(1_700);
    expect(reasonsOf(mesh.reports)).toEqual(['', '', '', 'timeout', 'refused']);
    expect(mesh.reports[3]?.missingDetail).toBe('its answer has not come yet');
    await clock.advance(3_000);
    const next = await collector.collect({ windowMs: 30_000, maxAgeMs: 2_000 }, 800);
    expect(reasonsOf(next.reports)).toEqual(['', '', '', '', 'refused']);
  });

  it.each([
    ['borrows a report of 1.2 s', 500, 5_000, ''],
    ['does not borrow one of 2.4 s', 1_700, -5_000, 'timeout'],
  ])(
    '%s, although the time of day was corrected while the last mesh was collected',
    async (_, askMs, jumpMs, expected) => {
      let lateMs = 100;
      const afterMs = (uid: string) => ({ 'uid-2': 400, 'uid-3': lateMs })[uid] ?? 0;
      const { clock, collector } = start({ pods: podsOf(4), checkTimeoutMs: 3_000, afterMs });
      onTestFinished(() => collector.stop());
      const first = collector.collect({ windowMs: 0, maxAgeMs: 0 });
      await clock.advance(200);
      clock.jumpWall(jumpMs);
      await clock.advance(askMs - 200);
      await first;
      lateMs = 2_500;
      const next = collector.collect({ windowMs: 0, maxAgeMs: 0 }, 800);
      await clock.advance(800);
      expect(reasonsOf((await next).reports)).toEqual(['', '', '', expected]);
    },
  );

  it('borrows none where indexes of pods have come to mean others, nor for a pod that has gone', async () => {
    const pods = podsOf(3);
    const { mesh } = await afterFault(900, pods);
    const toldOf = (now: readonly Pod[]) => {
      const clock = new FakeClock(mesh.atMs);
      const deps = collectDepsOf(clock, now);
      const last = { mesh, arrivedMs: new Map(pods.map((_, pod) => [pod, clock.monotonicMs()])) };
      const { reports } = new Collection(deps, viewOfNow(0, deps), last).meshInTime();
      return reports.map(({ pod, missing }) => `${pod} ${missing}`);
    };
    expect(toldOf(pods)).toEqual(['0 ', '1 ', '2 ']);
    expect(toldOf(pods.with(1, podOf(7)))).toEqual(['0 timeout', '1 timeout', '2 timeout']);
    expect(toldOf(pods.with(2, podOf(2, { lifecycle: 'gone' })))).toEqual(['0 ', '1 ']);
  });
});

describe('a report from a peer', () => {
  it('counts for the pod that was asked, whoever it claims to be', async () => {
    const pods = podsOf(3);
    const claim = resultOf(reportOf(podOf(2), pods, [{ to: 0, outcome: 'refused' }]));
    const { reports } = await start({ pods, answers: { 'uid-1': claim } }).collect();
    expect(reports.map(({ links }) => links.length)).toEqual([3, 1, 3]);
  });

  it("with a false table of peers under our own hash changes nobody else's report", async () => {
    const pods = podsOf(4);
    const { peersHash } = reportOf(podOf(0), pods);
    const lie = reportOf(podOf(1), pods.toReversed(), [{ to: 0, outcome: 'refused' }], { peersHash });
    const answers: Record<string, ReportResult> = {};
    const { collect } = start({ pods, answers });
    for (let round = 0; round < 2; round++) {
      answers['uid-1'] = resultOf(structuredClone(lie));
      const mesh = await collect();
      expect([...(mesh.reports[1]?.links.to ?? [])]).toEqual([3]);
      expect([...(mesh.reports[2]?.links.to ?? [])]).toEqual([0, 1, 2, 3]);
    }
  });

  it.each([
    ['names other peers offers these to the next pods, as our own list may be the late one', true],
    ['has a false hash is offered to nobody', false],
  ])('that %s', async (_, isTrue) => {
    const pods = podsOf(9);
    const report = reportOf(podOf(1), podsOf(8), undefined, isTrue ? {} : { peersHash: 'lie' });
    const afterMs = (uid: string) => (uid === 'uid-1' ? 0 : 1);
    const { collect, asks } = start({ pods, answers: { 'uid-1': resultOf(report) }, afterMs });
    await collect();
    const offered = asks.map(({ known }) => known?.peers.length);
    expect(offered.slice(0, 5)).toEqual([9, 9, 9, 9, isTrue ? 8 : 9]);
    expect(asks.every(({ known }) => known?.hash === peersHashOf(known?.peers ?? []))).toBe(true);
  });
});

describe('a report of a process', () => {
  const MINUTE = 60_000;
  it.each<[string, windowMs: number, podAgeMs: number, ranMs: number, clockIsOffMs: number, isShort: boolean]>([
    ['of an older pod', 10 * MINUTE, 60 * MINUTE, MINUTE, 0, true],
    ['of an older pod whose clock is behind', 10 * MINUTE, 60 * MINUTE, MINUTE, -60 * MINUTE, true],
    ['of a pod that is younger than the window, too', 10 * MINUTE, 5 * MINUTE, MINUTE, 0, true],
    ['that is half a second younger than the window', MINUTE + 500, 60 * MINUTE, MINUTE, 0, true],
    ['that is the first of its pod', 10 * MINUTE, MINUTE + 20_000, MINUTE, 0, false],
    ['that covers the window', MINUTE, 60 * MINUTE, MINUTE, 0, false],
    ['if no window is asked for', 0, 60 * MINUTE, 5_000, 0, false],
    ['whose clock was set back after its start', 10 * MINUTE, 60 * MINUTE, -MINUTE, 0, false],
  ])('%s', async (_, windowMs, podAgeMs, ranMs, clockIsOffMs, isShort) => {
    const pods = [podOf(0), podOf(1, { createdMs: NOW_MS - podAgeMs })];
    const atMs = NOW_MS + clockIsOffMs;
    const report = reportOf(podOf(1), pods, undefined, { atMs, bootTimeMs: atMs - ranMs });
    const { reports } = await start({ pods, answers: { 'uid-1': resultOf(report) } }).collect(100, windowMs);
    const missingDetail = isShort ? `its memory begins at ${new Date(NOW_MS - MINUTE).toISOString()}` : '';
    expect(reports[1]).toMatchObject({ missing: '', missingDetail });
  });
});

/** MB that meshes take at most. */
function mostMB(podCount: number, pingNumber = 0): number {
  const { now, past } = meshLimits(podCount, pingNumber);
  const links = podCount * (pingNumber || podCount);
  return ((now.running + now.kept + past.running + past.kept) * links * (LINK_BYTES + STAT_BYTES)) / 1e6;
}

it('bounds what meshes take together', () => {
  expect(Math.round(mostMB(300))).toBe(49);
  expect(Math.round(mostMB(1_000))).toBe(180);
  expect(mostMB(1_000, 50)).toBeLessThan(49);
  expect(meshLimits(301, 0).past).toEqual({ running: 1, kept: 1 });
  expect(meshLimits(20, 50)).toEqual(meshLimits(300, 0));
});
