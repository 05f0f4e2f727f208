import { describe, expect, test } from 'vitest';
import type { Finding } from '../../../../server/protocol/finding.ts';
import type { Mesh } from '../../../../server/protocol/mesh.ts';
import { findingFigure, findingWords, listedWords, targetOf, titleText } from '../../../../web/model/finding-words.ts';
import {
  findingBlocks,
  findingPlace,
  findingsByPod,
  findingsOfLink,
  findingsOfPod,
  withoutFaster,
} from '../../../../web/model/findings.ts';
import type { MeshOptions } from '../../../support/feed/plan.ts';
import { meshOf } from '../../../support/feed/scenarios.ts';
import { LATE_ANSWER, MeshBuilder } from '../../../support/mesh.ts';

const titles = (findings: readonly (Finding | null)[]) => findings.map((finding) => finding?.title ?? '');

/** The only finding of a scenario, and where it is. */
function only(options: MeshOptions): { mesh: Mesh; finding: Finding; uid: (pod: number) => string } {
  const mesh = meshOf(options);
  expect(mesh.findings).toHaveLength(1);
  return { mesh, finding: mesh.findings[0]!, uid: (pod) => mesh.pods[pod]!.uid };
}

describe('a finding is placed', () => {
  test.each([
    ['dead-pod', 'row', [3]],
    ['slow-pod', 'row', [3]],
    ['cut-off', 'column', [3]],
    ['starved', 'column', [3]],
  ] as const)('of %s in its %s', (scenario, axis, pods) => {
    const { mesh, finding } = only({ pods: 4, scenario });
    expect(findingPlace(finding, mesh.pods)).toEqual({ axis, pods });
  });

  test('of a node in the rows of all of its pods, however few it names, or in their columns if they reach nobody', () => {
    const { mesh, finding } = only({ pods: 120, scenario: 'dead-node' });
    expect(finding.pods).toHaveLength(10);
    const few = { ...finding, pods: finding.pods.slice(0, 2) };
    expect(findingPlace(few, mesh.pods)).toEqual({ axis: 'row', pods: finding.pods });
    expect(findingPlace({ ...few, from: few.pods }, mesh.pods)?.axis).toBe('column');
  });

  test('nowhere if it is about no pod', () => {
    const { mesh, finding } = only({ pods: 4, scenario: 'stale' });
    expect(findingPlace(finding, mesh.pods)).toBeNull();
  });
});

describe('pods are blamed', () => {
  test('for what is found of them, the gravest, and for nothing else', () => {
    const { pods, findings } = meshOf({ pods: 120, scenario: 'mixed' });
    const blame = findingsByPod({ pods, findings });
    const node = findings.find(({ kind }) => kind === 'node')!;
    expect(blame.into.flatMap((finding, pod) => (finding === node ? [pod] : []))).toEqual(node.pods);
    expect(new Set(titles(blame.into)).size).toBe(3);
    expect(blame.itself.every((finding) => finding === null)).toBe(true);
    expect(blame.isFull).toBe(false);
  });

  test('never beyond the list of pods, whatever a finding names', () => {
    const { mesh, finding } = only({ pods: 4, scenario: 'slow-pod' });
    expect(findingsByPod({ pods: mesh.pods, findings: [{ ...finding, pods: [9] }] }).into).toHaveLength(4);
  });
});

