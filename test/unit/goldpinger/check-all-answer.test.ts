import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { type CheckAllOptions, checkAllAnswer } from '../../../server/goldpinger/check-all-answer.ts';
import { mergedReportOfCheck, missingReport } from '../../../server/peers/merged-report.ts';
import { PodIndex } from '../../../server/peers/pod-index.ts';
import { parseGoldpingerCheck } from '../../../server/protocol/goldpinger.ts';
import { FLAG_IPV6 } from '../../../server/protocol/links.ts';
import type { MergedReport, Mesh } from '../../../server/protocol/mesh.ts';
import type { Pod } from '../../../server/protocol/pod.ts';
import { mergedReportOf, meshOf, NOW_MS, podOf, podsOf, settingsOf } from '../../support/mesh.ts';

const recorded = (name: string) =>
  JSON.parse(readFileSync(new URL(`../../fixtures/goldpinger/${name}`, import.meta.url), 'utf8'));

const options: CheckAllOptions = {
  families: [4],
  useHostIP: false,
  allowLoopback: true,
  port: 8080,
  bootTimeMs: () => -1,
};
const piecesOf = (mesh: Mesh, change: Partial<CheckAllOptions> = {}) => [
  ...checkAllAnswer(mesh, { ...options, ...change }),
];
const answer = (mesh: Mesh, change: Partial<CheckAllOptions> = {}) => JSON.parse(piecesOf(mesh, change).join(''));

/** A recorded /check_all of Goldpinger's as the mesh that we would have collected from those pods. */
function meshOfRecorded(name: string): Mesh {
  const wire = recorded(name);
  const hosts: { podName: string; hostIP: string; podIP: string }[] = wire.hosts;
  const pods = hosts.map(({ podName, hostIP, podIP }, n) =>
    podOf(n, { name: podName, hostIPs: [hostIP], podIPs: [podIP] }),
  );
  const index = new PodIndex(pods, NOW_MS, 1_000);
  const reports = pods.map((pod, i): MergedReport => {
    const { response } = wire.responses[pod.name];
    const arrival = { pod: i, atMs: Date.parse('2026-11-22T15:10:28.000Z'), fetchUs: 1 };
    if (response === undefined) return missingReport(arrival, 'refused', 'ECONNREFUSED');
    return mergedReportOfCheck(parseGoldpingerCheck(response), arrival, index, 0);
  });
  return meshOf(pods, reports);
}

/** As JSON, with every time by its type: a mesh does not keep them to the millisecond. */
function withoutTimes(value: object): string {
  return JSON.stringify(value, (key, entry) => (['PingTime', 'boot_time'].includes(key) ? typeof entry : entry));
}

const byName = (a: { podName: string }, b: { podName: string }) => (a.podName < b.podName ? -1 : 1);
const FIXTURES = [
  ...['healthy-check_all.json', 'one-down-check_all.json', 'check_all-probes.json'],
  ...['check_all-5-proxy-disabled.json', 'experiment2-latency250-check_all.json', 'experiment2-noproxy-check_all.json'],
];

