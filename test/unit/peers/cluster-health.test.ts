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
  refreshIntervalMs?: number;
}

/** A mesh in which exactly the links that `fails` names fail: they are refused by default. */
function meshWith(
  pods: readonly Pod[],
  fails: Fails,
  {
    reports = {},
    families = 1,
    probes = () => true,
    failed = { outcome: 'refused' },
    refreshIntervalMs = 30_000,
  }: Wishes = {},
): Mesh {
  const all = pods.map((_pod, from) => {
    const change = reports[from] ?? {};
    const links = pods.flatMap((_to, to): LinkSpec[] => {
      const link = fails(from, to) ? { ...failed, to } : { to };
      return change.missing || !probes(from, to) ? [] : [link, { ...link, flags: FLAG_IPV6 }].slice(0, families);
    });
    return mergedReportOf(from, links, change);
  });
  return meshOf(pods, all, { settings: settingsOf({ refreshIntervalMs }) });
}

const starvation = { loopDelayP99Us: 0, suspectShare: 1, unreliable: true, sinceMs: NOW_MS };
const lastError = { fault: 'refused' as const, message: 'connect ECONNREFUSED', atMs: NOW_MS };
const HEALTHY = { ok: true, reasons: [], general: [] };
const MISSING: Partial<MergedReport> = { missing: 'timeout', missingDetail: 'words' };
const OLD_LIST: Partial<MergedReport> = { samePeers: false };

const none: Fails = () => false;
const into3: Fails = (from, to) => from !== 3 && to === 3;
const from3: Fails = (from, to) => from === 3 && to !== 3;
/** Three ready pods, and pod 3. */
const withPod3 = (change: Partial<Pod>) => [...podsOf(3), podOf(3, change)];
const notReady = withPod3({ lifecycle: 'not-ready' });
const listIs = (change: Partial<DiscoveryStatus>) => meshOf(podsOf(3), undefined, { discovery: statusOf(change) });
/** Two pods, of which the first has these links to the second. */
const linksTo1 = (links: Omit<LinkSpec, 'to'>[], change: Partial<MergedReport> = {}) => {
  const specs = links.map((link) => ({ ...link, to: 1 }));
  return meshOf(podsOf(2), [mergedReportOf(0, [{ to: 0 }, ...specs], change), mergedReportOf(1, [{ to: 0 }])]);
};

describe('a mesh is healthy', () => {
  it.each<[string, Mesh]>([
    ['every report is there, every link is ok and everybody knows the same pods', meshOf(podsOf(4))],
    ['we truly are alone', meshOf(podsOf(1))],
    ['a link is not yet probed', linksTo1([{ notYet: true, outcome: 'refused' }])],
    ['a link is suspect, but judged ok', linksTo1([{ flags: FLAG_SUSPECT, totalUs: 250_000 }])],
    ['a link is slow', linksTo1([{ totalUs: 299_000 }])],
    ['some pairs are not probed', meshWith(podsOf(3), none, { probes: (from, to) => to === (from + 1) % 3 })],
    ['no pair is, with REFRESH_INTERVAL=0', meshWith(podsOf(2), none, { probes: none, refreshIntervalMs: 0 })],
    ['a pod is not ready any more, but reports, and its links work', meshOf(notReady)],
    ['a request for the list has failed', listIs({ attempts: 1, lastError })],
  ])('when %s', (_, { health }) => expect(health).toEqual(HEALTHY));

  it.each<Partial<Pod>>([
    { lifecycle: 'starting' },
    { lifecycle: 'terminating' },
    { lifecycle: 'gone' },
    // With IGNORE_CORDONED.
    { cordon: 'ignored' },
  ])('though a pod fails in all ways that is %j', (change) => {
    const pods = withPod3(change);
    expect(meshWith(pods, (_, to) => to === 3, { reports: { 3: MISSING } }).health).toEqual(HEALTHY);
    expect(meshWith(pods, (from) => from === 3, { reports: { 3: OLD_LIST } }).health).toEqual(HEALTHY);
  });
});

