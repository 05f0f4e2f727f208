import { describe, expect, it } from 'vitest';
import type { Finding } from '../../../../server/protocol/finding.ts';
import { FLAG_INTERMITTENT, FLAG_RECOVERED } from '../../../../server/protocol/links.ts';
import { LATE_ANSWER, type LinkFault, MeshBuilder, podOf } from '../../../support/mesh.ts';

const LOSSY: LinkFault = { udp: { windowLost: 20 } };

/** Lets every link of some pods with the other pods lose datagrams, in both directions, as a bad network card does. */
function loseAround(builder: MeshBuilder, isBad: (pod: number) => boolean): MeshBuilder {
  builder.each((from, to) => isBad(from) !== isBad(to), LOSSY);
  return builder;
}

function onlyFinding(builder: MeshBuilder): Finding {
  const findings = builder.findings();
  expect(findings).toHaveLength(1);
  return findings[0]!;
}

/** The kinds of the findings of four pods. */
function kindsOf(change: (builder: MeshBuilder) => void): string[] {
  const builder = new MeshBuilder(4).withUdp();
  change(builder);
  return builder.findings().map(({ kind }) => kind);
}

/** `nodes` nodes with two pods each, on two zones. */
function onNodes(nodes: number): MeshBuilder {
  const builder = new MeshBuilder(nodes * 2).withUdp();
  for (let pod = 0; pod < nodes * 2; pod++) {
    const node = Math.floor(pod / 2);
    builder.pods[pod] = podOf(pod, { node: `node-${node}`, zone: node < nodes / 2 ? 'za' : 'zb' });
  }
  return builder;
}

describe('a link whose pings are fine and whose datagrams are lost', () => {
  it('is a finding of its own kind, which does not count in health', () => {
    const builder = new MeshBuilder(4).withUdp();
    builder.set(1, 2, LOSSY);
    expect(onlyFinding(builder)).toEqual({
      kind: 'link-lossy',
      severity: 'slow',
      subject: 'pod-1 → pod-2',
      pods: [2],
      from: [1],
      affected: 1,
      of: 1,
      outcome: null,
      phase: null,
      connectUs: -1,
      firstByteUs: -1,
      totalUs: -1,
      sinceMs: 0,
      title: 'pod-1 → pod-2: about 20 % of datagrams are lost, packet loss, HTTP works: check the network',
      detail:
        'TCP sends lost packets again, so pings hide it. A lost echo counts as a lost datagram: the loss may be in either direction.',
    });
  });

  it('in both directions is one finding', () => {
    const builder = new MeshBuilder(4).withUdp();
    builder.set(1, 2, LOSSY);
    builder.set(2, 1, { udp: { windowLost: 2 } });
    expect(onlyFinding(builder)).toMatchObject({ kind: 'link-lossy', affected: 1 });
    builder.set(2, 1, { udp: { windowLost: 4 } });
    expect(onlyFinding(builder)).toMatchObject({ subject: 'pod-1 ⇄ pod-2', affected: 2, of: 2 });
    expect(onlyFinding(builder).title).toContain('about 10 % of datagrams are lost');
  });

  it.each([
    [{ windowLost: 2 }, []],
    [{ windowLost: 3 }, ['link-lossy']],
    // One hiccup can lose a single cycle.
    [{ windowLost: 10, lossCycles: 1 }, []],
    [{ windowLost: 10, lossCycles: 2 }, ['link-lossy']],
  ])('is found from three lost datagrams, two percent and two cycles on: %j of 100', (udp, kinds) => {
    expect(kindsOf((builder) => builder.set(1, 2, { udp }))).toEqual(kinds);
  });
});

describe('loss is no finding', () => {
  it('where it is not measured', () => {
    expect(new MeshBuilder(4).findings()).toEqual([]);
    expect(kindsOf(() => {})).toEqual([]);
  });

  it('where the HTTP link itself fails, is slow or intermittent, or has failed until a moment ago', () => {
    const udp = { windowLost: 100, lost: 10 };
    const of = (fault: LinkFault) => kindsOf((builder) => builder.set(1, 2, { ...fault, udp }));
    expect(of({ outcome: 'timeout', phase: 'connect' })).toEqual(['one-way']);
    expect(of(LATE_ANSWER)).toEqual(['link-slow']);
    expect(of({ flags: FLAG_INTERMITTENT })).toEqual(['link-intermittent']);
    expect(of({ flags: FLAG_RECOVERED })).toEqual([]);
  });

  it('where either pod is short of CPU, or was a moment ago', () => {
    const of = (starve: (builder: MeshBuilder) => void) =>
      kindsOf((builder) => {
        builder.set(1, 2, LOSSY);
        starve(builder);
      });
    expect(of(() => {})).toEqual(['link-lossy']);
    expect(of((builder) => builder.starve(2))).toEqual(['cpu-starved']);
    expect(of((builder) => builder.starve(1))).toEqual(['cpu-starved']);
    expect(of((builder) => builder.recover(1, 1_000))).toEqual([]);
  });
});

describe('the cause of loss', () => {
  it.each<[string, MeshBuilder, (pod: number) => boolean, Partial<Finding>, string]>([
    [
      'a pod with loss on most of its links',
      new MeshBuilder(5).withUdp(),
      (pod) => pod === 3,
      { kind: 'pod-lossy', severity: 'slow', pods: [3], affected: 4, of: 4 },
      'pod-3: about 20 % of datagrams into it are lost, packet loss, HTTP works: check the network',
    ],
    [
      'a node with loss on the links of all its pods',
      onNodes(4),
      (pod) => pod < 2,
      { kind: 'node-lossy', pods: [0, 1], affected: 12, of: 12 },
      "node node-0: about 20 % of datagrams into it are lost, packet loss, HTTP works: check the node's network",
    ],
    [
      'what lies between two zones',
      onNodes(4),
      (pod) => pod < 4,
      { kind: 'zones-lossy', affected: 32, of: 32 },
      'zone za ⇄ zone zb: about 20 % of datagrams are lost, packet loss, HTTP works: check the network',
    ],
  ])('is %s', (_, builder, isBad, expected, title) => {
    expect(onlyFinding(loseAround(builder, isBad))).toMatchObject({ ...expected, title });
  });

  it('is a pod whose own report alone shows it, because the others have no UDP probe', () => {
    const builder = new MeshBuilder(5).withUdp();
    builder.each((from) => from === 3, LOSSY);
    for (const report of builder.reports) if (report.pod !== 3) report.udp = null;
    expect(onlyFinding(builder)).toMatchObject({ kind: 'pod-lossy-out', pods: [3], affected: 4, of: 4 });
  });

  it('counts only links whose loss is measured', () => {
    const builder = loseAround(new MeshBuilder(6).withUdp(), (pod) => pod === 3);
    for (const pod of [4, 5]) builder.reports[pod]!.udp = null;
    expect(onlyFinding(builder)).toMatchObject({ kind: 'pod-lossy', affected: 3, of: 3 });
  });

  it('is told once for two clones', () => {
    const builder = loseAround(new MeshBuilder(12).withUdp(), (pod) => pod === 3 || pod === 7);
    for (const pod of [3, 7]) builder.pods[pod] = podOf(pod, { owner: 'replica-set' });
    expect(onlyFinding(builder)).toMatchObject({ kind: 'pod-lossy', pods: [3, 7], affected: 20, of: 22 });
    expect(onlyFinding(builder).title).toContain('pod-3, pod-7: about 20 % of datagrams into them are lost');
  });
});
