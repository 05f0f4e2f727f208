import { describe, expect, it } from 'vitest';
import { clusterHealthAnswer } from '../../../server/goldpinger/cluster-health-answer.ts';
import { ownHealthOf } from '../../../server/peers/cluster-health.ts';
import { listToleranceMs } from '../../../server/peers/pod-index.ts';
import { FLAG_INTERMITTENT, FLAG_IPV6, FLAG_SUSPECT } from '../../../server/protocol/links.ts';
import type { MergedReport, Mesh } from '../../../server/protocol/mesh.ts';
import type { DiscoveryStatus, Lifecycle, Pod } from '../../../server/protocol/pod.ts';
import type { Outcome } from '../../../server/protocol/sample.ts';
import {
  findingsOf,
  type LinkSpec,
  mergedReportOf,
  meshOf,
  NOW_MS,
  podOf,
  podsOf,
  settingsOf,
  statusOf,
} from '../../support/mesh.ts';

type Fails = (from: number, to: number) => boolean;

interface Wishes {
  /** By index of the pod. */
  reports?: Record<number, Partial<MergedReport>>;
  /** How many links each pair of pods has, and which pairs are probed. */
  families?: number;
  probes?: Fails;
  failed?: Partial<LinkSpec>;
}

/** A mesh in which exactly the links that `fails` names fail: they are refused by default. */
function meshWith(
  pods: readonly Pod[],
  fails: Fails,
  { reports = {}, families = 1, probes = () => true, failed = { outcome: 'refused' } }: Wishes = {},
): Mesh {
  const all = pods.map((_pod, from) => {
    const change = reports[from] ?? {};
    const links = pods.flatMap((_to, to): LinkSpec[] => {
      const link = fails(from, to) ? { ...failed, to } : { to };
      return change.missing || !probes(from, to) ? [] : [link, { ...link, flags: FLAG_IPV6 }].slice(0, families);
    });
    return mergedReportOf(from, links, change);
  });
  return meshOf(pods, all);
}

const starvation = { loopDelayP99Us: 0, suspectShare: 1, unreliable: true, sinceMs: NOW_MS };
const lastError = { fault: 'refused' as const, message: 'connect ECONNREFUSED', atMs: NOW_MS };
const accused = (mesh: Mesh) => mesh.health.reasons.map(({ pod }) => pod);
const missing = (reason: MergedReport['missing']) => ({ missing: reason, missingDetail: 'words' });

describe('a mesh is healthy', () => {
  it('when every report is there, every link is ok and everybody knows the same pods, also if we truly are alone', () => {
    for (const count of [4, 1]) expect(meshOf(podsOf(count)).health).toEqual({ ok: true, reasons: [], general: [] });
  });

  it('though a pod on a cordoned node fails, with IGNORE_CORDONED; the answer names its node', () => {
    const pods = [podOf(0), podOf(1), podOf(2, { cordon: 'ignored' })];
    const mesh = meshWith(pods, (from, to) => from === 2 || to === 2);
    expect(mesh.health).toEqual({ ok: true, reasons: [], general: [] });
    const { nodesTotal, ignored } = clusterHealthAnswer(mesh);
    expect([nodesTotal, ignored]).toEqual([2, [pods[2]?.hostIPs[0]]]);
    const links = pods.map(({ uid }, i) => ({ uid, outcome: i === 2 ? ('refused' as const) : ('ok' as const) }));
    expect(ownHealthOf(pods, statusOf(), links, true)).toMatchObject({ isHealthy: true, healthyNodes: 2 });
    const cordoned = pods.map((pod) => (pod.cordon === '' ? pod : podOf(2, { cordon: 'cordoned' })));
    expect(meshWith(cordoned, (from, to) => from === 2 || to === 2).health.ok).toBe(false);
  });

  it.each<[string, LinkSpec]>([
    ['not yet probed', { to: 1, notYet: true, outcome: 'refused' }],
    ['suspect, but judged ok', { to: 1, flags: FLAG_SUSPECT, totalUs: 250_000 }],
    ['slow', { to: 1, totalUs: 299_000 }],
  ])('whatever is %s', (_, wish) => {
    const reports = [mergedReportOf(0, [{ to: 0 }, wish]), mergedReportOf(1, [{ to: 0 }])];
    expect(meshOf(podsOf(2), reports).health.ok).toBe(true);
  });

  it('though some pairs are not probed, or none, where pinging is switched off', () => {
    const some = [0, 1, 2].map((pod) => mergedReportOf(pod, [{ to: (pod + 1) % 3 }]));
    expect(meshOf(podsOf(3), some).health.ok).toBe(true);
    const none = [0, 1].map((pod) => mergedReportOf(pod, []));
    const settings = settingsOf({ refreshIntervalMs: 0 });
    expect(meshOf(podsOf(2), none, { settings }).health.ok).toBe(true);
  });

  it.each(['starting', 'terminating', 'gone'] as const)('though a pod that is %s fails in all ways', (lifecycle) => {
    const pods = [...podsOf(3), podOf(3, { lifecycle })];
    expect(meshWith(pods, (_, to) => to === 3, { reports: { 3: missing('refused') } }).health.ok).toBe(true);
    expect(meshWith(pods, (from) => from === 3).health.ok).toBe(true);
    expect(meshWith(pods, () => false, { reports: { 3: { samePeers: false } } }).health.ok).toBe(true);
  });
});

