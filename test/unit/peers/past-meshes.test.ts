import { describe, expect, it } from 'vitest';
import { PastMeshes } from '../../../server/peers/past-meshes.ts';
import type { ReportQuery } from '../../../server/peers/report-query.ts';
import type { AgeRange, ReportPast } from '../../../server/protocol/history.ts';
import { FLAG_NOT_YET, FLAG_SUSPECT } from '../../../server/protocol/links.ts';
import { encodeMesh, type Mesh, parseMesh } from '../../../server/protocol/mesh.ts';
import { type DiscoveryStatus, MAX_LIST_AGE_MS, type Pod } from '../../../server/protocol/pod.ts';
import type { PodReport } from '../../../server/protocol/pod-report.ts';
import { BusyError } from '../../../server/runtime/errors.ts';
import { collectDepsOf, lifetimesOf, missingOf, resultOf } from '../../support/collecting.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { type LinkSpec, NOW_MS, podOf, podsOf, reportOf, settingsOf, snapshotOf } from '../../support/mesh.ts';

const HOUR_MS = 3_600_000;
const range = (fromAgeMs: number, toAgeMs: number): AgeRange => ({ fromAgeMs, toAgeMs });
const isoOf = (agoMs: number) => new Date(NOW_MS - agoMs).toISOString();

/** A report of a past range, by a pod that has results of the last hour. */
function pastReport(
  pod: Pod,
  peers: readonly Pod[],
  asked: AgeRange,
  change: Partial<ReportPast> = {},
  wishes?: LinkSpec[],
): PodReport {
  const past = { ...asked, resolutionMs: 5_000, knownAgeMs: HOUR_MS, ...change };
  return reportOf(pod, peers, wishes, { past, windowMs: asked.fromAgeMs - asked.toAgeMs });
}

interface Scene {
  /** The pods of the past range, and those of now; by default the same. */
  before?: readonly Pod[];
  now?: readonly Pod[];
  /** The report of a pod, or that of pod `of` from its copy. */
  answer?(uid: string, asked: AgeRange, of: string | undefined): PodReport | null;
  /** The pods that pod 0 keeps a copy of, and those of which pod 1 may have one. */
  ownCopies?: string[];
  kept?: string[];
  resolutionMs?(ageMs: number): number;
  /** How well the pods are known now. */
  status?: Partial<DiscoveryStatus>;
  /** When the Kubernetes API was lost and back again. */
  apiLost?: { fromMs: number; toMs: number };
}

/** Past meshes as pod 0 collects them. */
function start({ before = podsOf(3), now = before, ...scene }: Scene = {}) {
  const { answer, resolutionMs = () => 0, status = {}, ownCopies = [], kept = [], apiLost } = scene;
  const clock = new FakeClock(NOW_MS);
  const asks: ReportQuery[] = [];
  const deps = collectDepsOf(clock, now, {
    snapshot: () => snapshotOf(now, status),
    settings: () => settingsOf({ refreshIntervalMs: 2_000 }),
    lifetimes: lifetimesOf(before, { remembersSinceMs: ({ createdMs }) => createdMs + 30_000 }),
    queryReport: async (pod, query) => {
      asks.push(query);
      const asked = query.past ?? range(0, 0);
      return resultOf(answer?.(pod.uid, asked, query.of) ?? pastReport(pod, before, asked));
    },
    resolutionMs,
    ownReportOf: async (asked) => pastReport(podOf(0), before, asked),
    otherKeepers: (uid) => (kept.includes(uid) ? [podOf(1)] : []),
    copies: {
      reportOf: async (uid, asked) => (ownCopies.includes(uid) ? pastReport(podOf(2), before, asked) : null),
    },
    journal: {
      apiLostAt: (ageMs) => {
        const atMs = clock.nowMs() - ageMs;
        return apiLost !== undefined && atMs >= apiLost.fromMs && atMs < apiLost.toMs ? apiLost.fromMs : null;
      },
    },
  });
  const meshes = new PastMeshes(deps);
  const reasons = (mesh: Mesh) => mesh.reports.map(({ missing }) => missing);
  return { clock, asks, meshes, reasons };
}

