import { describe, expect, it } from 'vitest';
import { MeshCounts } from '../../../../server/analysis/findings/counts.ts';
import { analysisOf } from '../../../../server/analysis/findings/evidence.ts';
import { findingsAnswer, findingsFrom } from '../../../../server/analysis/findings/findings.ts';
import { healthFrom } from '../../../../server/peers/cluster-health.ts';
import { type Finding, MAX_FINDINGS } from '../../../../server/protocol/finding.ts';
import { FLAG_INTERMITTENT, FLAG_SLOW } from '../../../../server/protocol/links.ts';
import { encodeMesh, parseMesh } from '../../../../server/protocol/mesh.ts';
import { runToEnd } from '../../../support/generator.ts';
import {
  LATE_ANSWER,
  LATE_NETWORK,
  type LinkFault,
  MeshBuilder,
  mergedReportOf,
  meshOf,
  NOW_MS,
  podOf,
  podsOf,
  settingsOf,
  statusOf,
} from '../../../support/mesh.ts';

const REFUSED: LinkFault = { outcome: 'refused', phase: 'connect' };
const TIMEOUT: LinkFault = { outcome: 'timeout', phase: 'connect' };
const SILENT: LinkFault = { outcome: 'timeout', phase: 'first-byte' };

const titles = (builder: MeshBuilder, servedBy = 0) => builder.findings(servedBy).map(({ title }) => title);
const kinds = (builder: MeshBuilder, servedBy = 0) => builder.findings(servedBy).map(({ kind }) => kind);
const subjects = (builder: MeshBuilder) => builder.findings().map(({ kind, subject }) => `${kind} ${subject}`);

function onlyFinding(builder: MeshBuilder): Finding {
  const findings = builder.findings();
  expect(findings).toHaveLength(1);
  return findings[0]!;
}

it.each([1, 2, 3, 100])('a healthy mesh of %i pods has no findings', (size) => {
  expect(new MeshBuilder(size).findings()).toEqual([]);
});

describe('experiment 2', () => {
  const chaos = (wish: LinkFault) => {
    const builder = new MeshBuilder(4);
    builder.pods[3] = podOf(3, { name: 'goldpinger-chaos' });
    builder.each((_, to) => to === 3, wish, true);
    return builder;
  };
  const LATE = 'goldpinger-chaos: slow from all 3 others';

  it('with 250 ms is one finding with its evidence', () => {
    expect(onlyFinding(chaos(LATE_ANSWER))).toEqual({
      kind: 'pod-slow',
      severity: 'slow',
      subject: 'goldpinger-chaos',
      pods: [3],
      from: [0, 1, 2],
      affected: 3,
      of: 3,
      outcome: null,
      phase: 'first-byte',
      sinceMs: 0,
      connectUs: 200,
      firstByteUs: 251_008,
      totalUs: 251_232,
      title: `${LATE}, only the first byte is late: check the process or a proxy, not the network`,
      detail:
        '3 of 3 links into it are slow (100 %). Median 251 ms: connect 0.20 ms, first byte 251 ms. ' +
        'It reaches the others: only one direction is bad.',
    });
  });

  it('with a slow network has no single late phase', () => {
    const title = `${LATE}, connecting and the first byte are late: check the network`;
    expect(onlyFinding(chaos(LATE_NETWORK))).toMatchObject({ title, phase: null });
  });

  it('without the proxy is refused', () => {
    const builder = chaos(REFUSED);
    builder.silence(3, 'refused');
    expect(onlyFinding(builder)).toMatchObject({
      title: 'goldpinger-chaos: unreachable from all 3 others, refused: nothing listens on its port',
      detail: '3 of 3 links into it fail (100 %). What it reaches is not known.',
      outcome: 'refused',
      sinceMs: NOW_MS - 60_000,
    });
  });

  it('with newest pings that are fast again tells the figures of those that are not', () => {
    const builder = chaos({ flags: FLAG_SLOW });
    expect(onlyFinding(builder)).toMatchObject({
      title: `${LATE} until now, the newest pings are fast: it may have ended`,
      totalUs: -1,
      detail: expect.not.stringContaining('Median'),
    });
    builder.set(1, 3, { ...LATE_ANSWER, flags: FLAG_SLOW });
    expect(onlyFinding(builder)).toMatchObject({
      title: expect.stringContaining(`${LATE}, only the first byte is late`),
      totalUs: 251_232,
      detail: expect.stringContaining('Median 251 ms'),
    });
  });
});