describe('a pod that was ready and is not any more', () => {
  const pods = [...podsOf(3), podOf(3, { lifecycle: 'not-ready' })];

  it('is no fault as long as it reports and its links work', () => {
    const mesh = meshWith(pods, () => false);
    expect(mesh.health).toEqual({ ok: true, general: [], reasons: [] });
    expect(clusterHealthAnswer(mesh)).toMatchObject({ OK: true, nodesTotal: 3 });
  });

  it.each<[string, Fails, string]>([
    ['into it', (_, to) => to === 3, '3 of 3 links into it fail: refused (from pod-0, pod-1, pod-2)'],
    ['from it', (from) => from === 3, '3 of 3 links from it fail: refused (to pod-0, pod-1, pod-2)'],
  ])('is one while links %s fail, as for findings, verdicts and metrics', (_, fails, why) => {
    const mesh = meshWith(pods, (from, to) => from !== to && fails(from, to));
    expect(mesh.health).toEqual({ ok: false, general: [], reasons: [{ pod: 3, why: [why] }] });
    expect(clusterHealthAnswer(mesh)).toMatchObject({ OK: false, nodesUnhealthy: ['10.0.0.4'], nodesTotal: 4 });
  });

  it('is one while its list of pods is old', () => {
    const mesh = meshWith(pods, () => false, { reports: { 3: { samePeers: false } } });
    expect(mesh.health.reasons).toEqual([{ pod: 3, why: ['knows other pods than the serving pod does'] }]);
  });

  it('is one while it is silent: a dead node does not heal by being called not ready', () => {
    const mesh = meshWith(pods, (_, to) => to === 3, { reports: { 3: missing('timeout') } });
    const why = [
      'is not ready and did not report (timeout: words)',
      '3 of 3 links into it fail: refused (from pod-0, pod-1, pod-2)',
    ];
    expect(mesh.health).toEqual({ ok: false, general: [], reasons: [{ pod: 3, why }] });
    expect(clusterHealthAnswer(mesh)).toMatchObject({ OK: false, nodesUnhealthy: ['10.0.0.4'], nodesTotal: 4 });
  });
});

