import { describe, expect, it } from 'vitest';
import { MeshCounts } from '../../../../server/analysis/findings/counts.ts';
import { analysisOf } from '../../../../server/analysis/findings/evidence.ts';
import { findingsAnswer, findingsFrom } from '../../../../server/analysis/findings/findings.ts';
import { healthFrom } from '../../../../server/peers/cluster-health.ts';
import { MAX_FINDINGS } from '../../../../server/protocol/finding.ts';
import { FLAG_INTERMITTENT, FLAG_SLOW } from '../../../../server/protocol/links.ts';
import { encodeMesh, parseMesh } from '../../../../server/protocol/mesh.ts';
import { runToEnd } from '../../../support/generator.ts';
import {
  LATE_ANSWER,
  LATE_NETWORK,
  type LinkFault,
  MeshBuilder,
  type MeshChange,
  mergedReportOf,
  meshOf,
  NO_RESPONSE,
  NOW_MS,
  podsOf,
  REFUSED,
  settingsOf,
  statusOf,
  TIMEOUT,
} from '../../../support/mesh.ts';

const AT_TIMES: LinkFault = { flags: FLAG_INTERMITTENT };

const of = (size: number, shape?: ConstructorParameters<typeof MeshBuilder>[1]) => new MeshBuilder(size, shape);
const titles = (mesh: MeshBuilder, servedBy = 0) => mesh.findings(servedBy).map(({ title }) => title);
const subjects = (mesh: MeshBuilder) => mesh.findings().map(({ kind, subject }) => `${kind} ${subject}`);

it.each([1, 2, 3, 100])('a healthy mesh of %i pods has no findings', (size) => {
  expect(of(size).findings()).toEqual([]);
});