describe('in a mesh of two pods', () => {
  const EITHER = 'timeout in connect: with only two pods, either of them can be the cause';
  const REACHED = 'pod-1: unreachable from the only other pod';

  it.each<[string, LinkFault, LinkFault | null, string]>([
    ['nobody can tell which pod is the cause if nothing answers', TIMEOUT, null, `pod-0 → pod-1: fails, ${EITHER}`],
    ['nor if both fail', TIMEOUT, TIMEOUT, `pod-0 ⇄ pod-1: fails in both directions, ${EITHER}`],
    ['a pod that answers in any way is the cause', REFUSED, null, `${REACHED}, refused: nothing listens on its port`],
    ['and also if it reaches the other', REFUSED, {}, `${REACHED}, refused: nothing listens on its port`],
    ['and if it accepts connections', SILENT, {}, `${REACHED}, timeout waiting for the first byte: check the process`],
    [
      'one direction can fail',
      TIMEOUT,
      {},
      'pod-0 → pod-1: fails in this direction only, timeout in connect: check network policies, firewalls and routes',
    ],
  ])('%s', (_, there, back, title) => {
    const builder = new MeshBuilder(2);
    builder.set(0, 1, there);
    if (back === null) builder.silence(1);
    else builder.set(1, 0, back);
    expect(titles(builder)).toEqual([expect.stringContaining(title)]);
  });

  it('no direction is claimed if the way back fails at times, though it is ok now', () => {
    const builder = new MeshBuilder(2);
    builder.set(0, 1, TIMEOUT);
    builder.set(1, 0, { flags: FLAG_INTERMITTENT });
    expect(titles(builder)[0]).toContain(EITHER);
  });
});

describe('if only one kind of connection fails, the finding says which, and what to check', () => {
  const HEAD = 'pod-0: unreachable from all 5 others';
  const NEW = 'only new connections fail: check for a new firewall rule or network policy, a full conntrack table';
  const OPEN = 'only open connections fail: check for a firewall, NAT or load balancer that has forgotten them';
  it.each<[string, LinkFault, number]>([
    [`${HEAD}, timeout in connect, ${NEW}`, { ...TIMEOUT, failsOnly: 'new' }, 1],
    [`${HEAD}, timeout waiting for the first byte, ${OPEN}`, { ...SILENT, failsOnly: 'open' }, 3],
    // Of most of the links it is not known.
    [`${HEAD}, timeout in connect: check its network`, { ...TIMEOUT, failsOnly: 'new' }, 4],
  ])('%s', (title, fault, from) => {
    const builder = new MeshBuilder(6);
    builder.each((_, to) => to === 0, fault.phase === 'first-byte' ? SILENT : TIMEOUT);
    for (let source = from; source < 6; source++) builder.set(source, 0, fault);
    expect(onlyFinding(builder).title.startsWith(title)).toBe(true);
  });
});