describe('a mesh is not healthy', () => {
  it('before the first link has been probed', () => {
    const reports = [0, 1].map((pod) => mergedReportOf(pod, [{ to: 0, notYet: true }]));
    const general = ['no link has been probed yet'];
    expect(meshOf(podsOf(2), reports).health).toEqual({ ok: false, reasons: [], general });
  });

  it.each(['refused', 'timeout', 'malformed', 'not-asked', 'no-address'] as const)(
    'with a report missing: %s',
    (why) => {
      const { health } = meshWith(podsOf(3), () => false, { reports: { 1: missing(why) } });
      const reasons = [{ pod: 1, why: [`did not report (${why}: words)`] }];
      expect(health).toEqual({ ok: false, general: [], reasons });
    },
  );

  it('with one failed link, which speaks against the probed pod', () => {
    const mesh = meshWith(podsOf(4), (from, to) => from === 0 && to === 2);
    expect(mesh.health.reasons).toEqual([{ pod: 2, why: ['1 of 3 links into it fail: refused (from pod-0)'] }]);
  });

  it('with a pod that does not reach itself, also if that link is intermittent', () => {
    for (const flags of [0, FLAG_INTERMITTENT]) {
      const mesh = meshWith(podsOf(4), (from, to) => from === 2 && to === 2, { failed: { outcome: 'refused', flags } });
      expect(mesh.health.reasons).toEqual([{ pod: 2, why: ['does not reach itself: refused'] }]);
      expect(findingsOf(mesh)).toMatchObject([{ severity: 'failed', subject: 'pod-2 → pod-2' }]);
    }
  });

  it('with a report that knows other pods', () => {
    const mesh = meshWith(podsOf(2), () => false, { reports: { 1: { samePeers: false } } });
    expect(mesh.health.reasons).toEqual([{ pod: 1, why: ['knows other pods than the serving pod does'] }]);
  });

  it.each<[string, Partial<DiscoveryStatus>, RegExp | null]>([
    ['no list has come yet', { phase: 'waiting', lastError }, /waiting for the Kubernetes API since .*ECONNREFUSED/],
    [
      'nothing has been heard for long',
      { phase: 'stale', lastGoodMs: NOW_MS - 14_000 },
      /nothing was heard from the Kubernetes API since 2026-11-22T14:59:46/,
    ],
    ['a request for the list has failed', { attempts: 1, lastError }, null],
  ])('or is: %s', (_, status, why) => {
    const { ok, general } = meshOf(podsOf(3), undefined, { discovery: statusOf(status) }).health;
    expect(ok).toBe(why === null);
    expect(general).toEqual(why === null ? [] : [expect.stringMatching(why)]);
  });

  it.each<[string, Pod[], string]>([
    ['nobody in the list', [], 'no pod matches app=goldpinger in namespace default'],
    ['all gone', [podOf(0, { lifecycle: 'gone' })], 'no pod matches app=goldpinger in namespace default'],
    ['nobody ready', [podOf(0, { lifecycle: 'starting' })], 'no pod is ready'],
  ])('with %s', (_, pods, why) => {
    expect(meshOf(pods, []).health.general).toEqual([why]);
  });
});

