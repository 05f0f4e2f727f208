import { describe, expect, it } from 'vitest';
import { FanOut } from '../../../server/peers/fan-out.ts';
import { PastMeshes } from '../../../server/peers/past-meshes.ts';
import type { ReportQuery, ReportResult } from '../../../server/peers/report-query.ts';
import type { AgeRange } from '../../../server/protocol/history.ts';
import { FLAG_NOT_YET, FLAG_SUSPECT, outcomeOf } from '../../../server/protocol/links.ts';
import { encodeMesh, type Mesh, parseMesh } from '../../../server/protocol/mesh.ts';
import { type DiscoveryStatus, MAX_LIST_AGE_MS, type Pod } from '../../../server/protocol/pod.ts';
import type { PodReport } from '../../../server/protocol/pod-report.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { type LinkSpec, NOW_MS, podOf, podsOf, reportOf, settingsOf, snapshotOf } from '../../support/mesh.ts';

const HOUR_MS = 3_600_000;
const range = (fromAgeMs: number, toAgeMs: number): AgeRange => ({ fromAgeMs, toAgeMs });

/** A report of a past range, by a pod that has results of the last `knownAgeMs`. */
function pastReport(
  pod: Pod,
  peers: readonly Pod[],
  asked: AgeRange,
  knownAgeMs = HOUR_MS,
  wishes?: LinkSpec[],
): PodReport {
  const windowMs = asked.fromAgeMs - asked.toAgeMs;
  return reportOf(pod, peers, wishes, { past: { ...asked, resolutionMs: 5_000, knownAgeMs }, windowMs });
}

interface Scene {
  /** The pods of now, and those of the past range. */
  now: readonly Pod[];
  before: readonly Pod[];
  answer?(uid: string, asked: AgeRange, of: string | undefined): ReportResult | null;
  /** The pods that pod 0 keeps a copy of, and those that its report names as such. */
  ownCopies?: string[];
  toldCopies?: string[];
  ownKnownAgeMs?: number;
  resolutionMs?: number;
  /** How well the pods are known now. */
  status?: Partial<DiscoveryStatus>;
  /** When the Kubernetes API was lost and back again. */
  apiLost?: { fromMs: number; toMs: number };
}

/** Past meshes as pod 0 collects them. */
function start({
  now,
  before,
  answer,
  ownKnownAgeMs = HOUR_MS,
  resolutionMs = 0,
  status = {},
  ownCopies = [],
  toldCopies = [],
  apiLost,
}: Scene) {
  const clock = new FakeClock(NOW_MS);
  const asks: ReportQuery[] = [];
  const meshes = new PastMeshes({
    clock,
    fanOut: new FanOut({ checkAllTimeoutMs: 5_000 }, clock),
    isPassive: () => false,
    random: () => 0,
    selfUid: () => 'uid-0',
    snapshot: () => snapshotOf(now, status),
    settings: () => settingsOf({ refreshIntervalMs: 2_000 }),
    lifetimes: {
      podsAt: () => [...before],
      lastKnown: () => null,
      gone: () => [],
      learn: () => false,
      remembersSinceMs: ({ createdMs }) => createdMs + 30_000,
    },
    resolutionMs: () => resolutionMs,
    ownReportOf: async (asked) => {
      if (ownKnownAgeMs < asked.fromAgeMs) return pastReport(podOf(0), [], asked, ownKnownAgeMs, []);
      const report = pastReport(podOf(0), before, asked, ownKnownAgeMs);
      return { ...report, past: { ...asked, resolutionMs: 5_000, knownAgeMs: ownKnownAgeMs, copies: toldCopies } };
    },
    copiedReportOf: async (uid, asked) => (ownCopies.includes(uid) ? pastReport(podOf(2), before, asked) : null),
    queryReport: async (pod, query) => {
      asks.push(query);
      const asked = query.past ?? range(0, 0);
      return answer?.(pod.uid, asked, query.of) ?? { kind: 'report', report: pastReport(pod, before, asked) };
    },
    apiLostAt: (ageMs) => {
      const atMs = clock.nowMs() - ageMs;
      return apiLost !== undefined && atMs >= apiLost.fromMs && atMs < apiLost.toMs ? apiLost.fromMs : null;
    },
    onPeerCall: () => {},
  });
  const reasons = (mesh: { reports: { missing: string }[] }) => mesh.reports.map(({ missing }) => missing);
  return { clock, asks, meshes, reasons };
}