describe('a quorum', () => {
  it('is two sources, not one', () => {
    const builder = new MeshBuilder(3);
    builder.set(0, 2, TIMEOUT);
    expect(kinds(builder)).toEqual(['one-way']);
    builder.set(1, 2, TIMEOUT);
    expect(kinds(builder)).toEqual(['pod-unreachable']);
  });

  it('keeps one bad source, and two among five, from accusing all others', () => {
    const builder = new MeshBuilder(5);
    builder.each((from) => from < 2, REFUSED);
    expect(subjects(builder)).toEqual(['pod-reaches-nobody pod-0', 'pod-reaches-nobody pod-1']);
  });

  it('is clearly the cause from 80 % of its pairs on, before pods with a smaller share are looked at', () => {
    const builder = new MeshBuilder(6);
    // Four of five pods find pod-0 bad. Three find pod-5 bad, but pod-1 is one of them, and finds three pods bad itself.
    for (const from of [2, 3, 4, 5]) builder.set(from, 0, REFUSED);
    for (const to of [2, 3, 5]) builder.set(1, to, REFUSED);
    for (const from of [2, 3]) builder.set(from, 5, REFUSED);
    expect(subjects(builder)).toEqual([
      'pod-unreachable pod-0',
      'pod-reaches-nobody pod-1',
      'one-way pod-2 → pod-5',
      'one-way pod-3 → pod-5',
    ]);
  });

  it('names a pod whose event loop is late, if its link to itself times out', () => {
    const builder = new MeshBuilder(4);
    for (const pod of [1, 2]) builder.delayLoop(pod);
    builder.set(1, 1, TIMEOUT);
    expect(titles(builder)).toEqual(['pod-1: CPU-starved, its measurements are unreliable']);
  });

  it('and says since when, if its report does, whenever its report was last unreliable', () => {
    const builder = new MeshBuilder(4);
    builder.set(1, 1, TIMEOUT);
    builder.delayLoop(1);
    expect(onlyFinding(builder)).toMatchObject({ kind: 'cpu-starved', sinceMs: 0 });
    const earlier: [number, number] = [90_000, 60_000];
    builder.wasLate(1, [earlier, [7_000, 0]], true);
    expect(onlyFinding(builder)).toMatchObject({ kind: 'cpu-starved', sinceMs: NOW_MS - 7_000 });
  });

  it('needs more than a coincidence where few pods probe each pod (PING_NUMBER)', () => {
    const sparse = new MeshBuilder(300, { pingNumber: 4 });
    sparse.set(296, 299, { ...TIMEOUT, fresh: true });
    sparse.set(297, 299, { ...TIMEOUT, fresh: true });
    expect(kinds(sparse)).not.toContain('pod-unreachable');
    sparse.set(298, 299, TIMEOUT);
    expect(titles(sparse)).toEqual([
      'pod-299: unreachable from all 3 pods that can tell, timeout in connect: check its network and whether it still runs',
    ]);
  });
});

it.each(['starting', 'terminating', 'gone'] as const)('a pod that is %s is no fault', (lifecycle) => {
  const builder = new MeshBuilder(4);
  builder.each((from, to) => from === 3 || to === 3, REFUSED);
  builder.silence(2);
  for (const pod of [2, 3]) builder.pods[pod] = podOf(pod, { lifecycle, sinceMs: NOW_MS - 30_000 });
  expect(builder.findings()).toEqual([]);
});

const UNKNOWN_YET = 'Whether it reaches the others is not known yet.';
it('whether a pod reaches the others is not told by its links to itself and to pods that leave', () => {
  const builder = new MeshBuilder(5);
  builder.each((_from, to) => to === 3, { ...REFUSED, ageMs: 500, sinceMs: 20_000 });
  builder.set(3, 1, { outcome: 'ok', ageMs: 60_000 });
  for (const pod of [0, 4]) builder.pods[pod] = podOf(pod, { lifecycle: 'terminating' });
  expect(builder.findings(1)[0]?.detail).toContain(UNKNOWN_YET);
});

const SLOW: LinkFault = { ...LATE_ANSWER, flags: FLAG_SLOW };
/** The newest ping of each link of pod 3 is a minute old, and ended so. */
const stale = (fault: LinkFault) => (builder: MeshBuilder) =>
  builder.each((from) => from === 3, { ...fault, ageMs: 60_000 });
it.each<[string, string, LinkFault, (builder: MeshBuilder) => void]>([
  [
    'most of which were not answered',
    'It does not reach most others either.',
    REFUSED,
    (builder) => builder.set(3, 0, { ageMs: 500, sinceMs: 500 }),
  ],
  ['from before the fault', UNKNOWN_YET, REFUSED, stale(REFUSED)],
  ['that were slow', 'It reaches the others slowly too.', SLOW, () => {}],
  ['that were slow before the fault', UNKNOWN_YET, SLOW, stale(SLOW)],
  ['that were fast before the fault', UNKNOWN_YET, SLOW, stale({})],
])('what a pod that is bad to reach reaches is told by its newest pings, %s: %s', (_, text, fault, change) => {
  const builder = new MeshBuilder(5);
  builder.each((from, to) => from === 3 || to === 3, { ...fault, ageMs: 500, sinceMs: 20_000 });
  for (const report of builder.reports) report.slow = report.pod === 3 ? [] : [[(3 - report.pod + 5) % 5, 20_000]];
  change(builder);
  expect(builder.findings(1)[0]).toMatchObject({ subject: 'pod-3', detail: expect.stringContaining(text) });
});