describe('a mesh is not healthy', () => {
  const refusedAt = (pod: number) => meshWith(podsOf(4), (from, to) => from === 0 && to === pod);
  const selfFails = (flags: number) =>
    meshWith(podsOf(4), (from, to) => from === 2 && to === 2, { failed: { outcome: 'refused', flags } });
  /** Both IP families fail at times, and one of them now. */
  const failsNow = (family: number) =>
    linksTo1(
      [0, FLAG_IPV6].map((flags) => {
        return { outcome: flags === family ? 'refused' : 'ok', flags: flags | FLAG_INTERMITTENT };
      }),
    );
  const starvedButRefused: Omit<LinkSpec, 'to'>[] = [
    { outcome: 'timeout', phase: 'first-byte' },
    { outcome: 'refused', flags: FLAG_IPV6 },
  ];
  const cordoned = [podOf(0), podOf(1, { cordon: 'cordoned' })];
  const silent = 'is not ready and did not report (timeout: words)';
  const otherPods = 'knows other pods than the serving pod does';
  const allInto3 = '3 of 3 links into it fail: refused (from pod-0, pod-1, pod-2)';
  const allFrom3 = '3 of 3 links from it fail: refused (to pod-0, pod-1, pod-2)';
  const only = '1 of 1 links into it fail: refused (from pod-0)';

  it.each<[string, Mesh, pod: number, ...why: string[]]>([
    [
      'a report is missing',
      meshWith(podsOf(3), none, { reports: { 1: MISSING } }),
      1,
      'did not report (timeout: words)',
    ],
    ['a report knows other pods', meshWith(podsOf(2), none, { reports: { 1: OLD_LIST } }), 1, otherPods],
    ['one link fails: its destination is to blame', refusedAt(2), 2, '1 of 3 links into it fail: refused (from pod-0)'],
    ['a pod is on a cordoned node and fails', meshWith(cordoned, (_, to) => to === 1), 1, only],
    ['links into a pod fail that was ready', meshWith(notReady, into3), 3, allInto3],
    ['links from a pod fail that was ready', meshWith(notReady, from3), 3, allFrom3],
    ['a pod that was ready has an old list', meshWith(notReady, none, { reports: { 3: OLD_LIST } }), 3, otherPods],
    // A dead node does not heal by being called not ready.
    ['a pod that was ready is silent', meshWith(notReady, into3, { reports: { 3: MISSING } }), 3, silent, allInto3],
    ['a shortage of CPU explains only one IP family', linksTo1(starvedButRefused, { starvation }), 1, only],
    ['both IP families fail at times, and IPv4 now', failsNow(0), 1, only],
    ['both IP families fail at times, and IPv6 now', failsNow(FLAG_IPV6), 1, only],
    ['a pod does not reach itself', selfFails(0), 2, 'does not reach itself: refused'],
    ['a pod does not reach itself at times', selfFails(FLAG_INTERMITTENT), 2, 'does not reach itself: refused'],
  ])('when %s', (_, mesh, pod, ...why) => {
    expect(mesh.health).toEqual({ ok: false, general: [], reasons: [{ pod, why }] });
    // A finding says the same of a failed link.
    if (why.join().includes('refused')) expect(findingsOf(mesh)[0]).toMatchObject({ severity: 'failed', pods: [pod] });
  });

  const nobody = /^no pod matches app=goldpinger in namespace default$/;
  it.each<[string, Mesh, RegExp]>([
    ['no link has been probed', meshWith(podsOf(2), none, { probes: none }), /^no link has been probed yet$/],
    [
      'no list has come',
      listIs({ phase: 'waiting', lastError }),
      /^waiting for the Kubernetes API since .*ECONNREFUSED/,
    ],
    [
      'nothing has been heard for long',
      listIs({ phase: 'stale', lastGoodMs: NOW_MS - 14_000 }),
      /^nothing was heard from the Kubernetes API since 2026-11-22T14:59:46/,
    ],
    ['nobody is in the list', meshOf([], []), nobody],
    ['all are gone', meshOf([podOf(0, { lifecycle: 'gone' })], []), nobody],
    ['nobody is ready', meshOf([podOf(0, { lifecycle: 'starting' })], []), /^no pod is ready$/],
  ])('while %s', (_, { health }, why) => {
    expect(health).toMatchObject({ ok: false, reasons: [], general: [expect.stringMatching(why)] });
  });
});