describe('a link has the findings', () => {
  test('of the pod that it leads to, and not the way back', () => {
    const { mesh, finding } = only({ pods: 4, scenario: 'slow-pod' });
    expect(findingsOfLink(mesh, 0, 3)).toEqual([finding]);
    expect(findingsOfLink(mesh, 3, 0)).toEqual([]);
    expect(findingsOfLink(mesh, 0, 1)).toEqual([]);
    expect([findingsOfPod(mesh, 3), findingsOfPod(mesh, 0)]).toEqual([[finding], []]);
  });

  test('of the pod that probes, where that is found to be the cause', () => {
    const { mesh, finding } = only({ pods: 4, scenario: 'cut-off' });
    expect(findingsOfLink(mesh, 3, 0)).toEqual([finding]);
    expect(findingsOfLink(mesh, 0, 3)).toEqual([]);
  });

  test('of its node, unless both ends are on it', () => {
    const { mesh, finding } = only({ pods: 40, scenario: 'dead-node' });
    const [first, second] = finding.pods as [number, number];
    expect(findingsOfLink(mesh, 0, first)).toEqual([finding]);
    expect(findingsOfLink(mesh, first, second)).toEqual([]);
  });

  test('of the zones between which it leads, at either end, and no link within them or to another zone', () => {
    const { mesh, finding } = only({ pods: 120, scenario: 'zone-cut' });
    const zones = ['zone-a', 'zone-b', 'zone-c'];
    const of = (zone: number) => mesh.pods.findLastIndex((pod) => pod.zone === zones[zone]);
    const explained = (from: number, to: number) => findingsOfLink(mesh, of(from), of(to)).length;
    expect([explained(0, 1), explained(1, 0), explained(0, 0), explained(0, 2), explained(2, 1)]).toEqual([
      1, 1, 0, 0, 0,
    ]);
    expect(zones.map((_, zone) => findingsOfPod(mesh, of(zone)).length)).toEqual([1, 1, 0]);
    const oneWay = { ...finding, pods: [of(1)], from: [of(0)] };
    expect(findingBlocks(oneWay, mesh.pods)).toEqual([
      { from: expect.arrayContaining([of(0)]), to: expect.arrayContaining([of(1)]) },
    ]);
    const panels = zones.map((_, zone) => findingsOfPod({ ...mesh, findings: [oneWay] }, of(zone)).length);
    expect(panels).toEqual([1, 1, 0]);
  });

  test('of its own: one direction only, or both', () => {
    const builder = new MeshBuilder(6, { perNode: 1, zones: 1 });
    builder.set(1, 4, LATE_ANSWER);
    const mesh = { pods: builder.pods, findings: builder.findings() };
    expect(mesh.findings).toHaveLength(1);
    expect(findingsOfLink(mesh, 1, 4)).toHaveLength(1);
    expect(findingsOfLink(mesh, 1, 3)).toHaveLength(0);
    expect(findingsOfPod(mesh, 1)).toHaveLength(1);
    builder.set(4, 1, LATE_ANSWER);
    const [both] = builder.findings();
    expect(findingBlocks(both!, mesh.pods)).toEqual([
      { from: [1], to: [4] },
      { from: [4], to: [1] },
    ]);
  });
});

const CHECK = 'check the process or a proxy, not the network';
const SLOW = `goldpinger-chaos: slow from all 3 others, only the first byte is late: ${CHECK}`;

describe('in words', () => {
  test.each([
    [true, SLOW, 'goldpinger-chaos: only the first byte is late', 'Check the process or a proxy, not the network.'],
    [true, 'a: CPU-starved, its measurements are unreliable', 'a: its measurements are unreliable', ''],
    [true, 'a: did not\u202e report', 'a: did not\ufffd report', ''],
    [false, SLOW, 'goldpinger-chaos: slow from all 3 others', `Only the first byte is late: ${CHECK}.`],
  ])(
    'in a list it says what is wrong, or how it shows if the notice has said that (%s): %s',
    (isInNotice, title, ...words) => {
      const subject = title.slice(0, title.indexOf(':'));
      expect(Object.values(listedWords({ subject, title }, isInNotice))).toEqual(words);
    },
  );

  test('a sentence comes apart into whom, what, and where to look', () => {
    const { finding, mesh } = only({ pods: 4, scenario: 'slow-pod' });
    expect(finding.title).toBe(SLOW);
    const where = `only the first byte is late: ${CHECK}`;
    expect(findingWords(finding)).toEqual({ subject: 'goldpinger-chaos', what: 'slow from all 3 others', where });
    expect(findingFigure({ ...finding, sinceMs: 0 }, mesh.atMs)).toMatch(/^median 25\d ms$/);
    const since = findingFigure({ ...finding, sinceMs: mesh.atMs - 1000 }, mesh.atMs);
    expect(since).toMatch(/^median 25\d ms, since \d\d:\d\d:\d\d$/);
    expect(findingWords({ subject: 'a: b', title: 'a: b: is odd' })).toEqual({
      subject: 'a: b',
      what: 'is odd',
      where: '',
    });
    expect(findingWords({ subject: 'x', title: 'no colon\u202e' })).toMatchObject({ subject: 'no colon\ufffd' });
  });

  test('of every finding no word is lost', () => {
    for (const scenario of ['cut-off', 'dead-node', 'mixed', 'outcomes', 'missing-reports', 'stale'] as const) {
      for (const finding of meshOf({ pods: 40, scenario }).findings) {
        const { subject, what, where } = findingWords(finding);
        expect([`${subject}: ${what}`, where].filter(Boolean).join(', ')).toBe(titleText(finding.title));
      }
    }
  });
});