describe('a mesh of the past', () => {
  const minuteAgo = { fromMs: NOW_MS - 60_000, toMs: NOW_MS - 50_000 };

  it('has the pods of then, each asked by ages for the same range', async () => {
    const pods = podsOf(4);
    const { meshes, asks, reasons } = start({ now: pods, before: pods });
    const mesh = await meshes.of(minuteAgo);
    expect(asks.map(({ past, windowMs }) => [past, windowMs])).toEqual(new Array(3).fill([range(60_000, 50_000), 0]));
    expect(reasons(mesh)).toEqual(['', '', '', '']);
    expect(mesh.past).toEqual({ ...minuteAgo, resolutionMs: 5_000 });
    expect([mesh.windowMs, mesh.health.ok]).toEqual([10_000, true]);
    expect(mesh.reports.map(({ atMs }) => atMs)).toEqual(new Array(4).fill(minuteAgo.toMs));
    expect(parseMesh(JSON.parse([...encodeMesh(mesh)].join('')))).toEqual(mesh);
  });

  it('says whether the list of pods was already stale at the end of the range', async () => {
    const pods = podsOf(3);
    const phaseAt = async (sinceMs: number) => {
      const { meshes } = start({ now: pods, before: pods, status: { phase: 'stale', sinceMs } });
      return (await meshes.of(minuteAgo)).discovery.phase;
    };
    expect(await phaseAt(minuteAgo.toMs - 20_000)).toBe('stale');
    expect(await phaseAt(minuteAgo.toMs + 1_000)).toBe('synced');
  });

  it('does not say that the list of pods has been current since a time after the range', async () => {
    const pods = podsOf(3);
    const discoveryOf = async (sinceMs: number) => {
      const status = { phase: 'synced' as const, sinceMs, lastGoodMs: NOW_MS };
      return (await start({ now: pods, before: pods, status }).meshes.of(minuteAgo)).discovery;
    };
    const { toMs } = minuteAgo;
    expect(await discoveryOf(toMs - 1_000)).toMatchObject({ phase: 'synced', sinceMs: toMs - 1_000, lastGoodMs: toMs });
    expect(await discoveryOf(toMs + 1_000)).toMatchObject({ phase: 'synced', sinceMs: 0, lastGoodMs: toMs });
  });

  it('says that the Kubernetes API was lost at the end of the range, as the journal has it', async () => {
    const pods = podsOf(3);
    const lostAt = async (fromMs: number, toMs: number) => {
      const { meshes } = start({ now: pods, before: pods, apiLost: { fromMs, toMs } });
      const { discovery, findings, health } = await meshes.of(minuteAgo);
      return [discovery.phase, discovery.sinceMs, health.ok, findings.map(({ kind, sinceMs }) => [kind, sinceMs])];
    };
    const { toMs } = minuteAgo;
    const away = ['api-away', toMs - 1_000 - MAX_LIST_AGE_MS];
    expect(await lostAt(toMs - 1_000, toMs + 1_000)).toEqual(['stale', toMs - 1_000, false, [away]]);
    expect(await lostAt(toMs - 20_000, toMs - 1_000)).toEqual(['synced', expect.any(Number), true, []]);
  });

  it('has no report of pods that have left or restarted since, but the links of others to them', async () => {
    const before = podsOf(4);
    const now = [podOf(0), podOf(1), podOf(2, { lifecycle: 'gone' })];
    const { meshes, reasons } = start({
      now,
      before,
      answer: (uid, asked) =>
        uid === 'uid-1' ? { kind: 'report', report: pastReport(podOf(1), [], asked, 20_000, []) } : null,
    });
    const mesh = await meshes.of(minuteAgo);
    expect(reasons(mesh)).toEqual(['', 'no-history', 'no-history', 'no-history']);
    expect(mesh.reports[1]?.missingDetail).toBe(`its memory begins at ${new Date(NOW_MS - 20_000).toISOString()}`);
    expect(mesh.reports[2]?.missingDetail).toContain('gone since');
    expect([...(mesh.reports[0]?.links.to ?? [])]).toEqual([0, 1, 2, 3]);
  });

  it('has the reports of those pods from copies: from ours, or from the keeper that the others name', async () => {
    const before = podsOf(4);
    const now = [podOf(0), podOf(1), podOf(2, { lifecycle: 'gone' })];
    const { meshes, reasons, asks } = start({
      now,
      before,
      ownCopies: ['uid-2'],
      answer: (_uid, asked, of) => {
        const report = pastReport(of === undefined ? podOf(1) : podOf(3), before, asked);
        const past = { ...asked, resolutionMs: 0, knownAgeMs: HOUR_MS };
        if (of === undefined) return { kind: 'report', report: { ...report, past: { ...past, copies: ['uid-3'] } } };
        return { kind: 'report', report: { ...report, past: { ...past, untilAgeMs: 55_000 } } };
      },
    });
    const mesh = await meshes.of(minuteAgo);
    expect(reasons(mesh)).toEqual(['', '', '', '']);
    expect(mesh.reports.map(({ links }) => links.length)).toEqual([4, 4, 4, 4]);
    expect(asks.map(({ of }) => of)).toEqual([undefined, 'uid-3']);
    expect(mesh.reports[3]?.missingDetail).toBe(
      `the copy of its memory ends at ${new Date(NOW_MS - 55_000).toISOString()}`,
    );
  });

  it('does not say that a pod is gone that has restarted, and whose report is from a copy', async () => {
    const pods = podsOf(3);
    const { meshes } = start({
      now: pods,
      before: pods,
      answer: (uid, asked, of) => {
        if (uid === 'uid-2' && of === undefined) {
          return { kind: 'report', report: pastReport(podOf(2), [], asked, 20_000, []) };
        }
        const report = pastReport(podOf(of === undefined ? 1 : 2), pods, asked);
        const past = { ...asked, resolutionMs: 0, knownAgeMs: HOUR_MS };
        const copied = of === undefined ? { copies: ['uid-2'] } : { untilAgeMs: 55_000 };
        return { kind: 'report', report: { ...report, past: { ...past, ...copied } } };
      },
    });
    const [, , restarted] = (await meshes.of(minuteAgo)).reports;
    expect([restarted?.missing, restarted?.links.length]).toEqual(['', 3]);
    expect(restarted?.missingDetail).toMatch(/^the copy of its memory ends at/);
  });

  it('has no report of a pod whose process stood still at the moment, not even from a copy', async () => {
    const pods = podsOf(4);
    const { meshes, reasons, asks } = start({
      now: pods,
      before: pods,
      ownCopies: ['uid-2'],
      answer: (uid, asked) => {
        const report = pastReport(podOf(1), pods, asked);
        const past = { ...asked, resolutionMs: 0, knownAgeMs: HOUR_MS, stoodStill: uid === 'uid-2' };
        return { kind: 'report', report: { ...report, past } };
      },
    });
    const atMoment = await meshes.at(minuteAgo.toMs);
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
      now: [podOf(0), podOf(1), podOf(2, { lifecycle: 'gone' })],
      before,
      answer: (_uid, asked, of) => {
        const report = pastReport(podOf(of === undefined ? 1 : 2), before, asked);
        const past = { ...asked, resolutionMs: 0, knownAgeMs: HOUR_MS };
        const copies = { ...past, copies: ['uid-2'] };
        const copied = { ...past, untilAgeMs: asked.toAgeMs + lagMs };
        return { kind: 'report', report: { ...report, past: of === undefined ? copies : copied } };
      },
    });
    expect(reasons(await meshes.at(minuteAgo.toMs))).toEqual(['', '', missing]);
    expect(reasons(await meshes.of(minuteAgo))).toEqual(['', '', '']);
  });

  it('asks other keepers for a copy, and not this pod itself, whose own copies it has looked at', async () => {
    const before = podsOf(3);
    const { meshes, asks, reasons } = start({
      now: [podOf(0), podOf(1), podOf(2, { lifecycle: 'gone' })],
      before,
      toldCopies: ['uid-2'],
    });
    expect(reasons(await meshes.of(minuteAgo))).toEqual(['', '', 'no-history']);
    expect(asks.filter(({ of }) => of !== undefined)).toEqual([]);
  });

  it('says since when a report covers the range, if its pod ran before', async () => {
    const bornWithin = podOf(2, { createdMs: minuteAgo.fromMs });
    const pods = [podOf(0), podOf(1), bornWithin];
    const { meshes, reasons } = start({
      now: pods,
      before: pods,
      answer: (uid, asked) => {
        const pod = pods.find((one) => one.uid === uid) as Pod;
        return { kind: 'report', report: pastReport(pod, pods, asked, 55_000) };
      },
    });
    const mesh = await meshes.of(minuteAgo);
    expect(reasons(mesh)).toEqual(['', '', '']);
    const began = `its memory begins at ${new Date(NOW_MS - 55_000).toISOString()}`;
    expect(mesh.reports.map(({ missingDetail }) => missingDetail)).toEqual(['', began, '']);
  });

  it('does not accept a report of the present', async () => {
    const pods = podsOf(2);
    const { meshes, reasons } = start({
      now: pods,
      before: pods,
      answer: () => ({ kind: 'report', report: reportOf(podOf(1), pods) }),
    });
    expect(reasons(await meshes.of(minuteAgo))).toEqual(['', 'no-history']);
  });

  it('includes pods that only other pods know', async () => {
    const before = [podOf(0), podOf(1)];
    const known = [...before, podOf(8)];
    const { meshes, reasons } = start({
      now: before,
      before,
      ownKnownAgeMs: 10_000,
      answer: (_, asked) => {
        const wishes: LinkSpec[] = [{ to: 0 }, { to: 2, outcome: 'timeout', phase: 'connect' }];
        return { kind: 'report', report: pastReport(podOf(1), known, asked, HOUR_MS, wishes) };
      },
    });
    const mesh = await meshes.of(minuteAgo);
    expect(reasons(mesh)).toEqual(['no-history', '']);
    expect(mesh.pods[2]).toMatchObject({ uid: 'uid-8', name: 'pod-8', lifecycle: 'gone' });
    const links = mesh.reports[1]!.links;
    expect([...links.to].map((to, i) => [to, outcomeOf(links, i)])).toEqual([
      [0, 'ok'],
      [2, 'timeout'],
    ]);
    expect(parseMesh(JSON.parse([...encodeMesh(mesh)].join(''))).pods).toHaveLength(3);
  });

  it('of a moment covers the window of the live findings, and at least one step of the history', async () => {
    const pods = podsOf(1);
    const fine = await start({ now: pods, before: pods }).meshes.at(NOW_MS - 50_000);
    expect(fine.past).toMatchObject({ fromMs: NOW_MS - 110_000, toMs: NOW_MS - 50_000 });
    const coarse = await start({ now: pods, before: pods, resolutionMs: 90_000 }).meshes.at(NOW_MS + 50_000);
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
      const answer = (_: string, asked: AgeRange): ReportResult => {
        return { kind: 'report', report: pastReport(podOf(1), pods, asked, HOUR_MS, links) };
      };
      const { reports } = await collect(start({ now: pods, before: pods, answer }).meshes);
      return [...(reports[1]?.links.flags ?? [])].map((flags) => (flags & FLAG_NOT_YET) !== 0);
    };
    expect(await flagsOf((meshes) => meshes.at(NOW_MS - 50_000))).toEqual([false, true, false, true]);
    expect(await flagsOf((meshes) => meshes.of(minuteAgo))).toEqual([false, false, false, false]);
  });

  it('is collected once for all clients of a range, kept for some seconds, and refused if too many are requested', async () => {
    const pods = podsOf(3);
    const { meshes, asks, clock } = start({ now: pods, before: pods });
    await Promise.all([
      meshes.of(minuteAgo),
      meshes.of({ ...minuteAgo, toMs: minuteAgo.toMs + 20 }),
      meshes.of(minuteAgo),
    ]);
    await meshes.of(minuteAgo);
    expect(asks).toHaveLength(2);
    await clock.advance(5_001);
    await meshes.of(minuteAgo);
    expect(asks).toHaveLength(4);
    const many = Array.from({ length: 6 }, (_, i) =>
      meshes.of({ fromMs: minuteAgo.fromMs - i * 1_000, toMs: minuteAgo.toMs - 1_000 }),
    );
    const ends = await Promise.allSettled(many);
    expect(ends.map(({ status }) => status)).toEqual([
      ...new Array(4).fill('fulfilled'),
      ...new Array(2).fill('rejected'),
    ]);
    expect(ends[5]).toMatchObject({ reason: { status: 503, message: expect.stringContaining('try again') } });
    meshes.stop();
    await expect(meshes.of(minuteAgo)).rejects.toThrow('shutting down');
    expect(clock.pending).toBe(0);
  });

  it('of more than 90 000 links is collected after the previous one, and one is kept', async () => {
    const pods = podsOf(301);
    const { meshes, asks } = start({ now: pods, before: pods });
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