describe('whom failed links speak against', () => {
  const accused = (mesh: Mesh) => mesh.health.reasons.map(({ pod }) => pod);
  const chaos = 3;
  const oneFails: Fails = (from, to) => from === 0 && to === 1;
  const twoFail: Fails = (from, to) => from === 0 && (to === 1 || to === 2);

  it.each<[string, number, Fails, number[], probes?: Fails]>([
    ['a pod that refuses all, itself included', 4, (_, to) => to === chaos, [chaos]],
    ['a pod that is cut off both ways', 4, (from, to) => (from === chaos) !== (to === chaos), [chaos]],
    ['a pod that reaches nobody but is reached', 5, (from, to) => from === chaos && to !== chaos, [chaos]],
    ['two pods that do not reach each other', 5, (from, to) => from + to === 1, [0, 1]],
    ['one of two that does not answer', 2, oneFails, [1]],
    ['a dead third of the pods', 9, (_, to) => to < 3, [0, 1, 2]],
    ['everybody, if nothing works', 3, () => true, [0, 1, 2]],
    ['the source that alone does not reach two pods', 6, twoFail, [0]],
    ['two pods that only one other reaches', 6, twoFail, [1, 2], (from, to) => from === 0 || (from === 3 && to < 3)],
    ['the only pod that a source pings', 6, oneFails, [1], (from, to) => from !== 0 || to === 1],
    ['a pod that only one pings', 6, oneFails, [1], (from, to) => from === 0 || to !== 1],
  ])('%s, over one IP family as over two', (_, count, fails, expected, probes = () => true) => {
    for (const families of [1, 2]) {
      expect(accused(meshWith(podsOf(count), fails, { families, probes }))).toEqual(expected);
    }
  });

  it('is told with a few names, groups of digits, and bounded', () => {
    const pods = Array.from({ length: 1_200 }, (_, n) => podOf(n, { name: `${'very-long-name-'.repeat(15)}${n}` }));
    const reports = pods.map((_, from) => mergedReportOf(from, [{ to: 0, outcome: 'refused' }]));
    const [{ why: [sentence = ''] = [] } = {}, ...others] = meshOf(pods, reports).health.reasons;
    expect(others).toEqual([]);
    expect(sentence.length).toBeLessThanOrEqual(400);
    expect(sentence).toMatch(/^1,199 of 1,199 links into it fail: refused \(from very.* and 1,196 more\)$/);
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
    const reports = Object.fromEntries(pods.slice(150).map((_, i) => [150 + i, MISSING]));
    const failed = { outcome: 'timeout', phase: 'connect' } as const;
    const mesh = meshWith(pods, (_, to) => to >= 150, { reports, failed });
    expect(accused(mesh)).toEqual([...pods.keys()].slice(0, 150));
    expect(mesh.health.reasons[0]?.why).toEqual(['reaches none of the 150 pods that do not report']);
  });
});