describe('whom failed links speak against', () => {
  const chaos = 3;
  it.each<[string, number, Fails, number[]]>([
    ['a pod that refuses all, itself included', 4, (_, to) => to === chaos, [chaos]],
    ['a pod that is cut off both ways', 4, (from, to) => (from === chaos) !== (to === chaos), [chaos]],
    ['a pod that reaches nobody but is reached', 5, (from, to) => from === chaos && to !== chaos, [chaos]],
    ['two pods that do not reach each other', 5, (from, to) => from + to === 1, [0, 1]],
    ['one of two that does not answer', 2, (from, to) => from === 0 && to === 1, [1]],
    ['a dead third of the pods', 9, (_, to) => to < 3, [0, 1, 2]],
    ['everybody, if nothing works', 3, () => true, [0, 1, 2]],
  ])('%s', (_, count, fails, expected) => {
    expect(accused(meshWith(podsOf(count), fails))).toEqual(expected);
  });

  it('is told with a few names, groups of digits, and bounded', () => {
    const pods = Array.from({ length: 1_200 }, (_, n) => podOf(n, { name: `${'very-long-name-'.repeat(15)}${n}` }));
    const reports = pods.map((_, from) => mergedReportOf(from, [{ to: 0, outcome: 'refused' }]));
    const [{ why: [sentence = ''] = [] } = {}, ...others] = meshOf(pods, reports).health.reasons;
    expect(others).toEqual([]);
    expect(sentence.length).toBeLessThanOrEqual(400);
    expect(sentence).toMatch(/^1,199 of 1,199 links into it fail: refused \(from very.* and 1,196 more\)$/);
  });

  it('is the link that a shortage of CPU does not explain, if both IP families fail', () => {
    const timeout: LinkSpec = { to: 1, outcome: 'timeout', phase: 'first-byte' };
    const refused: LinkSpec = { to: 1, outcome: 'refused', flags: FLAG_IPV6 };
    const reports = [mergedReportOf(0, [{ to: 0 }, timeout, refused], { starvation }), mergedReportOf(1, [{ to: 0 }])];
    const mesh = meshOf(podsOf(2), reports);
    expect(mesh.health.reasons).toEqual([{ pod: 1, why: ['1 of 1 links into it fail: refused (from pod-0)'] }]);
    expect(findingsOf(mesh)[0]).toMatchObject({ severity: 'failed', outcome: 'refused', pods: [1] });
  });

  it.each([0, FLAG_IPV6])('is the link that fails now, if both IP families fail at times', (family) => {
    const links = [0, FLAG_IPV6].map((flags): LinkSpec => {
      return { to: 1, outcome: flags === family ? 'refused' : 'ok', flags: flags | FLAG_INTERMITTENT };
    });
    const mesh = meshOf(podsOf(2), [mergedReportOf(0, links), mergedReportOf(1, [{ to: 0 }])]);
    expect(mesh.health.reasons).toEqual([{ pod: 1, why: ['1 of 1 links into it fail: refused (from pod-0)'] }]);
    expect(findingsOf(mesh)[0]).toMatchObject({ severity: 'failed', outcome: 'refused', pods: [1] });
  });

  it.each([1, 2])('is the same over %i IP families', (families) => {
    const accusedOver = (fails: Fails, probes?: Fails) =>
      accused(meshWith(podsOf(6), fails, { families, ...(probes && { probes }) }));
    const fails: Fails = (from, to) => from === 0 && (to === 1 || to === 2);
    expect(accusedOver(fails)).toEqual([0]);
    expect(accusedOver(fails, (from, to) => from === 0 || (from === 3 && to < 3))).toEqual([1, 2]);
    const isOneFailed: Fails = (from, to) => from === 0 && to === 1;
    expect(accusedOver(isOneFailed, (from, to) => from !== 0 || to === 1)).toEqual([1]);
    expect(accusedOver(isOneFailed, (from, to) => from === 0 || to !== 1)).toEqual([1]);
  });

  it('leaves timeouts of starved pods out of both counts', () => {
    const pods = podsOf(5);
    const reports = pods.map((_, from) => {
      const to1: LinkSpec = from === 0 ? { to: 1, outcome: 'refused' } : { to: 1 };
      const link: LinkSpec = from === 4 ? { to: 1, outcome: 'timeout', phase: 'connect' } : to1;
      return mergedReportOf(from, [{ to: 0 }, link], from === 4 ? { starvation } : {});
    });
    expect(meshOf(pods, reports).health.reasons).toEqual([
      { pod: 1, why: ['1 of 3 links into it fail: refused (from pod-0)'] },
    ]);
  });

  it('accuses no pod of the silent side, however many links into it fail', () => {
    const pods = podsOf(300);
    const reports = Object.fromEntries(pods.slice(150).map((_, i) => [150 + i, missing('timeout')]));
    const failed = { outcome: 'timeout', phase: 'connect' } as const;
    const { reasons } = meshWith(pods, (_, to) => to >= 150, { reports, failed }).health;
    expect(reasons.map(({ pod }) => pod)).toEqual([...pods.keys()].slice(0, 150));
    expect(reasons[0]?.why).toEqual(['reaches none of the 150 pods that do not report']);
  });
});

describe('cluster health', () => {
  it('names host IPs as Goldpinger does, null where there is none', () => {
    expect(clusterHealthAnswer(meshOf(podsOf(2)))).toEqual({
      OK: true,
      nodesHealthy: ['10.0.0.1', '10.0.0.2'],
      nodesUnhealthy: null,
      nodesTotal: 2,
      reasons: {},
      general: [],
    });
    expect(clusterHealthAnswer(meshWith(podsOf(2), () => true))).toMatchObject({ OK: false, nodesHealthy: null });
  });

  it('counts a node once, unhealthy if any of its pods is, and says why', () => {
    const shared = { hostIPs: ['10.9.9.9'] };
    const pods = [podOf(0), podOf(1, shared), podOf(2, shared)];
    expect(clusterHealthAnswer(meshWith(pods, (_, to) => to === 2))).toEqual({
      OK: false,
      nodesHealthy: ['10.0.0.1'],
      nodesUnhealthy: ['10.9.9.9'],
      nodesTotal: 2,
      general: [],
      reasons: { '10.9.9.9': ['pod-2 2 of 2 links into it fail: refused (from pod-0, pod-1)'] },
    });
  });

  it('does not judge nodes without a ready pod, and is not OK for a general reason', () => {
    const mesh = meshOf([podOf(0, { lifecycle: 'starting' }), podOf(1, { lifecycle: 'gone' })]);
    expect(clusterHealthAnswer(mesh)).toMatchObject({ OK: false, nodesTotal: 0, general: ['no pod is ready'] });
  });
});