describe('where Goldpinger pods do not say since when their links fail', () => {
  const UNKNOWN_SINCE = { ...REFUSED, sinceMs: -1, ageMs: 2_000 };
  it.each<[string, LinkFault, string]>([
    ['was pinged after a failed ping of this one', { ageMs: 500 }, 'fails in this direction only'],
    ['was last pinged before', { ageMs: 20_000 }, 'fails, refused: only this pair fails'],
    ['was pinged, but nobody says when', { ageMs: -1 }, 'fails, refused: only this pair fails'],
  ])('one direction is claimed only if the other one %s', (_, back, text) => {
    const builder = new MeshBuilder(4);
    builder.set(1, 3, UNKNOWN_SINCE);
    builder.set(3, 1, back);
    expect(titles(builder)).toEqual([expect.stringContaining(`pod-1 → pod-3: ${text}`)]);
  });

  it.each<[number, string]>([
    [500, 'It reaches the others: only one direction is bad.'],
    [20_000, UNKNOWN_YET],
    [-1, UNKNOWN_YET],
  ])('pings of a bad pod that are %i ms old tell: %s', (ageMs, text) => {
    const builder = new MeshBuilder(5);
    builder.each((from) => from === 3, { ageMs });
    builder.each((_, to) => to === 3, UNKNOWN_SINCE);
    expect(onlyFinding(builder).detail).toContain(text);
  });
});

it('of a link that fails it is said that only this pair fails, if no other link of its pods does', () => {
  const builder = new MeshBuilder(8);
  for (const [from, to] of [
    [0, 7],
    [1, 7],
    [2, 6],
    [6, 2],
    [4, 5],
    [4, 3],
  ] as const)
    builder.set(from, to, TIMEOUT);
  for (const [from, to] of [
    [7, 0],
    [7, 1],
    [5, 4],
    [3, 4],
  ] as const)
    builder.notYet(from, to);
  const ONLY = 'only this pair fails, check the path or a NetworkPolicy';
  expect(builder.findings().map(({ subject, title }) => [subject, title.includes(ONLY)])).toEqual([
    ['pod-0 → pod-7', false],
    ['pod-1 → pod-7', false],
    ['pod-2 ⇄ pod-6', true],
    ['pod-4 → pod-3', false],
    ['pod-4 → pod-5', false],
  ]);
});

it('of slow links between zones it is said that those within are fine, only if they are, and not if they fail', () => {
  const builder = new MeshBuilder(18, { zones: 3 });
  const zone = (pod: number) => pod % 3;
  builder.each((from, to) => zone(from) === 0 && zone(to) === 1, LATE_NETWORK);
  expect(onlyFinding(builder)).toMatchObject({
    kind: 'zone-block',
    detail: expect.stringMatching(/within these zones are fine\.$/),
  });
  builder.each((from, to) => zone(from) === 1 && zone(to) === 1 && (from + to) % 4 !== 0, REFUSED);
  const slow = builder.findings().find(({ kind }) => kind === 'zone-block');
  expect(slow?.detail).toMatch(/first byte 121 ms\.$/);
});

it('whether others reach a bad node is not claimed if no report is about that', () => {
  const builder = new MeshBuilder(8, { perNode: 2 });
  builder.each((from, to) => from < 2 && to >= 2, TIMEOUT);
  for (let pod = 2; pod < 8; pod++) for (const to of [0, 1]) builder.notYet(pod, to);
  const [finding] = builder.findings(0);
  expect(finding?.subject).toBe('node node-0');
  expect(finding?.detail).toContain('No report says whether other nodes reach them.');
});