describe('a click opens', () => {
  test('the pod, and from its own panel a link that shows it', () => {
    const { mesh, finding, uid } = only({ pods: 4, scenario: 'dead-pod' });
    expect(targetOf(finding, mesh.pods)).toEqual({ pod: uid(3) });
    expect(targetOf(finding, mesh.pods, { pod: uid(3) })).toEqual({ from: uid(0), to: uid(3) });
    expect(targetOf(finding, mesh.pods, { from: uid(0), to: uid(3) })).toEqual({ pod: uid(3) });
  });

  test('nothing where only its own panel could be opened, or where it is about no pod', () => {
    const { mesh, finding, uid } = only({ pods: 4, scenario: 'cut-off' });
    expect(targetOf(finding, mesh.pods, { pod: uid(3) })).toBeNull();
    expect(targetOf({ ...finding, kind: 'api-away', pods: [] }, mesh.pods)).toBeNull();
  });

  test('all pods of a node; a link, and from its panel the pod that it leads to', () => {
    const node = only({ pods: 40, scenario: 'dead-node' });
    expect(targetOf(node.finding, node.mesh.pods)).toEqual({
      filter: `node:${node.mesh.pods[node.finding.pods[0]!]!.node}`,
    });
    const { mesh, finding, uid } = only({ pods: 4, scenario: 'slow-pod' });
    const link: Finding = { ...finding, kind: 'link-slow', from: [0] };
    expect(targetOf(link, mesh.pods)).toEqual({ from: uid(0), to: uid(3) });
    expect(targetOf(link, mesh.pods, { from: uid(0), to: uid(3) })).toEqual({ pod: uid(3) });
  });
});

describe('a finding about late answers', () => {
  const { finding } = only({ pods: 4, scenario: 'slow-pod' });
  const atTimes: Finding = { ...finding, kind: 'pod-intermittent', totalUs: 600 };
  const lossy: Finding = { ...finding, kind: 'pod-lossy', totalUs: -1 };

  test('has its median in its figure, and no other finding of the severity `slow` has', () => {
    const figures = [finding, atTimes, lossy].map((one) => findingFigure({ ...one, sinceMs: 0 }, 0));
    expect(figures).toEqual([expect.stringMatching(/^median 25\d ms$/), '', '']);
  });

  test('is left out above its median; the others stay', () => {
    const all = [finding, atTimes, lossy];
    expect(withoutFaster(all, finding.totalUs)).toEqual(all);
    expect(withoutFaster(all, finding.totalUs + 1)).toEqual([atTimes, lossy]);
  });
});

describe('a finding about lost datagrams', () => {
  const builder = new MeshBuilder(5).withUdp();
  builder.each((from, to) => (from === 3) !== (to === 3), { udp: { windowLost: 20 } });
  const findings = builder.findings();
  const mesh = { pods: builder.pods, findings };

  test('is in the panels of its pod and its links, and changes the mark of no pod', () => {
    expect(findings.map(({ kind }) => kind)).toEqual(['pod-lossy']);
    expect(findingsOfPod(mesh, 3)).toEqual(findings);
    expect(findingsOfLink(mesh, 1, 3)).toEqual(findings);
    expect(findingsOfLink(mesh, 1, 2)).toEqual([]);
    const { into, outOf } = findingsByPod(mesh);
    expect([...into, ...outOf].filter(Boolean)).toEqual([]);
  });

  test('opens its pod, and one about a link opens the link', () => {
    expect(targetOf(findings[0]!, mesh.pods)).toEqual({ pod: 'uid-3' });
    const single = new MeshBuilder(4).withUdp();
    single.set(1, 2, { udp: { windowLost: 20 } });
    expect(targetOf(single.findings()[0]!, single.pods)).toEqual({ from: 'uid-1', to: 'uid-2' });
  });
});