it('news of a pod may take an interval and a half, and 2 s at least', () => {
  expect(listToleranceMs(settingsOf())).toBe(45_000);
  expect(listToleranceMs(settingsOf({ refreshIntervalMs: 200 }))).toBe(2_000);
  expect(listToleranceMs(settingsOf({ refreshIntervalMs: 0 }))).toBe(45_000);
});

describe('health as one pod sees it', () => {
  const podOn = (uid: string, hostIP: string, lifecycle: Lifecycle = 'ready') =>
    podOf(0, { uid, hostIPs: [hostIP], lifecycle });
  /** The links of `ends`: the outcome by the uid of each pod. */
  const healthOf = (pods: Pod[], ends: Record<string, Outcome | null>, hasPings = true, phase = statusOf().phase) => {
    const links = Object.entries(ends).map(([uid, outcome]) => ({ uid, outcome }));
    const { isHealthy, healthyNodes, unhealthyNodes } = ownHealthOf(pods, statusOf({ phase }), links, hasPings);
    return [isHealthy, healthyNodes, unhealthyNodes];
  };
  const [a, b] = [podOn('a', '1'), podOn('b', '2')];

  it.each<[string, Pod[], Record<string, Outcome | null>, [boolean, number, number]]>([
    ['every probed ready pod answers', [a, b, podOn('c', '3')], { a: 'ok', b: 'ok', c: null }, [true, 2, 0]],
    [
      'one of the pods of a node fails',
      [a, podOn('b', '1'), podOn('c', '2')],
      { a: 'ok', b: 'refused', c: 'ok' },
      [false, 1, 1],
    ],
    ['the first of them', [a, podOn('b', '1'), podOn('c', '2')], { b: 'refused', a: 'ok', c: 'ok' }, [false, 1, 1]],
    ['a pod that starts fails', [a, podOn('b', '2', 'starting')], { a: 'ok', b: 'timeout' }, [true, 1, 0]],
    ['a pod that leaves fails', [a, podOn('b', '2', 'terminating')], { a: 'ok', b: 'timeout' }, [true, 1, 0]],
    ['a pod that is gone fails', [a, podOn('b', '2', 'gone')], { a: 'ok', b: 'timeout' }, [true, 1, 0]],
    ['one that was ready does not answer', [a, podOn('b', '2', 'not-ready')], { a: 'ok', b: 'timeout' }, [false, 1, 1]],
    ['one that was ready answers', [a, podOn('b', '2', 'not-ready')], { a: 'ok', b: 'ok' }, [true, 1, 0]],
    ['there is nobody to judge by', [], {}, [false, 0, 0]],
  ])('if %s', (_, pods, ends, expected) => {
    expect(healthOf(pods, ends)).toEqual(expected);
  });

  it.each(['waiting', 'stale'] as const)('is not healthy while the list is %s', (phase) => {
    expect(healthOf([a], { a: 'ok' }, true, phase)[0]).toBe(false);
  });

  it('is healthy without pings (REFRESH_INTERVAL=0) while a pod is ready and the list is current, as the answer of /cluster_health', () => {
    const health = (lifecycle: Lifecycle, phase: 'synced' | 'stale', hasPings: boolean) =>
      healthOf([podOn('a', '1', lifecycle)], { a: null }, hasPings, phase)[0];
    expect([health('ready', 'synced', false), health('ready', 'synced', true)]).toEqual([true, false]);
    expect([health('not-ready', 'synced', false), health('ready', 'stale', false)]).toEqual([false, false]);
  });
});