describe('the answer of /cluster_health', () => {
  it('names nodes by their host IPs as Goldpinger does, each once, unhealthy if any of its pods is, and says why', () => {
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

  const starting = [podOf(0, { lifecycle: 'starting' }), podOf(1, { lifecycle: 'gone' })];
  it.each<[string, Mesh, object]>([
    ['no node is unhealthy', meshOf(podsOf(2)), { OK: true, nodesUnhealthy: null, nodesTotal: 2 }],
    ['no node is healthy', meshWith(podsOf(2), () => true), { OK: false, nodesHealthy: null }],
    ['no node has a pod to judge', meshOf(starting), { OK: false, nodesTotal: 0, general: ['no pod is ready'] }],
    ['a pod is not ready any more, but works', meshOf(notReady), { OK: true, nodesTotal: 3 }],
    ['it fails', meshWith(notReady, into3), { OK: false, nodesUnhealthy: ['10.0.0.4'], nodesTotal: 4 }],
    ['a pod is ignored', meshOf(withPod3({ cordon: 'ignored' })), { nodesTotal: 3, ignored: ['10.0.0.4'] }],
  ])('counts right when %s', (_, mesh, expected) => expect(clusterHealthAnswer(mesh)).toMatchObject(expected));
});

it('news of a pod may take an interval and a half, and 2 s at least', () => {
  expect(listToleranceMs(settingsOf())).toBe(45_000);
  expect(listToleranceMs(settingsOf({ refreshIntervalMs: 200 }))).toBe(2_000);
  expect(listToleranceMs(settingsOf({ refreshIntervalMs: 0 }))).toBe(45_000);
});

describe('health as one pod sees it', () => {
  /** The health for a pod on node 1, which answers, and another one; whichever of them was pinged first. */
  const healthOf = (node: string, change: Partial<Pod>, outcome: Outcome | null, phase = statusOf().phase) => {
    const pods = [podOf(0, { hostIPs: ['1'] }), podOf(1, { hostIPs: [node], ...change })];
    const links = [outcome, 'ok' as const].map((one, i) => ({ uid: `uid-${1 - i}`, outcome: one }));
    const [health, again] = [links, links.toReversed()].map((some) =>
      ownHealthOf(pods, statusOf({ phase }), some, true),
    );
    expect(again).toEqual(health);
    return health;
  };

  it.each<[string, string, Partial<Pod>, Outcome | null, [boolean, number, number]]>([
    ['answers', '2', {}, 'ok', [true, 2, 0]],
    ['is not probed yet', '2', {}, null, [true, 1, 0]],
    ['fails', '2', {}, 'refused', [false, 1, 1]],
    ['fails on the same node', '1', {}, 'refused', [false, 0, 1]],
    ['is starting and fails', '2', { lifecycle: 'starting' }, 'timeout', [true, 1, 0]],
    ['is terminating and fails', '2', { lifecycle: 'terminating' }, 'timeout', [true, 1, 0]],
    ['is gone and fails', '2', { lifecycle: 'gone' }, 'timeout', [true, 1, 0]],
    ['is ignored and fails', '2', { cordon: 'ignored' }, 'refused', [true, 1, 0]],
    ['was ready and fails', '2', { lifecycle: 'not-ready' }, 'timeout', [false, 1, 1]],
    ['was ready and answers', '2', { lifecycle: 'not-ready' }, 'ok', [true, 1, 0]],
  ])('if the other pod %s', (_, node, change, outcome, [isHealthy, healthyNodes, unhealthyNodes]) => {
    expect(healthOf(node, change, outcome)).toEqual({ isHealthy, healthyNodes, unhealthyNodes });
  });

  it.each(['waiting', 'stale'] as const)('is not healthy while the list is %s', (phase) => {
    expect(healthOf('2', {}, 'ok', phase)).toMatchObject({ isHealthy: false });
  });

  it.each<[Lifecycle, 'synced' | 'stale', boolean, boolean]>([
    ['ready', 'synced', false, true],
    ['ready', 'synced', true, false],
    ['not-ready', 'synced', false, false],
    ['ready', 'stale', false, false],
  ])(
    'without any result, of a pod that is %s, and a list that is %s, with pings: %s',
    (lifecycle, phase, hasPings, expected) => {
      const pods = [podOf(0, { lifecycle })];
      expect(ownHealthOf(pods, statusOf({ phase }), [], hasPings).isHealthy).toBe(expected);
    },
  );
});