it('that others reach a bad pod is not claimed if the only other pod that reports does not reach it', () => {
  const builder = new MeshBuilder(3);
  builder.each((from, to) => from === 0 || to === 0, TIMEOUT);
  builder.silence(2, 'http-status');
  const [finding] = builder.findings(0);
  expect(finding).toMatchObject({ kind: 'pod-reaches-nobody', subject: 'pod-0' });
  expect(finding?.detail).not.toMatch(/reach it/);
});

it.each(['ready', 'not-ready'] as const)('a pod that hangs is found while it is %s', (lifecycle) => {
  const builder = new MeshBuilder(4);
  builder.each((_, to) => to === 3, SILENT);
  builder.silence(3);
  builder.pods[3] = podOf(3, { lifecycle });
  expect(titles(builder)[0]).toContain('pod-3: unreachable from all 3 others, timeout waiting for the first byte');
});

describe('several causes', () => {
  it('are named once each, the gravest first', () => {
    const builder = new MeshBuilder(24, { perNode: 2, zones: 3 });
    builder.each((_, to) => to === 8 || to === 9, TIMEOUT);
    for (const pod of [8, 9]) builder.silence(pod);
    builder.each((_, to) => to === 0, REFUSED);
    builder.each((_, to) => to === 20, LATE_ANSWER);
    builder.set(3, 5, TIMEOUT);
    builder.starve(15);
    builder.silence(17, 'malformed');
    builder.status = statusOf({ phase: 'stale', lastError: { fault: 'refused', message: 'words', atMs: NOW_MS } });
    expect(titles(builder, 2)).toEqual([
      'Kubernetes API: cannot be reached, refused: the 24 known pods are still pinged, the pod list may be out of date',
      'node node-4: unreachable from all 20 pods that can tell, timeout in connect: check the node and its network',
      'pod-0: unreachable from all 19 pods that can tell, refused: nothing listens on its port',
      'pod-3 → pod-5: fails in this direction only, timeout in connect: check network policies, firewalls and routes',
      'pod-20: slow from all 19 pods that can tell, only the first byte is late: check the process or a proxy, not the network',
      'pod-15: CPU-starved, its measurements are unreliable',
      'pod-17: did not report, malformed: outbound results unknown',
    ]);
  });

  it('in zones: both directions are one finding, and so is a zone that no other zone reaches', () => {
    const mutual = new MeshBuilder(12, { zones: 3 });
    const zone = (pod: number) => pod % 3;
    mutual.each((from, to) => zone(from) + zone(to) === 1, TIMEOUT);
    expect(mutual.findings().map(({ subject, affected, of }) => [subject, affected, of])).toEqual([
      ['zone zone-0 ⇄ zone zone-1', 32, 32],
    ]);
    const large = new MeshBuilder(90, { zones: 3 });
    large.each((from, to) => zone(from) + zone(to) === 1, TIMEOUT);
    const [{ pods, from } = expect.fail()] = large.findings();
    // The first 20 of either zone would be of one zone only.
    for (const named of [pods, from]) expect([named.length, new Set(named.map(zone))]).toEqual([20, new Set([0, 1])]);
    const island = new MeshBuilder(12, { zones: 3 });
    island.each((from, to) => zone(from) !== 2 && zone(to) === 2, TIMEOUT);
    expect(titles(island)).toEqual([
      'zone zone-2: 100 % of the links from all other zones fail, timeout in connect: check the network between the zones and network policies',
    ]);
  });

  it('in reports: many starved pods, or many missing reports, are one finding', () => {
    const builder = new MeshBuilder(20);
    for (let pod = 10; pod < 15; pod++) builder.starve(pod);
    for (let pod = 15; pod < 20; pod++) builder.silence(pod, 'http-status');
    expect(titles(builder)).toEqual([
      '5 of 20 pods: CPU-starved, their measurements are unreliable',
      '5 of 20 pods: did not report, http-status: outbound results unknown',
    ]);
  });

  it('in reports: also if the serving pod does not know which pod it is', () => {
    const builder = new MeshBuilder(5);
    builder.silence(3);
    expect(builder.findings(-1)).toMatchObject([{ kind: 'report-missing', pods: [3] }]);
  });
});