/** Pods 0 and 1, which are still there, and a third one, which has gone. */
const oneLeft = [podOf(0), podOf(1), podOf(2, { lifecycle: 'gone' })];

it('a past mesh is collected although this pod is shutting down and gives no copies any more', async () => {
  const deps = collectDepsOf(new FakeClock(NOW_MS), [podOf(0)], {
    lifetimes: lifetimesOf([podOf(0), podOf(1)]),
    copies: { reportOf: () => Promise.reject(new BusyError('this pod is shutting down')) },
  });
  const { reports } = await new PastMeshes(deps).of({ fromMs: NOW_MS - 60_000, toMs: NOW_MS });
  expect(reports.at(1)).toMatchObject({ pod: 1, missing: 'no-history' });
});

describe('a mesh of the past', () => {
  const minuteAgo = { fromMs: NOW_MS - 60_000, toMs: NOW_MS - 50_000 };

  it('has the pods of then, each asked by ages for the same range', async () => {
    const { meshes, asks, reasons } = start();
    const mesh = await meshes.of(minuteAgo);
    expect(asks.map(({ past, windowMs }) => [past, windowMs])).toEqual(new Array(2).fill([range(60_000, 50_000), 0]));
    expect(reasons(mesh)).toEqual(['', '', '']);
    expect(mesh.past).toEqual({ ...minuteAgo, resolutionMs: 5_000 });
    expect([mesh.windowMs, mesh.health.ok]).toEqual([10_000, true]);
    expect(mesh.reports.map(({ atMs }) => atMs)).toEqual(new Array(3).fill(minuteAgo.toMs));
    expect(parseMesh(JSON.parse([...encodeMesh(mesh)].join('')))).toEqual(mesh);
  });

  const { toMs } = minuteAgo;
  it.each<[string, Scene, Partial<DiscoveryStatus>]>([
    ['lost since before, and still is', { status: { phase: 'stale', sinceMs: toMs - 20_000 } }, { phase: 'stale' }],
    ['lost only after it', { status: { phase: 'stale', sinceMs: toMs + 1_000 } }, { phase: 'synced' }],
    ['there', { status: { sinceMs: toMs - 1_000 } }, { phase: 'synced', sinceMs: toMs - 1_000, lastGoodMs: toMs }],
    ['there, not known since when', { status: { sinceMs: toMs + 1_000 } }, { phase: 'synced', sinceMs: 0 }],
    [
      'lost, as the journal says, and back later',
      { apiLost: { fromMs: toMs - 1_000, toMs: toMs + 1_000 } },
      { phase: 'stale', sinceMs: toMs - 1_000, lastGoodMs: toMs - 1_000 - MAX_LIST_AGE_MS },
    ],
    ['back, as the journal says', { apiLost: { fromMs: toMs - 20_000, toMs: toMs - 1_000 } }, { phase: 'synced' }],
  ])('says that at its end the Kubernetes API was %s', async (_, scene, expected) => {
    const { discovery, findings, health } = await start(scene).meshes.of(minuteAgo);
    expect(discovery).toMatchObject(expected);
    const isLost = expected.phase === 'stale';
    const away = { kind: 'api-away', sinceMs: discovery.lastGoodMs };
    expect([findings, health.ok]).toMatchObject([isLost ? [away] : [], !isLost]);
  });

  it('has no report of pods that have left or restarted since, but the links of others to them', async () => {
    const { meshes, reasons } = start({
      now: oneLeft,
      before: podsOf(4),
      answer: (uid, asked) => (uid === 'uid-1' ? pastReport(podOf(1), [], asked, { knownAgeMs: 20_000 }, []) : null),
    });
    const mesh = await meshes.of(minuteAgo);
    expect(reasons(mesh)).toEqual(['', 'no-history', 'no-history', 'no-history']);
    expect(mesh.reports[1]?.missingDetail).toBe(`its memory begins at ${isoOf(20_000)}`);
    expect(mesh.reports[2]?.missingDetail).toContain('gone since');
    expect([...(mesh.reports[0]?.links.to ?? [])]).toEqual([0, 1, 2, 3]);
  });

  it('has the reports of those pods from copies: from ours, or from that of a keeper', async () => {
    const before = podsOf(4);
    const { meshes, reasons, asks } = start({
      now: oneLeft,
      before,
      ownCopies: ['uid-2'],
      kept: ['uid-2', 'uid-3'],
      answer: (_uid, asked, of) =>
        of === undefined ? null : pastReport(podOf(3), before, asked, { untilAgeMs: 55_000 }),
    });
    const mesh = await meshes.of(minuteAgo);
    expect(reasons(mesh)).toEqual(['', '', '', '']);
    expect(mesh.reports.map(({ links }) => links.length)).toEqual([4, 4, 4, 4]);
    expect(asks.map(({ of }) => of)).toEqual([undefined, 'uid-3']);
    expect(mesh.reports[3]?.missingDetail).toBe(`the copy of its memory ends at ${isoOf(55_000)}`);
  });

  it('ends in time if keepers do not answer, however many pods have left', async () => {
    const before = podsOf(300);
    const clock = new FakeClock(NOW_MS);
    const asks: string[] = [];
    const deps = collectDepsOf(clock, podsOf(3), {
      lifetimes: lifetimesOf(before),
      otherKeepers: () => [podOf(1), podOf(2)],
      queryReport: async ({ uid }, { of = '', deadlineMs }) => {
        asks.push(`${uid} ${of}`);
        const leftMs = deadlineMs - clock.monotonicMs();
        await new Promise<void>((resolve) => void clock.setTimer(resolve, Math.max(0, Math.min(1_000, leftMs))));
        return missingOf(leftMs > 0 ? 'timeout' : 'not-asked', 'x', leftMs > 0 ? false : null);
      },
    });
    let isOver = false;
    const collecting = new PastMeshes(deps).of(minuteAgo).then(() => (isOver = true));
    for (let second = 0; second < 7 && !isOver; second++) await clock.advance(1_000);
    expect(isOver).toBe(true);
    expect(asks.length).toBeLessThan(300);
    await collecting;
  });

  it('has no report of a pod whose process stood still at the moment, not even from a copy', async () => {
    const before = podsOf(4);
    const { meshes, reasons, asks } = start({
      before,
      ownCopies: ['uid-2'],
      answer: (uid, asked) => pastReport(podOf(1), before, asked, { stoodStill: uid === 'uid-2' }),
    });
    const atMoment = await meshes.at(toMs);
    expect(reasons(atMoment)).toEqual(['', '', 'timeout', '']);
    expect(atMoment.reports[2]?.missingDetail).toBe('its process stood still, and answered no call');
    expect(asks.some(({ of }) => of !== undefined)).toBe(false);
    // It measured in most of a range that ends then.
    expect(reasons(await meshes.of(minuteAgo))).toEqual(['', '', '', '']);
  });

  it.each([
    [15_000, ''],
    [25_000, 'no-history'],
  ])('of a pod that hung until it was killed: a copy that ends %i ms before the moment', async (lagMs, missing) => {
    const before = podsOf(3);
    const { meshes, reasons } = start({
      now: oneLeft,
      before,
      kept: ['uid-2'],
      answer: (_uid, asked, of) =>
        of === undefined ? null : pastReport(podOf(2), before, asked, { untilAgeMs: asked.toAgeMs + lagMs }),
    });
    expect(reasons(await meshes.at(toMs))).toEqual(['', '', missing]);
    expect(reasons(await meshes.of(minuteAgo))).toEqual(['', '', '']);
  });

  it('says since when a report covers the range, if its pod ran before', async () => {
    const before = [podOf(0), podOf(1), podOf(2, { createdMs: minuteAgo.fromMs })];
    const { meshes } = start({
      before,
      answer: (uid, asked) => pastReport(podOf(Number(uid.at(-1))), before, asked, { knownAgeMs: 55_000 }),
    });
    const { reports } = await meshes.of(minuteAgo);
    expect(reports.map(({ missing, missingDetail }) => missing + missingDetail)).toEqual([
      '',
      `its memory begins at ${isoOf(55_000)}`,
      '',
    ]);
  });

  it('does not accept a report of the present', async () => {
    const before = podsOf(2);
    const { meshes, reasons } = start({ before, answer: () => reportOf(podOf(1), before) });
    expect(reasons(await meshes.of(minuteAgo))).toEqual(['', 'no-history']);
  });

  it('of a moment covers the window of the live findings, and at least one step of the history', async () => {
    const fine = await start().meshes.at(NOW_MS - 50_000);
    expect(fine.past).toMatchObject({ fromMs: NOW_MS - 110_000, toMs: NOW_MS - 50_000 });
    // The resolution is that at the beginning of the window.
    const resolutionMs = (ageMs: number) => (ageMs >= 60_000 ? 90_000 : 0);
    const coarse = await start({ resolutionMs }).meshes.at(NOW_MS + 50_000);
    expect(coarse.past).toMatchObject({ fromMs: NOW_MS - 90_000, toMs: NOW_MS });
  });

  it('of a moment does not know the state of a link that was not pinged in the round before, as of a pod that was frozen', async () => {
    const pods = podsOf(2);
    const links = [3_500, 3_700, 10_700, 10_900].map((ageMs, i) => ({
      to: i % 2,
      ageMs,
      flags: i < 2 ? 0 : FLAG_SUSPECT,
    }));
    const flagsOf = async (collect: (meshes: PastMeshes) => Promise<Mesh>) => {
      const answer: Scene['answer'] = (_, asked) => pastReport(podOf(1), pods, asked, {}, links);
      const { reports } = await collect(start({ before: pods, answer }).meshes);
      return [...(reports[1]?.links.flags ?? [])].map((flags) => (flags & FLAG_NOT_YET) !== 0);
    };
    expect(await flagsOf((meshes) => meshes.at(NOW_MS - 50_000))).toEqual([false, true, false, true]);
    expect(await flagsOf((meshes) => meshes.of(minuteAgo))).toEqual([false, false, false, false]);
  });

  it('is collected once for all clients of a range, kept for some seconds, and refused if too many are requested', async () => {
    const { meshes, asks, clock } = start();
    await Promise.all([meshes.of(minuteAgo), meshes.of({ ...minuteAgo, toMs: minuteAgo.toMs + 20 })]);
    await meshes.of(minuteAgo);
    expect(asks).toHaveLength(2);
    await clock.advance(5_001);
    await meshes.of(minuteAgo);
    expect(asks).toHaveLength(4);
    const many = [1, 2, 3, 4, 5].map((s) => meshes.of({ ...minuteAgo, fromMs: minuteAgo.fromMs - s * 1_000 }));
    await expect(many.pop()).rejects.toMatchObject({ status: 503, message: expect.stringContaining('try again') });
    await Promise.all(many);
    meshes.stop();
    await expect(meshes.of(minuteAgo)).rejects.toThrow('shutting down');
    expect(clock.pending).toBe(0);
  });

  it('of more than 90 000 links is collected after the previous one, and one is kept', async () => {
    const { meshes, asks } = start({ before: podsOf(301) });
    const ranges = [1, 2, 3, 4, 5].map((i) => ({ fromMs: minuteAgo.fromMs - i * 1_000, toMs: minuteAgo.toMs }));
    const ends = await Promise.allSettled(ranges.map((one) => meshes.of(one)));
    expect(ends.map(({ status }) => status)).toEqual([...new Array(4).fill('fulfilled'), 'rejected']);
    const lengths = asks.map(({ past }) => (past?.fromAgeMs ?? 0) - (past?.toAgeMs ?? 0));
    expect(lengths).toEqual([11, 12, 13, 14].flatMap((s) => new Array(300).fill(s * 1_000)));
    await meshes.of({ fromMs: minuteAgo.fromMs - 4_000, toMs: minuteAgo.toMs });
    expect(asks).toHaveLength(1_200);
    await meshes.of({ fromMs: minuteAgo.fromMs - 3_000, toMs: minuteAgo.toMs });
    expect(asks).toHaveLength(1_500);
    meshes.stop();
  });
});