describe('experiment 2', () => {
  const chaos = (fault: LinkFault) => of(4).pod(3, { name: 'goldpinger-chaos' }).into(3, fault, true);
  const LATE = 'goldpinger-chaos: slow from all 3 others';

  it('with 250 ms is one finding with its evidence', () => {
    expect(chaos(LATE_ANSWER).onlyFinding()).toEqual({
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

  it('with a slow network has no single late phase, without the proxy is refused', () => {
    const title = `${LATE}, connecting and the first byte are late: check the network`;
    expect(chaos(LATE_NETWORK).onlyFinding()).toMatchObject({ title, phase: null });
    expect(chaos(REFUSED).silence(3, 'refused').onlyFinding()).toMatchObject({
      title: 'goldpinger-chaos: unreachable from all 3 others, refused: nothing listens on its port',
      detail: '3 of 3 links into it fail (100 %). What it reaches is not known.',
      outcome: 'refused',
      sinceMs: NOW_MS - 60_000,
    });
  });

  it('with newest pings that are fast again tells the figures of those that are not', () => {
    const mesh = chaos({ flags: FLAG_SLOW });
    const title = `${LATE} until now, the newest pings are fast: it may have ended`;
    expect(mesh.onlyFinding()).toMatchObject({ title, totalUs: -1, detail: expect.not.stringContaining('Median') });
    expect(mesh.set(1, 3, { ...LATE_ANSWER, flags: FLAG_SLOW }).onlyFinding()).toMatchObject({
      title: expect.stringContaining(`${LATE}, only the first byte is late`),
      totalUs: 251_232,
      detail: expect.stringContaining('Median 251 ms'),
    });
  });
});

const EITHER = 'timeout in connect: with only two pods, either of them can be the cause';
const REFUSES = 'pod-1: unreachable from the only other pod, refused: nothing listens on its port';
it.each<[string, MeshBuilder, ...string[]]>([
  ['nobody can tell, if nothing answers', of(2).set(0, 1, TIMEOUT).silence(1), `pod-0 → pod-1: fails, ${EITHER}`],
  [
    'nor if both fail',
    of(2).set(0, 1, TIMEOUT).set(1, 0, TIMEOUT),
    `pod-0 ⇄ pod-1: fails in both directions, ${EITHER}`,
  ],
  [
    'nor if the way back fails at times, though it is ok now',
    of(2).set(0, 1, TIMEOUT).set(1, 0, AT_TIMES),
    `pod-0 → pod-1: fails, ${EITHER}`,
    'pod-1 → pod-0: some pings fail, intermittent',
  ],
  ['a pod that answers in any way is the cause', of(2).set(0, 1, REFUSED).silence(1), REFUSES],
  ['and also if it reaches the other', of(2).set(0, 1, REFUSED), REFUSES],
  [
    'and if it accepts connections',
    of(2).set(0, 1, NO_RESPONSE),
    'pod-1: unreachable from the only other pod, timeout waiting for the first byte: check the process',
  ],
  [
    'one direction can fail',
    of(2).set(0, 1, TIMEOUT),
    'pod-0 → pod-1: fails in this direction only, timeout in connect: check network policies, firewalls and routes',
  ],
])('in a mesh of two pods %s', (_, mesh, ...expected) => {
  expect(titles(mesh)).toEqual(expected.map((title) => expect.stringContaining(title)));
});

const NEW = 'only new connections fail: check for a new firewall rule or network policy, a full conntrack table';
const OPEN = 'only open connections fail: check for a firewall, NAT or load balancer that has forgotten them';
it.each<[string, LinkFault, 'new' | 'open', number]>([
  [`timeout in connect, ${NEW}`, TIMEOUT, 'new', 4],
  [`timeout waiting for the first byte, ${OPEN}`, NO_RESPONSE, 'open', 3],
  // Of most of the links it is not known.
  ['timeout in connect: check its network', TIMEOUT, 'new', 2],
])('if only one kind of connection fails, the finding says which, and what to check: %s', (how, fault, kind, known) => {
  const mesh = of(6).into(0, fault);
  for (let from = 1; from <= known; from++) mesh.set(from, 0, { ...fault, failsOnly: kind });
  const title = `pod-0: unreachable from all 5 others, ${how}`;
  expect(mesh.onlyFinding().title.slice(0, title.length)).toBe(title);
});

it.each([
  { size: 4, perNode: 2, servedBy: 0, named: 1, why: 'of two with as many pods the one that was not asked' },
  { size: 4, perNode: 2, servedBy: 2, named: 0, why: 'of two with as many pods the one that was not asked' },
  { size: 5, perNode: 3, servedBy: 3, named: 1, why: 'the one with fewer pods, whichever was asked' },
])('if two nodes are cut off from each other, node-$named is named: $why', ({ size, perNode, servedBy, named }) => {
  const node = (pod: number) => Math.floor(pod / perNode);
  const mesh = of(size, { perNode }).each((from, to) => node(from) !== node(to), TIMEOUT);
  expect(mesh.findings(servedBy)).toMatchObject([{ kind: 'node', subject: `node node-${named}` }]);
});

/** Four of five pods find pod-0 bad. Three find pod-5 bad, but pod-1 is one of them, and finds three pods bad itself. */
const clearCase = () => {
  const mesh = of(6);
  for (const from of [2, 3, 4, 5]) mesh.set(from, 0, REFUSED);
  for (const to of [2, 3, 5]) mesh.set(1, to, REFUSED);
  return mesh.set(2, 5, REFUSED).set(3, 5, REFUSED);
};
const ONE_BY_ONE = [0, 1, 2, 3].map((pod) => `pod-reaches-nobody pod-${pod}`);
it.each<[string, MeshBuilder, string[]]>([
  ['one source does not accuse a pod', of(3).set(0, 2, TIMEOUT), ['one-way pod-0 → pod-2']],
  ['two sources do', of(3).into(2, TIMEOUT), ['pod-unreachable pod-2']],
  [
    'two bad sources among five do not accuse all others',
    of(5).outOf(0, REFUSED).outOf(1, REFUSED),
    ['pod-reaches-nobody pod-0', 'pod-reaches-nobody pod-1'],
  ],
  [
    'a pod is clearly the cause from 80 % of its pairs on, before pods with a smaller share are looked at',
    clearCase(),
    ['pod-unreachable pod-0', 'pod-reaches-nobody pod-1', 'one-way pod-2 → pod-5', 'one-way pod-3 → pod-5'],
  ],
  [
    'where few pods probe each pod (PING_NUMBER), two new failures of one may be a coincidence',
    [296, 297].reduce((mesh, from) => mesh.set(from, 299, { ...TIMEOUT, fresh: true }), of(300, { pingNumber: 4 })),
    ['link pod-296 → pod-299', 'link pod-297 → pod-299'],
  ],
  [
    'a node of which only links between its own pods fail is no finding: its pods are',
    of(4, { perNode: 4 }).each(() => true, REFUSED),
    ONE_BY_ONE,
  ],
  [
    'also if there are other nodes',
    of(7, { perNode: 5 }).each((from, to) => from < 5 && to < 5, REFUSED),
    [...ONE_BY_ONE, 'pod-reaches-nobody pod-4'],
  ],
  // Two of the six pods on other nodes reach its pods, so that fewer than 80 % of the links from other nodes fail.
  [
    'a node that is found by its pods, one by one, is one finding, although they do not reach each other either',
    of(8, { perNode: 2 }).each((from, to) => to >= 6 && from >= 2, REFUSED),
    ['node node node-3'],
  ],
  [
    'a pod that hangs is found while it is not ready',
    of(4).pod(3, { lifecycle: 'not-ready' }).into(3, NO_RESPONSE).silence(3),
    ['pod-unreachable pod-3'],
  ],
])('%s', (_, mesh, expected) => {
  expect(subjects(mesh)).toEqual(expected);
});

it('pods that can tell are not called others', () => {
  const sparse = of(300, { pingNumber: 4 }).into(299, TIMEOUT);
  const how = 'timeout in connect: check its network and whether it still runs';
  expect(titles(sparse)).toEqual([`pod-299: unreachable from all 3 pods that can tell, ${how}`]);
});

it.each(['starting', 'terminating', 'gone'] as const)('a pod that is %s is no fault', (lifecycle) => {
  const mesh = of(4).into(3, REFUSED).outOf(3, REFUSED).silence(2);
  for (const pod of [2, 3]) mesh.pod(pod, { lifecycle, sinceMs: NOW_MS - 30_000 });
  expect(mesh.findings()).toEqual([]);
});

it('since when a pod is starved is told if its report says it, whenever its report was last unreliable', () => {
  const mesh = of(4).set(1, 1, TIMEOUT).delayLoop(1);
  expect(mesh.onlyFinding()).toMatchObject({ kind: 'cpu-starved', sinceMs: 0 });
  const times: [number, number][] = [
    [90_000, 60_000],
    [7_000, 0],
  ];
  expect(mesh.wasLate(1, times, true).onlyFinding()).toMatchObject({ sinceMs: NOW_MS - 7_000 });
});

describe('what a pod that is bad to reach reaches itself', () => {
  const REACHES = 'It reaches the others: only one direction is bad.';
  const UNKNOWN_YET = 'Whether it reaches the others is not known yet.';
  const LEAVES = { lifecycle: 'terminating' } as const;
  const SLOW: LinkFault = { ...LATE_ANSWER, flags: FLAG_SLOW };
  /** The newest ping of each link of pod 3 is a minute old, and ended so. */
  const stale =
    (fault: LinkFault): MeshChange =>
    (mesh) =>
      mesh.outOf(3, { ...fault, ageMs: 60_000 });
  /** The links into pod 3 are refused, as Goldpinger pods say, which do not say since when; its own pings are so old. */
  const goldpinger =
    (ageMs: number): MeshChange =>
    (mesh) =>
      mesh.outOf(3, { ageMs }).into(3, { ...REFUSED, sinceMs: -1, ageMs: 2_000 });

  it.each<[string, string, LinkFault, MeshChange]>([
    [
      'most were not answered',
      'It does not reach most others either.',
      REFUSED,
      (mesh) => mesh.set(3, 0, { ageMs: 500, sinceMs: 500 }),
    ],
    ['from before the fault', UNKNOWN_YET, REFUSED, stale(REFUSED)],
    ['slow', 'It reaches the others slowly too.', SLOW, () => {}],
    ['slow before the fault', UNKNOWN_YET, SLOW, stale(SLOW)],
    ['fast before the fault', UNKNOWN_YET, SLOW, stale({})],
    [
      'new only to itself, to one of two others, and to pods that leave',
      UNKNOWN_YET,
      REFUSED,
      (mesh) => mesh.outOf(3, {}).set(3, 1, { ageMs: 60_000 }).pod(0, LEAVES).pod(4, LEAVES),
    ],
    ['after those of Goldpinger pods', REACHES, REFUSED, goldpinger(500)],
    ['before those of Goldpinger pods', UNKNOWN_YET, REFUSED, goldpinger(20_000)],
    ['by a pod that does not say when', UNKNOWN_YET, REFUSED, goldpinger(-1)],
  ])('is told by its newest pings, %s: %s', (_, text, fault, change) => {
    const mesh = of(5).each((from, to) => from === 3 || to === 3, { ...fault, ageMs: 500, sinceMs: 20_000 });
    for (const report of mesh.reports) report.slow = report.pod === 3 ? [] : [[(3 - report.pod + 5) % 5, 20_000]];
    change(mesh);
    expect(mesh.findings(1)[0]).toMatchObject({ subject: 'pod-3', detail: expect.stringContaining(text) });
  });
});

it.each<[string, LinkFault, string]>([
  ['was pinged after a failed ping of this one', { ageMs: 500 }, 'fails in this direction only'],
  ['was last pinged before', { ageMs: 20_000 }, 'fails, refused: only this pair fails'],
  ['was pinged, but nobody says when', { ageMs: -1 }, 'fails, refused: only this pair fails'],
])(
  'if a Goldpinger pod does not say since when its link fails, one direction is claimed only if the other one %s',
  (_, back, text) => {
    const mesh = of(4)
      .set(1, 3, { ...REFUSED, sinceMs: -1, ageMs: 2_000 })
      .set(3, 1, back);
    expect(titles(mesh)).toEqual([expect.stringContaining(`pod-1 → pod-3: ${text}`)]);
  },
);

it('of a link that fails it is said that only this pair fails, if no other link of its pods does', () => {
  const mesh = of(8).set(2, 6, TIMEOUT).set(6, 2, TIMEOUT);
  for (const [from, to] of [
    [0, 7],
    [1, 7],
    [4, 5],
    [4, 3],
  ] as const) {
    mesh.set(from, to, TIMEOUT).notYet(to, from);
  }
  const ONLY = 'only this pair fails, check the path or a NetworkPolicy';
  const isOnly = (subject: string) => subject === 'pod-2 ⇄ pod-6';
  expect(mesh.findings()).toHaveLength(5);
  for (const { subject, title } of mesh.findings())
    expect([subject, title.includes(ONLY)]).toEqual([subject, isOnly(subject)]);
});

const zone = (pod: number) => pod % 3;

it('of slow links between zones it is said that those within are fine, only if they are, and not if they fail', () => {
  const mesh = of(18, { zones: 3 }).each((from, to) => zone(from) === 0 && zone(to) === 1, LATE_NETWORK);
  expect(mesh.onlyFinding().detail).toMatch(/within these zones are fine\.$/);
  mesh.each((from, to) => zone(from) === 1 && zone(to) === 1 && (from + to) % 4 !== 0, REFUSED);
  expect(mesh.findings().find(({ kind }) => kind === 'zone-block')?.detail).toMatch(/first byte 121 ms\.$/);
});

it('whether others reach a bad node or pod is not claimed if no report is about that', () => {
  const node = of(8, { perNode: 2 }).each((from, to) => from < 2 && to >= 2, TIMEOUT);
  for (let pod = 2; pod < 8; pod++) node.notYet(pod, 0).notYet(pod, 1);
  const detail = expect.stringContaining('No report says whether other nodes reach them.');
  expect(node.findings()[0]).toMatchObject({ subject: 'node node-0', detail });
  // The only other pod that reports does not reach it.
  const pod = of(3).into(0, TIMEOUT).outOf(0, TIMEOUT).silence(2, 'http-status');
  const not = expect.not.stringMatching(/reach it/);
  expect(pod.findings()[0]).toMatchObject({ kind: 'pod-reaches-nobody', subject: 'pod-0', detail: not });
});

describe('several causes', () => {
  it('are named once each, the gravest first', () => {
    const mesh = of(24, { perNode: 2, zones: 3 }).into(8, TIMEOUT).into(9, TIMEOUT).silence(8).silence(9);
    mesh.into(0, REFUSED).into(20, LATE_ANSWER).set(3, 5, TIMEOUT).starve(15).silence(17, 'malformed');
    mesh.status = statusOf({ phase: 'stale', lastError: { fault: 'refused', message: 'words', atMs: NOW_MS } });
    expect(titles(mesh, 2)).toEqual([
      'Kubernetes API: cannot be reached, refused: the 24 known pods are still pinged, the pod list may be out of date',
      'node node-4: unreachable from all 20 pods that can tell, timeout in connect: check the node and its network',
      'pod-0: unreachable from all 19 pods that can tell, refused: nothing listens on its port',
      'pod-3 → pod-5: fails in this direction only, timeout in connect: check network policies, firewalls and routes',
      'pod-20: slow from all 19 pods that can tell, only the first byte is late: check the process or a proxy, not the network',
      'pod-15: CPU-starved, its measurements are unreliable',
      'pod-17: did not report, malformed: outbound results unknown',
    ]);
  });

  it('in zones: both directions are one finding, which names pods of both, and so is a zone that nobody reaches', () => {
    const mutual = of(90, { zones: 3 }).each((from, to) => zone(from) + zone(to) === 1, TIMEOUT);
    const { subject, affected, of: all, pods, from } = mutual.onlyFinding();
    expect([subject, affected, all]).toEqual(['zone zone-0 ⇄ zone zone-1', 1_800, 1_800]);
    // The first 20 of either zone would be of one zone only.
    for (const named of [pods, from]) expect([named.length, new Set(named.map(zone))]).toEqual([20, new Set([0, 1])]);
    const island = of(12, { zones: 3 }).each((from, to) => zone(from) !== 2 && zone(to) === 2, TIMEOUT);
    expect(titles(island)).toEqual([
      'zone zone-2: 100 % of the links from all other zones fail, timeout in connect: check the network between the zones and network policies',
    ]);
  });

  it('in reports: many starved pods, or many missing reports, are one finding', () => {
    const mesh = of(20);
    for (let pod = 10; pod < 15; pod++) mesh.starve(pod).silence(pod + 5, 'http-status');
    expect(titles(mesh)).toEqual([
      '5 of 20 pods: CPU-starved, their measurements are unreliable',
      '5 of 20 pods: did not report, http-status: outbound results unknown',
    ]);
  });
});

it('a missing report is found also if the serving pod does not know which pod it is', () => {
  expect(of(5).silence(3).findings(-1)).toMatchObject([{ kind: 'report-missing', pods: [3] }]);
});

it('clones that fail at times are one finding, however their newest pings ended', () => {
  const mesh = of(8).pod(2, { owner: 'rs' }).pod(5, { owner: 'rs' });
  mesh.into(2, { ...TIMEOUT, ...AT_TIMES, failures: 5 }).into(5, { ...LATE_NETWORK, ...AT_TIMES, failures: 5 });
  expect(mesh.onlyFinding()).toMatchObject({ kind: 'pod-intermittent', pods: [2, 5] });
});

describe('findings are bounded', () => {
  const sorted = (numbers: number[]) => numbers.toSorted((a, b) => a - b);
  const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);

  it('in number and length, whatever the names and links are', () => {
    const mesh = of(120);
    for (const i of range(0, 120)) mesh.pod(i, { name: `${i}${'x'.repeat(250)}` }).set(i, (i + 1) % 120, TIMEOUT);
    const findings = mesh.findings();
    expect(findings).toHaveLength(MAX_FINDINGS);
    expect(findings.at(-1)?.detail).toMatch(/ More findings are left out\.$/);
    const whole = meshOf(mesh.pods, mesh.reports, { findings });
    expect(parseMesh(JSON.parse([...encodeMesh(whole)].join(''))).findings).toEqual(findings);
  });

  it('in the clones that they name: more are several findings, each pod in one of them', () => {
    const mesh = of(140).each((_, to) => to < 120, REFUSED);
    for (const pod of range(0, 120)) mesh.pod(pod, { owner: 'replica-set' });
    const findings = mesh.findings(139);
    expect(findings.map(({ kind }) => kind)).toEqual(Array(6).fill('pod-unreachable'));
    expect(sorted(findings.flatMap(({ pods }) => pods))).toEqual(range(0, 120));
  });

  it('and what health counts is not left out, however much else is bad', () => {
    const mesh = of(150).report(148, { samePeers: false }).silence(147);
    for (const from of range(0, 120)) for (const by of [1, 5, 9]) mesh.set(from, from + by, AT_TIMES);
    mesh.set(140, 145, { ...TIMEOUT, ...AT_TIMES });
    const findings = mesh.findings();
    expect(findings).toHaveLength(MAX_FINDINGS);
    expect(findings.find(({ severity }) => severity === 'failed')).toMatchObject({ subject: 'pod-140 → pod-145' });
    expect(findings.slice(-2)).toMatchObject([
      { kind: 'list-differs', pods: [148] },
      { kind: 'report-missing', pods: [147] },
    ]);
  });

  it('and of the bad pods those with the most bad links are kept', () => {
    const isBad = (from: number, to: number) => to < MAX_FINDINGS + 10 && (to >= 10 || from < 140);
    const findings = of(150).each(isBad, REFUSED).findings(149);
    expect(sorted(findings.flatMap(({ pods }) => pods))).toEqual(range(10, MAX_FINDINGS + 10));
  });
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
  const mesh = of(5).into(3, LATE_ANSWER, true);
  expect(mesh.onlyFinding().sinceMs).toBe(0);
  for (const [from, forMs] of [9_000, 11_000, 10_000].entries()) mesh.report(from, { slow: [[3 - from, forMs]] });
  expect(mesh.onlyFinding()).toMatchObject({ kind: 'pod-slow', sinceMs: NOW_MS - 10_000 });
});

it.each([
  { goneForMs: 61_000, goneByMs: NOW_MS - 61_000, after: '1 min', grace: 'that ended a minute ago' },
  { goneForMs: 600_000, goneByMs: NOW_MS + 60_000, after: '', grace: 'of eleven minutes' },
  { goneForMs: 91_000, goneByMs: 0, after: '1 min', grace: 'that is not known' },
  { goneForMs: 12_000_000, goneByMs: 0, after: '3 h 20 min', grace: 'that is not known' },
  { goneForMs: 89_000, goneByMs: 0, after: '', grace: 'that is not known' },
])('a pod that terminates for $goneForMs ms, with a grace period $grace, is overdue: $after', (pod) => {
  const { goneForMs, goneByMs, after } = pod;
  const mesh = of(4).pod(3, { lifecycle: 'terminating', sinceMs: NOW_MS - goneForMs, goneByMs });
  const title = `pod-3: still terminating after ${after}, its deletion is overdue: check node node-3 and finalizers`;
  expect(titles(mesh)).toEqual(after === '' ? [] : [title]);
  // A pod that was on no node has only finalizers to check.
  if (after !== '') expect(mesh.pod(3, { node: '' }).onlyFinding().title).toMatch(/overdue: check finalizers$/);
});

it.each([1e300, -1e300, -1])('a time that no calendar has, as another pod claims it, is not known: %d', (sinceMs) => {
  const mesh = of(4).starve(1);
  mesh.reports[1]!.starvation!.sinceMs = sinceMs;
  const findings = mesh.findings();
  expect(findings).toMatchObject([{ kind: 'cpu-starved', sinceMs: 0 }]);
  expect(findingsAnswer(meshOf(mesh.pods, mesh.reports, { findings })).findings[0]?.since).toBeNull();
});

it('findingsAnswer has names of pods, RFC 3339 times and ms', () => {
  const mesh = of(4).into(1, REFUSED);
  const [finding] = findingsAnswer(meshOf(mesh.pods, mesh.reports, { findings: mesh.findings() })).findings;
  expect(finding).toMatchObject({
    kind: 'pod-unreachable',
    pods: ['pod-1'],
    from: ['pod-0', 'pod-2', 'pod-3'],
    since: new Date(NOW_MS - 60_000).toISOString(),
    connect_ms: null,
    total_ms: 300.032,
  });
});