it('clones with one symptom, more than a finding can name, are several findings, each pod in one of them', () => {
  const builder = new MeshBuilder(140);
  for (let pod = 0; pod < 120; pod++) builder.pods[pod] = podOf(pod, { owner: 'replica-set' });
  builder.each((_, to) => to < 120, REFUSED);
  const findings = builder.findings(139);
  expect(findings.map(({ kind }) => kind)).toEqual(Array(6).fill('pod-unreachable'));
  const named = findings.flatMap(({ pods }) => pods);
  expect(named.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 120 }, (_, pod) => pod));
});

it('clones that fail at times are one finding, however their newest pings ended', () => {
  const builder = new MeshBuilder(8);
  for (const pod of [2, 5]) {
    builder.pods[pod] = podOf(pod, { owner: 'replica-set' });
    const newest = pod === 2 ? TIMEOUT : LATE_NETWORK;
    builder.each((_, to) => to === pod, { ...newest, flags: FLAG_INTERMITTENT, failures: 5 });
  }
  expect(onlyFinding(builder)).toMatchObject({ kind: 'pod-intermittent', pods: [2, 5] });
});

it('findings are bounded in number and length, whatever the names and links are', () => {
  const builder = new MeshBuilder(120);
  for (const [i] of builder.pods.entries()) builder.pods[i] = podOf(i, { name: `${i}${'x'.repeat(250)}` });
  for (let from = 0; from < 120; from++) builder.set(from, (from + 1) % 120, TIMEOUT);
  const findings = builder.findings();
  expect(findings).toHaveLength(MAX_FINDINGS);
  expect(findings.at(-1)?.detail).toMatch(/ More findings are left out\.$/);
  const mesh = meshOf(builder.pods, builder.reports, { findings });
  expect(parseMesh(JSON.parse([...encodeMesh(mesh)].join(''))).findings).toEqual(findings);
});

it('of more findings than a mesh has, what health counts is not left out, however much else is bad', () => {
  const builder = new MeshBuilder(150);
  for (let from = 0; from < 120; from++) {
    for (const by of [1, 5, 9]) builder.set(from, from + by, { flags: FLAG_INTERMITTENT });
  }
  builder.set(140, 145, { ...TIMEOUT, flags: FLAG_INTERMITTENT });
  builder.reports[148]!.samePeers = false;
  builder.silence(147);
  const findings = builder.findings();
  expect(findings).toHaveLength(MAX_FINDINGS);
  expect(findings.find(({ severity }) => severity === 'failed')).toMatchObject({ subject: 'pod-140 → pod-145' });
  expect(findings.slice(-2)).toMatchObject([
    { kind: 'list-differs', pods: [148] },
    { kind: 'report-missing', pods: [147] },
  ]);
});

it('of more bad pods than a mesh has findings, those with the most bad links are kept', () => {
  const builder = new MeshBuilder(150);
  builder.each((from, to) => to < MAX_FINDINGS + 10 && (to >= 10 || from < 140), REFUSED);
  const named = builder.findings(149).flatMap(({ pods }) => pods);
  expect(named.toSorted((a, b) => a - b)).toEqual(Array.from({ length: MAX_FINDINGS }, (_, i) => i + 10));
});

it('findings are made in small steps, however many links are bad', () => {
  const pods = podsOf(300);
  const counts = new MeshCounts(pods, settingsOf());
  const wishes = pods.map((_, to) => (to % 3 === 0 ? { to, ...TIMEOUT } : { to, totalUs: 250_000 }));
  for (const from of pods.keys()) counts.add(mergedReportOf(from, wishes));
  const context = { atMs: NOW_MS, discovery: statusOf(), servedBy: 0 };
  const analysis = runToEnd(analysisOf(counts, 0));
  const findings = runToEnd(findingsFrom(analysis.result, context));
  const health = runToEnd(healthFrom(analysis.result, context));
  // No step looks at more than one report. Failed links and slow ones each need one to find causes, and one to collect evidence.
  expect(analysis.steps + findings.steps).toBeGreaterThan(4 * pods.length);
  expect(health.steps).toBeGreaterThan(2 * pods.length);
});

