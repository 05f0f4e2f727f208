import { describe, expect, it } from 'vitest';
import type { ReportResponse } from '../../../server/peers/peer-client.ts';
import type { Pod } from '../../../server/protocol/pod.ts';
import { NOW_MS, podOf, podsOf, reportOf } from '../../support/mesh.ts';
import { start } from './collector-scene.ts';

describe('a report from a peer', () => {
  it('counts for the pod that was asked, whoever it claims to be', async () => {
    const pods = podsOf(3);
    const claim: ReportResponse = {
      kind: 'report',
      report: reportOf(pods[2] as Pod, pods, [{ to: 0, outcome: 'refused' }]),
    };
    const { collect } = start({ pods, answer: (uid) => (uid === 'uid-1' ? { answer: claim } : {}) });
    const mesh = await collect();
    expect(mesh.reports[1]?.links.length).toBe(1);
    expect(mesh.reports[2]?.links.length).toBe(3);
  });

  it("with a false table of peers under our own hash changes nobody else's report", async () => {
    const pods = podsOf(4);
    const own = reportOf(pods[0] as Pod, pods);
    const lie = reportOf(pods[1] as Pod, [...pods].reverse(), [{ to: 0, outcome: 'refused' }], {
      peersHash: own.peersHash,
    });
    const { collect } = start({
      pods,
      answer: (uid) => (uid === 'uid-1' ? { answer: { kind: 'report', report: lie } } : {}),
    });
    for (let round = 0; round < 2; round++) {
      const mesh = await collect();
      expect([...(mesh.reports[1]?.links.to ?? [])]).toEqual([3]);
      expect([...(mesh.reports[2]?.links.to ?? [])]).toEqual([0, 1, 2, 3]);
    }
  });

  it("may be Goldpinger's", async () => {
    const result = { OK: true, pingTime: '', podIP: '127.0.0.1', hostIP: '', bootTime: '', statusCode: 200 };
    const check = {
      podResults: new Map(['pod-0', 'pod-1'].map((name) => [name, { ...result, responseTimeMs: 3, error: '' }])),
      probeResults: new Map(),
    };
    const { collect } = start({ pods: podsOf(2), answer: () => ({ answer: { kind: 'check', check } }) });
    const mesh = await collect();
    expect(mesh.reports.map((report) => report.via)).toEqual(['report', 'check']);
    expect(mesh.health.ok).toBe(true);
  });
});

describe('a report of a process that is younger than the window', () => {
  const MINUTE_MS = 60_000;
  const detailOf = async (windowMs: number, createdMs: number, ranMs: number, clockIsOffMs = 0) => {
    const pods = [podOf(0), podOf(1, { createdMs })];
    const atMs = NOW_MS + clockIsOffMs;
    const report = reportOf(podOf(1), pods, undefined, { atMs, bootTimeMs: atMs - ranMs });
    const mesh = await start({ pods, answer: () => ({ answer: { kind: 'report', report } }) }).collect(100, windowMs);
    expect(mesh.reports[1]?.missing).toBe('');
    return mesh.reports[1]?.missingDetail;
  };
  const begins = `its memory begins at ${new Date(NOW_MS - MINUTE_MS).toISOString()}`;

  it('says so if its pod is older, by whatever clock', async () => {
    expect(await detailOf(10 * MINUTE_MS, NOW_MS - 60 * MINUTE_MS, MINUTE_MS)).toBe(begins);
    expect(await detailOf(10 * MINUTE_MS, NOW_MS - 60 * MINUTE_MS, MINUTE_MS, -3_600_000)).toBe(begins);
    expect(await detailOf(10 * MINUTE_MS, NOW_MS - 5 * MINUTE_MS, MINUTE_MS)).toBe(begins);
    expect(await detailOf(MINUTE_MS + 500, NOW_MS - 60 * MINUTE_MS, MINUTE_MS)).toBe(begins);
  });

  it('is whole if it is the first of its pod, or covers the window', async () => {
    expect(await detailOf(10 * MINUTE_MS, NOW_MS - MINUTE_MS - 20_000, MINUTE_MS)).toBe('');
    expect(await detailOf(MINUTE_MS, NOW_MS - 60 * MINUTE_MS, MINUTE_MS)).toBe('');
    expect(await detailOf(0, NOW_MS - 60 * MINUTE_MS, 5_000)).toBe('');
    expect(await detailOf(10 * MINUTE_MS, NOW_MS - 60 * MINUTE_MS, -MINUTE_MS)).toBe('');
  });
});
