import { describe, expect, it } from 'vitest';
import type { Finding } from '../../../../server/protocol/finding.ts';
import { FLAG_INTERMITTENT, FLAG_RECOVERED } from '../../../../server/protocol/links.ts';
import { LATE_ANSWER, type LinkFault, MeshBuilder, type MeshChange, TIMEOUT } from '../../../support/mesh.ts';

const LOSSY: LinkFault = { udp: { windowLost: 20 } };
/** A link that fails besides, and loses everything. */
const losing = (fault: LinkFault) => ({ ...fault, udp: { windowLost: 100, lost: 10 } });
const pods = (n: number) => new MeshBuilder(n).withUdp();

/** Lets every link of some pods with the other pods lose datagrams, in both directions, as a bad network card does. */
const loseAround = (mesh: MeshBuilder, isBad: (pod: number) => boolean) =>
  mesh.each((from, to) => isBad(from) !== isBad(to), LOSSY);

/** Eight pods on four nodes and in two zones. */
function onNodes(): MeshBuilder {
  const mesh = pods(8);
  for (const i of mesh.pods.keys()) mesh.pod(i, { node: `node-${Math.floor(i / 2)}`, zone: i < 4 ? 'za' : 'zb' });
  return mesh;
}

describe('a link whose pings are fine and whose datagrams are lost', () => {
  it('is a finding of its own kind, which does not count in health', () => {
    expect(pods(4).set(1, 2, LOSSY).onlyFinding()).toEqual({
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
    const both = pods(4)
      .set(1, 2, LOSSY)
      .set(2, 1, { udp: { windowLost: 4 } });
    const title = expect.stringContaining('about 10 % of datagrams are lost');
    expect(both.onlyFinding()).toMatchObject({ subject: 'pod-1 ⇄ pod-2', affected: 2, of: 2, title });
  });
});

it.each<[string, MeshChange, ...kinds: string[]]>([
  ['where it is not measured', () => {}],
  ['of two datagrams of 100', (mesh) => mesh.set(1, 2, { udp: { windowLost: 2 } })],
  ['but of three', (mesh) => mesh.set(1, 2, { udp: { windowLost: 3 } }), 'link-lossy'],
  // One hiccup can lose a single cycle.
  ['in a single cycle', (mesh) => mesh.set(1, 2, { udp: { windowLost: 10, lossCycles: 1 } })],
  ['but in two', (mesh) => mesh.set(1, 2, { udp: { windowLost: 10, lossCycles: 2 } }), 'link-lossy'],
  ['where the HTTP link fails', (mesh) => mesh.set(1, 2, losing(TIMEOUT)), 'one-way'],
  ['where it is slow', (mesh) => mesh.set(1, 2, losing(LATE_ANSWER)), 'link-slow'],
  ['where it fails at times', (mesh) => mesh.set(1, 2, losing({ flags: FLAG_INTERMITTENT })), 'link-intermittent'],
  ['where it has failed until a moment ago', (mesh) => mesh.set(1, 2, losing({ flags: FLAG_RECOVERED }))],
  ['into a pod that is short of CPU', (mesh) => mesh.set(1, 2, LOSSY).starve(2), 'cpu-starved'],
  ['out of one', (mesh) => mesh.set(1, 2, LOSSY).starve(1), 'cpu-starved'],
  ['out of one that was until a moment ago', (mesh) => mesh.set(1, 2, LOSSY).recover(1, 1_000)],
])('loss is no finding %s', (_, change, ...kinds) => {
  const mesh = pods(4);
  change(mesh);
  expect(mesh.findings().map(({ kind }) => kind)).toEqual(kinds);
});

describe('the cause of loss', () => {
  it.each<[string, MeshBuilder, Partial<Finding>, string]>([
    [
      'a pod with loss on most of its links',
      loseAround(pods(5), (pod) => pod === 3),
      { kind: 'pod-lossy', severity: 'slow', pods: [3], affected: 4, of: 4 },
      'pod-3: about 20 % of datagrams into it are lost, packet loss, HTTP works: check the network',
    ],
    [
      'a node with loss on the links of all its pods',
      loseAround(onNodes(), (pod) => pod < 2),
      { kind: 'node-lossy', pods: [0, 1], affected: 12, of: 12 },
      "node node-0: about 20 % of datagrams into it are lost, packet loss, HTTP works: check the node's network",
    ],
    [
      'what lies between two zones',
      loseAround(onNodes(), (pod) => pod < 4),
      { kind: 'zones-lossy', affected: 32, of: 32 },
      'zone za ⇄ zone zb: about 20 % of datagrams are lost, packet loss, HTTP works: check the network',
    ],
    [
      'told once for two clones',
      loseAround(pods(12).pod(3, { owner: 'rs' }).pod(7, { owner: 'rs' }), (pod) => pod === 3 || pod === 7),
      { kind: 'pod-lossy', pods: [3, 7], affected: 20, of: 22 },
      'pod-3, pod-7: about 20 % of datagrams into them are lost, packet loss, HTTP works: check the network',
    ],
  ])('is %s', (_, mesh, expected, title) => {
    expect(mesh.onlyFinding()).toMatchObject({ ...expected, title });
  });

  it('is a pod whose own report alone shows it, because the others have no UDP probe; only measured links count', () => {
    const out = pods(5).outOf(3, LOSSY);
    for (const { pod } of out.reports) if (pod !== 3) out.report(pod, { udp: null });
    expect(out.onlyFinding()).toMatchObject({ kind: 'pod-lossy-out', pods: [3], affected: 4, of: 4 });
    const some = loseAround(pods(6), (pod) => pod === 3);
    some.report(4, { udp: null }).report(5, { udp: null });
    expect(some.onlyFinding()).toMatchObject({ kind: 'pod-lossy', affected: 3, of: 3 });
  });
});