it('since when links are slow is the median of the reports that know it', () => {
  const builder = new MeshBuilder(5);
  builder.each((_, to) => to === 3, LATE_ANSWER, true);
  expect(onlyFinding(builder).sinceMs).toBe(0);
  for (const [from, forMs] of [9_000, 11_000, 10_000].entries()) {
    const report = builder.reports[from]!;
    builder.reports[from] = { ...report, slow: [[(3 - from + 5) % 5, forMs]] };
  }
  expect(onlyFinding(builder)).toMatchObject({ kind: 'pod-slow', sinceMs: NOW_MS - 10_000 });
});

it.each([
  { goneForMs: 61_000, goneByMs: NOW_MS - 61_000, isOverdue: true, grace: 'that ended a minute ago' },
  { goneForMs: 600_000, goneByMs: NOW_MS + 60_000, isOverdue: false, grace: 'of eleven minutes' },
  { goneForMs: 91_000, goneByMs: 0, isOverdue: true, grace: 'that is not known' },
  { goneForMs: 12_000_000, goneByMs: 0, isOverdue: true, grace: 'that is not known' },
  { goneForMs: 89_000, goneByMs: 0, isOverdue: false, grace: 'that is not known' },
])('a pod that terminates for $goneForMs ms, with a grace period $grace, is overdue: $isOverdue', (pod) => {
  const builder = new MeshBuilder(4);
  const { goneForMs, goneByMs, isOverdue } = pod;
  builder.pods[3] = podOf(3, { lifecycle: 'terminating', sinceMs: NOW_MS - goneForMs, goneByMs });
  expect(kinds(builder)).toEqual(isOverdue ? ['pod-overdue'] : []);
  for (const { title } of builder.findings()) expect(title).toMatch(/: still terminating after (1|10|3 h 20) min, /);
});

it('an overdue pod that was on no node has only finalizers to check', () => {
  const builder = new MeshBuilder(4);
  builder.pods[3] = podOf(3, { lifecycle: 'terminating', node: '', sinceMs: NOW_MS - 600_000 });
  expect(titles(builder)).toEqual([expect.stringMatching(/overdue: check finalizers$/)]);
});

it('a node of which only links between its own pods fail is no finding: its pods are', () => {
  const alone = new MeshBuilder(4, { perNode: 4 });
  alone.each(() => true, REFUSED);
  expect(kinds(alone)).toEqual(Array(4).fill('pod-reaches-nobody'));
  const builder = new MeshBuilder(7, { perNode: 5 });
  builder.each((from, to) => from < 5 && to < 5, REFUSED);
  expect(new Set(kinds(builder))).toEqual(new Set(['pod-reaches-nobody']));
});

it.each([1e300, -1e300, -1])('a time that no calendar has, as another pod claims it, is not known: %d', (sinceMs) => {
  const builder = new MeshBuilder(4);
  builder.starve(1);
  builder.reports[1]!.starvation!.sinceMs = sinceMs;
  const findings = builder.findings();
  expect(findings).toMatchObject([{ kind: 'cpu-starved', sinceMs: 0 }]);
  expect(findingsAnswer(meshOf(builder.pods, builder.reports, { findings })).findings[0]?.since).toBeNull();
});

it('a node that is found by its pods, one by one, is one finding, although its pods do not reach each other either', () => {
  const builder = new MeshBuilder(8, { perNode: 2 });
  // Two of the six pods on other nodes reach them, so that fewer than 80 % of the links from other nodes fail.
  builder.each((from, to) => to >= 6 && from >= 2, REFUSED);
  expect(onlyFinding(builder)).toMatchObject({ kind: 'node', subject: 'node node-3', affected: 8, of: 12 });
});

it('findingsAnswer has names of pods, RFC 3339 times and ms', () => {
  const builder = new MeshBuilder(4);
  builder.each((_, to) => to === 1, REFUSED);
  const [finding] = findingsAnswer(meshOf(builder.pods, builder.reports, { findings: builder.findings() })).findings;
  expect(finding).toMatchObject({
    kind: 'pod-unreachable',
    pods: ['pod-1'],
    from: ['pod-0', 'pod-2', 'pod-3'],
    since: new Date(NOW_MS - 60_000).toISOString(),
    connect_ms: null,
    total_ms: 300.032,
  });
});