describe("/check_all, as Goldpinger's", () => {
  it.each(FIXTURES)('says of the mesh behind %s what Goldpinger said, in its order', (name) => {
    const golden = recorded(name);
    // Where nobody answers for a pod, its boot time is what we last heard ourselves.
    const ours = answer(meshOfRecorded(name), { bootTimeMs: () => NOW_MS });
    expect(withoutTimes(ours)).toBe(withoutTimes({ ...golden, hosts: golden.hosts.sort(byName) }));
  });

  it('tells times and boot times from the mesh', () => {
    const { responses } = answer(meshOf(podsOf(2)));
    expect(responses['pod-0'].response.podResults['pod-1']).toMatchObject({
      PingTime: '2026-11-22T14:59:55.000Z',
      response: { boot_time: '2026-11-22T13:00:00.000Z' },
      'response-time-ms': 1,
    });
  });

  /** Pod 1 has no report for this reason. */
  const withoutReport = (reason: 'timeout' | 'passive') =>
    meshOf(podsOf(2), [
      mergedReportOf(0, [{ to: 0 }, { to: 1 }]),
      missingReport({ pod: 1, atMs: NOW_MS, fetchUs: 1 }, reason, ''),
    ]);

  it('asks for the boot time of a pod that did not report, and leaves it out if nobody knows', () => {
    const pinged = (change: Partial<CheckAllOptions>) =>
      answer(withoutReport('timeout'), change).responses['pod-0'].response.podResults['pod-1'].response;
    const boot_time = '1970-01-01T00:00:00.000Z';
    expect(pinged({ bootTimeMs: (uid) => (uid === 'uid-1' ? 0 : -1) })).toEqual({ boot_time });
    expect(pinged({})).toEqual({});
    expect(answer(withoutReport('timeout')).responses['pod-1']).toEqual({
      HostIP: '10.0.0.2',
      OK: false,
      PodIP: '127.0.0.2',
      error: 'Get "http://127.0.0.2:8080/check": context deadline exceeded',
    });
  });

  it('names pods on passive nodes as hosts, without a result: they were not asked', () => {
    const { hosts, responses } = answer(withoutReport('passive'));
    expect(hosts.map(({ podName }: { podName: string }) => podName)).toEqual(['pod-0', 'pod-1']);
    expect(Object.keys(responses)).toEqual(['pod-0']);
    expect(Object.keys(responses['pod-0'].response.podResults)).toEqual(['pod-0', 'pod-1']);
  });

  it('words failures as Go does, from the address and family that were probed', () => {
    const pods = [podOf(0), podOf(1, { podIPs: ['10.1.1.1', 'fd00::1'] })];
    const wishes = [
      { to: 1, totalUs: 5_000 },
      { to: 1, flags: FLAG_IPV6, outcome: 'refused' as const },
    ];
    const reports = [mergedReportOf(0, wishes), mergedReportOf(1, [])];
    const { podResults } = answer(meshOf(pods, reports)).responses['pod-0'].response;
    expect(podResults['pod-1']).toMatchObject({
      OK: false,
      PodIP: 'fd00::1',
      'status-code': 504,
      error: 'Get "http://[fd00::1]:8080/ping": dial tcp [fd00::1]:8080: connect: connection refused',
    });
  });

  it.each<[string, Partial<Pod>, MergedReport['missing'], boolean]>([
    ['gone', { lifecycle: 'gone' }, '', false],
    ['starting and silent', { lifecycle: 'starting', podIPs: [] }, 'not-asked', false],
    ['starting and answering', { lifecycle: 'starting' }, '', true],
    ['not ready', { lifecycle: 'not-ready' }, 'refused', true],
    ['terminating', { lifecycle: 'terminating' }, '', true],
  ])('lists a pod that is %s: %#', (_, change, missing, listed) => {
    const pods = [podOf(0), podOf(1, change)];
    const reports = [mergedReportOf(0, [{ to: 0 }, { to: 1, outcome: 'timeout' }])];
    if (change.lifecycle !== 'gone') reports.push(mergedReportOf(1, [], { missing }));
    const all = answer(meshOf(pods, reports));
    expect(all.hosts.some(({ podName }: { podName: string }) => podName === 'pod-1')).toBe(listed);
    expect('pod-1' in all.responses).toBe(listed);
    expect('pod-1' in all.responses['pod-0'].response.podResults).toBe(listed);
  });

  it('leaves out links that are yet to be probed', () => {
    const reports = [mergedReportOf(0, [{ to: 0 }, { to: 1, notYet: true }]), mergedReportOf(1, [])];
    expect(Object.keys(answer(meshOf(podsOf(2), reports)).responses['pod-0'].response.podResults)).toEqual(['pod-0']);
  });

  it('keeps two pods on one node apart', () => {
    const pods = [podOf(0, { node: 'n' }), podOf(1, { node: 'n' }), podOf(2)];
    const all = answer(meshOf(pods, undefined, { settings: settingsOf({ displayNodeName: true }) }));
    const names = ['n (pod-0)', 'n (pod-1)', 'node-2'];
    expect(Object.keys(all.responses)).toEqual(names);
    expect(Object.keys(all.responses['n (pod-1)'].response.podResults)).toEqual(names);
  });

  it('is empty and yet complete without pods', () => {
    expect(answer(meshOf([]))).toEqual({ hosts: [], responses: {} });
  });

  it('comes in pieces of about one pod', () => {
    const pieces = piecesOf(meshOf(podsOf(100)));
    const total = pieces.reduce((length, piece) => length + piece.length, 0);
    expect(Math.max(...pieces.map((piece) => piece.length))).toBeLessThan((total / 100) * 1.2);
  });
});
